#include "core/channel/segment_list.h"

namespace moirai {
namespace {

// Large enough that the lock of the free blocks and the kernel are seldom asked, small enough that
// an idle channel holds little.
constexpr uint64_t kBlockTarget = 65'536;
constexpr uint32_t kMaxSlotShift = 12;

}  // namespace

SegmentShape SegmentShape::For(uint64_t capacity, uint32_t stride) {
  SegmentShape shape;
  shape.stride = stride;
  while (shape.slot_shift < kMaxSlotShift &&
         uint64_t{2} * shape.slots() * (stride + 1) <= kBlockTarget - kHeadBytes &&
         uint64_t{shape.slots()} < capacity) {
    shape.slot_shift++;
  }
  // One more for a block of which the first messages are taken, and one that is only being read.
  const uint64_t blocks = (capacity + shape.slots() - 1) / shape.slots() + 2;
  shape.blocks = blocks < kMaxBlocks ? static_cast<uint32_t>(blocks) : kMaxBlocks;
  shape.entries = 1;
  while (shape.entries < shape.blocks) shape.entries *= 2;
  return shape;
}

SegmentList::SegmentList(const SegmentShape& shape, uint8_t* memory)
    : shape_(shape),
      memory_(memory),
      blocks_(memory + shape.blocks_at()),
      block_bytes_(shape.block_bytes()),
      messages_at_(shape.messages_at()) {}

SegmentList::Run SegmentList::Claim(uint32_t wanted) {
  uint64_t position = tail_.load(std::memory_order_relaxed);
  for (;;) {
    const uint64_t chunk = position >> shape_.slot_shift;
    uint64_t entry = Entry(chunk).load(std::memory_order_acquire);
    if (!IsOf(entry, chunk)) {
      entry = Install(chunk);
      if (entry == 0) {
        // None is left, unless others have gone on since.
        const uint64_t again = tail_.load(std::memory_order_relaxed);
        if (again == position) return {};
        position = again;
        continue;
      }
    }
    const auto offset = static_cast<uint32_t>(position) & (shape_.slots() - 1);
    const uint32_t left = shape_.slots() - offset;
    const uint32_t count = wanted < left ? wanted : left;
    if (tail_.compare_exchange_weak(position, position + count, std::memory_order_relaxed)) {
      return RunAt(BlockOf(entry), offset, count);
    }
  }
}

uint64_t SegmentList::Install(uint64_t chunk) {
  const FutexLockGuard guard(lock_);
  const uint64_t seen = Entry(chunk).load(std::memory_order_relaxed);
  if (IsOf(seen, chunk)) return seen;
  // The caller's chunk is of the past, and its compare-exchange will fail.
  if (seen >> kBlockBits > chunk + 1 ||
      tail_.load(std::memory_order_relaxed) >> shape_.slot_shift != chunk) {
    return 0;
  }
  uint32_t block = 0;
  if (free_ > 0) {
    block = Free()[--free_];
    if (cold_ > free_) cold_ = free_;
  } else if (fresh_ < shape_.blocks) {
    block = fresh_++;
  } else {
    return 0;
  }
  HeadOf(block).done.store(0, std::memory_order_relaxed);
  for (uint32_t i = 0; i < shape_.slots(); i++) {
    States(block)[i].store(kEmpty, std::memory_order_relaxed);
  }
  const uint64_t entry = Encode(chunk, block);
  Entry(chunk).store(entry, std::memory_order_release);
  return entry;
}

void SegmentList::Commit(const Run& run, uint32_t count) {
  std::atomic<uint8_t>* const states = States(run.block) + run.offset;
  for (uint32_t i = 0; i < run.slots.count; i++) {
    states[i].store(i < count ? kReady : kAborted, std::memory_order_release);
  }
}

SegmentList::Run SegmentList::Take(uint32_t wanted) {
  uint64_t position = head_.load(std::memory_order_relaxed);
  for (;;) {
    const uint64_t chunk = position >> shape_.slot_shift;
    const uint64_t entry = Entry(chunk).load(std::memory_order_acquire);
    const auto offset = static_cast<uint32_t>(position) & (shape_.slots() - 1);
    uint32_t count = 0;
    uint8_t state = kEmpty;
    const uint32_t block = BlockOf(entry);
    if (IsOf(entry, chunk)) {
      const std::atomic<uint8_t>* const states = States(block) + offset;
      const uint32_t left = shape_.slots() - offset;
      const uint32_t most = wanted < left ? wanted : left;
      state = states[0].load(std::memory_order_acquire);
      for (count = 1; count < most && state == kReady; count++) {
        if (states[count].load(std::memory_order_acquire) != kReady) break;
      }
    }
    if (state == kEmpty) {
      // Nobody has sent it yet, unless others have gone on since.
      const uint64_t again = head_.load(std::memory_order_relaxed);
      if (again == position) return {};
      position = again;
      continue;
    }
    if (!head_.compare_exchange_weak(position, position + count, std::memory_order_relaxed)) {
      continue;
    }
    if (state == kReady) return RunAt(block, offset, count);
    Retire(block, 1);
    position = head_.load(std::memory_order_relaxed);
  }
}

bool SegmentList::HasMessage() const {
  uint64_t position = head_.load(std::memory_order_relaxed);
  for (;;) {
    const uint64_t chunk = position >> shape_.slot_shift;
    const uint64_t entry = Entry(chunk).load(std::memory_order_acquire);
    const auto offset = static_cast<uint32_t>(position) & (shape_.slots() - 1);
    const bool sent = IsOf(entry, chunk) &&
                      States(BlockOf(entry))[offset].load(std::memory_order_acquire) != kEmpty;
    const uint64_t again = head_.load(std::memory_order_relaxed);
    if (again == position) return sent;
    position = again;
  }
}

void SegmentList::Retire(uint32_t block, uint32_t count) {
  const uint32_t done = HeadOf(block).done.fetch_add(count, std::memory_order_acq_rel) + count;
  if (done < shape_.slots()) return;
  const FutexLockGuard guard(lock_);
  Free()[free_++] = block;
  if (free_ - cold_ > kWarm) Discard(Block(Free()[cold_++]), block_bytes_);
}

uint32_t SegmentList::blocks_in_use() const {
  const FutexLockGuard guard(lock_);
  return fresh_ - free_;
}

}  // namespace moirai
