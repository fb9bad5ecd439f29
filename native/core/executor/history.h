// The tasks that finished last and how many ever did: two rings of fixed size, one of those that
// are done and one of all others. The owner's thread alone.
//
// A task is recorded once, when its end is first known: one that was cancelled, timed out or lost
// is told so while its slot is still with a worker, and what comes back of it later counts no more.
// `told_` holds by slot the last generation that ended that way.
#pragma once

#include <cstdint>

#include "core/executor/slot.h"
#include "core/executor/task_times.h"

namespace moirai {

enum class Outcome : uint8_t { kDone, kFailed, kCancelled, kLost };
inline constexpr uint32_t kOutcomes = 4;

struct FinishedTask {
  uint64_t queued;  // ticks
  uint64_t id;
  uint32_t task;  // the slot's word: index, priority, flags
  float waited;   // ns
  float ran;
  uint16_t seat;
  Outcome outcome;
  bool started;
};

class History {
 public:
  static constexpr uint32_t kNone = 0xffffffffU;

  History() = default;
  History(const History&) = delete;
  History& operator=(const History&) = delete;
  ~History();

  // `retain` entries in each ring. False: memory is short.
  bool Init(Slot* slots, uint32_t slot_count, uint32_t retain);

  // A slot that has come back done.
  void Done(uint32_t index, TaskTimes& times) {
    if (any_told_ && told_[index] == slots_[index].generation) return;
    counts_[0]++;
    if (retain_ > 0) Keep(index, Outcome::kDone, times);
  }
  // Any other end; where in its ring it stands, or kNone: it was recorded before, or none is kept.
  uint32_t Ended(uint32_t index, Outcome outcome, TaskTimes& times);

  uint64_t count(Outcome outcome) const { return counts_[static_cast<uint32_t>(outcome)]; }

  // Of the done, or of the others: how many are kept, and each, oldest first.
  uint32_t Kept(bool done) const;
  const FinishedTask& At(bool done, uint32_t position) const;
  // Where in its ring `At(done, position)` stands.
  uint32_t PlaceOf(bool done, uint32_t position) const;
  // The task with this id, or null. Looks at each.
  const FinishedTask* Find(uint64_t id) const;

 private:
  struct Ring {
    FinishedTask* tasks = nullptr;
    uint32_t next = 0;
    uint32_t kept = 0;
  };
  uint32_t Keep(uint32_t index, Outcome outcome, TaskTimes& times);

  Slot* slots_ = nullptr;
  uint32_t retain_ = 0;
  uint64_t counts_[kOutcomes] = {};
  Ring done_;
  Ring others_;
  bool any_told_ = false;
  uint32_t* told_ = nullptr;
};

}  // namespace moirai
