// Where tasks wait: for each priority those with a deadline, earliest first, and a FIFO of those
// without. These are the classes, 0 the most urgent:
//
//   class 2 * p      priority p, with a deadline
//   class 2 * p + 1  priority p, without
//
// A claim takes from the first class in which something waits, and from that one alone. So that no
// class starves under a steady load above it, of those claims that pass over a waiting class every
// kAgeing-th serves one of them instead, in rotation.
//
// Requires: Push, PushBefore and Sweep by one thread, the executor's owner; the rest by any thread.
// Memory ordering: that of the classes (injector.h, deadline_heap.h). used_ says which classes ever
// held something, so that the others cost nothing. Its seq_cst store stands before the class's
// first push, as that stands before the owner's look for sleepers: who reads used_ without the bit
// in a last look before it sleeps has announced its sleep early enough for the owner to see. The
// counts of ageing are relaxed: nothing is published by them.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

#include "core/base/cpu.h"
#include "core/executor/deadline_heap.h"
#include "core/executor/injector.h"
#include "core/executor/layout.h"

namespace moirai {

class BandQueue {
 public:
  static constexpr uint32_t kClasses = 2 * layout::kPriorities;
  static constexpr uint32_t kAgeing = 16;

  static constexpr uint32_t ClassOf(uint32_t priority, bool has_deadline) {
    const uint32_t band = priority < layout::kPriorities ? priority : layout::kPriorities - 1;
    return 2 * band + (has_deadline ? 0 : 1);
  }

  bool Init(uint32_t slots) {
    for (Injector& band : bands_) {
      if (!band.Init(std::bit_ceil(slots))) return false;
    }
    for (DeadlineHeap& heap : heaps_) {
      if (!heap.Init(slots)) return false;
    }
    return true;
  }

  void Push(uint32_t slot, uint32_t priority) {
    const uint32_t of = ClassOf(priority, false);
    Use(of);
    bands_[of / 2].Push(slot);
  }

  // `deadline`: ns on CLOCK_MONOTONIC.
  void PushBefore(uint32_t slot, uint32_t priority, uint64_t deadline) {
    const uint32_t of = ClassOf(priority, true);
    Use(of);
    heaps_[of / 2].Push(slot, deadline);
  }

  // Takes up to `max` tasks of one class; 0 when nothing waits.
  uint32_t Claim(uint32_t* out, uint32_t max) {
    const uint32_t used = used_.load(std::memory_order_seq_cst);
    if ((used & (used - 1)) != 0) {
      const uint32_t passed_over = PassedOver(used);
      if (passed_over != kClasses) {
        const uint32_t count = ClaimClass(passed_over, out, max);
        if (count > 0) return count;
      }
    }
    return ClaimAbove(kClasses, out, max);
  }

  // Takes up to `max` tasks of the first class in which something waits, if that is before `limit`.
  uint32_t ClaimAbove(uint32_t limit, uint32_t* out, uint32_t max) {
    for (uint32_t left = used_.load(std::memory_order_seq_cst); left != 0; left &= left - 1) {
      const auto of = static_cast<uint32_t>(std::countr_zero(left));
      if (of >= limit) break;
      const uint32_t count = ClaimClass(of, out, max);
      if (count > 0) return count;
    }
    return 0;
  }

  // The first class in which something waits; kClasses: none.
  uint32_t First() const { return FirstOf(used_.load(std::memory_order_seq_cst)); }
  bool Empty() const { return First() == kClasses; }

  // An estimate, exact for the owner if nobody claims.
  uint64_t Size() const {
    uint64_t tasks = 0;
    for (uint32_t left = used_.load(std::memory_order_relaxed); left != 0; left &= left - 1) {
      const auto of = static_cast<uint32_t>(std::countr_zero(left));
      tasks += of % 2 == 0 ? heaps_[of / 2].Size() : bands_[of / 2].Size();
    }
    return tasks;
  }

