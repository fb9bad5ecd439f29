// The threads of a pool without JavaScript: an owner and workers that call the scheduler as
// native/addon/event_loop.cc, executor_owner.cc and executor_seat.cc do, in the same order, with
// the same budgets. `Host` says what works, waits and pauses: a simulated machine (simulator.cc) or
// this one (real.cc).
//
//   Host::Work(ns)            the work of a task
//   Host::Wait(parker, ms)    sleep until a signal, or so long (0: for ever); true: a signal
//   Host::Poll()              a turn of the loop that does not block
//   Host::Relax(), Yield()    in a spin
//   Host::Pause(ns)           the owner does something else and sleeps
//   Host::Time()              ns, for what is reported; costs nothing where it is simulated
//   Host::Ran(), Misses(), BurstBegins(), Handled(), BeforeSearch(seat), Refill(lent, seat)   see
//   there
#pragma once

#include <algorithm>
#include <vector>

#include "core/base/clock.h"
#include "core/executor/scheduler.h"
#include "core/sync/spin_budget.h"
#include "workload.h"

namespace moirai::bench {

// What a worker has seen; its own.
struct alignas(128) Seen {
  uint64_t tasks = 0;
  uint64_t refused = 0;  // spawned tasks it had to run at once
  uint64_t sleeps = 0;
  uint64_t vain_wakes = 0;  // it was called and found nothing
  double first_at = -1;     // its first task began
  double last_at = 0;       // its last one ended
  double ended_at = -1;     // the task before ended; -1: it slept since
  uint64_t misses = 0;      // ... with so many misses of the cache so far
  // From the end of a task to the begin of the next, ns, where that was not in the own cache: found
  // in a queue or at another worker.
  std::vector<float> searches;
};

template <typename Host>
class Pool {
 public:
  Pool(Ref<Scheduler> scheduler, Ref<Parker> owner, const Workload& workload, uint32_t workers,
       uint32_t own_slots)
      : scheduler(static_cast<Ref<Scheduler>&&>(scheduler)),
        owner(static_cast<Ref<Parker>&&>(owner)),
        workload(workload),
        workers(workers),
        own_slots(own_slots),
        seen(workers),
        lent(workers) {
    // The owner has the first ones, the workers share what is left.
    const uint32_t left = this->scheduler->slots() - own_slots;
    for (uint32_t i = 0; i < left; i++) lent[i % workers].push_back(own_slots + i);
  }

  Task& TaskOf(uint32_t slot) {
    return *reinterpret_cast<Task*>(scheduler->slot(slot).inline_payload);
  }
  void SetPhase(uint32_t slot, Phase phase) {
    std::atomic<uint32_t>& state = scheduler->slot(slot).state;
    state.store(Slot::With(state.load(std::memory_order_relaxed), phase),
                std::memory_order_relaxed);
  }

  const Ref<Scheduler> scheduler;
  const Ref<Parker> owner;
  Workload workload;  // changed only while all threads sleep
  const uint32_t workers;
  const uint32_t own_slots;
  std::vector<Seen> seen;
  std::vector<std::vector<uint32_t>> lent;  // by worker
  std::atomic<bool> stop{false};
};

// EventLoop with one client.
template <typename Host, typename Self>
class LoopThread {
 public:
  void Turn() {
    now_ = NowNs();
    while (self().DeliverReady()) {
      if (Spin()) continue;
      Sleep();
      return;
    }
    self().EndSearch();
    Host::Poll();
  }

 protected:
  explicit LoopThread(Ref<Parker> parker) : parker_(static_cast<Ref<Parker>&&>(parker)) {}

  bool DeliverReady() {
    uint64_t since = 0;
    while (self().Ready()) {
      self().Deliver();
      now_ = NowNs();
      if (since == 0) since = now_;
      if (now_ - since > kSliceNs) return false;
    }
    return true;
  }

  bool Spin() {
    const CpuShare& share = CpuShare::Process();
    const uint32_t budget = spin_.nanoseconds();
    presence_.Refresh(CpuShare::Process());
    if (budget == 0 || !presence_.MaySpin(share)) return false;
    if (!self().Expecting(0)) return false;
    self().BeginSearch();
    const uint64_t start = now_;
    for (;;) {
      for (int i = 0; i < 8; i++) {
        if (self().Ready()) {
          spin_.Hit();
          return true;
        }
        Host::Relax();
      }
      const uint64_t last = now_;
      now_ = NowNs();
      if (now_ - last > SpinBudget::kPreemptedNs || now_ - start > budget ||
          !presence_.MaySpin(share) || !self().Expecting(now_ - start)) {
        spin_.Miss();
        return false;
      }
      if (now_ - start > kYieldAfterNs) Host::Yield();
    }
  }

