// The books of a thread that ticks: what each tick writes into the TickRecord. Of JavaScript's
// ticks and of native ones alike.
//
// Threads: the one that ticks. Nothing is allocated and no lock is taken; a getrusage and a
// reading of the thread's clock before and after each tick, and one getcpu.
#pragma once

#include <cstdint>

#include "core/realtime/cpu_window.h"
#include "core/realtime/thread_use.h"
#include "core/realtime/tick_record.h"
#include "core/realtime/tick_schedule.h"

namespace moirai {

class TickAccount {
 public:
  explicit TickAccount(TickRecord& record) : record_(record) {}

  // A task has come to a slot that was cleared: what the thread did before is not its ticks'.
  void Open(uint32_t slot, uint64_t now);
  // The task is over: `why` is kStopped or above.
  void Close(uint32_t slot, TickState why);
  bool IsStopAsked(uint32_t slot) const {
    return record_.tasks[slot].stop.load(std::memory_order_acquire) != 0;
  }

  // A measurement for the phase lock that another thread has left; false: none.
  bool TakeMeasurement(uint32_t slot, int64_t* late);
  // What the lock made of it, or of the lack of one.
  void NotePhase(uint32_t slot, const PhaseLock& lock);
  // Misses are to have the CPU time of so many ns before their end; 0: not.
  void SetCpuWindow(uint64_t ns, uint64_t now);
  // The thread's event loop has had its turn.
  void EventLoopEnds(uint64_t now) { loop_end_ = now; }

  // A tick begins; its number, from 1.
  uint64_t Begin(uint32_t slot, uint64_t begin);
  // It has ended, whatever became of its task.
  void End(uint32_t slot, uint64_t release, uint64_t end);
  // What the schedule said of it. After End.
  void Note(uint32_t slot, uint64_t release, const TickSchedule::Outcome& outcome);

  uint64_t last_end() const { return last_end_; }  // of any tick

 private:
  void NoteMiss(uint32_t slot, uint64_t release, const TickSchedule::Outcome& outcome,
                const RealtimeUse& after, uint32_t cpu);

  TickRecord& record_;
  uint64_t begun_ = 0;  // the tick that runs, or ran last
  uint64_t begun_before_ = 0;
  uint64_t last_end_ = 0;
  uint64_t free_ = 0;  // the end of the tick before that one
  uint64_t loop_end_ = 0;
  uint32_t last_cpu_ = 0;
  RealtimeUse before_;  // when the tick began
  CpuWindow window_;
};

}  // namespace moirai
