// The same pool on real threads, to hold the simulator's answers against: real [--beside] PATTERN
// TASK_NS TASKS OWNER_CPU CPU... One worker on each CPU; --beside: a thread of no pool keeps the
// owner's CPU at work. Prints tasks a second, and how often
// the kernel took the CPU from one of the threads: by what else runs here, or by each other.
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <thread>

#include "threads_of_pool.h"

namespace moirai::bench {
namespace {

void PinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) == 0) return;
  std::perror("sched_setaffinity");
  std::exit(1);
}

// Turns of a loop that takes nothing but the CPU, so that a thread without it gets nothing done.
double turns_per_ns = 1;
// One copy of the loop: its speed depends on where it lies.
[[gnu::noipa]] void Turns(uint64_t turns) {
  for (uint64_t i = 0; i < turns; i++) asm volatile("" ::: "memory");
}
// On both CPUs at once, since two CPUs may be slower than one.
double TurnsPerNs() {
  constexpr uint64_t kTurns = 200'000;
  uint64_t best = UINT64_MAX;
  for (int i = 0; i < 30; i++) {
    const uint64_t start = NowNs();
    Turns(kTurns);
    best = std::min(best, NowNs() - start);
  }
  return static_cast<double>(kTurns) / static_cast<double>(best);
}

// Nothing else takes the CPU from a thread that runs in real time; the owner, which is woken on a
// worker's CPU, goes before it. False: it is not allowed.
bool RunAlone(int priority) {
  const sched_param param{priority};
  return sched_setscheduler(0, SCHED_FIFO, &param) == 0;
}

struct Host {
  static double Time() { return static_cast<double>(NowNs()); }
  static void Work(double ns) { Turns(static_cast<uint64_t>(ns * turns_per_ns)); }
  static void Relax() { CpuRelax(); }
  static void Yield() { sched_yield(); }
  static void Poll() {
    static thread_local Parker nothing;
    nothing.Wait(0);
  }
  static bool Wait(Parker& parker, int ms) { return parker.Wait(ms == 0 ? -1 : ms); }
  static void Pause(uint64_t ns) { std::this_thread::sleep_for(std::chrono::nanoseconds(ns)); }
  static void Ran() {}
  static uint64_t Misses() { return 0; }
  static void BurstBegins() {}
  static void Handled() {}
  static void BeforeSearch(uint32_t) {}
  static void Refill(std::vector<std::vector<uint32_t>>&, uint32_t) {}
};

int Main(int argc, char** argv) {
  const bool beside = argc > 1 && std::strcmp(argv[1], "--beside") == 0;
  if (beside) {
    argv++;
    argc--;
  }
  Workload work;
  if (argc < 6 || !ParsePattern(argv[1], &work.pattern)) {
    std::fprintf(stderr, "usage: real [--beside] PATTERN TASK_NS TASKS OWNER_CPU CPU...\n");
    return 2;
  }
  work.task_ns = std::atof(argv[2]);
  work.tasks = std::strtoull(argv[3], nullptr, 10);
  const auto workers = static_cast<uint32_t>(argc - 5);
  const uint32_t own = work.spawns()                      ? 1
                       : work.pattern == Pattern::kBursts ? Workload::kBurst * workers
                                                          : Workload::kPerWorker * workers;
  const uint32_t slots = own + (work.spawns() ? 4096 * workers : 0);
  const uint64_t bytes = uint64_t{slots} * sizeof(Slot);
  auto* const memory = static_cast<uint8_t*>(mmap(
      nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
  PinTo(std::atoi(argv[4]));
  const bool alone = RunAlone(2);
  Ref<Parker> owner_parker(new Parker);
  Ref<Scheduler> scheduler = Scheduler::Create(
      {memory, bytes, bytes, slots, workers, 1, Steal::kAdaptive, false, 0}, owner_parker);
  bool aside = true;
  for (uint32_t seat = 0; seat < workers; seat++) {
    aside = aside && std::atoi(argv[5 + seat]) != std::atoi(argv[4]);
  }
  CpuShare::Process().SetCpus(static_cast<int32_t>(workers + (aside ? 1 : 0)));
  for (uint32_t seat = 0; seat < workers; seat++) {
    std::vector<uint32_t> order{SearchStep::kInjector};
    for (uint32_t i = 1; i < workers; i++) {
      order.push_back((seat + i) % workers | 1U << SearchStep::kDistanceShift);
    }
    scheduler->SetSeat(seat, 0, std::atoi(argv[5 + seat]), order.data(),
                       static_cast<uint32_t>(order.size()));
  }
  Pool<Host> pool(scheduler, owner_parker, work, workers, own);
  std::deque<Worker<Host>> bodies;
  std::vector<std::thread> threads;
  std::atomic<int64_t> preempted{0};
  std::atomic<uint32_t> ready{0};
  std::atomic<bool> done{false};
  if (beside) {
    threads.emplace_back([&] {
      PinTo(std::atoi(argv[4]));
      if (alone) RunAlone(1);
      while (!done.load(std::memory_order_relaxed)) Turns(1'000);
    });
  }
  const auto preemptions = [] {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return int64_t{usage.ru_nivcsw};
  };
  for (uint32_t seat = 0; seat < workers; seat++) {
    bodies.emplace_back(&pool, seat);
    threads.emplace_back([&, seat] {
      PinTo(std::atoi(argv[5 + seat]));
      if (alone) RunAlone(1);
      const double speed = TurnsPerNs();
      if (seat == 0) turns_per_ns = speed;
      ready.fetch_add(1, std::memory_order_seq_cst);
      while (ready.load(std::memory_order_seq_cst) < workers) sched_yield();
      const int64_t before = preemptions();
      bodies[seat]();
      preempted.fetch_add(preemptions() - before, std::memory_order_relaxed);
    });
  }
  // First a few tasks that are not counted, as what is touched for the first time takes longer;
  // then all fall asleep.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  pool.workload.tasks = own > 1 ? 2 * own : 128;
  Owner<Host> first(&pool);
  first();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  for (Seen& seen : pool.seen) seen = Seen{};
  pool.workload.tasks = work.tasks;
  Owner<Host> owner(&pool);
  const double start = Host::Time();
  owner();
  double end = 0;
  uint64_t tasks = 0;
  for (const Seen& seen : pool.seen) {
    end = std::max(end, seen.last_at);
    tasks += seen.tasks;
  }
  pool.stop.store(true, std::memory_order_relaxed);
  for (uint32_t seat = 0; seat < workers; seat++) scheduler->parker(seat)->Signal();
  done.store(true, std::memory_order_relaxed);
  for (std::thread& thread : threads) thread.join();
  std::printf(
      "{\"tasks\":%llu,\"elapsedUs\":%.3f,\"tasksPerSecond\":%.0f,\"preempted\":%lld,\"alone\":%s}"
      "\n",
      static_cast<unsigned long long>(tasks), (end - start) / 1e3,
      static_cast<double>(tasks) / (end - start) * 1e9,
      static_cast<long long>(preempted.load(std::memory_order_relaxed)), alone ? "true" : "false");
  return tasks == work.tasks ? 0 : 1;
}

}  // namespace
}  // namespace moirai::bench

int main(int argc, char** argv) { return moirai::bench::Main(argc, argv); }
