// A task's whole way through the native scheduler, without JavaScript: submitted, taken, completed,
// reaped; beside oneTBB's task_group.
//
// Comparable: many empty tasks begun by one thread, which goes on when all are done. Not
// comparable: oneTBB allocates and destroys a function object for each task, and its waiting thread
// runs tasks itself; here a task is a slot that exists already, can be cancelled until it starts
// and is seen when its worker dies, and the owner never runs one. With one thread both take all
// steps on that thread; with two, oneTBB has two threads that run tasks and the scheduler one.
#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
#include <tbb/task_scheduler_observer.h>

#include <cstdint>

#include "core/executor/scheduler.h"
#include "threads.h"

namespace moirai::bench {
namespace {

constexpr uint32_t kTasks = 1024;
constexpr uint64_t kBytes = 1U << 20;

// One seat, and slots 0 to kTasks - 1 in memory of its own.
class OneSeat {
 public:
  explicit OneSeat(bool statistics = true)
      : memory_(static_cast<uint8_t*>(
            mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))),
        owner_(new Parker),
        scheduler_(Scheduler::Create({memory_, kBytes, kBytes, kTasks, 1, 1, Steal::kAdaptive,
                                      statistics, statistics ? 256U : 0},
                                     owner_)) {
    const uint32_t order[] = {SearchStep::kInjector};
    scheduler_->SetSeat(0, 0, ChosenCpus().other, order, 1);
  }
  OneSeat(const OneSeat&) = delete;
  OneSeat& operator=(const OneSeat&) = delete;
  ~OneSeat() {
    scheduler_ = {};
    munmap(memory_, kBytes);
  }

  Scheduler* operator->() { return scheduler_.operator->(); }

  void SubmitAll() {
    for (uint32_t index = 0; index < kTasks; index++) {
      std::atomic<uint32_t>& state = scheduler_->slot(index).state;
      state.store(Slot::With(state.load(std::memory_order_relaxed), Phase::kQueued),
                  std::memory_order_relaxed);
      scheduler_->Submit(index, 0);
    }
  }

  // False: there is nothing to run.
  bool RunOne() {
    scheduler_->times().Cross(0);
    const uint32_t index = scheduler_->Next(0);
    if (index == kNoSlot) return false;
    scheduler_->times().Finished(0, index);
    std::atomic<uint32_t>& state = scheduler_->slot(index).state;
    state.store(Slot::With(state.load(std::memory_order_relaxed), Phase::kDone),
                std::memory_order_relaxed);
    scheduler_->Complete(0, index);
    return true;
  }

  uint32_t Reap() { return scheduler_->Reap(reaped_, kTasks); }

 private:
  uint8_t* memory_;
  Ref<Parker> owner_;
  Ref<Scheduler> scheduler_;
  uint32_t reaped_[kTasks];
};

void OneThread(benchmark::State& state, bool statistics) {
  OneSeat scheduler(statistics);
  scheduler->Sit(0);
  for (auto _ : state) {
    scheduler.SubmitAll();
    while (scheduler.RunOne()) continue;
    for (uint32_t done = 0; done < kTasks;) done += scheduler.Reap();
  }
  scheduler->Leave(0);
  CountItems(state, kTasks);
}

void BM_Scheduler_OneThread(benchmark::State& state) { OneThread(state, true); }
BENCHMARK(BM_Scheduler_OneThread);

// The same without times and without a history: what those cost.
void BM_Scheduler_OneThread_NoStatistics(benchmark::State& state) { OneThread(state, false); }
BENCHMARK(BM_Scheduler_OneThread_NoStatistics);

// The worker never sleeps here: what a wake-up costs is the kernel's, and measured with JavaScript.
void BM_Scheduler_OtherCpu(benchmark::State& state) {
  OneSeat scheduler;
  scheduler->Sit(0);
  {
    const Companion worker([&] {
      if (!scheduler.RunOne()) CpuRelax();
    });
    for (auto _ : state) {
      scheduler.SubmitAll();
      for (uint32_t done = 0; done < kTasks;) {
        const uint32_t count = scheduler.Reap();
        if (count == 0) CpuRelax();
        done += count;
      }
    }
  }
  scheduler->Leave(0);
  CountItems(state, kTasks);
}
BENCHMARK(BM_Scheduler_OtherCpu)->UseRealTime();

// oneTBB's own threads go to the other CPU, as ours do.
class PinWorkers : public tbb::task_scheduler_observer {
 public:
  explicit PinWorkers(tbb::task_arena& arena) : task_scheduler_observer(arena) { observe(true); }
  ~PinWorkers() override { observe(false); }
  void on_scheduler_entry(bool is_worker) override {
    if (is_worker) PinTo(ChosenCpus().other);
  }
};

void BM_TbbTaskGroup(benchmark::State& state) {
  tbb::task_arena arena(static_cast<int>(state.range(0)));
  const PinWorkers pin(arena);
  arena.execute([&] {
    tbb::task_group group;
    for (auto _ : state) {
      for (uint32_t i = 0; i < kTasks; i++) group.run([] {});
      group.wait();
    }
  });
  CountItems(state, kTasks);
}
BENCHMARK(BM_TbbTaskGroup)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace moirai::bench

int main(int argc, char** argv) { return moirai::bench::RunAll(argc, argv); }
