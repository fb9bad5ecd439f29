// Work-stealing deque of slot indices (Chase & Lev, SPAA 2005; orders after Lê, Pop, Cohen &
// Zappa Nardelli, PPoPP 2013, "Correct and efficient work-stealing for weak memory models").
//
// Requires: Push and Pop by the owning thread only; Steal by any thread.
// Guarantees: every index pushed is returned by exactly one Pop or Steal; Pop is LIFO, Steal takes
// the oldest. Bounded: Push refuses when full, and what was refused stays with the caller.
//
// Memory ordering. Lê et al. use seq_cst fences, which ThreadSanitizer does not model; here the
// same total order comes from seq_cst accesses: Pop's store of bottom and load of top, Steal's load
// of top and load of bottom. In that order either the thief sees the lowered bottom, or the owner
// sees the raised top, so the last element is contended only through the compare-exchange on top.
// Push's release of bottom pairs with the thief's load of it and carries the buffer entry. An entry
// can be overwritten while a slow thief reads it only after top has moved past it, and then the
// thief's compare-exchange fails. Indices are 64-bit and signed: they do not wrap.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"

namespace moirai {

class Deque {
 public:
  static constexpr int64_t kCapacity = 1024;  // far more than a claim of 50 us of tiny tasks

  bool Push(uint32_t slot) {
    const int64_t bottom = bottom_.load(std::memory_order_relaxed);
    // Acquire: a thief that raised top has finished reading the entry we may overwrite.
    if (bottom - top_.load(std::memory_order_acquire) >= kCapacity) return false;
    entries_[bottom & kMask].store(slot, std::memory_order_relaxed);
    bottom_.store(bottom + 1, std::memory_order_release);
    return true;
  }

  // What was pushed stands before whatever this thread looks at next, as the parking protocol needs
  // where a thief that is falling asleep must see it or be seen.
  void Publish() {
    bottom_.store(bottom_.load(std::memory_order_relaxed), std::memory_order_seq_cst);
  }

  bool Pop(uint32_t* slot) {
    const int64_t bottom = bottom_.load(std::memory_order_relaxed) - 1;
    // Nothing to take, without the cost of announcing it: top never exceeds bottom by more than
    // a thief's success, and only this thread raises bottom.
    if (top_.load(std::memory_order_relaxed) > bottom) return false;
    bottom_.store(bottom, std::memory_order_seq_cst);
    int64_t top = top_.load(std::memory_order_seq_cst);
    if (top > bottom) {
      bottom_.store(bottom + 1, std::memory_order_relaxed);
      return false;
    }
    *slot = entries_[bottom & kMask].load(std::memory_order_relaxed);
    if (top == bottom) {
      const bool won = top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst,
                                                    std::memory_order_relaxed);
      bottom_.store(bottom + 1, std::memory_order_relaxed);
      return won;
    }
    return true;
  }

  enum class StealResult { kEmpty, kLost, kTaken };

  // kLost: another thread took the element that this one wanted; there may be more.
  StealResult Steal(uint32_t* slot) {
    int64_t top = top_.load(std::memory_order_seq_cst);
    if (top >= bottom_.load(std::memory_order_seq_cst)) return StealResult::kEmpty;
    *slot = entries_[top & kMask].load(std::memory_order_relaxed);
    // Release: the reading of the entry is over before a Push may see the raised top.
    return top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst,
                                        std::memory_order_relaxed)
               ? StealResult::kTaken
               : StealResult::kLost;
  }

  // How many entries a thief would have found at some instant during the call.
  int64_t Size() const {
    const int64_t top = top_.load(std::memory_order_seq_cst);
    const int64_t size = bottom_.load(std::memory_order_seq_cst) - top;
    return size > 0 ? size : 0;
  }

 private:
  static constexpr int64_t kMask = kCapacity - 1;
  static_assert((kCapacity & kMask) == 0);

  alignas(kFalseSharingBytes) std::atomic<int64_t> top_{0};
  alignas(kFalseSharingBytes) std::atomic<int64_t> bottom_{0};
  alignas(kFalseSharingBytes) std::atomic<uint32_t> entries_[kCapacity];
};

}  // namespace moirai
