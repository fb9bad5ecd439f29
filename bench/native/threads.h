// Threads of a benchmark: each on its own CPU, and a second one that works until it is told to
// stop.
#pragma once

#include <benchmark/benchmark.h>
#include <sched.h>
#include <tbb/info.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

#include "core/base/cpu.h"

namespace moirai::bench {

struct Cpus {
  int main = -1;
  int other = -1;
};

// MOIRAI_BENCH_CPUS=0,1 says where the two threads run; without it they run anywhere.
inline const Cpus& ChosenCpus() {
  static const Cpus cpus = [] {
    Cpus chosen;
    const char* given = std::getenv("MOIRAI_BENCH_CPUS");
    if (given != nullptr && std::sscanf(given, "%d,%d", &chosen.main, &chosen.other) != 2) {
      chosen = Cpus{};
    }
    return chosen;
  }();
  return cpus;
}

inline void PinTo(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof(set), &set) != 0) {
    std::perror("sched_setaffinity");
    std::exit(1);
  }
}

// Calls `turn` over and over on the other CPU, from construction until the end of its scope.
class Companion {
 public:
  template <typename Turn>
  explicit Companion(Turn turn)
      : thread_([this, turn = std::move(turn)]() mutable {
          PinTo(ChosenCpus().other);
          running_.store(true, std::memory_order_release);
          while (!stop_.load(std::memory_order_relaxed)) turn();
        }) {
    while (!running_.load(std::memory_order_acquire)) CpuRelax();
  }
  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;
  ~Companion() {
    stop_.store(true, std::memory_order_relaxed);
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<bool> running_{false};
  std::thread thread_;
};

// What a benchmark reports: items are operations, so that 1e9 / items per second is ns per
// operation.
inline void CountItems(benchmark::State& state, int64_t per_iteration) {
  state.SetItemsProcessed(state.iterations() * per_iteration);
}

inline int RunAll(int argc, char** argv) {
  // oneTBB counts CPUs once, by the mask of the thread that asks first: before that one is pinned.
  benchmark::DoNotOptimize(tbb::info::default_concurrency());
  PinTo(ChosenCpus().main);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace moirai::bench
