// Numbers that can be redeemed once: for what must be taken by exactly one of several threads, or
// be cleared away by the one that gave it, whoever is first. Taking may fail: then the number is
// held while it is tried, which to others looks like redeemed, and is good again if it was in vain.
//
// A number is a place in a table and the place's generation, which is odd while the number is out.
// A place is used again with the next generation, so an old number is never good again: not within
// 2^21 uses of one place. Where generations begin depends on the table's address: another copy of
// this library in the process has other numbers, and does not take ours for its own. All under one
// lock, held for a few instructions; the table never shrinks and lives as long as the process.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "core/sync/futex_lock.h"

namespace moirai {

class Tickets {
 public:
  constexpr Tickets() = default;
  Tickets(const Tickets&) = delete;
  Tickets& operator=(const Tickets&) = delete;

  // Never 0; 0 where no memory is left.
  uint64_t Issue() {
    const FutexLockGuard guard(lock_);
    if (free_ == kNone && !Grow()) return 0;
    const uint32_t index = free_;
    Place& place = places_[index];
    free_ = place.next_free;
    place.held = false;
    place.generation = (place.generation + 1) & kGenerations;
    return (uint64_t{place.generation} << kIndexBits) | index;
  }

  // True once for a number.
  bool Redeem(uint64_t ticket) {
    const FutexLockGuard guard(lock_);
    Place* const place = Find(ticket);
    if (place == nullptr || place->held) return false;
    Free(place);
    return true;
  }

  // True for one at a time, who has to Settle it then.
  bool Hold(uint64_t ticket) {
    const FutexLockGuard guard(lock_);
    Place* const place = Find(ticket);
    if (place == nullptr || place->held) return false;
    place->held = true;
    return true;
  }

  // By its holder. `redeemed`: it was, else it is good again.
  void Settle(uint64_t ticket, bool redeemed) {
    const FutexLockGuard guard(lock_);
    Place* const place = Find(ticket);
    if (place == nullptr || !place->held) return;
    place->held = false;
    if (redeemed) Free(place);
  }

 private:
  struct Place {
    uint32_t generation;
    uint32_t next_free;
    bool held;
  };

  // Null: the number is not out.
  Place* Find(uint64_t ticket) const {
    const auto index = static_cast<uint32_t>(ticket & ((uint64_t{1} << kIndexBits) - 1));
    const uint64_t generation = ticket >> kIndexBits;
    if (index >= count_ || (generation & 1) == 0) return nullptr;
    return places_[index].generation == generation ? &places_[index] : nullptr;
  }
  void Free(Place* place) {
    place->generation = (place->generation + 1) & kGenerations;
    place->next_free = free_;
    free_ = static_cast<uint32_t>(place - places_);
  }

  // Even, and far from that of a table some pages away.
  uint32_t FirstGeneration() const {
    const uint64_t address = reinterpret_cast<uintptr_t>(this) >> 4;
    return static_cast<uint32_t>((address * 0x9E3779B97F4A7C15U) >> 43) << 1 & kGenerations;
  }

  bool Grow() {
    const uint32_t count = count_ == 0 ? 64 : 2 * count_;
    if (count > (1U << 30)) return false;
    auto* const places = static_cast<Place*>(std::realloc(places_, count * sizeof(Place)));
    if (places == nullptr) return false;
    places_ = places;
    const uint32_t first = FirstGeneration();
    for (uint32_t i = count_; i < count; i++) {
      places_[i] = {first, i + 1 < count ? i + 1 : kNone, false};
    }
    free_ = count_;
    count_ = count;
    return true;
  }

  // Together 53 bits: a ticket is a number in JavaScript.
  static constexpr uint32_t kIndexBits = 31;
  static constexpr uint32_t kGenerations = (1U << 22) - 1;
  static constexpr uint32_t kNone = ~0U;

  FutexLock lock_;
  Place* places_ = nullptr;
  uint32_t count_ = 0;
  uint32_t free_ = kNone;
};

}  // namespace moirai
