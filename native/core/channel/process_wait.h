// Ends, in any process, that wait for something to happen to a channel.
//
// As in WaitSet, neither a waiter nor a caller can miss the other: Enroll and Call both
// read-modify-write `waiting`. If Call's comes first, Enroll's acquires it and all that was done
// before, so the look that follows finds it. If Enroll's comes first, Call sees the bit, and then
// changes the word on which the waiter sleeps, or refuses to sleep since it read the word before it
// set the bit. Call takes the bits before it changes the word: a bit that is set in between stays
// for the next caller.
//
// All who wait are called, since one of them may die before it acts on it: more than one that wait
// at once are awake for nothing now and then. A caller may die between taking the bits and the
// wake, therefore nobody sleeps longer than kSliceMs without a look.
//
// Memory ordering: as said; `sequence` is released by Call and acquired by Enroll.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/channel/process_segment.h"
#include "core/channel/wait_list.h"
#include "core/sync/futex_watcher.h"

namespace moirai {

inline void CallAll(SharedWaiters& waiters) {
  if (waiters.waiting.fetch_or(0, std::memory_order_acq_rel) == 0) return;
  if (waiters.waiting.exchange(0, std::memory_order_acq_rel) == 0) return;
  waiters.sequence.fetch_add(1, std::memory_order_release);
  FutexWatcher::Wake(waiters.sequence, ~0U);
}

// The waiters of one side, as one end sees them: at most one of them is its own.
class ProcessWaitList final : public WaitList {
 public:
  static constexpr int kSliceMs = 50;

  explicit ProcessWaitList(SharedWaiters& shared) : shared_(shared) {}
  ProcessWaitList(const ProcessWaitList&) = delete;
  ProcessWaitList& operator=(const ProcessWaitList&) = delete;
  ~ProcessWaitList() { Stop(); }

  void SetBit(uint64_t bit) { bit_ = bit; }

  void Enroll(Waiter& waiter) override;
  bool Withdraw(Waiter& waiter) override;
  bool Any() const override { return shared_.waiting.load(std::memory_order_relaxed) != 0; }
  void Call(uint32_t count) override {
    if (count > 0) CallAll(shared_);
  }
  void Watch(Waiter& waiter, int* again_ms) override;
  void Sleep(Waiter& waiter, int milliseconds) override;

  // Before the memory goes.
  void Stop() { FutexWatcher::Process().Disarm(watch_); }

 private:
  SharedWaiters& shared_;
  uint64_t bit_ = 0;
  uint32_t seen_ = 0;  // the sequence as of Enroll
  FutexWatcher::Watch watch_;
};

}  // namespace moirai
