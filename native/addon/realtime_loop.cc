#include "addon/realtime_loop.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <new>

#include "addon/args.h"
#include "addon/module.h"
#include "addon/tick_numbers.h"
#include "core/base/clock.h"

namespace moirai::addon {
namespace {

RealtimeLoop* This(void* data) { return static_cast<RealtimeLoop*>(data); }

double Micros(uint64_t ns) { return static_cast<double>(ns) / 1000; }

}  // namespace

napi_value RealtimeLoop::Open(napi_env env, napi_callback_info info) {
  const Args<6> args(env, info);
  std::size_t bytes = 0;
  std::size_t numbers = 0;
  auto* const memory = args.Elements<uint8_t>(0, &bytes);
  auto* const times = args.Elements<double>(1, &numbers);
  if (memory == nullptr || bytes < sizeof(TickRecord) || times == nullptr || numbers < kTimes ||
      reinterpret_cast<uintptr_t>(memory) % alignof(TickRecord) != 0) {
    napi_throw_range_error(env, "ERR_MOIRAI_CORRUPT", "memory that holds no record of ticks");
    return nullptr;
  }
  const auto order = args.Bool(3) ? TickSchedule::Order::kPeriod : TickSchedule::Order::kDeadline;
  auto* const self =
      new (std::nothrow) RealtimeLoop(env, reinterpret_cast<TickRecord*>(memory), times,
                                      args.Bool(2), order, static_cast<uint64_t>(args.Double(5)));
  if (self == nullptr || !(self->exclusive_ || self->OpenTimer())) {
    delete self;
    napi_throw_error(env, "ERR_MOIRAI_SYSTEM", "timerfd: no descriptor to wait on");
    return nullptr;
  }
  napi_create_reference(env, args.values[0], 1, &self->memory_);
  napi_create_reference(env, args.values[1], 1, &self->times_array_);
  napi_create_reference(env, args.values[4], 1, &self->on_end_);
  napi_add_async_cleanup_hook(env, OnCleanup, self, &self->cleanup_);
  napi_value object;
  napi_create_object(env, &object);
  SetFunction(env, object, "add", Add, self);
  SetFunction(env, object, "remove", Remove, self);
  SetFunction(env, object, "run", Run, self);
  SetFunction(env, object, "setCpuWindow", SetCpuWindow, self);
  SetFunction(env, object, "noteCollection", NoteCollection, self);
  SetFunction(env, object, "lockStack", LockStackOf, self);
  return object;
}

bool RealtimeLoop::OpenTimer() {
  uv_loop_t* loop = nullptr;
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (timer_ < 0) return false;
  if (napi_get_uv_event_loop(env_, &loop) != napi_ok || uv_poll_init(loop, &poll_, timer_) != 0) {
    close(timer_);
    return false;
  }
  poll_.data = this;
  uv_poll_start(&poll_, UV_READABLE, OnTimer);
  uv_unref(reinterpret_cast<uv_handle_t*>(&poll_));
  uv_prepare_init(loop, &prepare_);
  prepare_.data = this;
  uv_prepare_start(&prepare_, OnPrepare);
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
  return true;
}

// add(slot, function, numbers): a task from its next release on; false: it cannot be. `numbers`:
// period, phase and deadline in ns, what to do on an overrun, late ticks to keep, m, k; of the
// phase lock ticks to settle, largest step and rate, tolerance.
napi_value RealtimeLoop::Add(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  RealtimeLoop* const self = This(args.data);
  const uint32_t slot = args.Uint32(0);
  std::size_t length = 0;
  const auto* const numbers = args.Elements<double>(2, &length);
  if (numbers == nullptr || length < kTaskNumbers) return Boolean(env, false);
  TickSchedule::Task task = TaskOf(numbers);
  if (task.period == 0) return Boolean(env, false);
  const uint64_t now = NowNs();
  task.first = TickSchedule::FirstRelease(now, task.period, static_cast<uint64_t>(numbers[1]));
  if (!self->schedule_.Add(slot, task)) return Boolean(env, false);
  napi_create_reference(env, args.values[1], 1, &self->functions_[slot]);
  self->account_.Open(slot, now);
  if (!self->exclusive_) self->Arm();
  return Boolean(env, true);
}

napi_value RealtimeLoop::Remove(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  RealtimeLoop* const self = This(args.data);
  const uint32_t slot = args.Uint32(0);
  if (self->schedule_.Has(slot)) {
    self->schedule_.Remove(slot);
    self->Forget(slot, TickState::kStopped);
  }
  return nullptr;
}

void RealtimeLoop::Forget(uint32_t slot, TickState why) {
  account_.Close(slot, why);
  napi_delete_reference(env_, functions_[slot]);
  functions_[slot] = nullptr;
}

// run(): ticks for at most a slice; false: there is no task.
napi_value RealtimeLoop::Run(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  return Boolean(env, This(args.data)->RunSlice());
}

bool RealtimeLoop::RunSlice() {
  const uint64_t begin = NowNs();
  account_.EventLoopEnds(begin);
  for (uint64_t now = begin; !ending_; now = NowNs()) {
    const int slot = schedule_.Pick(now);
    if (slot >= 0) {
      if (!Tick(static_cast<uint32_t>(slot), now)) return false;
      // Also with ticks that are always late: the event loop gets its turn.
      if (account_.last_end() - begin >= kSliceNs) return true;
      continue;
    }
    const uint64_t next = schedule_.NextRelease();
    if (next == UINT64_MAX) return false;
    const uint32_t control = record_->control.load(std::memory_order_acquire);
    if (control != control_) {
      control_ = control;
      return true;
    }
    if (next - now <= spin_ns_) {
      SpinUntil(next);
      continue;
    }
    const uint64_t used = now - begin;
    const uint64_t wake = next - spin_ns_;
    if (used >= kSliceNs || (used >= kSliceNs / 2 && wake - now >= kTurnNs)) return true;
    const uint64_t latest = begin + kSliceNs;
    SleepUntil(wake < latest ? wake : latest);
  }
  return false;
}

bool RealtimeLoop::Tick(uint32_t slot, uint64_t begin) {
  if (account_.IsStopAsked(slot)) {
    schedule_.Remove(slot);
    Forget(slot, TickState::kStopped);
    return true;
  }
  const uint64_t release = schedule_.release(slot);
  const uint64_t number = account_.Begin(slot, begin);
  times_[0] = Micros(release);
  times_[1] = Micros(begin);
  times_[2] = static_cast<double>(number);
  times_[4] = 0;
  const bool called = CallTick(slot);
  const uint64_t end = NowNs();
  if (!called) return false;
  account_.End(slot, release, end);
  // It has ended by itself, by throwing or by a stop that it asked for.
  if (!schedule_.Has(slot)) return true;
  const bool follows = schedule_.phase_lock(slot).active();
  if (follows) TakeMeasurement(slot);
  const TickSchedule::Outcome outcome = schedule_.Finish(slot, end);
  if (follows) account_.NotePhase(slot, schedule_.phase_lock(slot));
  account_.Note(slot, release, outcome);
  if (outcome.verdict == TickSchedule::Verdict::kGoOn) return true;
  const TickState why = outcome.verdict == TickSchedule::Verdict::kOverrun
                            ? TickState::kOverrun
                            : TickState::kTooManyMisses;
  Forget(slot, why);
  return Ended(slot, why, nullptr);
}

void RealtimeLoop::TakeMeasurement(uint32_t slot) {
  int64_t late = 0;
  if (account_.TakeMeasurement(slot, &late)) schedule_.Measure(slot, late);
  if (times_[4] != 0) schedule_.Measure(slot, static_cast<int64_t>(times_[3] * 1000));
}

bool RealtimeLoop::CallTick(uint32_t slot) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(env_, &scope) != napi_ok) return false;
  napi_value function;
  napi_value receiver;
  napi_get_reference_value(env_, functions_[slot], &function);
  napi_get_global(env_, &receiver);
  // In cooperative mode microtasks run after each tick, as after any callback of the event loop.
  const napi_status status =
      exclusive_ ? napi_call_function(env_, receiver, function, 0, nullptr, nullptr)
                 : napi_make_callback(env_, nullptr, receiver, function, 0, nullptr, nullptr);
  bool alive = status == napi_ok;
  bool pending = false;
  napi_value error = nullptr;
  if (!alive && napi_is_exception_pending(env_, &pending) == napi_ok && pending &&
      napi_get_and_clear_last_exception(env_, &error) == napi_ok) {
    schedule_.Remove(slot);
    // A thread that is being terminated throws as well, and runs nothing any more: then the task is
    // not over by itself.
    alive = Ended(slot, TickState::kRunning, nullptr);
    if (alive) {
      Forget(slot, TickState::kThrew);
      alive = Ended(slot, TickState::kThrew, error);
    }
  }
  napi_close_handle_scope(env_, scope);
  if (!alive) ending_ = true;
  return alive;
}