  // A look at Size will follow.
  void PrefetchSize() const {
    for (uint32_t left = used_.load(std::memory_order_relaxed); left != 0; left &= left - 1) {
      const auto of = static_cast<uint32_t>(std::countr_zero(left));
      if (of % 2 != 0) bands_[of / 2].PrefetchSize();
    }
  }

  // Takes out tasks of which `gone` is true, at most `max`, which must be kSweepRun or more; the
  // others keep their order. In the rings the owner takes the part of a consumer, one turn of each.
  template <typename Predicate>
  uint32_t Sweep(Predicate gone, uint32_t* out, uint32_t max) {
    uint32_t swept = 0;
    for (uint32_t left = used_.load(std::memory_order_relaxed); left != 0; left &= left - 1) {
      const auto of = static_cast<uint32_t>(std::countr_zero(left));
      swept += of % 2 == 0 ? heaps_[of / 2].RemoveIf(gone, out + swept, max - swept)
                           : SweepBand(bands_[of / 2], gone, out + swept, max - swept);
    }
    return swept;
  }
  static constexpr uint32_t kSweepRun = 256;

 private:
  void Use(uint32_t of) {
    const uint32_t used = used_.load(std::memory_order_relaxed);
    if ((used >> of & 1U) == 0) used_.store(used | 1U << of, std::memory_order_seq_cst);
  }

  bool Waits(uint32_t of) const {
    return of % 2 == 0 ? !heaps_[of / 2].Empty() : !bands_[of / 2].Empty();
  }

  uint32_t FirstOf(uint32_t classes) const {
    for (; classes != 0; classes &= classes - 1) {
      const auto of = static_cast<uint32_t>(std::countr_zero(classes));
      if (Waits(of)) return of;
    }
    return kClasses;
  }

  uint32_t ClaimClass(uint32_t of, uint32_t* out, uint32_t max) {
    return of % 2 == 0 ? heaps_[of / 2].Claim(out, max) : bands_[of / 2].Claim(out, max);
  }

  // The class that this claim is to serve although something waits before it; kClasses: none.
  uint32_t PassedOver(uint32_t used) {
    const uint32_t first = FirstOf(used);
    if (first == kClasses) return kClasses;
    uint32_t below = used & ~UpTo(first);
    if (FirstOf(below) == kClasses) return kClasses;
    const uint32_t before = passed_over_.fetch_add(1, std::memory_order_relaxed);
    if (before % kAgeing != kAgeing - 1) return kClasses;
    // The next one in turn after the one that was served last.
    const uint32_t after = below & ~UpTo(aged_.load(std::memory_order_relaxed));
    uint32_t next = FirstOf(after);
    if (next == kClasses) next = FirstOf(below & ~after);
    if (next != kClasses) aged_.store(next, std::memory_order_relaxed);
    return next;
  }
  static constexpr uint32_t UpTo(uint32_t of) { return (2U << of) - 1; }

  template <typename Predicate>
  static uint32_t SweepBand(Injector& band, Predicate gone, uint32_t* out, uint32_t max) {
    uint32_t swept = 0;
    for (uint64_t left = band.Size(); left > 0 && swept + kSweepRun <= max;) {
      uint32_t run[kSweepRun];
      const uint32_t count =
          band.Claim(run, left < kSweepRun ? static_cast<uint32_t>(left) : kSweepRun);
      if (count == 0) break;
      left -= count;
      for (uint32_t i = 0; i < count; i++) {
        if (gone(run[i])) {
          out[swept++] = run[i];
        } else {
          band.Push(run[i]);
        }
      }
    }
    return swept;
  }

  alignas(kFalseSharingBytes) std::atomic<uint32_t> used_{0};
  std::atomic<uint32_t> aged_{kClasses - 1};
  alignas(kFalseSharingBytes) std::atomic<uint32_t> passed_over_{0};
  Injector bands_[layout::kPriorities];
  DeadlineHeap heaps_[layout::kPriorities];
};

}  // namespace moirai
