// Blocks of one size in one region of memory, which says by itself what it is: a header, the list
// of free blocks, for each block who has it, and the blocks. Whoever has the region can attach,
// from any thread of the process; nothing in it is an address.
//
// A block's life is in its `state`, a count of its changes of hands:
//
//   even: free ──Acquire──> odd: held ──Release──> even: free ...
//                           odd: held ──Detach───> odd, owner 0 ──Adopt──> odd: held
//
// Acquire, Detach and Adopt tell the caller the number that `state` has then, the *generation*;
// Release, Detach and Adopt go through only with the present one. So of two who give the same block
// back one is refused, however they meet, and so is who comes with a generation from before. The
// count has 32 bits: a handle kept for exactly 2^31 changes of its block would be taken for the
// present one.
//
// `owner` says which attachment holds a block, so that Reclaim can give back what the thread of one
// that has ended still held. Only the thread that has a block writes it.
//
// Memory ordering: the free list orders the use of a block before the next one (see free_list.h).
// What goes from hand to hand by Detach and Adopt is ordered by `state`: Detach releases, Adopt
// acquires. Reclaim of an owner runs on that owner's thread, or after it: it acquires `state`, so
// that an odd one comes with an `owner` at least as new.
//
// No cache of a thread is part of it. A Worker can be ended at any time, and what it had cached
// would be lost to the others; the call from JavaScript costs more than the exchange that a cache
// would save.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/base/cpu.h"
#include "core/memory/free_list.h"

namespace moirai {

class BlockPool {
 public:
  static constexpr uint32_t kNone = FreeList::kNone;
  static constexpr uint32_t kCorrupt = FreeList::kCorrupt;
  static constexpr uint32_t kMaxBlocks = FreeList::kMaxBlocks;
  static constexpr uint64_t kMaxBlockBytes = uint64_t{1} << 40;
  static constexpr std::size_t kAlignment = 64;  // blocks share no cache line

  struct Layout {
    uint64_t stride = 0;  // from one block to the next
    uint64_t links = 0;   // offsets
    uint64_t holders = 0;
    uint64_t first_block =
        0;  // begins a page: the blocks' pages can be given back without the rest
    uint64_t bytes = 0;
  };
  // `bytes` is 0 for what cannot be.
  static Layout LayoutOf(uint64_t block_bytes, uint32_t blocks);

  // Makes a pool in a region of zeros of at least LayoutOf(…).bytes, aligned to kAlignment.
  bool Create(uint8_t* region, uint64_t bytes, uint64_t block_bytes, uint32_t blocks);
  // Opens what Create has made; false if the region holds nothing of this form.
  bool Attach(uint8_t* region, uint64_t bytes, uint64_t block_bytes, uint32_t blocks);

  struct Held {
    uint32_t number;  // kNone: no block is free; kCorrupt
    uint32_t generation;
  };
  Held Acquire(uint32_t owner);
  bool Release(uint32_t number, uint32_t generation);
  // The block belongs to no owner until it is adopted; *generation becomes the new one.
  bool Detach(uint32_t number, uint32_t* generation);
  bool Adopt(uint32_t number, uint32_t* generation, uint32_t owner);
  // Gives back whatever the owner holds; how many. O(blocks that were ever used).
  uint32_t Reclaim(uint32_t owner);

  // For owners' numbers: from 1, each once.
  uint32_t NextOwner() { return header_->owners.fetch_add(1, std::memory_order_relaxed) + 1; }
  // True for the first one.
  bool Close() { return header_->closed.exchange(1, std::memory_order_acq_rel) == 0; }
  const uint8_t* region() const { return reinterpret_cast<const uint8_t*>(header_); }
  bool closed() const { return header_->closed.load(std::memory_order_acquire) != 0; }

  // Written by the ones that choose between pools.
  void CountOverflow() { header_->overflows.fetch_add(1, std::memory_order_relaxed); }
  void CountGuest() { header_->guests.fetch_add(1, std::memory_order_relaxed); }

  struct Stats {
    uint32_t in_use;
    uint32_t high_water;  // most that were in use at a time
    uint32_t ever_used;   // blocks that were handed out at least once
    uint64_t overflows;   // callers that came for this pool and found it full
    uint64_t guests;      // blocks handed to callers that came for another pool
    uint64_t reclaimed;   // blocks given back by Reclaim
  };
  Stats stats() const;

 private:
  // "MOIRAIbp" as it lies in memory, and the version of all that this file says about the region.
  static constexpr uint64_t kMagic = 0x706249'4152494f4dULL;
  static constexpr uint32_t kVersion = 1;

  struct Header {
    std::atomic<uint64_t> magic;
    uint32_t version;
    uint32_t blocks;
    uint64_t block_bytes;
    std::atomic<uint32_t> closed;
    std::atomic<uint32_t> owners;
    // One line for all that changes with each call: they change together.
    alignas(kFalseSharingBytes) FreeList::Head free;
    std::atomic<uint32_t> in_use;
    std::atomic<uint32_t> high_water;
    alignas(kFalseSharingBytes) std::atomic<uint64_t> overflows;
    std::atomic<uint64_t> guests;
    std::atomic<uint64_t> reclaimed;
  };
  struct Holder {
    std::atomic<uint32_t> state;
    std::atomic<uint32_t> owner;
  };

  void Open(uint8_t* region, const Layout& layout, uint32_t blocks);
  bool InRange(uint32_t number) const { return number - 1 < free_.blocks(); }
  // From held with this generation to `next`; false: not held, or not with this generation.
  bool Change(uint32_t number, uint32_t generation, uint32_t next);
  void GiveBack(uint32_t number);

  Header* header_ = nullptr;
  Holder* holders_ = nullptr;
  FreeList free_;
};

}  // namespace moirai
