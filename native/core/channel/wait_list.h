// Who waits at one side of a channel. Channels do not know in which way their ends wait: between
// threads of one process it is a WaitSet.
#pragma once

#include <cstdint>

#include "core/base/ref.h"
#include "core/sync/parker.h"

namespace moirai {

class WaitList {
 public:
  // Belongs to one thread, which alone enrolls and withdraws it.
  struct Waiter {
    Ref<Parker> parker;
    bool enrolled = false;  // the list's own
    Waiter* next = nullptr;
  };

  // Before the last look at what is waited for. Again does nothing.
  virtual void Enroll(Waiter& waiter) = 0;
  // True: nobody had called. False: somebody had; who does not act on it passes it on (Call).
  virtual bool Withdraw(Waiter& waiter) = 0;
  // Somebody may be waiting. Sure to be right for a thread that was called and has withdrawn.
  virtual bool Any() const = 0;
  // Calls up to `count` waiters, those who wait longest. After the change they wait for.
  virtual void Call(uint32_t count) = 0;
  // The same for a thread that must not wait for a lock. False: try again later.
  virtual bool TryCall(uint32_t count) {
    Call(count);
    return true;
  }
  // After the last look: the thread sleeps in its event loop, until the parker is signalled or for
  // `*again_ms` (0: no limit), which may be lowered.
  virtual void Watch(Waiter&, int*) {}
  // After the last look: blocks the thread until it is called, or for at most so long.
  virtual void Sleep(Waiter& waiter, int milliseconds) {
    if (waiter.parker->Wait(milliseconds)) waiter.parker->Drain();
  }

 protected:
  ~WaitList() = default;
};

}  // namespace moirai