bool RealtimeLoop::Ended(uint32_t slot, TickState why, napi_value error) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(env_, &scope) != napi_ok) return false;
  napi_value function;
  napi_value receiver;
  napi_get_reference_value(env_, on_end_, &function);
  napi_get_global(env_, &receiver);
  napi_value arguments[3] = {Integer(env_, static_cast<int32_t>(slot)),
                             Integer(env_, static_cast<int32_t>(why)), error};
  if (error == nullptr) napi_get_undefined(env_, &arguments[2]);
  const bool told = napi_call_function(env_, receiver, function, 3, arguments, nullptr) == napi_ok;
  napi_close_handle_scope(env_, scope);
  if (!told) ending_ = true;
  return told;
}

// --- cooperative

void RealtimeLoop::Arm() {
  const uint64_t next = schedule_.NextRelease();
  itimerspec when = {};
  if (next != UINT64_MAX && !ending_) {
    // 0 would disarm it.
    const uint64_t at = next <= spin_ns_ ? 1 : next - spin_ns_;
    when.it_value.tv_sec = static_cast<time_t>(at / 1'000'000'000U);
    when.it_value.tv_nsec = static_cast<long>(at % 1'000'000'000U);
  }
  timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
}

void RealtimeLoop::OnPrepare(uv_prepare_t* handle) {
  This(handle->data)->account_.EventLoopEnds(NowNs());
}

void RealtimeLoop::OnTimer(uv_poll_t* handle, int, int) {
  auto* const self = This(handle->data);
  const uint64_t begin = NowNs();
  for (uint64_t now = begin; !self->ending_ && now - begin < kBurstNs; now = NowNs()) {
    const int slot = self->schedule_.Pick(now);
    if (slot >= 0) {
      if (!self->Tick(static_cast<uint32_t>(slot), now)) break;
      continue;
    }
    const uint64_t next = self->schedule_.NextRelease();
    if (next - now > self->spin_ns_) break;
    SpinUntil(next);
  }
  // Nothing reads the expirations: setting the timer again forgets them (timerfd_create(2)), and so
  // costs no second system call.
  self->Arm();
}

// --- the rest

// setCpuWindow(ns): misses have the CPU time of so long before their end; 0: not.
napi_value RealtimeLoop::SetCpuWindow(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  RealtimeLoop* const self = This(args.data);
  self->account_.SetCpuWindow(static_cast<uint64_t>(args.Double(0)), NowNs());
  return nullptr;
}

// noteCollection(begin, end, kind): a garbage collection of this isolate, in ns.
napi_value RealtimeLoop::NoteCollection(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  const uint64_t numbers[CollectionRecord::kNumbers] = {
      static_cast<uint64_t>(args.Double(0)), static_cast<uint64_t>(args.Double(1)), args.Uint32(2)};
  This(args.data)->record_->collections.Write(numbers);
  return nullptr;
}

// lockStack(bytes): 0 or the errno; until the thread ends.
napi_value RealtimeLoop::LockStackOf(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  RealtimeLoop* const self = This(args.data);
  if (self->locked_stack_ != nullptr) return Integer(env, 0);
  const std::size_t bytes = args.Uint32(0);
  void* from = nullptr;
  const int error = LockStack(bytes, &from);
  if (error == 0) {
    self->locked_stack_ = from;
    self->locked_bytes_ = bytes;
  }
  return Integer(env, error);
}

void RealtimeLoop::OnCleanup(napi_async_cleanup_hook_handle, void* data) {
  auto* const self = This(data);
  self->ending_ = true;
  self->record_->gone.store(1, std::memory_order_release);
  // The C library keeps stacks for threads to come.
  if (self->locked_stack_ != nullptr) UnlockStack(self->locked_stack_, self->locked_bytes_);
  if (self->exclusive_) {
    napi_remove_async_cleanup_hook(self->cleanup_);
    delete self;
  } else {
    uv_close(reinterpret_cast<uv_handle_t*>(&self->prepare_), OnPrepareClosed);
  }
}

void RealtimeLoop::OnPrepareClosed(uv_handle_t* handle) {
  uv_close(reinterpret_cast<uv_handle_t*>(&This(handle->data)->poll_), OnClosed);
}

void RealtimeLoop::OnClosed(uv_handle_t* handle) {
  auto* const self = This(handle->data);
  close(self->timer_);
  napi_remove_async_cleanup_hook(self->cleanup_);
  delete self;
}

}  // namespace moirai::addon
