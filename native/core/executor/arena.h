// Payload memory: blocks in a region that several threads share and that can grow in place.
//
// Blocks come in size classes, four to a doubling (64, 128, 192, 256, 320, 384, ... bytes): at most
// a quarter of a block is unused past 256 bytes. A freed block goes to its class's list and is
// never split or joined; the pages of a large one are given back to the system while it waits
// there.
//
// With several nodes (SpreadOver) each has its own blocks. They are cut from runs of whole chunks,
// which are bound to the node before anybody touches them: preferred, not strictly, so a node that
// is full is no SIGBUS. A chunk belongs to its node for good, so a block's node is found from its
// address. When the region is used up, a free block of any node is better than none.
//
// Threads: every call from any thread. Lock-free: each class is a Treiber stack whose head carries
// a tag that changes with every pop and push (ABA). A block's first 8 bytes are its header (class
// and, while free, link) and never payload, so a slow pop reads a header, not somebody's data.
//
// Memory ordering: the compare-exchange that pushes releases the link and the last use of the
// block; the one that pops acquires them.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"
#include "core/executor/layout.h"

namespace moirai {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  static constexpr uint32_t kUnit = 64;  // blocks are addressed in units of this many bytes
  static constexpr uint32_t kNone = 0;   // no block: unit 0 is never one

  // [first, size) of `base` is for blocks; `size` may be raised to at most `max_size` by Grow.
  void Init(uint8_t* base, uint64_t first, uint64_t size, uint64_t max_size);

  // Before the first Allocate: blocks are asked for by index into `nodes`, Linux's numbers
  // (negative: unknown, not bound). False: memory is short, or there are too many.
  bool SpreadOver(const int32_t* nodes, uint32_t count);

  // The region now has `size` bytes behind it. Smaller than known: ignored.
  void Grow(uint64_t size);

  struct Allocation {
    uint32_t block;      // kNone: see `shortfall`
    uint64_t shortfall;  // the size the region must have for this block; 0: it can never have it
  };
  Allocation Allocate(uint64_t payload_bytes, uint32_t node = 0);
  void Free(uint32_t block);

  uint8_t* Payload(uint32_t block) const {
    return base_ + uint64_t{block} * kUnit + layout::kBlockHeaderBytes;
  }
  uint64_t Capacity(uint32_t block) const;
  // Index of the node it was cut for.
  uint32_t NodeOf(uint32_t block) const {
    if (nodes_ == nullptr) return 0;
    return chunk_nodes_[uint64_t{block} * kUnit / kChunk].load(std::memory_order_relaxed);
  }
  // Bytes handed out and not yet freed, headers included.
  uint64_t BytesInUse() const { return in_use_.load(std::memory_order_relaxed); }

 private:
  struct Header {
    std::atomic<uint32_t> next;
    uint32_t size_class;
  };
  static_assert(sizeof(Header) == layout::kBlockHeaderBytes);

  static constexpr uint32_t kClasses = 120;
  static constexpr uint64_t kChunk = 256U << 10;
  static constexpr uint32_t kMaxNodes = 256;

  struct Node {
    // What is left of its last run: first unit << 32 | unit behind it.
    alignas(kFalseSharingBytes) std::atomic<uint64_t> run{0};
    alignas(kFalseSharingBytes) std::atomic<uint64_t> free[kClasses] = {};  // tag << 32 | block
    int32_t linux_node = -1;
  };

  static constexpr uint64_t kReturnPagesFrom = 1U << 20;
  static uint32_t ClassOf(uint64_t bytes);
  static uint64_t BytesOf(uint32_t size_class);

  Header* HeaderOf(uint32_t block) const {
    return reinterpret_cast<Header*>(base_ + uint64_t{block} * kUnit);
  }
  uint32_t PopFree(std::atomic<uint64_t>& list);
  uint32_t Handed(uint64_t first_unit, uint32_t size_class);
  Allocation AllocateOn(uint32_t node, uint32_t size_class);
  bool TakeRun(uint32_t node, uint64_t bytes, uint64_t* start, uint64_t* end);

  uint8_t* base_ = nullptr;
  uint64_t max_size_ = 0;
  alignas(kFalseSharingBytes) std::atomic<uint64_t> bump_{0};
  std::atomic<uint64_t> size_{0};
  std::atomic<uint64_t> in_use_{0};
  alignas(kFalseSharingBytes) std::atomic<uint64_t> free_[kClasses] = {};  // tag << 32 | block
  Node* nodes_ = nullptr;  // with several nodes, instead of free_
  uint32_t node_count_ = 1;
  std::atomic<uint8_t>* chunk_nodes_ = nullptr;
};

}  // namespace moirai
