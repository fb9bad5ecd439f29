// Runs a pool on a machine that is not there: simulator FILE. The file is written by main.mjs,
// which knows topologies and places workers with the project's own code; what it holds is read by
// Read below. Prints the results as JSON.
#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "machine.h"
#include "threads_of_pool.h"

namespace moirai::bench {
namespace {

using sim::FromNs;
using sim::Machine;
using sim::ToNs;

enum class Way { kReal, kRandom, kShared };

struct SeatPlan {
  uint32_t queue;
  uint32_t cpu;
  std::vector<uint32_t> order;
};

struct Input {
  sim::Costs costs;
  uint32_t nodes = 0;
  std::vector<uint32_t> distances;
  std::vector<sim::Cpu> cpus;
  std::vector<SeatPlan> seats;
  uint32_t owner_cpu = 0;
  uint32_t owner_rank = 0;
  double begins = 1e6;  // ns: when the owner begins; by then all workers sleep
  double owner_ns = 0;  // of the owner's own for each task it submits, and for each it takes back
  Workload workload;
  Way way = Way::kReal;
  uint32_t seed = 1;
};

[[noreturn]] void Fail(const char* what, const std::string& which) {
  std::fprintf(stderr, "simulator: %s %s\n", what, which.c_str());
  std::exit(2);
}

double* CostOf(sim::Costs* costs, const std::string& name) {
  if (name.starts_with("interrupt_") && name.size() == 11) {
    return &costs->interrupts[(name[10] - '0') % 10];
  }
  const std::map<std::string, double*> all = {{"hit", &costs->hit},
                                              {"update", &costs->update},
                                              {"transfer", &costs->transfer},
                                              {"overlap", &costs->overlap},
                                              {"sibling", &costs->sibling},
                                              {"clock", &costs->clock},
                                              {"get_cpu", &costs->get_cpu},
                                              {"relax", &costs->relax},
                                              {"yield", &costs->yield},
                                              {"poll", &costs->poll},
                                              {"signal", &costs->signal},
                                              {"wake", &costs->wake},
                                              {"wake_latency", &costs->wake_latency},
                                              {"wake_latency_cold", &costs->wake_latency_cold},
                                              {"code", &costs->code},
                                              {"wake_busy", &costs->wake_busy},
                                              {"displaced", &costs->displaced},
                                              {"interrupt_every", &costs->interrupt_every}};
  const auto found = all.find(name);
  if (found == all.end()) Fail("no such cost:", name);
  return found->second;
}

Input Read(const char* path) {
  std::ifstream file(path);
  Input input;
  std::string word;
  while (file >> word) {
    if (word == "cost") {
      std::string name;
      file >> name;
      file >> *CostOf(&input.costs, name);
    } else if (word == "nodes") {
      file >> input.nodes;
      input.distances.resize(std::size_t{input.nodes} * input.nodes);
      for (uint32_t& distance : input.distances) file >> distance;
    } else if (word == "cpu") {
      sim::Cpu cpu{};
      file >> cpu.node >> cpu.core;
      input.cpus.push_back(cpu);
    } else if (word == "seat") {
      SeatPlan seat{};
      uint32_t steps = 0;
      file >> seat.queue >> seat.cpu >> steps;
      seat.order.resize(steps);
      for (uint32_t& step : seat.order) file >> step;
      input.seats.push_back(static_cast<SeatPlan&&>(seat));
    } else if (word == "owner") {
      file >> input.owner_cpu >> input.owner_ns;
    } else if (word == "owner_first") {
      input.owner_rank = 1;
    } else if (word == "begins") {
      file >> input.begins;
    } else if (word == "pattern") {
      file >> word >> input.workload.task_ns >> input.workload.tasks;
      if (!ParsePattern(word.c_str(), &input.workload.pattern)) Fail("no such pattern:", word);
    } else if (word == "way") {
      file >> word;
      if (word != "real" && word != "random" && word != "shared") Fail("no such way:", word);
      input.way = word == "real" ? Way::kReal : word == "random" ? Way::kRandom : Way::kShared;
    } else if (word == "seed") {
      file >> input.seed;
    } else {
      Fail("not understood:", word);
    }
  }
  if (input.seats.empty() || input.cpus.empty()) Fail("no seats in", path);
  return input;
}

// Everything of one run that simulated code reaches through statics.
struct Run {
  const Input* input;
  Machine* machine;
  Scheduler* scheduler = nullptr;
  std::minstd_rand random;
  uint64_t ran = 0;
  double quarter_at = 0;
  double last_quarter_at = 0;
  double burst_at = -1;
  uint64_t burst_tasks = 0;
  std::vector<double> bursts;
  double owner_busy = 0;
  std::atomic<uint32_t> pool_of_slots{0};
};
Run* run = nullptr;

struct Host {
  static double Time() { return ToNs(Machine::now()); }
  static void Work(double ns) { Machine::Spend(FromNs(ns)); }
  static void Relax() { Machine::Spend(FromNs(run->input->costs.relax)); }
  static void Yield() { Machine::Spend(FromNs(run->input->costs.yield)); }
  static void Poll() { Machine::Spend(FromNs(run->input->costs.poll)); }
  static bool Wait(Parker& parker, int ms) { return Machine::Wait(parker.fd(), FromNs(ms * 1e6)); }
  static void Pause(uint64_t ns) { Machine::Wait(pause_event, FromNs(static_cast<double>(ns))); }
  static int pause_event;

