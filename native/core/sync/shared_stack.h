// A stack of values of one size, in memory that threads or processes share; lock-free.
//
//   header | head of the free nodes | head of the stack | links | values
//
// A node is free, in the stack, or in the hands of one push or pop. Both lists are Treiber stacks
// with numbered heads (core/memory/free_list.h, where ABA and the orders are argued) over the same
// links, as a node is never in both: push takes a node from the free ones, writes the value, and
// gives it to the stack; pop is the same the other way round. So the writer's value happens before
// Give's release, which Take's acquire of the other side pairs with, in both directions.
//
// A thread killed inside a push or a pop leaves both lists whole: what it had in its hands, one
// node, belongs to nobody from then on. That makes the capacity one less; the value of a push did
// not arrive, that of a pop is gone with its receiver. `size` may be off by one for each of them.
//
// Numbers from shared memory are checked against the capacity that this side was opened with, so
// memory that somebody wrote over gives kCorrupt or a wrong value, never an access outside.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

#include "core/memory/free_list.h"

namespace moirai {

class SharedStack {
 public:
  enum class Result : uint8_t { kDone, kNothing, kCorrupt };
  static constexpr uint32_t kMaxCapacity = FreeList::kMaxBlocks;
  static constexpr uint32_t kMaxValueBytes = 1 << 20;

  // Of the memory; 0 for what cannot be.
  static uint64_t BytesFor(uint32_t capacity, uint32_t value_bytes) {
    if (capacity == 0 || capacity > kMaxCapacity || value_bytes == 0 ||
        value_bytes > kMaxValueBytes) {
      return 0;
    }
    return ValuesAt(capacity) + uint64_t{capacity} * StrideOf(value_bytes);
  }

  // Zeros are an empty stack of what `BytesFor` was asked for. `memory` is 64-byte aligned. False:
  // it is too small, or holds a stack of another shape or nothing of the kind.
  bool Open(uint8_t* memory, uint64_t bytes, uint32_t capacity, uint32_t value_bytes) {
    const uint64_t needed = BytesFor(capacity, value_bytes);
    if (needed == 0 || bytes < needed || reinterpret_cast<uintptr_t>(memory) % 64 != 0) {
      return false;
    }
    header_ = reinterpret_cast<Header*>(memory);
    const uint64_t shape = uint64_t{capacity} << 32 | value_bytes;
    uint64_t found = 0;
    // Whoever is first says what it is; everything else begins as zeros.
    if (!header_->shape.compare_exchange_strong(found, shape, std::memory_order_acq_rel,
                                                std::memory_order_acquire) &&
        found != shape) {
      return false;
    }
    uint64_t kind = 0;
    if (!header_->kind.compare_exchange_strong(kind, kKind, std::memory_order_acq_rel,
                                               std::memory_order_acquire) &&
        kind != kKind) {
      return false;
    }
    auto* const links = reinterpret_cast<FreeList::Link*>(memory + sizeof(Header));
    free_ = FreeList(&header_->free, links, capacity);
    // No node is ever fresh in the stack itself.
    header_->full.fresh.store(capacity, std::memory_order_relaxed);
    full_ = FreeList(&header_->full, links, capacity);
    values_ = memory + ValuesAt(capacity);
    stride_ = StrideOf(value_bytes);
    value_bytes_ = value_bytes;
    return true;
  }

  uint32_t capacity() const { return free_.blocks(); }
  uint32_t value_bytes() const { return value_bytes_; }

  // `bytes` is at most the size of a value; shorter ones keep their length.
  Result Push(const void* value, uint32_t bytes) {
    uint32_t node = 0;
    const Result taken = One(free_.Take(&node, 1));
    if (taken != Result::kDone) return taken;
    uint8_t* const place = values_ + uint64_t{node - 1} * stride_;
    std::memcpy(place, &bytes, sizeof(bytes));
    if (bytes != 0) std::memcpy(place + kLengthBytes, value, bytes);
    header_->size.fetch_add(1, std::memory_order_relaxed);
    full_.Give(&node, 1);
    return Result::kDone;
  }

  // `value` has room for the size of a value.
  Result Pop(void* value, uint32_t* bytes) {
    uint32_t node = 0;
    const Result taken = One(full_.Take(&node, 1));
    if (taken != Result::kDone) return taken;
    const uint8_t* const place = values_ + uint64_t{node - 1} * stride_;
    std::memcpy(bytes, place, sizeof(*bytes));
    const bool whole = *bytes <= value_bytes_;
    if (whole) std::memcpy(value, place + kLengthBytes, *bytes);
    header_->size.fetch_sub(1, std::memory_order_relaxed);
    free_.Give(&node, 1);
    return whole ? Result::kDone : Result::kCorrupt;
  }

  // About how many there are: others push and pop meanwhile.
  uint32_t Size() const {
    const int32_t size = header_->size.load(std::memory_order_relaxed);
    if (size < 0) return 0;
    const auto count = static_cast<uint32_t>(size);
    return count < capacity() ? count : capacity();
  }

 private:
  static constexpr uint64_t kKind = 0x31'6b'74'73'72'69'6f'6d;  // "moirstk1"
  static constexpr uint64_t kLengthBytes = 8;                   // keeps values aligned

  struct Header {
    std::atomic<uint64_t> kind;
    std::atomic<uint64_t> shape;  // capacity << 32 | bytes of a value
    alignas(64) FreeList::Head free;
    alignas(64) FreeList::Head full;
    alignas(64) std::atomic<int32_t> size;
  };

  static constexpr uint64_t StrideOf(uint32_t value_bytes) {
    return kLengthBytes + (uint64_t{value_bytes} + 7) / 8 * 8;
  }
  static constexpr uint64_t ValuesAt(uint32_t capacity) {
    return (sizeof(Header) + uint64_t{capacity} * sizeof(FreeList::Link) + 63) / 64 * 64;
  }
  static Result One(uint32_t taken) {
    if (taken == FreeList::kCorrupt) return Result::kCorrupt;
    return taken == 1 ? Result::kDone : Result::kNothing;
  }

  Header* header_ = nullptr;
  FreeList free_;
  FreeList full_;
  uint8_t* values_ = nullptr;
  uint64_t stride_ = 0;
  uint32_t value_bytes_ = 0;
};

}  // namespace moirai
