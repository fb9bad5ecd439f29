// The border for the thread that owns an executor: open, submit, reap, wait.
#include <new>

#include "addon/executor.h"
#include "addon/module.h"
#include "core/base/clock.h"
#include "core/base/cpu.h"
#include "core/sync/cpu_share.h"

namespace moirai::addon {

namespace {

// So many milliseconds from now, at most some 30 years; never 0, which is none.
uint64_t DeadlineIn(double milliseconds) {
  const double ns = milliseconds > 0 ? milliseconds * 1e6 : 0;
  return NowNs() + (ns < 1e18 ? static_cast<uint64_t>(ns) : uint64_t{1'000'000'000'000'000'000});
}

class Owner final : public ExecutorSide {
 public:
  Owner(napi_env env, EventLoop* loop, Ref<Scheduler> scheduler)
      : ExecutorSide(env, loop, static_cast<Ref<Scheduler>&&>(scheduler)) {}

  static napi_value Open(napi_env env, napi_callback_info info);

  bool Ready() override { return scheduler_->HasCompletions(); }
  bool Deliver(uint64_t) override { return EventLoop::Call(env_, callback_); }
  bool Expecting(uint64_t spun_ns) override {
    return scheduler_->outstanding() > 0 &&
           (spun_ns < kAloneNs || !scheduler_->SleepersCouldHelp());
  }
  bool Park(int* again_ms) override {
    if (scheduler_->HasCompletions()) return false;
    if (scheduler_->outstanding() > 0 && scheduler_->WakeForBacklog()) *again_ms = 1;
    return true;
  }
  void Close() override {
    if (loop_ == nullptr) return;
    executors.Remove(id_);
    loop_ = nullptr;
    if (reaped_ref_ != nullptr) napi_delete_reference(env_, reaped_ref_);
    reaped_ref_ = nullptr;
    ReleaseRetained();
    Release();
  }

 private:
  static constexpr uint64_t kAloneNs = 5'000;
  static constexpr uint32_t kMaxReap = 1024;

  void UpdateHold() {
    const bool busy = scheduler_->outstanding() > 0;
    if (busy == held_ || loop_ == nullptr) return;
    held_ = busy;
    busy ? loop_->Hold() : loop_->Unhold();
  }

  static Owner* Self(const Args<1>& args) { return This<Owner>(args); }

  static napi_value SetSeat(napi_env env, napi_callback_info info);
  static napi_value Submit(napi_env env, napi_callback_info info);
  static napi_value SubmitBefore(napi_env env, napi_callback_info info);
  static napi_value Cancel(napi_env env, napi_callback_info info);
  static napi_value RequestCancel(napi_env env, napi_callback_info info);
  static napi_value BarSeatOf(napi_env env, napi_callback_info info);
  static napi_value Requeue(napi_env env, napi_callback_info info);
  static napi_value Reap(napi_env env, napi_callback_info info);
  static napi_value Sweep(napi_env env, napi_callback_info info);
  static napi_value Wait(napi_env env, napi_callback_info info);
  static napi_value Backlog(napi_env env, napi_callback_info info);
  static napi_value BacklogOf(napi_env env, napi_callback_info info);
  static napi_value IdleSeats(napi_env env, napi_callback_info info);
  static napi_value StartedBy(napi_env env, napi_callback_info info);
  static napi_value Reclaim(napi_env env, napi_callback_info info);
  static napi_value SeatStats(napi_env env, napi_callback_info info);
  static napi_value RunningOn(napi_env env, napi_callback_info info);
  static napi_value IdleFor(napi_env env, napi_callback_info info);
  static napi_value CloseSide(napi_env env, napi_callback_info info);

