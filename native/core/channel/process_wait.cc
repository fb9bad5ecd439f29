#include "core/channel/process_wait.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace moirai {

void ProcessWaitList::Enroll(Waiter& waiter) {
  waiter.enrolled = true;
  seen_ = shared_.sequence.load(std::memory_order_acquire);
  shared_.waiting.fetch_or(bit_, std::memory_order_acq_rel);
}

bool ProcessWaitList::Withdraw(Waiter& waiter) {
  if (!waiter.enrolled) return false;
  waiter.enrolled = false;
  FutexWatcher::Process().Disarm(watch_);
  shared_.waiting.fetch_and(~bit_, std::memory_order_relaxed);
  return shared_.sequence.load(std::memory_order_relaxed) == seen_;
}

void ProcessWaitList::Watch(Waiter& waiter, int* again_ms) {
  if (*again_ms == 0 || *again_ms > kSliceMs) *again_ms = kSliceMs;
  FutexWatcher::Process().Disarm(watch_);  // of an earlier sequence
  watch_.parker = waiter.parker;
  // Where nobody can watch, the slices do.
  FutexWatcher::Process().Arm(watch_, shared_.sequence, seen_);
}

void ProcessWaitList::Sleep(Waiter&, int milliseconds) {
  const int slice = milliseconds < kSliceMs ? milliseconds : kSliceMs;
  // Relative, so by CLOCK_MONOTONIC: nobody sleeps longer because a clock was set.
  const timespec time = {0, slice * 1'000'000L};
  syscall(SYS_futex, &shared_.sequence, FUTEX_WAIT, seen_, &time, nullptr, 0);
}

}  // namespace moirai
