// A queue without a fixed size between any number of senders and receivers of one process: blocks
// of slots, taken from a reservation of memory when they are needed and given back when they are
// drained.
//
// Messages have positions 0, 1, 2, ...; those of chunk c (c * slots .. c * slots + slots - 1) lie
// in one block. Entry c mod M of the directory says which: [chunk + 1 : 40 | block : 24]. M is a
// power of two and not less than N, the number of blocks.
//
// state of a slot   meaning                                leaves by             done by
// empty             not claimed, or its sender writes      store: ready|aborted  who claimed it
// ready             holds a message                        (head passes it)      a receiver
// aborted           its sender gave up                     (head passes it)      a receiver
//
// tail is the next position to claim, head the next to take; both only grow, each by a
// compare-exchange of who gets the position. A block has a count of the slots that are done with;
// who does away with the last one gives the block back: to a stack whose top few keep their pages,
// while those below are returned to the kernel.
//
// Why a block is the right one: its directory entry is read between a load of tail (head) and the
// compare-exchange that claims (takes) that same position. The entry of a chunk is written before
// its first slot is claimed and stands while a position of it is not taken, because each chunk
// between head and tail has a block and there are but N <= M of them; so if the compare-exchange
// succeeds, the entry was the chunk's, and if the position had gone on, it fails. What was read of
// a block that had another use meanwhile is thrown away with it.
//
// That is the list of crossbeam-channel (blocks of slots, freed by whoever is last) with a
// directory in the place of links, so that nobody ever waits for a link to be set. Lock-free but
// for the first claim of a chunk, which takes the lock of the free blocks, and for this: a claim
// that is neither committed nor aborted holds up the receivers behind it. Not for other processes:
// who dies with a claim or the lock is not found out.
//
// Memory ordering: the store to ready releases the message, the receiver's load of the state
// acquires it. An entry's release store is acquired by whoever reads it, so a block's states are
// seen as they were set when it was installed. The count's last raise acquires all others', and the
// lock hands the block on to its next use. tail and head carry nothing and are relaxed.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"
#include "core/channel/slot_run.h"
#include "core/memory/pages.h"
#include "core/sync/futex_lock.h"

namespace moirai {

// How a reservation is divided: directory, stack of free blocks, blocks.
struct SegmentShape {
  uint32_t stride = 0;      // bytes of a message, a multiple of 8
  uint32_t slot_shift = 0;  // a block has 1 << slot_shift slots
  uint32_t blocks = 0;
  uint32_t entries = 0;  // of the directory

  // For at least `capacity` messages that nobody has taken.
  static SegmentShape For(uint64_t capacity, uint32_t stride);

  uint32_t slots() const { return 1U << slot_shift; }
  uint64_t messages_at() const { return kHeadBytes + ((uint64_t{slots()} + 7) & ~uint64_t{7}); }
  uint64_t block_bytes() const { return WholePages(messages_at() + uint64_t{slots()} * stride); }
  uint64_t free_at() const { return uint64_t{entries} * sizeof(uint64_t); }
  uint64_t blocks_at() const { return WholePages(free_at() + uint64_t{blocks} * sizeof(uint32_t)); }
  uint64_t memory_bytes() const { return blocks_at() + blocks * block_bytes(); }

  static constexpr uint32_t kHeadBytes = kFalseSharingBytes;
  static constexpr uint32_t kMaxBlocks = 1U << 24;

 private:
  static uint64_t WholePages(uint64_t bytes) {
    return (bytes + PageSize() - 1) / PageSize() * PageSize();
  }
};

class SegmentList {
 public:
  // A run of slots that were claimed or taken, all of one block.
  struct Run {
    SlotRun slots;
    uint32_t block = 0;
    uint32_t offset = 0;
  };

  // `memory`: zeroed, page aligned, of a private mapping, shape.memory_bytes() of it.
  SegmentList(const SegmentShape& shape, uint8_t* memory);

  // Slots to write, at most `wanted`, in the order of the messages to come. None: no block is left.
  Run Claim(uint32_t wanted);
  // The first `count` of the run are messages, the others are none.
  void Commit(const Run& run, uint32_t count);

  // The oldest messages, at most `wanted`. None: empty, or what comes next is still being written.
  Run Take(uint32_t wanted);
  // The first `count` of what was taken are done with.
  void Release(const Run& run, uint32_t count) { Retire(run.block, count); }
  bool HasMessage() const;

  // Slots that were claimed and not taken.
  uint64_t Length() const {
    const uint64_t head = head_.load(std::memory_order_acquire);
    return tail_.load(std::memory_order_acquire) - head;
  }

  // Blocks that hold messages or are being read.
  uint32_t blocks_in_use() const;

 private:
  enum State : uint8_t { kEmpty, kReady, kAborted };
  struct Head {
    std::atomic<uint32_t> done{0};
  };
  // Drained blocks that keep their pages.
  static constexpr uint32_t kWarm = 4;
  static constexpr uint32_t kBlockBits = 24;

  static uint64_t Encode(uint64_t chunk, uint32_t block) {
    return (chunk + 1) << kBlockBits | block;
  }
  static bool IsOf(uint64_t entry, uint64_t chunk) { return entry >> kBlockBits == chunk + 1; }
  static uint32_t BlockOf(uint64_t entry) { return entry & ((1U << kBlockBits) - 1); }

  std::atomic<uint64_t>& Entry(uint64_t chunk) const {
    return reinterpret_cast<std::atomic<uint64_t>*>(memory_)[chunk & (shape_.entries - 1)];
  }
  uint32_t* Free() const { return reinterpret_cast<uint32_t*>(memory_ + shape_.free_at()); }
  uint8_t* Block(uint32_t block) const { return blocks_ + block * block_bytes_; }
  Head& HeadOf(uint32_t block) const { return *reinterpret_cast<Head*>(Block(block)); }
  std::atomic<uint8_t>* States(uint32_t block) const {
    return reinterpret_cast<std::atomic<uint8_t>*>(Block(block) + SegmentShape::kHeadBytes);
  }
  Run RunAt(uint32_t block, uint32_t offset, uint32_t count) const {
    return {{Block(block) + messages_at_ + uint64_t{offset} * shape_.stride, count}, block, offset};
  }

  // The chunk's entry, made now if need be; 0: no block is left.
  uint64_t Install(uint64_t chunk);
  // So many more slots of the block are done with.
  void Retire(uint32_t block, uint32_t count);

  const SegmentShape shape_;
  uint8_t* const memory_;
  // Of the shape, worked out once.
  uint8_t* const blocks_;
  const uint64_t block_bytes_;
  const uint64_t messages_at_;
  alignas(kFalseSharingBytes) std::atomic<uint64_t> tail_{0};
  alignas(kFalseSharingBytes) std::atomic<uint64_t> head_{0};
  alignas(kFalseSharingBytes) mutable FutexLock lock_;  // of what follows
  uint32_t fresh_ = 0;                                  // blocks from here on were never used
  uint32_t free_ = 0;                                   // how many are on the stack
  uint32_t cold_ = 0;  // of these, from the bottom on, without pages
};

}  // namespace moirai
