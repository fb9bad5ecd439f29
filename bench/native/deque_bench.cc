// The deque of a worker: what its owner pays for push and pop, what a thief pays for a steal.
//
// The peer is tbb::concurrent_queue, which is what oneTBB offers in public. It is an unbounded
// multi-producer, multi-consumer FIFO: it promises more than a deque (any thread may push, no
// bound) and less (its owner cannot take the newest). Only "one thread puts in and takes out" and
// "another thread takes out" are questions that both answer. The deque inside oneTBB's scheduler is
// not public; it is measured as part of a whole in scheduler_bench.cc.
#include <benchmark/benchmark.h>
#include <tbb/concurrent_queue.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "core/executor/deque.h"
#include "threads.h"

namespace moirai::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Queue = tbb::concurrent_queue<uint32_t>;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// One in, one out: the pop meets the last element and needs a compare-exchange. An item is a pair.
void BM_Deque_PushPop(benchmark::State& state) {
  const auto deque = std::make_unique<Deque>();
  const int64_t count = state.range(0);
  uint32_t value = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < count; i++) deque->Push(static_cast<uint32_t>(i));
    for (int64_t i = 0; i < count; i++) deque->Pop(&value);
    benchmark::DoNotOptimize(value);
  }
  CountItems(state, count);
}
BENCHMARK(BM_Deque_PushPop)->Arg(1)->Arg(64)->Arg(1024);

void BM_TbbQueue_PushPop(benchmark::State& state) {
  Queue queue;
  const int64_t count = state.range(0);
  uint32_t value = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < count; i++) queue.push(static_cast<uint32_t>(i));
    for (int64_t i = 0; i < count; i++) queue.try_pop(value);
    benchmark::DoNotOptimize(value);
  }
  CountItems(state, count);
}
BENCHMARK(BM_TbbQueue_PushPop)->Arg(1)->Arg(64)->Arg(1024);

// The filling is not timed. The thief is the thread that filled: everything is in its cache.
void BM_Deque_Steal(benchmark::State& state) {
  const auto deque = std::make_unique<Deque>();
  uint32_t value = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < Deque::kCapacity; i++) deque->Push(static_cast<uint32_t>(i));
    const Clock::time_point start = Clock::now();
    while (deque->Steal(&value) == Deque::StealResult::kTaken) benchmark::DoNotOptimize(value);
    state.SetIterationTime(SecondsSince(start));
  }
  CountItems(state, Deque::kCapacity);
}
BENCHMARK(BM_Deque_Steal)->UseManualTime();

void BM_TbbQueue_TryPop(benchmark::State& state) {
  Queue queue;
  uint32_t value = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < Deque::kCapacity; i++) queue.push(static_cast<uint32_t>(i));
    const Clock::time_point start = Clock::now();
    while (queue.try_pop(value)) benchmark::DoNotOptimize(value);
    state.SetIterationTime(SecondsSince(start));
  }
  CountItems(state, Deque::kCapacity);
}
BENCHMARK(BM_TbbQueue_TryPop)->UseManualTime();

// The owner, on the other CPU, has filled the deque and waits: nobody contends, but every line
// comes from its cache.
void BM_Deque_StealFromOtherCpu(benchmark::State& state) {
  const auto deque = std::make_unique<Deque>();
  std::atomic<bool> full{false};
  const Companion owner([&] {
    if (full.load(std::memory_order_acquire)) return CpuRelax();
    for (int64_t i = 0; i < Deque::kCapacity; i++) deque->Push(static_cast<uint32_t>(i));
    full.store(true, std::memory_order_release);
  });
  uint32_t value = 0;
  for (auto _ : state) {
    while (!full.load(std::memory_order_acquire)) CpuRelax();
    const Clock::time_point start = Clock::now();
    while (deque->Steal(&value) == Deque::StealResult::kTaken) benchmark::DoNotOptimize(value);
    state.SetIterationTime(SecondsSince(start));
    full.store(false, std::memory_order_release);
  }
  CountItems(state, Deque::kCapacity);
}
BENCHMARK(BM_Deque_StealFromOtherCpu)->UseManualTime();

