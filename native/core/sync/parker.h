// Sleep and wake of one thread's event loop, through an eventfd.
//
// The thread waits for the descriptor to become readable, in its event loop or in Wait. Any thread
// may Signal at any time, also when the sleeper's loop is long gone: the descriptor lives as long as
// the last reference to the parker, so no wake can meet a closed handle.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"
#include "core/base/ref.h"

namespace moirai {

class Parker : public RefCounted<Parker> {
 public:
  Parker() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  Parker(const Parker&) = delete;
  Parker& operator=(const Parker&) = delete;
  ~Parker() {
    if (fd_ >= 0) close(fd_);
  }

  bool ok() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  // The sleeper announces that it will sleep unless it finds something in a last look. The store is
  // seq_cst and stands before that look; a producer's seq_cst store of work stands before its load
  // in Unpark: one of the two sees the other.
  void Park() { parked_.store(1, std::memory_order_seq_cst); }
  void CancelPark() { parked_.store(0, std::memory_order_relaxed); }
  bool parked() const { return parked_.load(std::memory_order_relaxed) != 0; }

  // Called after work was published with a seq_cst store: wakes the thread if it sleeps.
  void Unpark() {
    if (parked_.load(std::memory_order_seq_cst) == 0) return;
    if (parked_.exchange(0, std::memory_order_seq_cst) != 0) Signal();
  }

  void Signal() {
    const uint64_t one = 1;
    // Fails only when the counter is at its maximum, and then the descriptor is readable anyway.
    [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof(one));
  }

  void Drain() {
    uint64_t count;
    [[maybe_unused]] const ssize_t bytes = read(fd_, &count, sizeof(count));
  }

  // Blocks the calling thread until a signal or for `milliseconds`; true: signalled.
  bool Wait(int milliseconds) {
    pollfd entry{fd_, POLLIN, 0};
    return poll(&entry, 1, milliseconds) > 0;
  }

 private:
  alignas(kFalseSharingBytes) std::atomic<uint32_t> parked_{0};
  const int fd_;
};

}  // namespace moirai
