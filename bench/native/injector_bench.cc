// Where tasks enter: one producer, consumers that claim runs of entries.
//
// The peer is again tbb::concurrent_queue. Both are FIFOs that many threads take from; the queue
// also lets many threads put in and grows without bound, which the injector does not, and it has no
// operation that takes several at once.
#include <benchmark/benchmark.h>
#include <tbb/concurrent_queue.h>

#include <atomic>
#include <cstdint>

#include "core/executor/injector.h"
#include "threads.h"

namespace moirai::bench {
namespace {

constexpr uint32_t kCapacity = 65536;
constexpr uint32_t kClaim = 64;

// As many in as out, claimed together. An item is one entry.
void BM_Injector_PushClaim(benchmark::State& state) {
  Injector injector;
  if (!injector.Init(kCapacity)) return state.SkipWithError("out of memory");
  const auto count = static_cast<uint32_t>(state.range(0));
  uint32_t out[kClaim];
  for (auto _ : state) {
    for (uint32_t i = 0; i < count; i++) injector.Push(i);
    injector.Claim(out, count);
    benchmark::DoNotOptimize(out);
  }
  CountItems(state, count);
}
BENCHMARK(BM_Injector_PushClaim)->Arg(1)->Arg(kClaim);

void BM_TbbQueue_PushPop(benchmark::State& state) {
  tbb::concurrent_queue<uint32_t> queue;
  const auto count = static_cast<uint32_t>(state.range(0));
  uint32_t value = 0;
  for (auto _ : state) {
    for (uint32_t i = 0; i < count; i++) queue.push(i);
    for (uint32_t i = 0; i < count; i++) queue.try_pop(value);
    benchmark::DoNotOptimize(value);
  }
  CountItems(state, count);
}
BENCHMARK(BM_TbbQueue_PushPop)->Arg(1)->Arg(kClaim);

// A producer on the other CPU keeps 1,024 entries ahead; the thread that is timed claims.
constexpr uint64_t kAhead = 1024;

void BM_Injector_Transfer(benchmark::State& state) {
  Injector injector;
  if (!injector.Init(kCapacity)) return state.SkipWithError("out of memory");
  uint32_t next = 0;
  const Companion producer([&] {
    if (injector.Size() < kAhead) {
      injector.Push(next++);
    } else {
      CpuRelax();
    }
  });
  uint32_t out[kClaim];
  int64_t claimed = 0;
  for (auto _ : state) {
    claimed += injector.Claim(out, static_cast<uint32_t>(state.range(0)));
    benchmark::DoNotOptimize(out);
  }
  state.SetItemsProcessed(claimed);
}
BENCHMARK(BM_Injector_Transfer)->Arg(1)->Arg(kClaim)->UseRealTime();

void BM_TbbQueue_Transfer(benchmark::State& state) {
  tbb::concurrent_queue<uint32_t> queue;
  uint32_t next = 0;
  const Companion producer([&] {
    if (queue.unsafe_size() < kAhead) {
      queue.push(next++);
    } else {
      CpuRelax();
    }
  });
  uint32_t value = 0;
  int64_t taken = 0;
  for (auto _ : state) {
    taken += queue.try_pop(value) ? 1 : 0;
    benchmark::DoNotOptimize(value);
  }
  state.SetItemsProcessed(taken);
}
BENCHMARK(BM_TbbQueue_Transfer)->UseRealTime();

}  // namespace
}  // namespace moirai::bench

int main(int argc, char** argv) { return moirai::bench::RunAll(argc, argv); }
