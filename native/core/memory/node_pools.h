// One pool of blocks for each NUMA node that has memory, and where to look when one is full.
//
// A *home* is a node that threads come from, also one without memory; for each there is an order of
// all pools, nearest first. Only this table is kept here; what changes lies in the pools' regions.
//
// Acquire looks at one pool after the other, so that "all are full" need not have been true at one
// moment. A block is told by its slot, which counts through all pools.
//
// Threads: Init by one, everything else by any.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

#include "core/memory/block_pool.h"

namespace moirai {

class NodePools {
 public:
  static constexpr int32_t kExhausted = -1;
  static constexpr int32_t kClosed = -2;
  static constexpr int32_t kCorrupt = -3;
  static constexpr uint32_t kMaxNode = 1023;
  static constexpr uint32_t kMaxSlots = (uint32_t{1} << 31) - 1;

  // `orders` has a row of `pools` positions for each home. Slots must fit: pools * blocks <=
  // kMaxSlots.
  bool Init(uint32_t pools, uint32_t blocks, uint32_t homes, const uint32_t* orders) {
    if (pools == 0 || homes == 0 || uint64_t{pools} * blocks > kMaxSlots) return false;
    const std::size_t cells = std::size_t{homes} * pools;
    pools_.reset(new (std::nothrow) BlockPool[pools]);
    orders_.reset(new (std::nothrow) uint32_t[cells]);
    if (pools_ == nullptr || orders_ == nullptr) return false;
    for (std::size_t i = 0; i < cells; i++) {
      if (orders[i] >= pools) return false;
      orders_[i] = orders[i];
    }
    count_ = pools;
    blocks_ = blocks;
    homes_ = homes;
    return true;
  }
  BlockPool& pool(uint32_t position) { return pools_[position]; }
  uint32_t count() const { return count_; }

  struct Taken {
    int32_t slot;  // or kExhausted, kClosed, kCorrupt
    uint32_t generation;
  };
  // `owns`: the home's first pool is its own, not just the nearest.
  Taken Acquire(uint32_t home, bool owns, uint32_t owner) {
    if (home >= homes_) home = 0;
    if (pools_[0].closed()) return {kClosed, 0};
    const uint32_t* const order = &orders_[std::size_t{home} * count_];
    for (uint32_t i = 0; i < count_; i++) {
      const BlockPool::Held held = pools_[order[i]].Acquire(owner);
      if (held.number == BlockPool::kCorrupt) return {kCorrupt, 0};
      if (held.number == BlockPool::kNone) continue;
      if (i > 0 || !owns) pools_[order[i]].CountGuest();
      if (i > 0 && owns) pools_[order[0]].CountOverflow();
      return {static_cast<int32_t>(order[i] * blocks_ + held.number - 1), held.generation};
    }
    if (owns) pools_[order[0]].CountOverflow();
    return {kExhausted, 0};
  }
  bool Release(uint32_t slot, uint32_t generation) {
    return InRange(slot) && PoolOf(slot).Release(NumberOf(slot), generation);
  }
  bool Detach(uint32_t slot, uint32_t* generation) {
    return InRange(slot) && PoolOf(slot).Detach(NumberOf(slot), generation);
  }
  bool Adopt(uint32_t slot, uint32_t* generation, uint32_t owner) {
    return InRange(slot) && PoolOf(slot).Adopt(NumberOf(slot), generation, owner);
  }
  void Reclaim(uint32_t owner) {
    for (uint32_t i = 0; i < count_; i++) pools_[i].Reclaim(owner);
  }
  uint32_t NextOwner() { return pools_[0].NextOwner(); }
  bool Close() { return pools_[0].Close(); }

 private:
  bool InRange(uint32_t slot) const { return slot < uint64_t{count_} * blocks_; }
  BlockPool& PoolOf(uint32_t slot) { return pools_[slot / blocks_]; }
  uint32_t NumberOf(uint32_t slot) const { return slot % blocks_ + 1; }

  std::unique_ptr<BlockPool[]> pools_;
  std::unique_ptr<uint32_t[]> orders_;
  uint32_t count_ = 0;
  uint32_t blocks_ = 0;
  uint32_t homes_ = 0;
};

}  // namespace moirai
