#include "core/executor/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cstdlib>
#include <new>

#include "core/memory/policy.h"

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

Arena::~Arena() {
  delete[] nodes_;
  std::free(chunk_nodes_);
}

bool Arena::SpreadOver(const int32_t* nodes, uint32_t count) {
  if (count < 2) return true;
  if (count > kMaxNodes) return false;
  nodes_ = new (std::nothrow) Node[count];
  chunk_nodes_ = static_cast<std::atomic<uint8_t>*>(std::calloc(max_size_ / kChunk + 1, 1));
  if (nodes_ == nullptr || chunk_nodes_ == nullptr) return false;
  for (uint32_t i = 0; i < count; i++) nodes_[i].linux_node = nodes[i];
  node_count_ = count;
  bump_.store(RoundUp(bump_.load(std::memory_order_relaxed), kChunk), std::memory_order_relaxed);
  return true;
}

// Whole chunks for a node, at least so many bytes of them; false: the region ends before `end`.
bool Arena::TakeRun(uint32_t node, uint64_t bytes, uint64_t* start, uint64_t* end) {
  *start = bump_.load(std::memory_order_relaxed);
  do {
    *end = *start + RoundUp(bytes, kChunk);
    if (*end > size_.load(std::memory_order_relaxed)) return false;
  } while (!bump_.compare_exchange_weak(*start, *end, std::memory_order_relaxed));
  if (nodes_[node].linux_node >= 0) {
    Policy policy{PolicyMode::kPreferred, {}};
    policy.nodes.Add(static_cast<unsigned>(nodes_[node].linux_node));
    // Where the kernel refuses, the pages are where they are first touched.
    BindRange(base_ + *start, *end - *start, policy, 0);
  }
  for (uint64_t chunk = *start / kChunk; chunk < *end / kChunk; chunk++) {
    chunk_nodes_[chunk].store(static_cast<uint8_t>(node), std::memory_order_relaxed);
  }
  return true;
}

Arena::Allocation Arena::AllocateOn(uint32_t node, uint32_t size_class) {
  const uint64_t bytes = BytesOf(size_class);
  const uint64_t units = bytes / kUnit;
  if (const uint32_t block = PopFree(nodes_[node].free[size_class]); block != kNone) {
    in_use_.fetch_add(bytes, std::memory_order_relaxed);
    return {block, 0};
  }
  // Release, acquire: who cuts a block from a run sees it bound, and its chunks' node.
  std::atomic<uint64_t>& run = nodes_[node].run;
  uint64_t seen = run.load(std::memory_order_acquire);
  while ((seen >> 32) + units <= (seen & 0xffffffffU)) {
    if (run.compare_exchange_weak(seen, seen + (units << 32), std::memory_order_acq_rel,
                                  std::memory_order_acquire)) {
      return {Handed(seen >> 32, size_class), 0};
    }
  }
  uint64_t start = 0;
  uint64_t end = 0;
  if (!TakeRun(node, bytes, &start, &end)) {
    if (end <= max_size_) return {kNone, end};
    for (uint32_t other = 0; other < node_count_; other++) {
      const uint32_t block = PopFree(nodes_[other].free[size_class]);
      if (block == kNone) continue;
      in_use_.fetch_add(bytes, std::memory_order_relaxed);
      return {block, 0};
    }
    return {kNone, 0};
  }
  const uint64_t first = start / kUnit;
  for (;;) {
    const uint64_t left = (seen & 0xffffffffU) - (seen >> 32);
    // What is left goes on in the new run, if that follows; else the larger rest is kept.
    const bool follows = (seen & 0xffffffffU) == first;
    const uint64_t block = follows ? seen >> 32 : first;
    const uint64_t rest = end / kUnit - (block + units);
    if (!follows && rest <= left) return {Handed(first, size_class), 0};
    const uint64_t next = (block + units) << 32 | end / kUnit;
    if (run.compare_exchange_weak(seen, next, std::memory_order_acq_rel,
                                  std::memory_order_acquire)) {
      return {Handed(block, size_class), 0};
    }
  }
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

Arena::Allocation Arena::Allocate(uint64_t payload_bytes, uint32_t node) {
  if (payload_bytes > max_size_) return {kNone, 0};
  const uint32_t size_class = ClassOf(payload_bytes + layout::kBlockHeaderBytes);
  if (nodes_ != nullptr) return AllocateOn(node < node_count_ ? node : 0, size_class);
  const uint64_t bytes = BytesOf(size_class);
  if (const uint32_t block = PopFree(free_[size_class]); block != kNone) {
    in_use_.fetch_add(bytes, std::memory_order_relaxed);
    return {block, 0};
  }
  uint64_t start = bump_.load(std::memory_order_relaxed);
  for (;;) {
    const uint64_t end = start + bytes;
    if (end > size_.load(std::memory_order_relaxed)) return {kNone, end <= max_size_ ? end : 0};
    if (bump_.compare_exchange_weak(start, end, std::memory_order_relaxed)) break;
  }
  return {Handed(start / kUnit, size_class), 0};
}

// A block that was never handed out before.
uint32_t Arena::Handed(uint64_t first_unit, uint32_t size_class) {
  const auto block = static_cast<uint32_t>(first_unit);
  HeaderOf(block)->size_class = size_class;
  in_use_.fetch_add(BytesOf(size_class), std::memory_order_relaxed);
  return block;
}

uint32_t Arena::PopFree(std::atomic<uint64_t>& list) {
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
  std::atomic<uint64_t>& list =
      nodes_ == nullptr ? free_[size_class] : nodes_[NodeOf(block)].free[size_class];
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
