#include "core/realtime/native_loop.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/affinity/affinity.h"
#include "core/base/clock.h"
#include "core/realtime/thread_use.h"

namespace moirai {
namespace {

// True: the word is not `value` any more.
bool WaitWhile(const FutexWord& word, uint32_t value, uint64_t ns) {
  const uint64_t end = NowNs() + ns;
  while (word.load(std::memory_order_acquire) == value) {
    const uint64_t now = NowNs();
    if (now >= end) return false;
    FutexWait(word, value, end - now, true);
  }
  return true;
}

}  // namespace

NativeLoop::NativeLoop(TickRecord& record, TickSchedule::Order order, const Wishes& wishes)
    : record_(&record), wishes_(wishes), schedule_(order), account_(record) {
  tick_.size = sizeof(tick_);
  tick_.abi = MOIRAI_ABI;
  tick_.try_send = TrySend;
  tick_.try_receive = TryReceive;
  tick_.adjust = Adjust;
  tick_.reserved = this;
}

void NativeLoop::Run() {
  // Signals are for threads that wait for them, and cost a tick some microseconds.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  prctl(PR_SET_NAME, "moirai-native", 0, 0, 0);
  void* locked = nullptr;
  if (wishes_.lock_stack > 0) asked_.lock_error = LockStack(wishes_.lock_stack, &locked);
  if (!Ask()) return;
  uint32_t seen = ~0U;
  while (ending_.load(std::memory_order_acquire) == 0) {
    const uint32_t knocks = knocks_.load(std::memory_order_acquire);
    if (knocks != seen) LookAround();
    seen = knocks;
    const uint64_t now = NowNs();
    const int slot = schedule_.Pick(now);
    if (slot >= 0) {
      if (!Tick(static_cast<uint32_t>(slot), now)) return;
      continue;
    }
    const uint64_t next = schedule_.NextRelease();
    if (next == UINT64_MAX) {
      FutexWait(knocks_, seen, kIdleNs, true);
    } else if (next - now <= wishes_.spin_ns) {
      SpinUntil(next);
    } else {
      const uint64_t wake = next - wishes_.spin_ns;
      const uint64_t latest = now + kSliceNs;
      SleepUntil(wake < latest ? wake : latest);
    }
  }
  for (uint32_t slot = 0; slot < TickSchedule::kMaxTasks; slot++) {
    const SlotState state = slots_[slot].state.load(std::memory_order_acquire);
    if (state == SlotState::kGiven || state == SlotState::kTicking) {
      LetGo(slot, TickState::kStopped);
    }
  }
  record_->gone.store(1, std::memory_order_release);
  if (locked != nullptr) UnlockStack(locked, wishes_.lock_stack);
  over_.store(1, std::memory_order_release);
  FutexWake(over_, 1, true);
}

// The policy last: what comes before is no work for a real-time thread.
bool NativeLoop::Ask() {
  asked_.thread = static_cast<int>(syscall(SYS_gettid));
  if (wishes_.cpu >= 0) {
    CpuSet only;
    only.Add(static_cast<unsigned>(wishes_.cpu));
    asked_.cpu_error = SetAffinity(only);
  }
  // Without a real-time policy the kernel delays wake-ups by 50 us to join them with others.
  SetTimerSlack(1);
  asked_.timer_slack = GetTimerSlack();
  asked_.policy_error = SetSchedPolicy(wishes_.policy);
  uint32_t nobody = kAsking;
  const bool awaited = ready_.compare_exchange_strong(nobody, kReady, std::memory_order_release,
                                                      std::memory_order_relaxed);
  FutexWake(ready_, 1, true);
  return awaited;
}

void NativeLoop::LookAround() {
  // Stored before the knock that was seen.
  const uint64_t window = window_.load(std::memory_order_relaxed);
  if (window != window_set_) account_.SetCpuWindow(window, NowNs());
  window_set_ = window;
  for (uint32_t slot = 0; slot < TickSchedule::kMaxTasks; slot++) {
    Slot& given = slots_[slot];
    const SlotState state = given.state.load(std::memory_order_acquire);
    if (state == SlotState::kTicking && account_.IsStopAsked(slot)) {
      schedule_.Remove(slot);
      LetGo(slot, TickState::kStopped);
    }
    if (state != SlotState::kGiven) continue;
    const uint64_t now = NowNs();
    TickSchedule::Task task = given.task.schedule;
    task.first = TickSchedule::FirstRelease(now, task.period, given.task.phase);
    if (account_.IsStopAsked(slot) || !schedule_.Add(slot, task)) {
      LetGo(slot, TickState::kStopped);
      continue;
    }
    given.state.store(SlotState::kTicking, std::memory_order_relaxed);
    account_.Open(slot, now);
  }
}

bool NativeLoop::Tick(uint32_t slot, uint64_t begin) {
  if (account_.IsStopAsked(slot)) {
    schedule_.Remove(slot);
    LetGo(slot, TickState::kStopped);
    return true;
  }
  NativeTask& task = slots_[slot].task;
  const uint64_t release = schedule_.release(slot);
  running_ = slot;
  tick_.number = account_.Begin(slot, begin);
  tick_.expected_ns = release;
  tick_.actual_ns = begin;
  tick_.memory = task.memory;
  tick_.memory_bytes = task.memory_bytes;
  place_.store(Place::kInTick, std::memory_order_release);
  const int result = task.function(&tick_, task.data);
  Place place = Place::kInTick;
  // Acquires nothing where it fails: all that is left to do is to go.
  if (!place_.compare_exchange_strong(place, Place::kOutside, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
    return false;
  }
  const uint64_t end = NowNs();
  account_.End(slot, release, end);
  for (const std::unique_ptr<RingPort>& port : task.ports) {
    if (port) port->CallBack();
  }
  if (result != 0) {
    slots_[slot].result = result;
    schedule_.Remove(slot);
    LetGo(slot, TickState::kThrew);
    return true;
  }
  const bool follows = schedule_.phase_lock(slot).active();
  int64_t late = 0;
  if (follows && account_.TakeMeasurement(slot, &late)) schedule_.Measure(slot, late);
  const TickSchedule::Outcome outcome = schedule_.Finish(slot, end);
  if (follows) account_.NotePhase(slot, schedule_.phase_lock(slot));
  account_.Note(slot, release, outcome);
  if (outcome.verdict == TickSchedule::Verdict::kOverrun) LetGo(slot, TickState::kOverrun);
  if (outcome.verdict == TickSchedule::Verdict::kTooManyMisses) {
    LetGo(slot, TickState::kTooManyMisses);
  }
  return true;
}

void NativeLoop::LetGo(uint32_t slot, TickState why) {
  account_.Close(slot, why);
  slots_[slot].state.store(SlotState::kOver, std::memory_order_release);
}

// --- what a tick may call

// Null: abandoned.
NativeLoop* NativeLoop::Enter(const moirai_tick* tick) {
  auto* const self = static_cast<NativeLoop*>(tick->reserved);
  Place place = Place::kInTick;
  return self->place_.compare_exchange_strong(place, Place::kInCall, std::memory_order_acq_rel,
                                              std::memory_order_relaxed)
             ? self
             : nullptr;
}

RingPort* NativeLoop::PortOf(uint32_t port) {
  return port < NativeTask::kMaxPorts ? slots_[running_].task.ports[port].get() : nullptr;
}

int NativeLoop::TrySend(const moirai_tick* tick, uint32_t port, const void* message,
                        uint32_t bytes) {
  NativeLoop* const self = Enter(tick);
  if (self == nullptr) return RingPort::kDisconnected;
  RingPort* const ring = self->PortOf(port);
  const int result = ring == nullptr ? RingPort::kMisuse : ring->Send(message, bytes);
  self->Leave();
  return result;
}

int NativeLoop::TryReceive(const moirai_tick* tick, uint32_t port, void* message, uint32_t bytes) {
  NativeLoop* const self = Enter(tick);
  if (self == nullptr) return RingPort::kDisconnected;
  RingPort* const ring = self->PortOf(port);
  const int result = ring == nullptr ? RingPort::kMisuse : ring->Receive(message, bytes);
  self->Leave();
  return result;
}

void NativeLoop::Adjust(const moirai_tick* tick, int64_t late) {
  // The schedule is the thread's own; abandoned or not, nobody else looks at it.
  auto* const self = static_cast<NativeLoop*>(tick->reserved);
  self->schedule_.Measure(self->running_, late);
}

// --- the owner's side

bool NativeLoop::WaitUntilReady(uint64_t ns) {
  if (WaitWhile(ready_, kAsking, ns)) return true;
  uint32_t late = kAsking;
  return !ready_.compare_exchange_strong(late, kGivenUp, std::memory_order_acquire,
                                         std::memory_order_acquire);
}

void NativeLoop::Give(uint32_t slot, NativeTask&& task) {
  Slot& place = slots_[slot];
  place.task = static_cast<NativeTask&&>(task);
  place.result = 0;
  place.state.store(SlotState::kGiven, std::memory_order_release);
  Knock();
}

void NativeLoop::SetCpuWindow(uint64_t ns) {
  window_.store(ns, std::memory_order_relaxed);
  Knock();
}

void NativeLoop::Knock() {
  knocks_.fetch_add(1, std::memory_order_release);
  FutexWake(knocks_, 1, true);
}

bool NativeLoop::TakeBack(uint32_t slot, int* result) {
  Slot& place = slots_[slot];
  if (place.state.load(std::memory_order_acquire) != SlotState::kOver) return false;
  *result = place.result;
  place.task = NativeTask();
  place.state.store(SlotState::kFree, std::memory_order_relaxed);
  return true;
}

void NativeLoop::End() {
  ending_.store(1, std::memory_order_release);
  Knock();
}

bool NativeLoop::WaitUntilOver(uint64_t ns) { return WaitWhile(over_, 0, ns); }

bool NativeLoop::Abandon() {
  Place place = Place::kInTick;
  if (!place_.compare_exchange_strong(place, Place::kAbandoned, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
    return place == Place::kAbandoned;
  }
  for (uint32_t slot = 0; slot < TickSchedule::kMaxTasks; slot++) {
    if (slots_[slot].state.load(std::memory_order_relaxed) == SlotState::kFree) continue;
    account_.Close(slot, TickState::kStopped);
    slots_[slot].state.store(SlotState::kOver, std::memory_order_relaxed);
  }
  return true;
}

}  // namespace moirai
