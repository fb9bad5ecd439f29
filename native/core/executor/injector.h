// Where tasks enter: a bounded FIFO with one producer (the executor's owner) and many consumers,
// each of which takes a run of entries with one compare-exchange.
//
// Requires: Push by one thread. Capacity a power of two, at least the number of slots, so that Push
// never meets a full ring (a slot is in one place only).
// Guarantees: FIFO; every entry is claimed exactly once.
//
// Memory ordering. Push's store of tail is seq_cst: it carries the entry (release) and stands first
// in the parking protocol of scheduler.h. Claim's compare-exchange on head releases the reading of
// the entries to the producer, whose acquire load of head precedes overwriting them. A consumer that
// read entries already overwritten fails the compare-exchange, since head only grows (64 bits).
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "core/base/cpu.h"

namespace moirai {

class Injector {
 public:
  Injector() = default;
  Injector(const Injector&) = delete;
  Injector& operator=(const Injector&) = delete;
  ~Injector() { std::free(entries_); }

  // Zeroed pages: memory is used only as far as the queue has ever been long.
  bool Init(uint32_t capacity) {
    mask_ = capacity - 1;
    entries_ = static_cast<std::atomic<uint32_t>*>(std::calloc(capacity, sizeof(*entries_)));
    return entries_ != nullptr;
  }

  void Push(uint32_t slot) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    entries_[tail & mask_].store(slot, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_seq_cst);
  }

  // Takes up to `max` of the oldest entries; 0 when empty.
  uint32_t Claim(uint32_t* out, uint32_t max) {
    uint64_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      const uint64_t size = tail_.load(std::memory_order_seq_cst) - head;
      if (size == 0) return 0;
      if (size > mask_ + 1) {  // head is stale: others have moved it on
        head = head_.load(std::memory_order_acquire);
        continue;
      }
      const uint32_t count = size < max ? static_cast<uint32_t>(size) : max;
      for (uint32_t i = 0; i < count; i++) {
        out[i] = entries_[(head + i) & mask_].load(std::memory_order_relaxed);
      }
      if (head_.compare_exchange_weak(head, head + count, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return count;
      }
    }
  }

  uint64_t Size() const {
    const uint64_t head = head_.load(std::memory_order_acquire);
    return tail_.load(std::memory_order_seq_cst) - head;
  }

 private:
  alignas(kFalseSharingBytes) std::atomic<uint64_t> head_{0};
  alignas(kFalseSharingBytes) std::atomic<uint64_t> tail_{0};
  alignas(kFalseSharingBytes) std::atomic<uint32_t>* entries_ = nullptr;
  uint64_t mask_ = 0;
};

}  // namespace moirai
