#include "core/executor/task_times.h"

#include <sys/resource.h>
#include <time.h>

#include <bit>
#include <cstdlib>
#include <new>

namespace moirai {

namespace {

// Zeroed pages come from the kernel as they are touched: slots and seats never used cost nothing.
template <typename T>
T* Zeroed(uint64_t count) {
  return static_cast<T*>(std::calloc(count, sizeof(T)));
}

bool IsMeasured(const Slot& slot) { return (slot.task >> layout::kMeasuredBit & 1U) != 0; }

TaskUse UseOfThisThread() {
  timespec cpu{};
  rusage usage{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  getrusage(RUSAGE_THREAD, &usage);
  return {static_cast<uint64_t>(cpu.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(cpu.tv_nsec),
          static_cast<uint64_t>(usage.ru_nivcsw)};
}

}  // namespace

bool TaskTimes::Init(Slot* slots, uint32_t slot_count, uint32_t seats, bool on) {
  on_ = on;
  slots_ = slots;
  clock_.Start();
  if (!on) return true;
  seats_ = new (std::nothrow) Seat[seats];
  histograms_ = Zeroed<Histogram>(uint64_t{seats} * kHistograms);
  queued_ = Zeroed<uint64_t>(slot_count);
  started_ = Zeroed<uint64_t>(slot_count);
  measured_ = Zeroed<TaskUse>(slot_count);
  return seats_ != nullptr && histograms_ != nullptr && queued_ != nullptr && started_ != nullptr &&
         measured_ != nullptr;
}

TaskTimes::~TaskTimes() {
  delete[] seats_;
  std::free(histograms_);
  std::free(queued_);
  std::free(started_);
  std::free(measured_);
}

void TaskTimes::Sat(uint32_t seat) {
  if (!on_) return;
  seats_[seat].running = kNoSlot;
  clock_.Refine();
}

TaskTimes::Took TaskTimes::LoadTook(uint32_t index) const {
  return std::bit_cast<Took>(Times(index).load(std::memory_order_relaxed));
}

void TaskTimes::StoreTook(uint32_t index, Took took) {
  Times(index).store(std::bit_cast<uint64_t>(took), std::memory_order_relaxed);
}

TaskTimes::Took TaskTimes::TookSoFar(uint32_t index) {
  if (!on_) return {0, 0};
  // Acquire pairs with the release that made it running: `times` are durations by then.
  const Phase phase = Slot::PhaseOf(slots_[index].state.load(std::memory_order_acquire));
  if (phase == Phase::kDone || phase == Phase::kFailed) return LoadTook(index);
  const auto age = static_cast<float>(Since(queued_[index]));
  if (phase != Phase::kRunning && phase != Phase::kAwaitingPort) return {age, 0};
  const float waited = LoadTook(index).waited;
  return {waited, age > waited ? age - waited : 0};
}

void TaskTimes::Start(Seat& self, uint32_t index) {
  // Several tasks may have the thread at a time, one begun inside another.
  if (self.running != kNoSlot) SetAside(self);
  const uint64_t queued = Times(index).load(std::memory_order_relaxed);
  // It came after the crossing began: handing back the task before, or the search, took a while.
  if (static_cast<int64_t>(queued - self.now) >= 0) self.now = clock_.Now();
  StoreTook(index, {static_cast<float>(clock_.Between(queued, self.now)), 0});
  self.running = index;
  self.started = self.now;
  if (IsMeasured(slots_[index])) self.before = UseOfThisThread();
}

void TaskTimes::StartUncounted(uint32_t index) {
  const uint64_t queued = Times(index).load(std::memory_order_relaxed);
  StoreTook(index, {static_cast<float>(clock_.Between(queued, clock_.Now())), 0});
}

void TaskTimes::Measure(Seat& self, uint32_t index) {
  if (!IsMeasured(slots_[index])) return;
  const TaskUse after = UseOfThisThread();
  measured_[index] = {after.cpu_ns - self.before.cpu_ns,
                      after.preemptions - self.before.preemptions};
}

void TaskTimes::SetAside(Seat& self) {
  const uint32_t index = self.running;
  self.running = kNoSlot;
  started_[index] = self.started;
  Measure(self, index);
}

void TaskTimes::Resumed(uint32_t seat, uint32_t index) {
  if (!on_) return;
  Seat& self = seats_[seat];
  if (self.running != kNoSlot) SetAside(self);
  self.now = clock_.Now();
  const auto more = static_cast<float>(clock_.Between(started_[index], self.now));
  StoreTook(index, {LoadTook(index).waited + more, 0});
  self.running = index;
  self.started = self.now;
  if (IsMeasured(slots_[index])) self.before = UseOfThisThread();
}

void TaskTimes::Finish(uint32_t seat, uint32_t index) {
  Seat& self = seats_[seat];
  uint64_t started;
  if (self.running == index) {
    self.running = kNoSlot;
    started = self.started;
    Measure(self, index);
  } else {
    started = started_[index];
  }
  const double ran = clock_.Between(started, self.now);
  const float waited = LoadTook(index).waited;
  StoreTook(index, {waited, static_cast<float>(ran)});
  // A priority past the last would be a fault elsewhere; it must not become one of memory.
  const uint32_t given = slots_[index].priority();
  const uint32_t priority = given < layout::kPriorities ? given : layout::kPriorityIdle;
  Histogram* const histograms = histograms_ + uint64_t{seat} * kHistograms;
  histograms[priority].Record(static_cast<uint64_t>(waited));
  histograms[layout::kPriorities].Record(static_cast<uint64_t>(ran));
}

}  // namespace moirai
