// How much a thief should take: two threads, all work on the deque of one, for each strategy.
//
// flat: 1,000 tasks lie on one deque. fork: one task that forks two, and so on, 1,024 leaves; each
// thread pushes what its tasks fork on its own deque. A task (of a tree: a leaf) takes `task_ns`.
// The deque, the strategy and the bound of 50 us are the scheduler's; what surrounds them there
// (slots, completions, the search) is left out.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>

#include "core/base/clock.h"
#include "core/executor/deque.h"
#include "core/executor/steal_policy.h"
#include "threads.h"

namespace moirai::bench {
namespace {

class Worker {
 public:
  Worker(Steal strategy, uint32_t task_ns)
      : policy_(strategy), task_ns_(task_ns), claim_(task_ns < 200 ? 250 : 50'000 / task_ns) {}

  // A task is its depth: 0 is a leaf, others fork two of one less.
  bool Push(uint32_t depth) { return deque_.Push(depth); }

  // Runs one task, its own or one of what it steals; false: there is none.
  bool Turn(Worker& other) {
    uint32_t depth;
    if (!deque_.Pop(&depth)) return StealFrom(other);
    ran_++;
    if (depth > 0) {
      Push(depth - 1);
      Push(depth - 1);
      return true;
    }
    for (const uint64_t start = NowNs(); NowNs() - start < task_ns_;) CpuRelax();
    leaves_.store(leaves_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    return true;
  }

  uint64_t leaves() const { return leaves_.load(std::memory_order_acquire); }
  uint64_t steals() const { return steals_.load(std::memory_order_relaxed); }

 private:
  bool StealFrom(Worker& victim) {
    const int64_t size = victim.deque_.Size();
    if (size == 0) {
      policy_.Idle();
      return false;
    }
    const uint64_t now = NowNs();
    policy_.Returned(ran_, now - stole_at_);
    stole_at_ = now;
    ran_ = 0;
    const uint32_t wanted = policy_.Wanted(size, claim_);
    uint32_t batch[256];
    uint32_t count = 0;
    while (count < wanted) {
      const Deque::StealResult result = victim.deque_.Steal(&batch[count]);
      if (result == Deque::StealResult::kEmpty) break;
      if (result == Deque::StealResult::kTaken) count++;
    }
    policy_.Took(count);
    for (uint32_t i = 0; i < count; i++) Push(batch[i]);
    steals_.store(steals_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    return count > 0;
  }

  Deque deque_;
  StealPolicy policy_;
  const uint64_t task_ns_;
  const uint32_t claim_;
  uint32_t ran_ = 0;
  uint64_t stole_at_ = 0;
  std::atomic<uint64_t> leaves_{0};
  std::atomic<uint64_t> steals_{0};
};

void Run(benchmark::State& state, uint32_t roots, uint32_t depth) {
  const auto strategy = static_cast<Steal>(state.range(0));
  const auto task_ns = static_cast<uint32_t>(state.range(1));
  Worker here(strategy, task_ns);
  Worker there(strategy, task_ns);
  const uint64_t tasks = uint64_t{roots} << depth;
  {
    const Companion thread([&] {
      if (!there.Turn(here)) CpuRelax();
    });
    uint64_t done = 0;
    for (auto _ : state) {
      for (uint32_t i = 0; i < roots; i++) here.Push(depth);
      done += tasks;
      while (here.leaves() + there.leaves() < done) {
        if (!here.Turn(there)) CpuRelax();
      }
    }
  }
  CountItems(state, static_cast<int64_t>(tasks));
  state.counters["stolen"] =
      benchmark::Counter(static_cast<double>(here.steals() + there.steals()) /
                         static_cast<double>(static_cast<uint64_t>(state.iterations()) * tasks));
}

void BM_Steal_Flat(benchmark::State& state) { Run(state, 1000, 0); }
void BM_Steal_Fork(benchmark::State& state) { Run(state, 1, 10); }

// strategy: 1 one, 2 half, 3 quarter, 4 adaptive
void Strategies(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"strategy", "task_ns"})->ArgsProduct({{1, 2, 3, 4}, {200, 2'000}});
  bench->UseRealTime();
}
BENCHMARK(BM_Steal_Flat)->Apply(Strategies);
BENCHMARK(BM_Steal_Fork)->Apply(Strategies);

}  // namespace
}  // namespace moirai::bench

int main(int argc, char** argv) { return moirai::bench::RunAll(argc, argv); }
