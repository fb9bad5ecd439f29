// The border for a worker thread: sit down, take tasks, hand them back.
#include "addon/executor.h"
#include "addon/module.h"
#include "core/base/clock.h"

namespace moirai::addon {

namespace {

class Seat final : public ExecutorSide {
 public:
  Seat(napi_env env, EventLoop* loop, Ref<Scheduler> scheduler, uint32_t seat)
      : ExecutorSide(env, loop, static_cast<Ref<Scheduler>&&>(scheduler)),
        seat_(seat),
        blocking_(scheduler_->IsBlocking(seat)) {
    reserves_for_owner_ = true;
  }

  static napi_value Attach(napi_env env, napi_callback_info info);

  bool Ready() override { return !saturated_ && scheduler_->FindWork(seat_); }
  bool Deliver(uint64_t now) override {
    slice_start_ = now;
    if (now - heap_told_ > kHeapEveryNs) AskForHeap(now);
    scheduler_->NoteTime(seat_, now);
    return EventLoop::Call(env_, callback_);
  }
  bool Expecting(uint64_t) override {
    return !saturated_ && !blocking_ && scheduler_->MaySpin(seat_);
  }
  void BeginSearch() override {
    if (!saturated_) scheduler_->BeginSearch(seat_);
  }
  void EndSearch() override { scheduler_->StandAside(seat_); }
  bool Park(int*) override {
    if (!saturated_) return scheduler_->Park(seat_);
    scheduler_->StandAside(seat_);
    return true;
  }
  void Unpark() override { scheduler_->Unpark(seat_); }
  void Close() override {
    if (loop_ == nullptr) return;
    loop_ = nullptr;
    scheduler_->Leave(seat_);
    ReleaseRetained();  // nobody else does: what a module has referenced outlives its environment
    Release();
  }

 private:
  static constexpr uint64_t kSliceNs = 200'000;
  static constexpr uint64_t kHeapEveryNs = 250'000'000;
  static constexpr std::size_t kHeapDue = 7;  // of the scratch array: not 0 when a sample is due

  bool SliceUsed();

  static napi_value Next(napi_env env, napi_callback_info info);
  static napi_value Complete(napi_env env, napi_callback_info info);
  static napi_value AwaitPort(napi_env env, napi_callback_info info);
  static napi_value Resume(napi_env env, napi_callback_info info);
  static napi_value SetSaturated(napi_env env, napi_callback_info info);
  static napi_value WentOn(napi_env env, napi_callback_info info);
  static napi_value TellHeap(napi_env env, napi_callback_info info);
  static napi_value Remaining(napi_env env, napi_callback_info info);

  void AskForHeap(uint64_t now) {
    heap_told_ = now;
    if (scheduler_->times().on()) scratch_[kHeapDue] = 1;
  }
  void Finish(uint32_t slot, bool failed) {
    scheduler_->times().Finished(seat_, slot);
    // Overwrites a request to cancel: it came too late.
    const Phase phase = failed ? Phase::kFailed : Phase::kDone;
    scheduler_->slot(slot).state.store(static_cast<uint32_t>(phase), std::memory_order_relaxed);
    scheduler_->Complete(seat_, slot);
  }
  bool Runs(uint32_t slot) const {
    return slot < scheduler_->slots() && scheduler_->slot(slot).worker == seat_ &&
           Slot::PhaseOf(scheduler_->slot(slot).state.load(std::memory_order_relaxed)) ==
               Phase::kRunning;
  }

