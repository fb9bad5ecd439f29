// Numbers below a limit, each given to one at a time. Under its owner's lock.
#pragma once

#include <cstdint>

namespace moirai {

template <uint32_t kLimit>
class Places {
 public:
  // `kLimit`: none is left.
  uint32_t Take() {
    for (uint32_t word = 0; word < kWords; word++) {
      if (~taken_[word] == 0) continue;
      const auto bit = static_cast<uint32_t>(__builtin_ctzll(~taken_[word]));
      const uint32_t place = word * 64 + bit;
      taken_[word] |= uint64_t{1} << bit;
      if (place >= end_) end_ = place + 1;
      return place;
    }
    return kLimit;
  }
  void Give(uint32_t place) { taken_[place / 64] &= ~(uint64_t{1} << place % 64); }
  bool IsTaken(uint32_t place) const {
    return place < kLimit && (taken_[place / 64] >> place % 64 & 1) != 0;
  }
  // None from here on was ever taken.
  uint32_t end() const { return end_; }

 private:
  static_assert(kLimit % 64 == 0);
  static constexpr uint32_t kWords = kLimit / 64;
  uint64_t taken_[kWords] = {};
  uint32_t end_ = 0;
};

}  // namespace moirai