  void Sleep() {
    const uint64_t asleep_since = now_;
    presence_.Leave(CpuShare::Process());
    parker_->Park();
    int again_ms = 0;
    if (!self().Park(&again_ms)) {
      Wake();
      Host::Poll();
      return;
    }
    if (Host::Wait(*parker_, again_ms)) {
      parker_->Drain();
      spin_.ParkedFor(NowNs() - asleep_since);
    }
    Wake();
  }

  void Wake() {
    presence_.Enter(CpuShare::Process());
    parker_->CancelPark();
    self().Unpark();
  }

  Ref<Parker> parker_;
  SpinBudget spin_;
  CpuShare::Presence presence_;
  uint64_t now_ = 0;

 private:
  static constexpr uint64_t kSliceNs = 500'000;
  static constexpr uint64_t kYieldAfterNs = 6'000;
  Self& self() { return *static_cast<Self*>(this); }
};

template <typename Host>
class Worker final : public LoopThread<Host, Worker<Host>> {
 public:
  Worker(Pool<Host>* pool, uint32_t seat)
      : LoopThread<Host, Worker>(pool->scheduler->parker(seat)), pool_(*pool), seat_(seat) {}

  void operator()() {
    pool_.scheduler->Sit(seat_);
    this->presence_.Enter(CpuShare::Process());
    while (!pool_.stop.load(std::memory_order_relaxed)) this->Turn();
    this->presence_.Leave(CpuShare::Process());
    pool_.scheduler->Leave(seat_);
  }

 private:
  friend class LoopThread<Host, Worker>;
  static constexpr uint64_t kSliceNs = 200'000;

  bool Ready() {
    Host::BeforeSearch(seat_);
    return pool_.scheduler->FindWork(seat_);
  }
  bool Expecting(uint64_t) { return pool_.scheduler->MaySpin(seat_); }
  void BeginSearch() { pool_.scheduler->BeginSearch(seat_); }
  void EndSearch() { pool_.scheduler->StandAside(seat_); }
  bool Park(int*) {
    if (!pool_.scheduler->Park(seat_)) return false;
    if (called_) seen().vain_wakes++;
    called_ = false;
    seen().sleeps++;
    seen().ended_at = -1;
    return true;
  }
  void Unpark() {
    if (pool_.scheduler->Unpark(seat_)) called_ = true;
  }

  void Deliver() {
    slice_start_ = this->now_;
    pool_.scheduler->NoteTime(seat_, this->now_);
    for (uint32_t slot = Next(); slot != kNoSlot; slot = Next()) {
      Found();
      const Task task = pool_.TaskOf(slot);
      Run(task);
      pool_.SetPhase(slot, Phase::kDone);
      if (task.lent == 0) {
        pool_.scheduler->Complete(seat_, slot);
      } else {
        pool_.lent[seat_].push_back(slot);
        pool_.scheduler->EndSpawned(seat_, slot);
      }
      seen().ended_at = Host::Time();
      seen().misses = Host::Misses();
    }
    seen().last_at = Host::Time();
  }

  uint32_t Next() {
    pool_.scheduler->times().Cross(seat_);
    const uint32_t next = SliceUsed() ? kNoSlot : pool_.scheduler->Next(seat_);
    pool_.scheduler->SetRunning(seat_, next);
    return next;
  }

  bool SliceUsed() {
    const uint32_t every = pool_.scheduler->TasksPerClaim(seat_);
    if (++calls_ < (every < 16 ? every : 16)) return false;
    calls_ = 0;
    const uint64_t now = NowNs();
    pool_.scheduler->NoteTime(seat_, now);
    return now - slice_start_ > kSliceNs;
  }

  void Found() {
    called_ = false;
    if (seen().first_at < 0) seen().first_at = Host::Time();
    if (seen().ended_at >= 0 && Host::Misses() > seen().misses) {
      seen().searches.push_back(static_cast<float>(Host::Time() - seen().ended_at));
    }
  }

