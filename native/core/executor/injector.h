// Where tasks enter: a bounded FIFO with one producer (the executor's owner) and many consumers,
// each of which takes a run of entries with one compare-exchange.
//
// Requires: Push by one thread. At least as many entries as there are slots, so that Push never
// meets a full ring and need not look at head: a slot is in one place only, and it comes back to
// the producer only by way of a claim. Guarantees: FIFO; every entry is claimed exactly once.
//
// Memory ordering. Push's store of the entry is seq_cst: it carries the slot's contents (release)
// and stands first in the parking protocol. Claim's acquire load of the entry is its partner. A
// consumer that read entries which others have claimed since, or which were written again, fails
// the compare-exchange on head, which only grows (64 bits). tail_ is for estimates: nothing depends
// on when it becomes visible.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>

#include "core/base/cpu.h"
#include "core/executor/lap.h"

namespace moirai {

class Injector {
 public:
  Injector() = default;
  Injector(const Injector&) = delete;
  Injector& operator=(const Injector&) = delete;
  ~Injector() { std::free(entries_); }

  // A power of two. Zeroed pages: memory is used only as far as the queue has ever been long.
  bool Init(uint32_t capacity) {
    bits_ = static_cast<uint32_t>(std::countr_zero(capacity));
    mask_ = capacity - 1;
    entries_ = static_cast<std::atomic<uint32_t>*>(std::calloc(capacity, sizeof(*entries_)));
    return entries_ != nullptr;
  }

  void Push(uint32_t slot) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_relaxed);
    entries_[tail & mask_].store(Lap::Entry(tail, bits_, slot), std::memory_order_seq_cst);
  }

  // Takes up to `max` of the oldest entries; 0 when empty.
  uint32_t Claim(uint32_t* out, uint32_t max) {
    uint64_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      uint32_t count = 0;
      for (; count < max; count++) {
        const uint32_t entry = entries_[(head + count) & mask_].load(std::memory_order_acquire);
        if (!Lap::IsAt(entry, head + count, bits_)) break;
        out[count] = Lap::SlotOf(entry);
      }
      if (count == 0) {
        const uint64_t again = head_.load(std::memory_order_acquire);
        if (again == head) return 0;
        head = again;
      } else if (head_.compare_exchange_weak(head, head + count, std::memory_order_acq_rel,
                                             std::memory_order_acquire)) {
        return count;
      }
    }
  }

  // As of some instant during the call.
  bool Empty() const {
    uint64_t head = head_.load(std::memory_order_seq_cst);
    for (;;) {
      const uint32_t entry = entries_[head & mask_].load(std::memory_order_seq_cst);
      const uint64_t again = head_.load(std::memory_order_seq_cst);
      if (again == head) return !Lap::IsAt(entry, head, bits_);
      head = again;
    }
  }

  // An estimate, exact for the producer if nobody claims.
  uint64_t Size() const {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    return tail > head ? tail - head : 0;
  }

  // The producer; its own end is at hand.
  void PrefetchSize() const { __builtin_prefetch(&head_); }

 private:
  alignas(kFalseSharingBytes) std::atomic<uint64_t> head_{0};
  alignas(kFalseSharingBytes) std::atomic<uint64_t> tail_{0};
  alignas(kFalseSharingBytes) std::atomic<uint32_t>* entries_ = nullptr;
  uint64_t mask_ = 0;
  uint32_t bits_ = 0;
};

}  // namespace moirai