  static void Ran() {
    const uint64_t tasks = run->input->workload.tasks;
    Machine::Spend(FromNs(run->input->costs.code));
    run->ran++;
    if (run->ran == (tasks + 3) / 4) run->quarter_at = Time();
    if (run->ran == tasks - tasks / 4) run->last_quarter_at = Time();
    if (run->burst_at >= 0 && run->ran == run->burst_tasks) {
      run->bursts.push_back(Time() - run->burst_at);
      run->burst_at = -1;
    }
  }
  static uint64_t Misses() { return Machine::misses(); }
  static void BurstBegins() {
    run->burst_at = Time();
    const uint64_t size = uint64_t{Workload::kBurst} * run->input->seats.size();
    run->burst_tasks = std::min(run->ran + size, run->input->workload.tasks);
  }
  // The owner has submitted a task or taken one back.
  static void Handled() {
    if (run->input->owner_ns > 0) Machine::Spend(FromNs(run->input->owner_ns));
  }
  // Random stealing: the order begins anywhere, for each search again. It knows no nodes.
  static void BeforeSearch(uint32_t seat) {
    if (run->input->way != Way::kRandom) return;
    const SeatPlan& plan = run->input->seats[seat];
    // Not static: another thread comes here while this one is in SetSeat.
    std::vector<uint32_t> order = plan.order;
    if (order.size() > 2) {
      const auto by = static_cast<std::ptrdiff_t>(run->random() % (order.size() - 1));
      std::rotate(order.begin() + 1, order.begin() + 1 + by, order.end());
    }
    run->scheduler->SetSeat(seat, plan.queue, static_cast<int32_t>(plan.cpu), order.data(),
                            static_cast<uint32_t>(order.size()));
  }
  // Half of what the richest worker has, as from a common store.
  static void Refill(std::vector<std::vector<uint32_t>>& lent, uint32_t seat) {
    run->pool_of_slots.fetch_add(1, std::memory_order_relaxed);
    auto richest = std::max_element(
        lent.begin(), lent.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    if (richest == lent.begin() + seat) return;
    for (std::size_t n = (richest->size() + 1) / 2; n > 0; n--) {
      lent[seat].push_back(richest->back());
      richest->pop_back();
    }
  }
};
int Host::pause_event = -1;

// One queue for all: a ring whose ends are two counters, as in the fastest such queues. Nobody
// sleeps.
class SharedQueue {
 public:
  void Push(const Task& task) {
    tail_.fetch_add(1, std::memory_order_seq_cst);
    entries_[pushed_++ % kEntries].store(1, std::memory_order_release);
    tasks_.push_back(task);
  }
  bool Pop(Task* task) {
    if (head_.load(std::memory_order_seq_cst) >= tail_.load(std::memory_order_seq_cst))
      return false;
    head_.fetch_add(1, std::memory_order_seq_cst);
    if (tasks_.empty()) {
      head_.fetch_sub(1, std::memory_order_seq_cst);
      return false;
    }
    *task = tasks_.front();
    tasks_.pop_front();
    [[maybe_unused]] const uint32_t entry =
        entries_[popped_++ % kEntries].load(std::memory_order_acquire);
    return true;
  }
  std::size_t Size() const { return tasks_.size(); }