  // From one phase to another; what the owner asks of the task at the same moment stays asked.
  bool Move(uint32_t slot, Phase from, Phase to) {
    std::atomic<uint32_t>& state = scheduler_->slot(slot).state;
    uint32_t seen = state.load(std::memory_order_relaxed);
    while (Slot::PhaseOf(seen) == from) {
      if (state.compare_exchange_weak(seen, Slot::With(seen, to), std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  const uint32_t seat_;
  const bool blocking_;
  bool saturated_ = false;
  uint32_t calls_ = 0;
  uint64_t slice_start_ = 0;
  uint64_t heap_told_ = 0;
};

// joinLoop(id, seat): this thread's event loop waits on the seat's parker from now on. Before any
// user code of the worker, which may open executors of its own.
napi_value JoinLoop(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  const Ref<Scheduler> scheduler = executors.Find(args.Uint32(0));
  if (scheduler && scheduler->HasSeat(args.Uint32(1))) {
    EventLoop::Get(env, scheduler->parker(args.Uint32(1)));
  }
  return nullptr;
}

// attach(id, seat, memory, onWork, scratch, spinNs)
napi_value Seat::Attach(napi_env env, napi_callback_info info) {
  const Args<6> args(env, info);
  Ref<Scheduler> scheduler = executors.Find(args.Uint32(0));
  const uint32_t seat = args.Uint32(1);
  if (!scheduler || !scheduler->HasSeat(seat)) {
    napi_throw_error(env, "ERR_MOIRAI_CLOSED", "the executor is closed");
    return nullptr;
  }
  EventLoop* const loop = EventLoop::Get(env, scheduler->parker(seat));
  if (loop == nullptr) return nullptr;
  if (loop->parker().get() != scheduler->parker(seat).get() || !scheduler->Sit(seat)) {
    napi_throw_error(env, "ERR_MOIRAI_INVALID_ARGUMENT", "the seat is taken");
    return nullptr;
  }
  loop->SetMaxSpin(args.Uint32(5));
  auto* const self = new Seat(env, loop, scheduler, seat);
  // A thread that is awake and blocked in a system call takes no CPU from anybody.
  if (self->blocking_) loop->presence().StopCounting(CpuShare::Process());
  self->AddRef();  // the event loop's, until Close
  if (!self->Retain(args.values[2], args.values[3], args.values[4])) {
    self->Close();
    napi_throw_type_error(env, "ERR_MOIRAI_INVALID_ARGUMENT", "onWork or scratch");
    return nullptr;
  }
  loop->Add(self);

  napi_value object;
  napi_create_object(env, &object);
  self->AddPayloadFunctions(object);
  self->AddFunction(object, "next", Next);
  self->AddFunction(object, "complete", Complete);
  self->AddFunction(object, "awaitPort", AwaitPort);
  self->AddFunction(object, "resume", Resume);
  self->AddFunction(object, "setSaturated", SetSaturated);
  self->AddFunction(object, "wentOn", WentOn);
  self->AddFunction(object, "tellHeap", TellHeap);
  self->AddFunction(object, "remaining", Remaining);
  return object;
}

// Tiny tasks look at the clock once for several, long ones each time.
bool Seat::SliceUsed() {
  const uint32_t every = scheduler_->TasksPerClaim(seat_);
  if (++calls_ < (every < 16 ? every : 16)) return false;
  calls_ = 0;
  const uint64_t now = NowNs();
  scheduler_->NoteTime(seat_, now);
  return now - slice_start_ > kSliceNs;
}

// next(finished): hands back the task just run (2 * slot + 1 if it failed, 2 * slot if not,
// negative: none) and gives the slot of the next, or -1 when there is none or the event loop must
// have its turn.
napi_value Seat::Next(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Seat>(args);
  const int32_t finished = args.Int32(0);
  self->scheduler_->times().Cross(self->seat_);
  if (finished < 0) self->scheduler_->times().WentOn(self->seat_);
  if (finished >= 0 && self->Runs(static_cast<uint32_t>(finished) / 2)) {
    self->Finish(static_cast<uint32_t>(finished) / 2, finished % 2 != 0);
  }
  const bool stop = self->loop_ == nullptr || self->saturated_ || self->SliceUsed();
  const uint32_t next = stop ? kNoSlot : self->scheduler_->Next(self->seat_);
  self->scheduler_->SetRunning(self->seat_, next);
  return Integer(env, static_cast<int32_t>(next));
}

// complete(slot, generation, failed): hands back a task that had gone on asynchronously.
napi_value Seat::Complete(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  auto* const self = This<Seat>(args);
  const uint32_t slot = args.Uint32(0);
  if (!self->Runs(slot)) return nullptr;
  self->scheduler_->times().Cross(self->seat_);
  if (self->scheduler_->slot(slot).generation == args.Uint32(1)) self->Finish(slot, args.Bool(2));
  return nullptr;
}

// awaitPort(slot): asks the owner to send the task's arguments by message.
napi_value Seat::AwaitPort(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Seat>(args);
  const uint32_t slot = args.Uint32(0);
  if (!self->Runs(slot)) return nullptr;
  self->scheduler_->times().WentOn(self->seat_);
  self->Move(slot, Phase::kRunning, Phase::kAwaitingPort);
  self->scheduler_->Complete(self->seat_, slot);
  return nullptr;
}

// resume(slot): the arguments have come, the task runs.
napi_value Seat::Resume(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Seat>(args);
  const uint32_t index = args.Uint32(0);
  if (self->loop_ == nullptr || index >= self->scheduler_->slots()) return nullptr;
  self->loop_->Rouse();
  if (self->scheduler_->slot(index).worker == self->seat_ &&
      self->Move(index, Phase::kAwaitingPort, Phase::kRunning)) {
    self->scheduler_->times().Resumed(self->seat_, index);
  }
  return nullptr;
}

// remaining(slot): milliseconds until the deadline of a task that runs here; Infinity: it has none.
napi_value Seat::Remaining(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Seat>(args);
  const uint32_t slot = args.Uint32(0);
  const uint64_t deadline = self->Runs(slot) ? self->scheduler_->DeadlineOf(slot) : 0;
  if (deadline == 0) return Number(env, __builtin_inf());
  return Number(env, static_cast<double>(static_cast<int64_t>(deadline - NowNs())) / 1e6);
}

// setSaturated(value): as many asynchronous tasks as allowed are running; take no more.
napi_value Seat::SetSaturated(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Seat>(args);
  if (self->loop_ == nullptr) return nullptr;
  self->loop_->Rouse();
  self->saturated_ = args.Bool(0);
  self->scheduler_->SetAvailable(self->seat_, !self->saturated_);
  return nullptr;
}

// wentOn(): the task that was resumed goes on asynchronously.
napi_value Seat::WentOn(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Seat>(args);
  self->scheduler_->times().WentOn(self->seat_);
  return nullptr;
}

// tellHeap(bytes): what the worker's heap has in use, as asked for.
napi_value Seat::TellHeap(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = This<Seat>(args);
  self->scratch_[kHeapDue] = 0;
  self->scheduler_->TellHeap(self->seat_, static_cast<uint64_t>(args.Double(0)));
  return nullptr;
}

}  // namespace

void InitExecutorSeat(napi_env env, napi_value exports) {
  SetFunction(env, exports, "joinLoop", JoinLoop);
  SetFunction(env, exports, "attachWorker", Seat::Attach);
}

}  // namespace moirai::addon
