// The way back: finished slots from one worker to the executor's owner, one producer, one consumer.
//
// Requires: Push by one worker's thread, Pop by the owner's; at least as many entries as there are
// slots, so that it is never full.
// Memory ordering. Push's seq_cst store of the entry carries the slot's contents (release) and stands
// first in the owner's parking protocol; Pop's acquire load of it is the partner. Each side's index is
// its own: the entries themselves say how far the other is. A worker's successor in the seat goes on
// from its tail, which it has by way of Leave and Sit.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>

#include "core/base/cpu.h"
#include "core/executor/lap.h"

namespace moirai {

class CompletionRing {
 public:
  CompletionRing() = default;
  CompletionRing(const CompletionRing&) = delete;
  CompletionRing& operator=(const CompletionRing&) = delete;
  ~CompletionRing() { std::free(entries_); }

  // A power of two.
  bool Init(uint32_t capacity) {
    bits_ = static_cast<uint32_t>(std::countr_zero(capacity));
    mask_ = capacity - 1;
    entries_ = static_cast<std::atomic<uint32_t>*>(std::calloc(capacity, sizeof(*entries_)));
    return entries_ != nullptr;
  }

  void Push(uint32_t slot) {
    const uint64_t tail = tail_++;
    entries_[tail & mask_].store(Lap::Entry(tail, bits_, slot), std::memory_order_seq_cst);
  }

  uint32_t Pop(uint32_t* out, uint32_t max) {
    uint32_t count = 0;
    for (; count < max; count++) {
      const uint32_t entry = entries_[head_ & mask_].load(std::memory_order_acquire);
      if (!Lap::IsAt(entry, head_, bits_)) break;
      out[count] = Lap::SlotOf(entry);
      head_++;
    }
    return count;
  }

  bool Empty() const {
    return !Lap::IsAt(entries_[head_ & mask_].load(std::memory_order_seq_cst), head_, bits_);
  }

 private:
  alignas(kFalseSharingBytes) uint64_t tail_ = 0;  // the worker's
  alignas(kFalseSharingBytes) uint64_t head_ = 0;  // the owner's
  alignas(kFalseSharingBytes) std::atomic<uint32_t>* entries_ = nullptr;
  uint64_t mask_ = 0;
  uint32_t bits_ = 0;
};

}  // namespace moirai
