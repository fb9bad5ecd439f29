// What becomes of messages that nobody can receive any more, where they stand for something.
#pragma once

#include <cstdint>

namespace moirai {

class Undelivered {
 public:
  virtual ~Undelivered() = default;
  // `message`: one that was never received, or a slot in which none was finished; each any number
  // of times. Whatever else lies there must do no harm.
  virtual void Discard(const uint8_t* message) = 0;
};

}  // namespace moirai