  uint32_t id_ = 0;
  bool held_ = false;
  uint32_t* reaped_ = nullptr;
  napi_ref reaped_ref_ = nullptr;
  std::size_t reaped_length_ = 0;
};

// open(memory, maxBytes, slots, seats, nodes, cpus, spinNs, onCompletions, scratch, reaped,
// steal, statistics, retain, payloadNodes, ownerNode)
napi_value Owner::Open(napi_env env, napi_callback_info info) {
  const Args<15> args(env, info);
  std::size_t bytes = 0;
  std::size_t reaped_length = 0;
  auto* const memory = args.Elements<uint8_t>(0, &bytes);
  auto* const reaped = args.Elements<uint32_t>(9, &reaped_length);
  SchedulerConfig config{memory,         bytes,          static_cast<uint64_t>(args.Double(1)),
                         args.Uint32(2), args.Uint32(3), args.Uint32(4)};
  const uint32_t steal = args.Uint32(10);
  if (steal < kStealStrategies) config.steal = static_cast<Steal>(steal);
  config.statistics = args.Bool(11);
  config.retain = args.Uint32(12);
  std::size_t payload_nodes = 0;
  config.payload_nodes = args.Elements<int32_t>(13, &payload_nodes);
  if (config.payload_nodes != nullptr) {
    config.payload_node_count = static_cast<uint32_t>(payload_nodes);
  }
  config.owner_node = args.Uint32(14);
  if (memory == nullptr || reaped == nullptr || config.slots == 0 || config.seats == 0 ||
      config.seats > Scheduler::kMaxSeats || config.nodes == 0 ||
      uint64_t{config.slots} * sizeof(Slot) > bytes || config.max_bytes < bytes ||
      reinterpret_cast<uintptr_t>(memory) % alignof(Slot) != 0) {
    napi_throw_range_error(env, "ERR_MOIRAI_INVALID_ARGUMENT", "memory too small for its slots");
    return nullptr;
  }
  EventLoop* const loop = EventLoop::Get(env);
  if (loop == nullptr) return nullptr;
  Ref<Scheduler> scheduler = Scheduler::Create(config, loop->parker());
  if (!scheduler) {
    napi_throw_error(env, "ERR_MOIRAI_OUT_OF_MEMORY", "no memory for the executor's queues");
    return nullptr;
  }
  CpuShare::Process().SetCpus(args.Int32(5));
  loop->SetMaxSpin(args.Uint32(6));
  auto* const self = new Owner(env, loop, scheduler);
  self->AddRef();  // the event loop's, until Close
  if (!self->Retain(args.values[0], args.values[7], args.values[8])) {
    self->Release();
    napi_throw_type_error(env, "ERR_MOIRAI_INVALID_ARGUMENT", "onCompletions or scratch");
    return nullptr;
  }
  self->reaped_ = reaped;
  self->reaped_length_ = reaped_length < kMaxReap ? reaped_length : kMaxReap;
  napi_create_reference(env, args.values[9], 1, &self->reaped_ref_);
  self->id_ = executors.Add(scheduler);
  loop->Add(self);

  napi_value object;
  napi_create_object(env, &object);
  napi_value id;
  napi_create_uint32(env, self->id_, &id);
  napi_set_named_property(env, object, "id", id);
  self->AddPayloadFunctions(object);
  self->AddStatisticsFunctions(object);
  self->AddFunction(object, "setSeat", SetSeat);
  self->AddFunction(object, "submit", Submit);
  self->AddFunction(object, "submitBefore", SubmitBefore);
  self->AddFunction(object, "cancel", Cancel);
  self->AddFunction(object, "requestCancel", RequestCancel);
  self->AddFunction(object, "barSeatOf", BarSeatOf);
  self->AddFunction(object, "requeue", Requeue);
  self->AddFunction(object, "reap", Reap);
  self->AddFunction(object, "sweep", Sweep);
  self->AddFunction(object, "wait", Wait);
  self->AddFunction(object, "backlog", Backlog);
  self->AddFunction(object, "backlogOf", BacklogOf);
  self->AddFunction(object, "idleSeats", IdleSeats);
  self->AddFunction(object, "startedBy", StartedBy);
  self->AddFunction(object, "reclaim", Reclaim);
  self->AddFunction(object, "seatStats", SeatStats);
  self->AddFunction(object, "runningOn", RunningOn);
  self->AddFunction(object, "idleFor", IdleFor);
  self->AddFunction(object, "close", CloseSide);
  return object;
}

// setSeat(seat, queue, cpu, order: Uint32Array)
napi_value Owner::SetSeat(napi_env env, napi_callback_info info) {
  const Args<4> args(env, info);
  auto* const self = This<Owner>(args);
  std::size_t steps = 0;
  auto* const order = args.Elements<uint32_t>(3, &steps);
  if (!self->scheduler_->SetSeat(args.Uint32(0), args.Uint32(1), args.Int32(2), order,
                                 static_cast<uint32_t>(steps))) {
    napi_throw_range_error(env, "ERR_MOIRAI_INVALID_ARGUMENT", "seat, queue or order");
  }
  return nullptr;
}

// submit(slot, queue)
napi_value Owner::Submit(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  auto* const self = This<Owner>(args);
  const uint32_t slot = args.Uint32(0);
  const uint32_t queue = args.Uint32(1);
  if (slot >= self->scheduler_->slots() || queue >= self->scheduler_->queues()) return nullptr;
  self->scheduler_->Submit(slot, queue);
  if (!self->held_) self->UpdateHold();
  return nullptr;
}

// submitBefore(slot, queue, milliseconds): the task is to be done within so long from now.
napi_value Owner::SubmitBefore(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  auto* const self = This<Owner>(args);
  const uint32_t slot = args.Uint32(0);
  const uint32_t queue = args.Uint32(1);
  if (slot >= self->scheduler_->slots() || queue >= self->scheduler_->queues()) return nullptr;
  self->scheduler_->SubmitBefore(slot, queue, DeadlineIn(args.Double(2)));
  if (!self->held_) self->UpdateHold();
  return nullptr;
}

napi_value Owner::Cancel(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  const uint32_t slot = args.Uint32(0);
  return Boolean(env, slot < self->scheduler_->slots() && self->scheduler_->Cancel(slot));
}

// requestCancel(slot): asks a task that has begun to stop; false: not begun, or finished.
napi_value Owner::RequestCancel(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  const uint32_t slot = args.Uint32(0);
  return Boolean(env, slot < self->scheduler_->slots() && self->scheduler_->RequestCancel(slot));
}

// barSeatOf(slot): the worker that has begun the task begins no other; false: it has the task no
// longer.
napi_value Owner::BarSeatOf(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  const uint32_t slot = args.Uint32(0);
  return Boolean(env, slot < self->scheduler_->slots() && self->scheduler_->BarSeatOf(slot));
}

// requeue(seat): how many tasks that a worker now gone had claimed and not begun wait again.
napi_value Owner::Requeue(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  const uint32_t seat = args.Uint32(0);
  if (!self->scheduler_->HasSeat(seat)) return Integer(env, 0);
  return Integer(env, static_cast<int32_t>(self->scheduler_->Requeue(seat)));
}

// reap(): how many finished slots now stand in the `reaped` array.
napi_value Owner::Reap(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  const uint32_t count =
      self->scheduler_->Reap(self->reaped_, static_cast<uint32_t>(self->reaped_length_));
  if (self->scheduler_->outstanding() == 0) self->UpdateHold();
  return Integer(env, static_cast<int32_t>(count));
}

// sweep(): how many slots of cancelled tasks, taken out of the queues, now stand in `reaped`.
napi_value Owner::Sweep(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  const uint32_t count =
      self->scheduler_->Sweep(self->reaped_, static_cast<uint32_t>(self->reaped_length_));
  self->UpdateHold();
  return Integer(env, static_cast<int32_t>(count));
}

// wait(milliseconds): blocks this thread until something can be reaped, a worker has left, or the
// time is over; true: something can be reaped.
napi_value Owner::Wait(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  if (self->loop_ == nullptr) return Boolean(env, false);
  self->loop_->RouseToBlock();
  Scheduler& scheduler = *self->scheduler_;
  const Ref<Parker>& parker = self->loop_->parker();
  const uint64_t start = NowNs();
  const auto limit = static_cast<uint64_t>(args.Double(0) * 1e6);
  CpuShare& share = CpuShare::Process();
  CpuShare::Presence& presence = self->loop_->presence();
  presence.Refresh(share);
  while (NowNs() - start < SpinBudget::kDefaultMaxNs && presence.MaySpin(share) &&
         !scheduler.SleepersCouldHelp()) {
    if (scheduler.HasCompletions()) return Boolean(env, true);
    for (int i = 0; i < 16; i++) CpuRelax();
  }
  presence.Leave(share);
  bool ready = false;
  bool signalled = false;
  while (!ready && !signalled) {
    parker->Park();
    ready = scheduler.HasCompletions();
    const uint64_t waited = NowNs() - start;
    if (ready || waited >= limit) break;
    const uint64_t left_ms = (limit - waited + 999'999) / 1'000'000;
    const bool again = scheduler.WakeForBacklog();
    signalled = parker->Wait(again ? 1 : static_cast<int>(left_ms < 1000 ? left_ms : 1000));
    if (signalled) parker->Drain();
    ready = scheduler.HasCompletions();
  }
  parker->CancelPark();
  presence.Enter(share);
  return Boolean(env, ready);
}

napi_value Owner::Backlog(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  return Number(env, static_cast<double>(This<Owner>(args)->scheduler_->Backlog()));
}

// backlogOf(queue): of these, the ones in a queue, which nobody has claimed.
napi_value Owner::BacklogOf(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  const Scheduler& scheduler = *This<Owner>(args)->scheduler_;
  const uint32_t queue = args.Uint32(0);
  const uint64_t tasks = queue < scheduler.queues() ? scheduler.BacklogOf(queue) : 0;
  return Number(env, static_cast<double>(tasks));
}

// idleSeats(queue): workers that sleep and would serve the queue.
napi_value Owner::IdleSeats(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  const Scheduler& scheduler = *This<Owner>(args)->scheduler_;
  const uint32_t queue = args.Uint32(0);
  return Number(env, queue < scheduler.queues() ? scheduler.IdleSeats(queue) : 0);
}

// startedBy(seat): how many slots, in `reaped`, a worker whose thread has ended had begun.
napi_value Owner::StartedBy(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  return Integer(env,
                 static_cast<int32_t>(self->scheduler_->StartedBy(
                     args.Uint32(0), self->reaped_, static_cast<uint32_t>(self->reaped_length_))));
}

// reclaim(slot): a slot found by startedBy is the owner's again.
napi_value Owner::Reclaim(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  const uint32_t slot = args.Uint32(0);
  if (slot < self->scheduler_->slots()) self->scheduler_->Reclaim(slot);
  self->UpdateHold();
  return nullptr;
}

// seatStats(seat): scratch becomes [started, stolen, thread id or 0, last CPU or -1, hints
// honoured, hints missed].
napi_value Owner::SeatStats(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  const uint32_t seat = args.Uint32(0);
  if (!self->scheduler_->HasSeat(seat)) {
    for (int i = 0; i < 6; i++) self->scratch_[i] = i == 3 ? -1 : 0;
    return nullptr;
  }
  const moirai::SeatStats& stats = self->scheduler_->stats(seat);
  // Acquire: who sees nobody here also sees all that the worker has finished.
  self->scratch_[2] = stats.thread.load(std::memory_order_acquire);
  self->scratch_[0] = static_cast<double>(stats.started.load(std::memory_order_relaxed));
  self->scratch_[1] = static_cast<double>(stats.stolen.load(std::memory_order_relaxed));
  self->scratch_[3] = stats.cpu.load(std::memory_order_relaxed);
  self->scratch_[4] = static_cast<double>(stats.hints_honoured.load(std::memory_order_relaxed));
  self->scratch_[5] = static_cast<double>(stats.hints_missed.load(std::memory_order_relaxed));
  return nullptr;
}

// runningOn(seat): the slot whose task keeps the seat's thread busy, or -1.
napi_value Owner::RunningOn(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  const uint32_t seat = args.Uint32(0);
  if (!self->scheduler_->HasSeat(seat)) return Integer(env, -1);
  const uint32_t slot = self->scheduler_->stats(seat).running.load(std::memory_order_relaxed);
  return Integer(env, static_cast<int32_t>(slot));
}

// idleFor(seat): for how many milliseconds the seat's worker has been asleep; 0: it is not.
napi_value Owner::IdleFor(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  const uint32_t seat = args.Uint32(0);
  if (!self->scheduler_->HasSeat(seat)) return Number(env, 0);
  const uint64_t since = self->scheduler_->stats(seat).asleep_since.load(std::memory_order_relaxed);
  const uint64_t now = NowNs();
  return Number(env, since == 0 || since > now ? 0 : static_cast<double>(now - since) / 1e6);
}

napi_value Owner::CloseSide(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Owner>(args);
  if (self->loop_ == nullptr) return nullptr;
  if (self->held_) self->loop_->Unhold();
  self->held_ = false;
  self->loop_->Remove(self);
  self->Close();
  return nullptr;
}

}  // namespace

void InitExecutorOwner(napi_env env, napi_value exports) {
  SetFunction(env, exports, "openExecutor", Owner::Open);
}

}  // namespace moirai::addon
