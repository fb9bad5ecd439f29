#include "core/executor/history.h"

#include <cstdlib>

namespace moirai {

bool History::Init(Slot* slots, uint32_t slot_count, uint32_t retain) {
  slots_ = slots;
  retain_ = retain;
  told_ = static_cast<uint32_t*>(std::calloc(slot_count, sizeof(*told_)));
  if (told_ == nullptr) return false;
  if (retain == 0) return true;
  done_.tasks = static_cast<FinishedTask*>(std::calloc(retain, sizeof(FinishedTask)));
  others_.tasks = static_cast<FinishedTask*>(std::calloc(retain, sizeof(FinishedTask)));
  return done_.tasks != nullptr && others_.tasks != nullptr;
}

History::~History() {
  std::free(told_);
  std::free(done_.tasks);
  std::free(others_.tasks);
}

uint32_t History::Ended(uint32_t index, Outcome outcome, TaskTimes& times) {
  const uint32_t generation = slots_[index].generation;
  if (told_[index] == generation) return kNone;
  told_[index] = generation;
  any_told_ = true;
  counts_[static_cast<uint32_t>(outcome)]++;
  return retain_ > 0 ? Keep(index, outcome, times) : kNone;
}

uint32_t History::Keep(uint32_t index, Outcome outcome, TaskTimes& times) {
  Ring& ring = outcome == Outcome::kDone ? done_ : others_;
  const uint32_t place = ring.next;
  ring.next = place + 1 < retain_ ? place + 1 : 0;
  if (ring.kept < retain_) ring.kept++;
  const Slot& slot = slots_[index];
  const Phase phase = Slot::PhaseOf(slot.state.load(std::memory_order_acquire));
  const bool started = phase != Phase::kQueued && phase != Phase::kCancelled;
  const TaskTimes::Took took = times.TookSoFar(index);
  ring.tasks[place] = {times.queued(index),
                       uint64_t{slot.id_high} << 32 | slot.generation,
                       slot.task,
                       took.waited,
                       took.ran,
                       started ? slot.worker : uint16_t{0},
                       outcome,
                       started};
  return place;
}

uint32_t History::Kept(bool done) const { return (done ? done_ : others_).kept; }

uint32_t History::PlaceOf(bool done, uint32_t position) const {
  const Ring& ring = done ? done_ : others_;
  // The oldest stands where the next will be written, once the ring is full.
  const uint64_t oldest = ring.kept < retain_ ? 0 : ring.next;
  return static_cast<uint32_t>((oldest + position) % retain_);
}

const FinishedTask& History::At(bool done, uint32_t position) const {
  return (done ? done_ : others_).tasks[PlaceOf(done, position)];
}

const FinishedTask* History::Find(uint64_t id) const {
  for (const Ring* ring : {&done_, &others_}) {
    for (uint32_t i = 0; i < ring->kept; i++) {
      if (ring->tasks[i].id == id) return &ring->tasks[i];
    }
  }
  return nullptr;
}

}  // namespace moirai
