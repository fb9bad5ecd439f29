// Tasks with a deadline, earliest first and FIFO among equals: a binary heap behind a lock.
//
// Requires: Push and RemoveIf by one thread, the executor's owner; at most as many entries as there
// are slots, so that it is never full. Claim, Empty and Size by any thread.
// Memory ordering: the lock carries the entries and the slots' contents. size_ is stored seq_cst
// while the lock is held: Push's store stands first in the parking protocol, as a ring's entry
// does, and whoever finds it zero does not touch the lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "core/base/cpu.h"
#include "core/sync/futex_lock.h"

namespace moirai {

class DeadlineHeap {
 public:
  DeadlineHeap() = default;
  DeadlineHeap(const DeadlineHeap&) = delete;
  DeadlineHeap& operator=(const DeadlineHeap&) = delete;
  ~DeadlineHeap() { std::free(entries_); }

  // Zeroed pages: memory is used only as far as the heap has ever been large.
  bool Init(uint32_t capacity) {
    entries_ = static_cast<Entry*>(std::calloc(capacity, sizeof(*entries_)));
    return entries_ != nullptr;
  }

  void Push(uint32_t slot, uint64_t deadline) {
    const FutexLockGuard guard(lock_);
    const uint32_t size = size_.load(std::memory_order_relaxed);
    Rise(size, Entry{deadline, pushed_++, slot});
    size_.store(size + 1, std::memory_order_seq_cst);
  }

  // Takes up to `max` of the most urgent entries; 0 when empty.
  uint32_t Claim(uint32_t* out, uint32_t max) {
    if (Empty()) return 0;
    const FutexLockGuard guard(lock_);
    uint32_t size = size_.load(std::memory_order_relaxed);
    uint32_t count = 0;
    for (; count < max && size > 0; count++) {
      out[count] = entries_[0].slot;
      size--;
      Sink(0, entries_[size], size);
    }
    size_.store(size, std::memory_order_seq_cst);
    return count;
  }

  // Takes out up to `max` entries of whose slot `gone` is true; the order of the others stays.
  template <typename Predicate>
  uint32_t RemoveIf(Predicate gone, uint32_t* out, uint32_t max) {
    if (Empty()) return 0;
    const FutexLockGuard guard(lock_);
    const uint32_t size = size_.load(std::memory_order_relaxed);
    uint32_t kept = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < size; i++) {
      if (count < max && gone(entries_[i].slot)) {
        out[count++] = entries_[i].slot;
      } else {
        entries_[kept++] = entries_[i];
      }
    }
    for (uint32_t i = kept / 2; count > 0 && i > 0; i--) Sink(i - 1, entries_[i - 1], kept);
    size_.store(kept, std::memory_order_seq_cst);
    return count;
  }

  bool Empty() const { return Size() == 0; }
  uint32_t Size() const { return size_.load(std::memory_order_seq_cst); }

 private:
  struct Entry {
    uint64_t deadline;
    uint32_t pushed;  // counts pushes and wraps: no two that wait are 2^31 pushes apart
    uint32_t slot;
    bool Before(const Entry& other) const {
      return deadline != other.deadline ? deadline < other.deadline
                                        : static_cast<int32_t>(pushed - other.pushed) < 0;
    }
  };

  // Puts `entry` into the free place `at`, or above it.
  void Rise(uint32_t at, const Entry& entry) {
    while (at > 0 && entry.Before(entries_[(at - 1) / 2])) {
      entries_[at] = entries_[(at - 1) / 2];
      at = (at - 1) / 2;
    }
    entries_[at] = entry;
  }

  // Puts `entry` into the free place `at` of a heap of `size`, or below it.
  void Sink(uint32_t at, const Entry given, uint32_t size) {
    for (uint64_t child = 2 * uint64_t{at} + 1; child < size; child = 2 * uint64_t{at} + 1) {
      if (child + 1 < size && entries_[child + 1].Before(entries_[child])) child++;
      if (!entries_[child].Before(given)) break;
      entries_[at] = entries_[child];
      at = static_cast<uint32_t>(child);
    }
    entries_[at] = given;
  }

  alignas(kFalseSharingBytes) std::atomic<uint32_t> size_{0};
  FutexLock lock_;
  uint32_t pushed_ = 0;
  Entry* entries_ = nullptr;
};

}  // namespace moirai
