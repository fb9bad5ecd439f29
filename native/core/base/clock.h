// Monotonic time in nanoseconds; served by the vDSO, some 20 ns.
#pragma once

#include <time.h>

#include <cstdint>

namespace moirai {

inline uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace moirai
