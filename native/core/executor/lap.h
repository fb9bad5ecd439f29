// How an entry of a ring says by itself that it is there: beside the slot index it holds the lap in
// which it was written, so that readers poll the entry and not a shared index as well.
//
// On a hot path that is one cache line between two threads instead of two. Entries begin as zero; the
// first lap is 1. Laps repeat after 4,096 turns of the ring: a reader would have to hold one position
// for that long to mistake an entry, and in the injector its compare-exchange would still fail.
#pragma once

#include <cstdint>

namespace moirai {

class Lap {
 public:
  static constexpr uint32_t kSlotBits = 20;
  static constexpr uint32_t kMaxSlots = 1U << kSlotBits;

  // `capacity_bits`: the ring has 2^capacity_bits entries; `position` counts from 0 for ever.
  static constexpr uint32_t Entry(uint64_t position, uint32_t capacity_bits, uint32_t slot) {
    return Of(position, capacity_bits) << kSlotBits | slot;
  }
  static constexpr bool IsAt(uint32_t entry, uint64_t position, uint32_t capacity_bits) {
    return entry >> kSlotBits == Of(position, capacity_bits);
  }
  static constexpr uint32_t SlotOf(uint32_t entry) { return entry & (kMaxSlots - 1); }

 private:
  static constexpr uint32_t Of(uint64_t position, uint32_t capacity_bits) {
    return static_cast<uint32_t>((position >> capacity_bits) + 1) & ((1U << (32 - kSlotBits)) - 1);
  }
};

}  // namespace moirai