 private:
  static constexpr uint64_t kEntries = 1U << 16;
  alignas(128) std::atomic<uint64_t> head_{0};
  alignas(128) std::atomic<uint64_t> tail_{0};
  std::vector<std::atomic<uint32_t>> entries_ = std::vector<std::atomic<uint32_t>>(kEntries);
  uint64_t pushed_ = 0;
  uint64_t popped_ = 0;
  std::deque<Task> tasks_;
};

class SharedWorker {
 public:
  SharedWorker(SharedQueue* queue, Seen* seen) : queue_(*queue), seen_(*seen) {}

  void operator()() {
    for (;;) {
      Task task;
      if (!queue_.Pop(&task)) {
        Host::Relax();
        continue;
      }
      if (seen_.ended_at >= 0) {
        seen_.searches.push_back(static_cast<float>(Host::Time() - seen_.ended_at));
      }
      if (seen_.first_at < 0) seen_.first_at = Host::Time();
      RunTask(task);
      seen_.ended_at = seen_.last_at = Host::Time();
      if (run->ran >= run->input->workload.tasks) run->machine->Stop();
    }
  }

 private:
  void RunTask(const Task& task) {
    const Workload& work = run->input->workload;
    uint64_t left = task.tasks - 1;
    if (work.pattern == Pattern::kTree && left > 0) {
      queue_.Push({left - left / 2, 1, 1});
      if (left > 1) queue_.Push({left / 2, 1, 1});
      left = 0;
    }
    for (uint32_t chains = task.chains; chains > 1;) {
      const uint32_t given = chains / 2;
      const uint64_t tasks = left * given / chains;
      if (tasks > 0) queue_.Push({tasks, given, 1});
      left -= tasks;
      chains -= given;
    }
    Host::Work(work.task_ns);
    seen_.tasks++;
    Host::Ran();
    if (left > 0) queue_.Push({left, 1, 1});
  }

  SharedQueue& queue_;
  Seen& seen_;
};

class SharedOwner {
 public:
  explicit SharedOwner(SharedQueue* queue) : queue_(*queue) {}

  void operator()() {
    const Workload& work = run->input->workload;
    const auto workers = static_cast<uint32_t>(run->input->seats.size());
    if (work.spawns()) {
      queue_.Push(
          {work.tasks, work.pattern == Pattern::kChain ? Workload::kChains * workers : 1, 0});
      Host::Pause(0);
    }
    uint64_t submitted = 0;
    while (submitted < work.tasks) {
      const bool bursts = work.pattern == Pattern::kBursts;
      if (bursts) Host::BurstBegins();
      const uint64_t most = bursts ? run->burst_tasks : run->ran + Workload::kPerWorker * workers;
      for (; submitted < std::min(most, work.tasks); submitted++) {
        queue_.Push({1, 1, 0});
        Host::Handled();
      }
      while (bursts && run->ran < submitted) Machine::Spend(FromNs(1000));
      if (submitted == work.tasks) break;
      bursts ? Host::Pause(Workload::kPauseNs) : Machine::Spend(FromNs(1000));
    }
    Host::Pause(0);
  }

