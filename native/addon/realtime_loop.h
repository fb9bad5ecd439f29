// The loop of a real-time thread: calls JavaScript functions at their releases.
//
// Exclusive: JavaScript calls `run`, which sleeps to absolute times and calls the ticks directly.
// It comes back in the gap after a tick when half a slice is over, so that the event loop takes one
// turn for messages, timers and garbage collection's reports; and after kSliceNs at the latest,
// without which neither terminate() nor process.exit() would get in (docs/decisions/0005).
// Cooperative: a timerfd in the event loop; messages and I/O go on as ever, and delay ticks.
//
// A tick allocates nothing here: its times are in an array that JavaScript has, its counters in a
// TickRecord. Promises of a tick in exclusive mode go on when `run` has come back.
#pragma once

#include <node_api.h>
#include <uv.h>

#include "core/realtime/tick_account.h"
#include "core/realtime/tick_record.h"
#include "core/realtime/tick_schedule.h"

namespace moirai::addon {

class RealtimeLoop {
 public:
  // openLoop(record, times, exclusive, byPeriod, onEnd, spinNs); one for each environment, until
  // its end.
  static napi_value Open(napi_env env, napi_callback_info info);

 private:
  static constexpr uint64_t kSliceNs = 50'000'000;
  static constexpr uint64_t kTurnNs = 100'000;   // a gap in which a turn of the event loop fits
  static constexpr uint64_t kBurstNs = 500'000;  // cooperative: ticks at a stretch
  // Expected and actual time in µs, number of the tick; from it: how late it was against an outside
  // clock in µs, and whether it said so.
  static constexpr std::size_t kTimes = 5;

  RealtimeLoop(napi_env env, TickRecord* record, double* times, bool exclusive,
               TickSchedule::Order order, uint64_t spin_ns)
      : env_(env),
        record_(record),
        times_(times),
        exclusive_(exclusive),
        spin_ns_(spin_ns),
        schedule_(order),
        account_(*record) {}

  static napi_value Add(napi_env env, napi_callback_info info);
  static napi_value Remove(napi_env env, napi_callback_info info);
  static napi_value Run(napi_env env, napi_callback_info info);
  static napi_value SetCpuWindow(napi_env env, napi_callback_info info);
  static napi_value NoteCollection(napi_env env, napi_callback_info info);
  static napi_value LockStackOf(napi_env env, napi_callback_info info);
  static void OnPrepare(uv_prepare_t* handle);
  static void OnTimer(uv_poll_t* handle, int status, int events);
  static void OnCleanup(napi_async_cleanup_hook_handle handle, void* data);
  static void OnPrepareClosed(uv_handle_t* handle);
  static void OnClosed(uv_handle_t* handle);

  bool OpenTimer();
  void Arm();
  bool RunSlice();
  // False: the environment is ending, call nothing more.
  bool Tick(uint32_t slot, uint64_t begin);
  bool CallTick(uint32_t slot);
  bool Ended(uint32_t slot, TickState why, napi_value error);
  void TakeMeasurement(uint32_t slot);
  void Forget(uint32_t slot, TickState why);

  napi_env env_;
  TickRecord* record_;
  double* times_;
  bool exclusive_;
  uint64_t spin_ns_;  // so long before a release the thread is awake and looks at the clock
  TickSchedule schedule_;
  TickAccount account_;
  uint32_t control_ = 0;  // the last that was seen
  bool ending_ = false;
  napi_ref functions_[TickSchedule::kMaxTasks] = {};
  napi_ref memory_ = nullptr;
  napi_ref times_array_ = nullptr;
  napi_ref on_end_ = nullptr;
  void* locked_stack_ = nullptr;
  std::size_t locked_bytes_ = 0;
  int timer_ = -1;
  uv_poll_t poll_;
  uv_prepare_t prepare_;  // called when the event loop is about to wait
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
};

}  // namespace moirai::addon
