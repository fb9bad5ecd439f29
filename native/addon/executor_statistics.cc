// The border for what an executor's owner asks: how long tasks took, how they ended, how the
// workers are.
#include "addon/executor.h"
#include "core/base/clock.h"
#include "core/executor/worker_samples.h"

namespace moirai::addon {

void ExecutorSide::AddStatisticsFunctions(napi_value object) {
  AddFunction(object, "samples", Samples);
  AddFunction(object, "histogram", Histogram);
  AddFunction(object, "outcomes", Outcomes);
  AddFunction(object, "ended", Ended);
  AddFunction(object, "finished", Finished);
  AddFunction(object, "outcomeOf", OutcomeOf);
  AddFunction(object, "ages", Ages);
  AddFunction(object, "use", Use);
}

// samples(seat): scratch becomes [CPU ns, preemptions, heap bytes, age of that in ns or -1, steals
// by distance (4)].
napi_value ExecutorSide::Samples(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = static_cast<ExecutorSide*>(args.data);
  const uint32_t seat = args.Uint32(0);
  if (!self->scheduler_->HasSeat(seat)) {
    for (int i = 0; i < 8; i++) self->scratch_[i] = i == 3 ? -1 : 0;
    return nullptr;
  }
  const SeatStats& stats = self->scheduler_->stats(seat);
  const ThreadUse use = UseOf(stats);
  const uint64_t heap_at = stats.heap_at_ns.load(std::memory_order_relaxed);
  // The worker may have stored a later time than this thread reads.
  const auto age = static_cast<int64_t>(NowNs() - heap_at);
  double* const out = self->scratch_;
  out[0] = static_cast<double>(use.cpu_ns);
  out[1] = static_cast<double>(use.preemptions);
  out[2] = static_cast<double>(stats.heap_bytes.load(std::memory_order_relaxed));
  out[3] = heap_at == 0 ? -1 : age > 0 ? static_cast<double>(age) : 0;
  for (uint32_t i = 0; i < SearchStep::kDistances; i++) {
    out[4 + i] = static_cast<double>(stats.stolen_from[i].load(std::memory_order_relaxed));
  }
  return nullptr;
}

// histogram(seat or -1 for all, priority or 5 for running or -1 for waiting of any, out): writes
// what HistogramSum::Write does, in ns, into `out`; how many numbers, 0 when there is nothing.
napi_value ExecutorSide::Histogram(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  auto* const self = static_cast<ExecutorSide*>(args.data);
  std::size_t length = 0;
  auto* const out = args.Elements<double>(2, &length);
  TaskTimes& times = self->scheduler_->times();
  const int32_t seat = args.Int32(0);
  const int32_t which = args.Int32(1);
  const auto seats = static_cast<int32_t>(self->scheduler_->seats());
  constexpr auto kPriorities = static_cast<int32_t>(layout::kPriorities);
  if (out == nullptr || length < HistogramSum::kDoubles || !times.on() || seat >= seats ||
      which > kPriorities) {
    return Integer(env, 0);
  }
  HistogramSum sum;
  for (int32_t i = seat < 0 ? 0 : seat; i < (seat < 0 ? seats : seat + 1); i++) {
    if (!self->scheduler_->HasSeat(static_cast<uint32_t>(i))) continue;
    if (which == kPriorities) {
      sum.Add(times.running(static_cast<uint32_t>(i)));
      continue;
    }
    for (int32_t p = which < 0 ? 0 : which; p < (which < 0 ? kPriorities : which + 1); p++) {
      sum.Add(times.waiting(static_cast<uint32_t>(i), static_cast<uint32_t>(p)));
    }
  }
  return Integer(env, static_cast<int32_t>(sum.Write(out)));
}

// outcomes(): scratch becomes how many tasks are [done, failed, cancelled, lost], and how many of
// those with a deadline were [in time, late].
napi_value ExecutorSide::Outcomes(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = static_cast<ExecutorSide*>(args.data);
  for (uint32_t i = 0; i < kOutcomes; i++) {
    self->scratch_[i] =
        static_cast<double>(self->scheduler_->history().count(static_cast<Outcome>(i)));
  }
  self->scratch_[kOutcomes] = static_cast<double>(self->scheduler_->deadlines_met());
  self->scratch_[kOutcomes + 1] = static_cast<double>(self->scheduler_->deadlines_missed());
  return nullptr;
}

// ended(slot, outcome): the slot's task has ended otherwise than done; its place among those that
// are kept, or -1.
napi_value ExecutorSide::Ended(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  auto* const self = static_cast<ExecutorSide*>(args.data);
  const uint32_t slot = args.Uint32(0);
  const uint32_t outcome = args.Uint32(1);
  if (slot >= self->scheduler_->slots() || outcome == 0 || outcome >= kOutcomes) {
    return Integer(env, -1);
  }
  const uint32_t place = self->scheduler_->history().Ended(slot, static_cast<Outcome>(outcome),
                                                           self->scheduler_->times());
  return Integer(env, static_cast<int32_t>(place));
}

// finished(done, from, out): writes of the tasks that are kept, those done or the others, the ones
// from the `from`th oldest on, 7 numbers each: [id, task word, outcome, worker or -1, ns since it
// was queued, ns waited, ns ran]; how many tasks. scratch[0]: the first one's place.
napi_value ExecutorSide::Finished(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  auto* const self = static_cast<ExecutorSide*>(args.data);
  const bool done = args.Bool(0);
  std::size_t length = 0;
  auto* const out = args.Elements<double>(2, &length);
  const History& history = self->scheduler_->history();
  const uint32_t kept = history.Kept(done);
  const uint32_t from = args.Uint32(1);
  if (from >= kept || out == nullptr) return Integer(env, 0);
  const auto rows = static_cast<uint32_t>(length / 7);
  const uint32_t count = kept - from < rows ? kept - from : rows;
  for (uint32_t i = 0; i < count; i++) {
    const FinishedTask& task = history.At(done, from + i);
    double* const row = out + 7 * std::size_t{i};
    row[0] = static_cast<double>(task.id);
    row[1] = task.task;
    row[2] = static_cast<double>(task.outcome);
    row[3] = task.started ? task.seat : -1.0;
    row[4] = self->scheduler_->times().Since(task.queued);
    row[5] = static_cast<double>(task.waited);
    row[6] = static_cast<double>(task.ran);
  }
  self->scratch_[0] = history.PlaceOf(done, from);
  return Integer(env, static_cast<int32_t>(count));
}

// outcomeOf(id): how the task ended, if it is kept; else -1.
napi_value ExecutorSide::OutcomeOf(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = static_cast<ExecutorSide*>(args.data);
  const FinishedTask* const task =
      self->scheduler_->history().Find(static_cast<uint64_t>(args.Double(0)));
  return Integer(env, task == nullptr ? -1 : static_cast<int32_t>(task->outcome));
}

// ages(slots, out): for each slot how long ago its task was queued, how long it waited (so far) and
// how long it ran (so far), in ns; 3 numbers each.
napi_value ExecutorSide::Ages(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  auto* const self = static_cast<ExecutorSide*>(args.data);
  std::size_t length = 0;
  std::size_t room = 0;
  const auto* const slots = args.Elements<uint32_t>(0, &length);
  auto* const out = args.Elements<double>(1, &room);
  TaskTimes& times = self->scheduler_->times();
  if (slots == nullptr || out == nullptr || room < 3 * length) return nullptr;
  for (std::size_t i = 0; i < length; i++) {
    if (slots[i] >= self->scheduler_->slots()) continue;
    const TaskTimes::Took took = times.TookSoFar(slots[i]);
    out[3 * i] = times.Since(times.queued(slots[i]));
    out[3 * i + 1] = static_cast<double>(took.waited);
    out[3 * i + 2] = static_cast<double>(took.ran);
  }
  return nullptr;
}

// use(slot): scratch becomes [CPU ns, preemptions] of a measured task that has come back.
napi_value ExecutorSide::Use(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = static_cast<ExecutorSide*>(args.data);
  const uint32_t slot = args.Uint32(0);
  if (slot >= self->scheduler_->slots()) return nullptr;
  const TaskUse use = self->scheduler_->times().use(slot);
  self->scratch_[0] = static_cast<double>(use.cpu_ns);
  self->scratch_[1] = static_cast<double>(use.preemptions);
  return nullptr;
}

}  // namespace moirai::addon
