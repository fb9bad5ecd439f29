// Slots that lie one behind the other in a channel's memory.
#pragma once

#include <cstdint>

namespace moirai {

struct SlotRun {
  uint8_t* first = nullptr;  // the first slot's message
  uint32_t count = 0;
};

}  // namespace moirai
