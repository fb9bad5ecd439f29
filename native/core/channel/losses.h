// What is known of ends of a channel that died without closing.
#pragma once

#include <cstdint>

namespace moirai {

struct Losses {
  uint32_t senders = 0;
  uint32_t receivers = 0;
  uint32_t messages = 0;  // committed, taken by an end that died before it released them

  bool any() const { return (senders | receivers | messages) != 0; }
};

}  // namespace moirai
