// One thread's own supply of blocks: takes and gives without an atomic operation, and meets the
// shared list once in a batch.
//
// The idea of magazines is J. Bonwick's and J. Adams' ("Magazines and Vmem", USENIX 2001). Where
// they keep two, so that a thread at the border of one does not exchange on every call, this keeps
// one of twice the batch: it fills up to half and empties down to half. Batches leave from the
// bottom, so that what was used last, and is in the processor's cache, stays. The batch doubles
// when another thread was met at the list, as theirs does: who comes too often comes less often
// then, and blocks stay with the thread whose processor has them.
//
// Of one thread; its owner destroys it there, which gives everything back. Up to 2 * batch blocks
// are out of reach of others meanwhile, so a list can look empty to them before every block is in
// use. For the same reason it is not for threads that others may end: what is in a cache then never
// comes back.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/memory/free_list.h"

namespace moirai {

class BlockCache {
 public:
  static constexpr uint32_t kFirstBatch = 64;
  static constexpr uint32_t kMaxBatch = 512;

  // A batch is at most an eighth of the blocks, so that some threads can have a share.
  explicit BlockCache(const FreeList& list, uint32_t batch = kFirstBatch)
      : list_(list), batch_(Bounded(batch)) {}
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;
  ~BlockCache() { Flush(); }

  // A block's number, FreeList::kNone when there is none, or FreeList::kCorrupt.
  uint32_t Take() {
    if (count_ == 0) [[unlikely]] {
      const uint32_t taken = list_.Take(numbers_, batch_);
      if (taken == 0 || taken == FreeList::kCorrupt) return taken;
      count_ = taken;
    }
    return numbers_[--count_];
  }

  // Takes over a block, whichever thread took it.
  void Give(uint32_t number) {
    if (count_ == 2 * batch_) [[unlikely]] {
      const bool contended = list_.Give(numbers_, batch_);
      std::memcpy(numbers_, numbers_ + batch_, batch_ * sizeof(uint32_t));
      count_ = batch_;
      if (contended) batch_ = Bounded(2 * batch_);
    }
    numbers_[count_++] = number;
  }

  void Flush() {
    if (count_ != 0) list_.Give(numbers_, count_);
    count_ = 0;
  }

 private:
  uint32_t Bounded(uint32_t batch) const {
    const uint32_t share = list_.blocks() / 8;
    if (batch > kMaxBatch) batch = kMaxBatch;
    if (batch > share) batch = share;
    return batch == 0 ? 1 : batch;
  }

  FreeList list_;
  uint32_t batch_;
  uint32_t count_ = 0;
  uint32_t numbers_[2 * kMaxBatch];
};

}  // namespace moirai
