// The loop of a thread that calls C functions at their releases, without JavaScript: the isolate
// whose context it belongs to may collect garbage, its event loop may stand still.
//
// Its owner gives it tasks by slot. A slot goes round: kFree, given by the owner (kGiven), taken
// by the thread (kTicking), let go by the thread (kOver), taken back by the owner. Whoever's turn
// it is alone touches what the slot holds; the state's release store is acquired by the other.
//
// The end of a thread whose tick never returns: the owner waits for a while and then abandons it
// (Abandon), which succeeds only while the thread is inside the user's function. When that returns,
// the thread ends and touches nothing but this object; calls that the function makes meanwhile do
// nothing. So the owner may take its memory away although the thread still runs. The thread holds
// a reference to this object.
//
// Threads: Run on its own; all else on the owner's. The TickRecord is the thread's to write.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#define MOIRAI_WITHOUT_NODE_API
#include "include/moirai.h"
#undef MOIRAI_WITHOUT_NODE_API

#include "core/base/ref.h"
#include "core/realtime/ring_port.h"
#include "core/realtime/sched_policy.h"
#include "core/realtime/tick_account.h"
#include "core/realtime/tick_record.h"
#include "core/realtime/tick_schedule.h"
#include "core/sync/futex.h"

namespace moirai {

struct NativeTask {
  static constexpr uint32_t kMaxPorts = 16;

  TickSchedule::Task schedule;  // but for its first release
  uint64_t phase = 0;
  moirai_tick_function function = nullptr;
  void* data = nullptr;
  void* memory = nullptr;
  uint64_t memory_bytes = 0;
  std::unique_ptr<RingPort> ports[kMaxPorts];
};

class NativeLoop : public RefCounted<NativeLoop> {
 public:
  // What the thread asks for itself when it begins.
  struct Wishes {
    int cpu = -1;  // -1: where its creator may run
    SchedPolicy policy;
    std::size_t lock_stack = 0;
    uint64_t spin_ns = 0;  // awake before a release, for so long
  };
  // What came of it: errnos.
  struct Asked {
    int thread = 0;
    int cpu_error = 0;
    int policy_error = 0;
    int lock_error = 0;
    uint64_t timer_slack = 0;
  };

  NativeLoop(TickRecord& record, TickSchedule::Order order, const Wishes& wishes);

  // The thread's body.
  void Run();

  // Waits until the thread has asked; false: not within that time, and it will go without a tick
  // and without a look at the record, which may be gone by then.
  bool WaitUntilReady(uint64_t ns = kReadyNs);
  const Asked& asked() const { return asked_; }

  // The slot is free, and its counters are cleared.
  void Give(uint32_t slot, NativeTask&& task);
  // After the counters' `stop` was set: the thread looks at it now.
  void Knock();
  // As TickAccount's: from the thread's next turn on.
  void SetCpuWindow(uint64_t ns);
  // True, once: the thread has let go of it. `result`: what the function gave, when that ended it.
  bool TakeBack(uint32_t slot, int* result);

  void End();
  bool IsOver() const { return over_.load(std::memory_order_acquire) != 0; }
  // Waits until it is over, at most so long.
  bool WaitUntilOver(uint64_t ns);
  // False: it is not in a tick, so it will be over soon. True, also again: every slot is the
  // owner's, and the thread, which will never say that it is over, writes nothing any more.
  bool Abandon();

 private:
  static constexpr uint64_t kSliceNs = 50'000'000;
  static constexpr uint64_t kIdleNs = 1'000'000'000;
  static constexpr uint64_t kReadyNs = 5'000'000'000;

  // Of ready_.
  static constexpr uint32_t kAsking = 0;
  static constexpr uint32_t kReady = 1;
  static constexpr uint32_t kGivenUp = 2;

  enum class SlotState : uint32_t { kFree, kGiven, kTicking, kOver };
  struct Slot {
    std::atomic<SlotState> state{SlotState::kFree};
    NativeTask task;
    int result = 0;
  };
  enum class Place : uint32_t { kOutside, kInTick, kInCall, kAbandoned };

  // False: its owner has given up waiting for it.
  bool Ask();
  // Takes new tasks, and lets go of those that were stopped.
  void LookAround();
  // False: abandoned.
  bool Tick(uint32_t slot, uint64_t begin);
  void LetGo(uint32_t slot, TickState why);

  static NativeLoop* Enter(const moirai_tick* tick);
  void Leave() { place_.store(Place::kInTick, std::memory_order_release); }
  static int TrySend(const moirai_tick* tick, uint32_t port, const void* message, uint32_t bytes);
  static int TryReceive(const moirai_tick* tick, uint32_t port, void* message, uint32_t bytes);
  static void Adjust(const moirai_tick* tick, int64_t late);
  RingPort* PortOf(uint32_t port);

  TickRecord* const record_;
  const Wishes wishes_;
  Asked asked_;
  FutexWord ready_{kAsking};
  FutexWord knocks_{0};
  FutexWord over_{0};
  std::atomic<uint32_t> ending_{0};
  std::atomic<uint64_t> window_{0};
  std::atomic<Place> place_{Place::kOutside};
  Slot slots_[TickSchedule::kMaxTasks];

  // The thread's own.
  TickSchedule schedule_;
  TickAccount account_;
  uint64_t window_set_ = 0;
  moirai_tick tick_ = {};
  uint32_t running_ = 0;  // the slot of the tick that runs
};

}  // namespace moirai
