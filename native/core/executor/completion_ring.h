// The way back: finished slots from one worker to the executor's owner, one producer, one consumer.
//
// Requires: Push by one worker's thread, Pop by the owner's; capacity at least the number of slots,
// so that it is never full.
// Memory ordering. Push's seq_cst store of tail carries the slot's contents (release) and stands
// first in the owner's parking protocol; Pop's load of it is the acquire.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "core/base/cpu.h"

namespace moirai {

class CompletionRing {
 public:
  CompletionRing() = default;
  CompletionRing(const CompletionRing&) = delete;
  CompletionRing& operator=(const CompletionRing&) = delete;
  ~CompletionRing() { std::free(entries_); }

  bool Init(uint32_t capacity) {
    mask_ = capacity - 1;
    entries_ = static_cast<uint32_t*>(std::calloc(capacity, sizeof(*entries_)));
    return entries_ != nullptr;
  }

  void Push(uint32_t slot) {
    const uint32_t tail = tail_.load(std::memory_order_relaxed);
    entries_[tail & mask_] = slot;
    tail_.store(tail + 1, std::memory_order_seq_cst);
  }

  uint32_t Pop(uint32_t* out, uint32_t max) {
    const uint32_t available = tail_.load(std::memory_order_acquire) - head_;
    const uint32_t count = available < max ? available : max;
    for (uint32_t i = 0; i < count; i++) out[i] = entries_[(head_ + i) & mask_];
    head_ += count;
    return count;
  }

  bool Empty() const { return tail_.load(std::memory_order_seq_cst) == head_; }

 private:
  alignas(kFalseSharingBytes) std::atomic<uint32_t> tail_{0};
  alignas(kFalseSharingBytes) uint32_t head_ = 0;  // the owner's alone
  uint32_t* entries_ = nullptr;
  uint32_t mask_ = 0;
};

}  // namespace moirai
