// How many of this process's participating threads are awake, against the CPUs they share: the one
// fact that decides whether spinning helps or takes the CPU from the thread that has the work.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"

namespace moirai {

class CpuShare {
 public:
  void SetCpus(int32_t cpus) { cpus_.store(cpus, std::memory_order_relaxed); }
  void Enter() { awake_.fetch_add(1, std::memory_order_relaxed); }
  void Leave() { awake_.fetch_sub(1, std::memory_order_relaxed); }

  // A CPU is free for one more thread.
  bool HasIdleCpu() const {
    return awake_.load(std::memory_order_relaxed) < cpus_.load(std::memory_order_relaxed);
  }
  // Every awake thread, the caller among them, can have a CPU of its own.
  bool MaySpin() const {
    return awake_.load(std::memory_order_relaxed) <= cpus_.load(std::memory_order_relaxed);
  }

  // One per process: every executor's threads share the same CPUs.
  static CpuShare& Process() {
    static constinit CpuShare share;
    return share;
  }

 private:
  alignas(kFalseSharingBytes) std::atomic<int32_t> awake_{0};
  std::atomic<int32_t> cpus_{1};
};

}  // namespace moirai
