// Who of this process's participating threads is awake, and on which CPU: the facts that decide
// whether spinning helps or takes the CPU from the thread that has the work.
//
// Counting threads against CPUs is not enough: a kernel may keep two of them on one CPU while
// another idles (seen for seconds on virtual machines that pack their CPUs), and then whoever spins
// keeps the other from running.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"

namespace moirai {

class CpuShare {
 public:
  // One thread's part; used by that thread alone.
  class Presence {
   public:
    // Awake from here on.
    void Enter(CpuShare& share) {
      if (!counts_) return;
      share.awake_.fetch_add(1, std::memory_order_relaxed);
      cpu_ = Entry(sched_getcpu());
      share.Occupy(cpu_);
    }
    // Asleep from here on.
    void Leave(CpuShare& share) {
      if (!counts_) return;
      share.awake_.fetch_sub(1, std::memory_order_relaxed);
      share.Vacate(cpu_);
    }
    // The thread has run for a while and may have been moved.
    void Refresh(CpuShare& share) {
      if (!counts_) return;
      const uint32_t cpu = Entry(sched_getcpu());
      if (cpu == cpu_) return;
      share.Vacate(cpu_);
      share.Occupy(cpu);
      cpu_ = cpu;
    }
    // Called awake: from here on the thread is neither counted, however it sleeps and wakes, nor
    // spins. For one that is blocked by what it runs most of the time.
    void StopCounting(CpuShare& share) {
      Leave(share);
      counts_ = false;
    }
    // As far as is known, every awake thread has a CPU, and this one has its own to itself.
    bool MaySpin(const CpuShare& share) const {
      return counts_ &&
             share.awake_.load(std::memory_order_relaxed) <=
                 share.cpus_.load(std::memory_order_relaxed) &&
             share.on_cpu_[cpu_].load(std::memory_order_relaxed) <= 1;
    }

   private:
    uint32_t cpu_ = 0;
    bool counts_ = true;
  };

  void SetCpus(int32_t cpus) { cpus_.store(cpus, std::memory_order_relaxed); }
  // As far as somebody knows who has not read all limits; who has read them comes first.
  void SuggestCpus(int32_t cpus) {
    int32_t unknown = kUnknown;
    cpus_.compare_exchange_strong(unknown, cpus, std::memory_order_relaxed);
  }

  // As far as is known, a CPU is free for one more thread.
  bool HasIdleCpu() const {
    return occupied_.load(std::memory_order_relaxed) < cpus_.load(std::memory_order_relaxed);
  }

  // One per process: every executor's threads share the same CPUs.
  static CpuShare& Process() {
    static constinit CpuShare share;
    return share;
  }

 public:
  // CPUs that share an entry only make a thread spin less.
  static constexpr uint32_t kEntries = 1024;
  static uint32_t Entry(int cpu) { return static_cast<uint32_t>(cpu) % kEntries; }

  void Occupy(uint32_t cpu) {
    if (on_cpu_[cpu].fetch_add(1, std::memory_order_relaxed) == 0) {
      occupied_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  void Vacate(uint32_t cpu) {
    if (on_cpu_[cpu].fetch_sub(1, std::memory_order_relaxed) == 1) {
      occupied_.fetch_sub(1, std::memory_order_relaxed);
    }
  }

  alignas(kFalseSharingBytes) std::atomic<int32_t> awake_{0};
  std::atomic<int32_t> occupied_{0};      // CPUs with an awake thread
  static constexpr int32_t kUnknown = 0;  // then nobody spins
  std::atomic<int32_t> cpus_{kUnknown};
  std::atomic<int32_t> on_cpu_[kEntries] = {};
};

}  // namespace moirai