void BM_TbbQueue_TryPopFromOtherCpu(benchmark::State& state) {
  Queue queue;
  std::atomic<bool> full{false};
  const Companion owner([&] {
    if (full.load(std::memory_order_acquire)) return CpuRelax();
    for (int64_t i = 0; i < Deque::kCapacity; i++) queue.push(static_cast<uint32_t>(i));
    full.store(true, std::memory_order_release);
  });
  uint32_t value = 0;
  for (auto _ : state) {
    while (!full.load(std::memory_order_acquire)) CpuRelax();
    const Clock::time_point start = Clock::now();
    while (queue.try_pop(value)) benchmark::DoNotOptimize(value);
    state.SetIterationTime(SecondsSince(start));
    full.store(false, std::memory_order_release);
  }
  CountItems(state, Deque::kCapacity);
}
BENCHMARK(BM_TbbQueue_TryPopFromOtherCpu)->UseManualTime();

// An owner at work: pushes 64 and pops 8 of them, and when the deque is full pops half of it, so
// that a thief seldom finds it empty.
class BusyOwner {
 public:
  explicit BusyOwner(Deque& deque) : deque_(deque) {}
  void operator()() {
    uint32_t value = 0;
    bool fits = true;
    for (uint32_t i = 0; i < 64 && fits; i++) fits = deque_.Push(i);
    const int64_t pops = fits ? 8 : Deque::kCapacity / 2;
    for (int64_t i = 0; i < pops; i++) deque_.Pop(&value);
    benchmark::DoNotOptimize(value);
  }

 private:
  Deque& deque_;
};

// The thief's view while the owner works. An item is a successful steal, with the vain ones that it
// took on top; those are counted beside it.
void BM_Deque_StealFromBusyOwner(benchmark::State& state) {
  const auto deque = std::make_unique<Deque>();
  const Companion owner{BusyOwner(*deque)};
  uint32_t value = 0;
  int64_t empty = 0;
  int64_t lost = 0;
  for (auto _ : state) {
    for (;;) {
      const Deque::StealResult result = deque->Steal(&value);
      if (result == Deque::StealResult::kTaken) break;
      (result == Deque::StealResult::kEmpty ? empty : lost)++;
    }
    benchmark::DoNotOptimize(value);
  }
  CountItems(state, 1);
  state.counters["empty"] =
      benchmark::Counter(static_cast<double>(empty), benchmark::Counter::kAvgIterations);
  state.counters["lost"] =
      benchmark::Counter(static_cast<double>(lost), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_Deque_StealFromBusyOwner)->UseRealTime();

// The owner's view while a thief takes all it can. Range 0: push one, pop one, so that both fight
// for the only element. Otherwise the deque stays filled and they meet on the counters alone.
void BM_Deque_PushPopUnderThief(benchmark::State& state) {
  const auto deque = std::make_unique<Deque>();
  const Companion thief([&] {
    uint32_t stolen = 0;
    deque->Steal(&stolen);
    benchmark::DoNotOptimize(stolen);
  });
  const int64_t keep = state.range(0);
  uint32_t value = 0;
  int64_t popped = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i <= keep; i++) deque->Push(static_cast<uint32_t>(i));
    for (int64_t i = 0; i <= keep; i++) popped += deque->Pop(&value) ? 1 : 0;
    benchmark::DoNotOptimize(value);
  }
  CountItems(state, keep + 1);
  state.counters["stolen"] =
      1.0 - static_cast<double>(popped) / static_cast<double>(state.iterations() * (keep + 1));
}
BENCHMARK(BM_Deque_PushPopUnderThief)->Arg(0)->Arg(63)->UseRealTime();

}  // namespace
}  // namespace moirai::bench

int main(int argc, char** argv) { return moirai::bench::RunAll(argc, argv); }
