// When to look a little later at how far the other side of a ring has got.
//
// Two threads that are equally fast meet at one end of the ring: it is almost empty, or almost
// full, all the time. Then each message costs both of them a transfer of the line that holds the
// position, and one of the line of the slot, which one writes while the other reads its neighbor. A
// side that has found little may wait for a moment and find much, at the price of one transfer. It
// does so only as long as that has paid: where messages come one at a time, it tries again after
// kLeastRest looks, then after twice as many, up to kMostRest, so that less than one message in a
// hundred is late by it.
//
// One for each side of a ring; not shared between threads. Bounded: kPauses pauses of the CPU, 10
// to 400 ns together.
#pragma once

#include <cstdint>

#include "core/base/cpu.h"

namespace moirai {

class Patience {
 public:
  // As many are not little: with 8 bytes each, 16 lines.
  static constexpr uint32_t kEnough = 128;

  // `found` slots were there to be had; true: look again, and say to Learn how many more there are.
  bool Wait(uint32_t found, uint32_t capacity) {
    if (found == 0 || found >= kEnough || found > capacity / 2) return false;
    if (rest_ > 0) {
      rest_--;
      return false;
    }
    for (int i = 0; i < kPauses; i++) CpuRelax();
    return true;
  }

  void Learn(uint32_t more) {
    if (more >= kWorthIt) {
      failures_ = 0;
      next_rest_ = kLeastRest;
    } else if (++failures_ >= kFailures) {
      failures_ = kFailures - 1;  // the next attempt is one
      rest_ = next_rest_;
      if (next_rest_ < kMostRest) next_rest_ *= 2;
    }
  }

 private:
  static constexpr int kPauses = 8;
  static constexpr uint32_t kWorthIt = 4;
  static constexpr uint32_t kFailures = 2;
  static constexpr uint32_t kLeastRest = 64;
  static constexpr uint32_t kMostRest = 1024;

  uint32_t rest_ = 0;  // looks without waiting
  uint32_t next_rest_ = kLeastRest;
  uint32_t failures_ = 0;
};

}  // namespace moirai
