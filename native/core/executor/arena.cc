#include "core/executor/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bit>

namespace moirai {

namespace {
uint64_t RoundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }
}  // namespace

void Arena::Init(uint8_t* base, uint64_t first, uint64_t size, uint64_t max_size) {
  base_ = base;
  max_size_ = max_size;
  bump_.store(RoundUp(first < kUnit ? kUnit : first, kUnit), std::memory_order_relaxed);
  size_.store(size, std::memory_order_relaxed);
}

void Arena::Grow(uint64_t size) {
  uint64_t known = size_.load(std::memory_order_relaxed);
  while (known < size && !size_.compare_exchange_weak(known, size, std::memory_order_relaxed)) {
  }
}

// Classes 0..3 are 64, 128, 192, 256; then four steps to each doubling.
uint32_t Arena::ClassOf(uint64_t bytes) {
  const uint64_t units = (bytes + kUnit - 1) / kUnit;
  if (units <= 4) return units == 0 ? 0 : static_cast<uint32_t>(units - 1);
  // units in (4 * 2^k, 8 * 2^k]: steps of 2^k.
  const auto k = static_cast<uint32_t>(std::bit_width(units - 1)) - 3;
  const uint64_t step = uint64_t{1} << k;
  const uint64_t index = (units - 4 * step + step - 1) / step;  // 1..4
  return 3 + k * 4 + static_cast<uint32_t>(index);
}

uint64_t Arena::BytesOf(uint32_t size_class) {
  if (size_class < 4) return (uint64_t{size_class} + 1) * kUnit;
  const uint32_t k = (size_class - 4) / 4;
  const uint64_t index = (size_class - 4) % 4 + 1;
  return (uint64_t{4} + index) * (uint64_t{1} << k) * kUnit;
}

uint64_t Arena::Capacity(uint32_t block) const {
  return BytesOf(HeaderOf(block)->size_class) - layout::kBlockHeaderBytes;
}

Arena::Allocation Arena::Allocate(uint64_t payload_bytes) {
  if (payload_bytes > max_size_) return {kNone, 0};
  const uint32_t size_class = ClassOf(payload_bytes + layout::kBlockHeaderBytes);
  const uint64_t bytes = BytesOf(size_class);
  if (const uint32_t block = PopFree(size_class); block != kNone) {
    in_use_.fetch_add(bytes, std::memory_order_relaxed);
    return {block, 0};
  }
  uint64_t start = bump_.load(std::memory_order_relaxed);
  for (;;) {
    const uint64_t end = start + bytes;
    if (end > size_.load(std::memory_order_relaxed)) return {kNone, end <= max_size_ ? end : 0};
    if (bump_.compare_exchange_weak(start, end, std::memory_order_relaxed)) break;
  }
  const auto block = static_cast<uint32_t>(start / kUnit);
  HeaderOf(block)->size_class = size_class;
  in_use_.fetch_add(bytes, std::memory_order_relaxed);
  return {block, 0};
}

uint32_t Arena::PopFree(uint32_t size_class) {
  std::atomic<uint64_t>& list = free_[size_class];
  uint64_t head = list.load(std::memory_order_acquire);
  for (;;) {
    const auto block = static_cast<uint32_t>(head);
    if (block == kNone) return kNone;
    // May be stale if the block was popped meanwhile; then the tag differs and the exchange fails.
    const uint32_t next = HeaderOf(block)->next.load(std::memory_order_relaxed);
    const uint64_t replacement = ((head >> 32) + 1) << 32 | next;
    if (list.compare_exchange_weak(head, replacement, std::memory_order_acquire,
                                   std::memory_order_acquire)) {
      return block;
    }
  }
}

void Arena::Free(uint32_t block) {
  Header* header = HeaderOf(block);
  const uint32_t size_class = header->size_class;
  const uint64_t bytes = BytesOf(size_class);
  if (bytes >= kReturnPagesFrom) {
    auto* const start = reinterpret_cast<uint8_t*>(header);
    const uint64_t address = reinterpret_cast<uintptr_t>(start);
    // Whole pages inside the block only: the kernel rounds a length up, into the next block.
    static const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    const uint64_t from = RoundUp(address + layout::kBlockHeaderBytes, page);
    const uint64_t to = (address + bytes) / page * page;
    if (to > from) madvise(start + (from - address), to - from, MADV_DONTNEED);
  }
  in_use_.fetch_sub(bytes, std::memory_order_relaxed);
  std::atomic<uint64_t>& list = free_[size_class];
  uint64_t head = list.load(std::memory_order_relaxed);
  for (;;) {
    header->next.store(static_cast<uint32_t>(head), std::memory_order_relaxed);
    const uint64_t replacement = ((head >> 32) + 1) << 32 | block;
    if (list.compare_exchange_weak(head, replacement, std::memory_order_release,
                                   std::memory_order_relaxed)) {
      return;
    }
  }
}

}  // namespace moirai