 private:
  SharedQueue& queue_;
};

template <typename T>
double Percentile(std::vector<T>& values, double part) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return static_cast<double>(values[static_cast<std::size_t>(at)]);
}

void Print(const Input& input, std::vector<Seen>& seen, Scheduler* scheduler) {
  uint64_t tasks = 0;
  uint64_t refused = 0;
  uint64_t sleeps = 0;
  uint64_t vain = 0;
  double end = 0;
  std::vector<double> first;
  std::vector<float> searches;
  for (Seen& each : seen) {
    tasks += each.tasks;
    refused += each.refused;
    sleeps += each.sleeps;
    vain += each.vain_wakes;
    end = std::max(end, each.last_at);
    if (each.first_at >= 0) first.push_back(each.first_at - input.begins);
    searches.insert(searches.end(), each.searches.begin(), each.searches.end());
  }
  uint64_t stolen[SearchStep::kDistances] = {};
  for (uint32_t seat = 0; scheduler != nullptr && seat < input.seats.size(); seat++) {
    for (uint32_t d = 0; d < SearchStep::kDistances; d++) {
      stolen[d] += scheduler->stats(seat).stolen_from[d].load(std::memory_order_relaxed);
    }
  }
  const double elapsed = end - input.begins;
  const auto workers = static_cast<double>(seen.size());
  const double ideal = static_cast<double>(tasks) * input.workload.task_ns / workers;
  // Between the first and the last quarter of the tasks.
  const double middle = static_cast<double>(tasks - tasks / 4 - (tasks + 3) / 4) *
                        input.workload.task_ns / workers / (run->last_quarter_at - run->quarter_at);
  const bool bursts = input.workload.pattern == Pattern::kBursts;
  std::printf("{\"tasks\":%" PRIu64 ",\"elapsedUs\":%.3f,\"tasksPerSecond\":%.0f,", tasks,
              elapsed / 1e3, static_cast<double>(tasks) / elapsed * 1e9);
  std::printf("\"efficiency\":%.5f,\"sustained\":%.5f,", bursts ? 0 : ideal / elapsed,
              bursts ? 0 : middle);
  std::printf("\"workersUsed\":%zu,\"upUs\":{\"p50\":%.3f,\"p90\":%.3f,\"all\":%.3f},",
              first.size(), Percentile(first, 0.5) / 1e3, Percentile(first, 0.9) / 1e3,
              Percentile(first, 1) / 1e3);
  std::printf("\"stolen\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "],", stolen[0], stolen[1],
              stolen[2], stolen[3]);
  const std::size_t found = searches.size();
  std::printf("\"searches\":%zu,\"searchNs\":{\"p50\":%.0f,\"p99\":%.0f},", found,
              Percentile(searches, 0.5), Percentile(searches, 0.99));
  std::printf("\"wakes\":%" PRIu64 ",\"vainWakes\":%" PRIu64 ",\"sleeps\":%" PRIu64
              ",\"refused\":%" PRIu64 ",",
              Machine::counts().wakes, vain, sleeps, refused);
  if (bursts) {
    std::printf("\"burstUs\":{\"count\":%zu,\"p50\":%.3f,\"p99\":%.3f},", run->bursts.size(),
                Percentile(run->bursts, 0.5) / 1e3, Percentile(run->bursts, 0.99) / 1e3);
  }
  std::printf("\"linesMoved\":%" PRIu64 ",\"linesMovedFar\":%" PRIu64 "}\n",
              Machine::counts().transfers, Machine::counts().far_transfers);
}

// Nothing is taken apart: threads that were simulated are still in the middle of what they did.
[[noreturn]] void Leave() {
  std::fflush(stdout);
  std::_Exit(0);
}

[[noreturn]] void RunShared(const Input& input, Machine& machine) {
  SharedQueue queue;
  std::vector<Seen> seen(input.seats.size());
  std::deque<SharedWorker> workers;
  for (uint32_t seat = 0; seat < input.seats.size(); seat++) {
    workers.emplace_back(&queue, &seen[seat]);
    machine.Start(input.seats[seat].cpu, 0, &workers.back());
  }
  SharedOwner owner(&queue);
  machine.Start(input.owner_cpu, FromNs(input.begins), &owner);
  machine.Run();
  Print(input, seen, nullptr);
  Leave();
}

// The owner, and the end of the run with it.
struct OwnerThread {
  Owner<Host> owner;
  void operator()() {
    owner();
    run->machine->Stop();
  }
};

[[noreturn]] void RunPool(Input& input, Machine& machine) {
  const auto workers = static_cast<uint32_t>(input.seats.size());
  const Workload& work = input.workload;
  const uint32_t own = work.spawns()                      ? 1
                       : work.pattern == Pattern::kBursts ? Workload::kBurst * workers
                                                          : Workload::kPerWorker * workers;
  const uint32_t slots = own + (work.spawns() ? 64 * workers : 0);
  const uint64_t bytes = uint64_t{slots} * sizeof(Slot);
  std::vector<Slot> memory(slots);
  const bool random = input.way == Way::kRandom;
  Ref<Parker> owner_parker(new Parker);
  Ref<Scheduler> scheduler =
      Scheduler::Create({reinterpret_cast<uint8_t*>(memory.data()), bytes, bytes, slots, workers,
                         random ? 1 : input.nodes, Steal::kAdaptive, false, 0},
                        owner_parker);
  if (!scheduler) Fail("no memory for", "the queues");
  run->scheduler = scheduler.get();
  CpuShare::Process().SetCpus(static_cast<int32_t>(input.cpus.size()));
  for (uint32_t seat = 0; seat < workers; seat++) {
    SeatPlan& plan = input.seats[seat];
    if (random) {
      plan.queue = 0;
      std::erase_if(plan.order, [](uint32_t step) { return SearchStep{step}.is_injector(); });
      std::shuffle(plan.order.begin(), plan.order.end(), run->random);
      plan.order.insert(plan.order.begin(), SearchStep::kInjector);
    }
    if (!scheduler->SetSeat(seat, plan.queue, static_cast<int32_t>(plan.cpu), plan.order.data(),
                            static_cast<uint32_t>(plan.order.size()))) {
      Fail("refused: seat", std::to_string(seat));
    }
  }
  Pool<Host> pool(scheduler, owner_parker, work, workers, own);
  std::deque<Worker<Host>> threads;
  for (uint32_t seat = 0; seat < workers; seat++) {
    threads.emplace_back(&pool, seat);
    machine.Start(input.seats[seat].cpu, 0, &threads.back());
  }
  OwnerThread owner{Owner<Host>(&pool)};
  machine.Start(input.owner_cpu, FromNs(input.begins), &owner, input.owner_rank);
  machine.Run();
  Print(input, pool.seen, scheduler.get());
  if (run->ran != work.tasks) Fail("not all tasks ran:", std::to_string(run->ran));
  Leave();
}

}  // namespace
}  // namespace moirai::bench

int main(int argc, char** argv) {
  using namespace moirai::bench;  // NOLINT(google-build-using-namespace)
  if (argc != 2) Fail("usage:", "simulator FILE");
  Input input = Read(argv[1]);
  moirai::sim::Machine machine(input.costs, input.cpus, input.distances, input.nodes, input.seed);
  Run state{};
  state.input = &input;
  state.machine = &machine;
  state.random.seed(input.seed);
  run = &state;
  Host::pause_event = moirai::sim::NewEvent();
  input.way == Way::kShared ? RunShared(input, machine) : RunPool(input, machine);
}
