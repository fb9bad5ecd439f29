// Stands before core/base/clock.h in the simulator's include path: the time of the simulated
// thread.
#pragma once

#include <cstdint>

namespace moirai {

namespace sim {
uint64_t ReadClock();
}

inline uint64_t NowNs() { return sim::ReadClock(); }

}  // namespace moirai
