// Threads of one process that wait for something to happen to a channel, first come, first called.
//
// A waiter enrolls, looks once more, and sleeps; whoever changed something for it calls. Neither
// can miss the other: Enroll and Call both read-modify-write `count_`. If Call's comes first,
// Enroll's acquires it and all that was done before, so the waiter's look finds it. If Enroll's
// comes first, Call reads the count and calls.
//
// Threads: any. A waiter belongs to one thread, which alone enrolls and withdraws it.
// Memory ordering: as said; the list is under the lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"
#include "core/channel/wait_list.h"
#include "core/sync/futex_lock.h"

namespace moirai {

class WaitSet final : public WaitList {
 public:
  void Enroll(Waiter& waiter) override {
    const FutexLockGuard guard(lock_);
    if (waiter.enrolled) return;
    waiter.enrolled = true;
    waiter.next = nullptr;
    *last_ = &waiter;
    last_ = &waiter.next;
    count_.fetch_add(1, std::memory_order_acq_rel);
  }

  bool Withdraw(Waiter& waiter) override {
    const FutexLockGuard guard(lock_);
    if (!waiter.enrolled) return false;
    Waiter** link = &first_;
    while (*link != &waiter) link = &(*link)->next;
    Unlink(link);
    return true;
  }

  bool Any() const override { return count_.load(std::memory_order_relaxed) > 0; }

  void Call(uint32_t count) override {
    if (count_.fetch_add(0, std::memory_order_acq_rel) == 0) return;
    const FutexLockGuard guard(lock_);
    CallFirst(count);
  }

  bool TryCall(uint32_t count) override {
    if (count_.fetch_add(0, std::memory_order_acq_rel) == 0) return true;
    if (!lock_.TryLock()) return false;
    CallFirst(count);
    lock_.Unlock();
    return true;
  }

 private:
  void CallFirst(uint32_t count) {
    for (; count > 0 && first_ != nullptr; count--) {
      Waiter& waiter = *first_;
      Unlink(&first_);
      waiter.parker->Signal();
    }
  }

  void Unlink(Waiter** link) {
    Waiter& waiter = **link;
    *link = waiter.next;
    if (last_ == &waiter.next) last_ = link;
    waiter.enrolled = false;
    count_.fetch_sub(1, std::memory_order_relaxed);
  }

  alignas(kFalseSharingBytes) std::atomic<uint32_t> count_{0};
  FutexLock lock_;
  Waiter* first_ = nullptr;
  Waiter** last_ = &first_;
};

}  // namespace moirai
