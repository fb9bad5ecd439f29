// Free blocks of a pool, by number, in memory that several threads share.
//
// Blocks have numbers from 1 to `blocks`; 0 is none. A free block is either *fresh*, which is one
// that was never handed out (all numbers above `fresh`), or *linked* into a stack by `links`. All
// zero bytes are a list of fresh blocks, so that memory from the system needs no preparation and
// is not touched before it is used.
//
//   fresh ──Take──> taken ──Give──> linked ──Take──> taken ...
//
// Invariants: a number is in exactly one of the three places; `links[n - 1]` is written only by
// whoever has taken n; `fresh` only grows.
//
// A Treiber stack (R. K. Treiber, "Systems programming: coping with parallelism", IBM RJ 5118,
// 1986) that moves many blocks by one exchange. ABA: the head counts its changes in the 40 bits
// beside the number. A slow thread would have to sleep through a multiple of 2^40 changes, three
// hours of nothing else, and then find the same number on top. Links of blocks below the top cannot
// change while the head stands, since whoever would take them changes the head first: that is why a
// walk along links is valid if the exchange after it succeeds. A walk that has become stale reads
// links of blocks in other hands. These are numbers still, never a user's data, which is why links
// lie apart from blocks.
//
// Memory ordering: Give's exchange releases the links it wrote and the last use of the blocks; the
// acquire load of the head in Take pairs with it. It pairs also for blocks further down: later
// changes of the head are read-modify-writes, so they continue the release sequence of every Give
// before them. `fresh` orders nothing: nobody has written to a fresh block.
//
// Lock-free, from any thread. Shared memory is not trusted further than memory safety needs: a
// number that is out of range ends in kCorrupt instead of outside of `links`.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"

namespace moirai {

class FreeList {
 public:
  static constexpr uint32_t kNone = 0;
  static constexpr uint32_t kCorrupt = ~uint32_t{0};
  static constexpr uint32_t kNumberBits = 24;
  static constexpr uint32_t kMaxBlocks = (uint32_t{1} << kNumberBits) - 1;

  // The part of it that lies in shared memory.
  struct Head {
    std::atomic<uint64_t> top;  // changes << kNumberBits | number
    std::atomic<uint32_t> fresh;
  };
  using Link = std::atomic<uint32_t>;
  static_assert(std::atomic<uint64_t>::is_always_lock_free && sizeof(Link) == 4);

  FreeList() = default;
  FreeList(Head* head, Link* links, uint32_t blocks)
      : head_(head), links_(links), blocks_(blocks) {}

  uint32_t blocks() const { return blocks_; }

  // Takes up to `max` blocks, at least one if there is one: how many, or kCorrupt. 0 says that at
  // some instant during the call none was free.
  uint32_t Take(uint32_t* numbers, uint32_t max) {
    uint32_t count = TakeLinked(numbers, max);
    if (count != 0) return count;
    count = TakeFresh(numbers, max);
    if (count != 0) return count;
    // From here on no block is fresh any more; one may have been given back meanwhile.
    return TakeLinked(numbers, max);
  }

  // Gives back blocks that the caller has taken; the last of them is taken next. True: others
  // changed the list meanwhile, so it is in demand.
  bool Give(const uint32_t* numbers, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
      links_[numbers[i] - 1].store(numbers[i - 1], std::memory_order_relaxed);
    }
    Link& bottom = links_[numbers[0] - 1];
    uint64_t top = head_->top.load(std::memory_order_relaxed);
    bool contended = false;
    for (;; contended = true) {
      bottom.store(NumberOf(top), std::memory_order_relaxed);
      if (head_->top.compare_exchange_weak(top, Changed(top, numbers[count - 1]),
                                           std::memory_order_release, std::memory_order_relaxed)) {
        return contended;
      }
    }
  }

  // Numbers above this were never handed out.
  uint32_t EverTaken() const {
    const uint32_t fresh = head_->fresh.load(std::memory_order_relaxed);
    return fresh < blocks_ ? fresh : blocks_;
  }

 private:
  static constexpr uint32_t NumberOf(uint64_t top) {
    return static_cast<uint32_t>(top) & kMaxBlocks;
  }
  static constexpr uint64_t Changed(uint64_t top, uint32_t number) {
    return ((top >> kNumberBits) + 1) << kNumberBits | number;
  }

  uint32_t TakeLinked(uint32_t* numbers, uint32_t max) {
    uint64_t top = head_->top.load(std::memory_order_acquire);
    for (;;) {
      uint32_t number = NumberOf(top);
      uint32_t count = 0;
      while (number != kNone && count < max) {
        if (number > blocks_) return kCorrupt;
        numbers[count++] = number;
        number = links_[number - 1].load(std::memory_order_relaxed);
      }
      if (count == 0) return 0;
      if (head_->top.compare_exchange_weak(top, Changed(top, number), std::memory_order_acquire,
                                           std::memory_order_acquire)) {
        return count;
      }
    }
  }

  uint32_t TakeFresh(uint32_t* numbers, uint32_t max) {
    uint32_t fresh = head_->fresh.load(std::memory_order_relaxed);
    while (fresh < blocks_) {
      const uint32_t rest = blocks_ - fresh;
      const uint32_t count = max < rest ? max : rest;
      if (head_->fresh.compare_exchange_weak(fresh, fresh + count, std::memory_order_relaxed)) {
        for (uint32_t i = 0; i < count; i++) numbers[i] = fresh + 1 + i;
        return count;
      }
    }
    return 0;
  }

  Head* head_ = nullptr;
  Link* links_ = nullptr;
  uint32_t blocks_ = 0;
};

}  // namespace moirai