  void Run(const Task& task) {
    const bool tree = pool_.workload.pattern == Pattern::kTree;
    uint64_t left = task.tasks - 1;
    if (tree && left > 0) {
      Spawn({left - left / 2, 1, 1});
      if (left > 1) Spawn({left / 2, 1, 1});
    }
    // Half of the chains to whoever comes first, and half of what is left.
    for (uint32_t chains = task.chains; !tree && chains > 1;) {
      const uint32_t given = chains / 2;
      const uint64_t tasks = left * given / chains;
      Spawn({tasks, given, 1});
      left -= tasks;
      chains -= given;
    }
    Host::Work(pool_.workload.task_ns);
    seen().tasks++;
    Host::Ran();
    if (!tree && left > 0) Spawn({left, 1, 1});
  }

  void Spawn(const Task& task) {
    if (task.tasks == 0) return;
    std::vector<uint32_t>& lent = pool_.lent[seat_];
    if (lent.empty()) Host::Refill(pool_.lent, seat_);
    if (!lent.empty()) {
      const uint32_t slot = lent.back();
      lent.pop_back();
      pool_.TaskOf(slot) = task;
      if (pool_.scheduler->Spawn(seat_, slot)) return;
      lent.push_back(slot);
    }
    seen().refused++;
    Run(task);
  }

  Seen& seen() { return pool_.seen[seat_]; }

  Pool<Host>& pool_;
  const uint32_t seat_;
  uint32_t calls_ = 0;
  bool called_ = false;
  uint64_t slice_start_ = 0;
};

template <typename Host>
class Owner final : public LoopThread<Host, Owner<Host>> {
 public:
  explicit Owner(Pool<Host>* pool) : LoopThread<Host, Owner>(pool->owner), pool_(*pool) {
    for (uint32_t slot = 0; slot < pool->own_slots; slot++) free_.push_back(slot);
  }

  // Until everything is done.
  void operator()() {
    this->presence_.Enter(CpuShare::Process());
    Submit();
    while (!Done()) this->Turn();
    this->presence_.Leave(CpuShare::Process());
  }

 private:
  friend class LoopThread<Host, Owner>;
  static constexpr uint64_t kAloneNs = 5'000;

  bool Done() const {
    return submitted_ == pool_.workload.tasks && pool_.scheduler->outstanding() == 0;
  }
  bool Ready() { return pool_.scheduler->HasCompletions(); }
  bool Expecting(uint64_t spun_ns) {
    return pool_.scheduler->outstanding() > 0 &&
           (spun_ns < kAloneNs || !pool_.scheduler->SleepersCouldHelp());
  }
  void BeginSearch() {}
  void EndSearch() {}
  bool Park(int* again_ms) {
    if (pool_.scheduler->HasCompletions()) return false;
    if (pool_.scheduler->outstanding() > 0 && pool_.scheduler->WakeForBacklog()) *again_ms = 1;
    return !Done();
  }
  void Unpark() {}

  void Deliver() {
    uint32_t reaped[1024];
    const uint32_t count = pool_.scheduler->Reap(reaped, 1024);
    for (uint32_t i = 0; i < count; i++) {
      Host::Handled();
      free_.push_back(reaped[i]);
    }
    if (pool_.workload.pattern == Pattern::kBursts) {
      if (pool_.scheduler->outstanding() > 0 || Done()) return;
      this->presence_.Leave(CpuShare::Process());
      Host::Pause(Workload::kPauseNs);
      this->presence_.Enter(CpuShare::Process());
    }
    Submit();
  }

  void Submit() {
    const Workload& work = pool_.workload;
    if (work.spawns()) {
      if (submitted_ > 0) return;
      const uint32_t chains =
          work.pattern == Pattern::kChain ? Workload::kChains * pool_.workers : 1;
      SubmitOne({work.tasks, chains, 0}, 0);
      submitted_ = work.tasks;
      return;
    }
    if (work.pattern == Pattern::kBursts) Host::BurstBegins();
    for (uint32_t n = free_.size(); n > 0 && submitted_ < work.tasks; n--, submitted_++) {
      SubmitOne({1, 1, 0}, work.pattern == Pattern::kNode ? 0 : turn_++ % pool_.scheduler->nodes());
    }
  }

  void SubmitOne(const Task& task, uint32_t queue) {
    const uint32_t slot = free_.back();
    free_.pop_back();
    pool_.TaskOf(slot) = task;
    pool_.scheduler->Submit(slot, queue);
    Host::Handled();
  }

  Pool<Host>& pool_;
  std::vector<uint32_t> free_;
  uint64_t submitted_ = 0;
  uint32_t turn_ = 0;
};

}  // namespace moirai::bench
