// The section `realtime` of the border: policies of threads, and what a TickRecord says.
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "addon/args.h"
#include "addon/module.h"
#include "addon/native_ticks.h"
#include "addon/realtime_loop.h"
#include "core/base/clock.h"
#include "core/realtime/sched_policy.h"

namespace moirai::addon {
namespace {

// Null: the typed array cannot hold one.
template <std::size_t N>
TickRecord* RecordOf(const Args<N>& args) {
  std::size_t bytes = 0;
  auto* const memory = args.template Elements<uint8_t>(0, &bytes);
  if (memory == nullptr || bytes < sizeof(TickRecord) ||
      reinterpret_cast<uintptr_t>(memory) % alignof(TickRecord) != 0) {
    return nullptr;
  }
  return reinterpret_cast<TickRecord*>(memory);
}

// The counters of the slot that is the second argument, or null.
template <std::size_t N>
TickCounters* CountersOf(const Args<N>& args) {
  TickRecord* const record = RecordOf(args);
  const uint32_t slot = args.Uint32(1);
  return record == nullptr || slot >= TickSchedule::kMaxTasks ? nullptr : &record->tasks[slot];
}

template <typename T>
double Load(const std::atomic<T>& number) {
  return static_cast<double>(number.load(std::memory_order_relaxed));
}

// setPolicy(policy, priority, runtime, deadline, period): the calling thread's; times in ns.
napi_value SetPolicy(napi_env env, napi_callback_info info) {
  const Args<5> args(env, info);
  SchedPolicy policy;
  policy.policy = args.Uint32(0);
  policy.priority = args.Uint32(1);
  policy.runtime = static_cast<uint64_t>(args.Double(2));
  policy.deadline = static_cast<uint64_t>(args.Double(3));
  policy.period = static_cast<uint64_t>(args.Double(4));
  return Integer(env, SetSchedPolicy(policy));
}

// getPolicy(thread, out): [policy, priority, nice, runtime, deadline, period, reset on fork]
napi_value GetPolicy(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  std::size_t length = 0;
  auto* const out = args.Elements<double>(1, &length);
  if (out == nullptr || length < 7) return Integer(env, EINVAL);
  SchedPolicy policy;
  const int error = GetSchedPolicy(args.Int32(0), &policy);
  if (error != 0) return Integer(env, error);
  out[0] = policy.policy;
  out[1] = policy.priority;
  out[2] = policy.nice;
  out[3] = static_cast<double>(policy.runtime);
  out[4] = static_cast<double>(policy.deadline);
  out[5] = static_cast<double>(policy.period);
  out[6] = policy.reset_on_fork ? 1 : 0;
  return Integer(env, 0);
}

napi_value RoundRobinSlice(napi_env env, napi_callback_info) {
  uint64_t ns = 0;
  const int error = GetRoundRobinSlice(&ns);
  return Number(env, error == 0 ? static_cast<double>(ns) : -error);
}

napi_value ThreadId(napi_env env, napi_callback_info) {
  return Integer(env, static_cast<int32_t>(syscall(SYS_gettid)));
}

// setTimerSlack(ns): what the calling thread has then.
napi_value SetSlack(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  SetTimerSlack(static_cast<uint64_t>(args.Double(0)));
  return Number(env, static_cast<double>(GetTimerSlack()));
}

// now(): CLOCK_MONOTONIC in ns.
napi_value Now(napi_env env, napi_callback_info) {
  return Number(env, static_cast<double>(NowNs()));
}

napi_value RecordBytes(napi_env env, napi_callback_info) {
  return Number(env, static_cast<double>(sizeof(TickRecord)));
}

// knock(record): the thread takes a turn of its event loop before its next tick.
napi_value Knock(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  if (TickRecord* const record = RecordOf(args)) {
    record->control.fetch_add(1, std::memory_order_release);  // read by RunSlice
  }
  return nullptr;
}

// stop(record, slot): no tick any more, but for one that has begun.
napi_value Stop(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  if (TickCounters* const counters = CountersOf(args)) {
    counters->stop.store(1, std::memory_order_release);
  }
  return nullptr;
}

// clear(record, slot): for a task to come; nobody ticks there.
napi_value Clear(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  TickCounters* const counters = CountersOf(args);
  if (counters != nullptr) std::memset(static_cast<void*>(counters), 0, sizeof(*counters));
  return nullptr;
}

napi_value IsGone(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  const TickRecord* const record = RecordOf(args);
  return Boolean(env, record != nullptr && record->gone.load(std::memory_order_acquire) != 0);
}

// adjust(record, slot, ns): for the phase lock: so late is the release of the last tick.
napi_value Adjust(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  if (TickCounters* const counters = CountersOf(args)) {
    const auto late = static_cast<int64_t>(args.Double(2));
    counters->adjust.store(static_cast<uint64_t>(late) << 1 | 1, std::memory_order_relaxed);
  }
  return nullptr;
}

// counters(record, slot, out): [ticks, misses, overruns, skipped, begun, ended, state, stop,
// measurements, last error in ns, rate in ns a period, is locked]
napi_value Counters(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  const TickCounters* const counters = CountersOf(args);
  std::size_t length = 0;
  auto* const out = args.Elements<double>(2, &length);
  if (counters == nullptr || out == nullptr || length < 12) return nullptr;
  out[8] = Load(counters->phase_measured);
  out[9] = Load(counters->phase_error);
  out[10] = Load(counters->phase_rate) / 1000;
  out[11] = Load(counters->phase_locked);
  out[7] = counters->stop.load(std::memory_order_relaxed);
  out[6] = counters->state.load(std::memory_order_acquire);
  out[0] = Load(counters->ticks);
  out[1] = Load(counters->misses);
  out[2] = Load(counters->overruns);
  out[3] = Load(counters->skipped);
  out[4] = Load(counters->begun);
  out[5] = Load(counters->ended);
  return nullptr;
}

// histogram(record, slot, which, out): how many numbers; as Histogram in TypeScript takes them.
napi_value TickHistogram(napi_env env, napi_callback_info info) {
  const Args<4> args(env, info);
  const TickCounters* const counters = CountersOf(args);
  std::size_t length = 0;
  auto* const out = args.Elements<double>(3, &length);
  const uint32_t which = args.Uint32(2);
  if (counters == nullptr || out == nullptr || length < HistogramSum::kDoubles || which > 3) {
    return Integer(env, 0);
  }
  const Histogram* const all[] = {&counters->wakeup, &counters->execution, &counters->response,
                                  &counters->period};
  HistogramSum sum;
  sum.Add(*all[which]);
  return Integer(env, static_cast<int32_t>(sum.Write(out)));
}

template <typename Ring>
napi_value ReadRing(const Args<3>& args, const Ring* ring) {
  std::size_t length = 0;
  auto* const out = args.Elements<double>(2, &length);
  if (ring == nullptr || out == nullptr || length < Ring::kNumbers) return Integer(args.env, 0);
  uint64_t numbers[Ring::kNumbers];
  const auto index = static_cast<uint64_t>(args.Double(1));
  if (ring->Read(index, numbers)) {
    for (uint32_t i = 0; i < Ring::kNumbers; i++) out[i] = static_cast<double>(numbers[i]);
  } else {
    out[0] = -1;
  }
  return Number(args.env, static_cast<double>(ring->written()));
}

// miss(record, index, out), collection(record, index, out): how many there have been; out[0] is -1
// where this one is not to be had.
napi_value Miss(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  const TickRecord* const record = RecordOf(args);
  return ReadRing(args, record == nullptr ? nullptr : &record->misses);
}
napi_value Collection(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  const TickRecord* const record = RecordOf(args);
  return ReadRing(args, record == nullptr ? nullptr : &record->collections);
}

}  // namespace

void InitRealtime(napi_env env, napi_value exports) {
  napi_value section;
  if (napi_create_object(env, &section) != napi_ok) return;
  SetFunction(env, section, "setPolicy", SetPolicy);
  SetFunction(env, section, "getPolicy", GetPolicy);
  SetFunction(env, section, "roundRobinSlice", RoundRobinSlice);
  SetFunction(env, section, "threadId", ThreadId);
  SetFunction(env, section, "setTimerSlack", SetSlack);
  SetFunction(env, section, "now", Now);
  SetFunction(env, section, "recordBytes", RecordBytes);
  SetFunction(env, section, "knock", Knock);
  SetFunction(env, section, "stop", Stop);
  SetFunction(env, section, "clear", Clear);
  SetFunction(env, section, "adjust", Adjust);
  SetFunction(env, section, "isGone", IsGone);
  SetFunction(env, section, "counters", Counters);
  SetFunction(env, section, "histogram", TickHistogram);
  SetFunction(env, section, "miss", Miss);
  SetFunction(env, section, "collection", Collection);
  SetFunction(env, section, "openLoop", RealtimeLoop::Open);
  SetFunction(env, section, "openNativeLoop", OpenNativeLoop);
  SetFunction(env, section, "nativeTickName", NativeTickName);
  napi_set_named_property(env, exports, "realtime", section);
}

}  // namespace moirai::addon
