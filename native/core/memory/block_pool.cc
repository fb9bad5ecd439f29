#include "core/memory/block_pool.h"

#include "core/memory/pages.h"

namespace moirai {

namespace {
constexpr uint64_t RoundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }
}  // namespace

BlockPool::Layout BlockPool::LayoutOf(uint64_t block_bytes, uint32_t blocks) {
  Layout layout;
  if (block_bytes == 0 || block_bytes > kMaxBlockBytes || blocks == 0 || blocks > kMaxBlocks) {
    return layout;
  }
  layout.stride = RoundUp(block_bytes, kAlignment);
  layout.links = RoundUp(sizeof(Header), kFalseSharingBytes);
  layout.holders =
      RoundUp(layout.links + uint64_t{blocks} * sizeof(FreeList::Link), kFalseSharingBytes);
  layout.first_block = RoundUp(layout.holders + uint64_t{blocks} * sizeof(Holder), PageSize());
  layout.bytes = layout.first_block + uint64_t{blocks} * layout.stride;  // below 2^24 * 2^40 + ...
  return layout;
}

bool BlockPool::Create(uint8_t* region, uint64_t bytes, uint64_t block_bytes, uint32_t blocks) {
  const Layout layout = LayoutOf(block_bytes, blocks);
  if (layout.bytes == 0 || bytes < layout.bytes ||
      reinterpret_cast<uintptr_t>(region) % kAlignment != 0) {
    return false;
  }
  Open(region, layout, blocks);
  header_->version = kVersion;
  header_->blocks = blocks;
  header_->block_bytes = block_bytes;
  header_->magic.store(kMagic, std::memory_order_release);  // pairs with Attach
  return true;
}

bool BlockPool::Attach(uint8_t* region, uint64_t bytes, uint64_t block_bytes, uint32_t blocks) {
  const Layout layout = LayoutOf(block_bytes, blocks);
  if (layout.bytes == 0 || bytes < layout.bytes ||
      reinterpret_cast<uintptr_t>(region) % kAlignment != 0) {
    return false;
  }
  Open(region, layout, blocks);
  return header_->magic.load(std::memory_order_acquire) == kMagic && header_->version == kVersion &&
         header_->blocks == blocks && header_->block_bytes == block_bytes;
}

void BlockPool::Open(uint8_t* region, const Layout& layout, uint32_t blocks) {
  header_ = reinterpret_cast<Header*>(region);
  holders_ = reinterpret_cast<Holder*>(region + layout.holders);
  free_ =
      FreeList(&header_->free, reinterpret_cast<FreeList::Link*>(region + layout.links), blocks);
}

BlockPool::Held BlockPool::Acquire(uint32_t owner) {
  uint32_t number = kNone;
  const uint32_t taken = free_.Take(&number, 1);
  if (taken != 1) return {taken == 0 ? kNone : kCorrupt, 0};
  const uint32_t in_use = header_->in_use.fetch_add(1, std::memory_order_relaxed) + 1;
  uint32_t most = header_->high_water.load(std::memory_order_relaxed);
  while (in_use > most &&
         !header_->high_water.compare_exchange_weak(most, in_use, std::memory_order_relaxed)) {
  }
  // Nobody else changes a block that is out of the list and not held; it was even.
  Holder& holder = holders_[number - 1];
  const uint32_t generation = holder.state.load(std::memory_order_relaxed) | 1;
  holder.owner.store(owner, std::memory_order_relaxed);
  holder.state.store(generation, std::memory_order_release);
  return {number, generation};
}

bool BlockPool::Change(uint32_t number, uint32_t generation, uint32_t next) {
  if (!InRange(number) || generation % 2 == 0) return false;
  return holders_[number - 1].state.compare_exchange_strong(
      generation, next, std::memory_order_acq_rel, std::memory_order_relaxed);
}

void BlockPool::GiveBack(uint32_t number) {
  // Before others can take it, so that no more than all blocks are ever counted.
  header_->in_use.fetch_sub(1, std::memory_order_relaxed);
  free_.Give(&number, 1);
}

bool BlockPool::Release(uint32_t number, uint32_t generation) {
  if (!Change(number, generation, generation + 1)) return false;
  GiveBack(number);
  return true;
}

bool BlockPool::Detach(uint32_t number, uint32_t* generation) {
  if (!Change(number, *generation, *generation + 2)) return false;
  // Nobody can adopt it yet: the new generation is known here alone.
  holders_[number - 1].owner.store(0, std::memory_order_relaxed);
  *generation += 2;
  return true;
}

bool BlockPool::Adopt(uint32_t number, uint32_t* generation, uint32_t owner) {
  if (!Change(number, *generation, *generation + 2)) return false;
  *generation += 2;
  holders_[number - 1].owner.store(owner, std::memory_order_relaxed);
  return true;
}

uint32_t BlockPool::Reclaim(uint32_t owner) {
  uint32_t count = 0;
  const uint32_t ever_used = free_.EverTaken();
  for (uint32_t number = 1; number <= ever_used; number++) {
    Holder& holder = holders_[number - 1];
    const uint32_t state = holder.state.load(std::memory_order_acquire);
    if (state % 2 == 0 || holder.owner.load(std::memory_order_relaxed) != owner) continue;
    if (Release(number, state)) count++;
  }
  header_->reclaimed.fetch_add(count, std::memory_order_relaxed);
  return count;
}

BlockPool::Stats BlockPool::stats() const {
  return {header_->in_use.load(std::memory_order_relaxed),
          header_->high_water.load(std::memory_order_relaxed),
          free_.EverTaken(),
          header_->overflows.load(std::memory_order_relaxed),
          header_->guests.load(std::memory_order_relaxed),
          header_->reclaimed.load(std::memory_order_relaxed)};
}

}  // namespace moirai
