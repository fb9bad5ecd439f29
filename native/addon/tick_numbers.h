// A periodic task as the numbers in which TypeScript gives it (CheckedTask.numbers); but for its
// first release, which is the business of the thread that ticks. numbers[1] is the phase.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/realtime/tick_schedule.h"

namespace moirai::addon {

inline constexpr std::size_t kTaskNumbers = 11;

inline TickSchedule::Task TaskOf(const double* numbers) {
  TickSchedule::Task task;
  task.period = static_cast<uint64_t>(numbers[0]);
  task.deadline = static_cast<uint64_t>(numbers[2]);
  task.on_overrun = static_cast<TickSchedule::OnOverrun>(numbers[3]);
  task.catch_up = static_cast<uint32_t>(numbers[4]);
  task.misses = static_cast<uint32_t>(numbers[5]);
  task.window = static_cast<uint32_t>(numbers[6]);
  task.phase_lock.settle = static_cast<uint32_t>(numbers[7]);
  task.phase_lock.max_step = static_cast<uint64_t>(numbers[8]);
  task.phase_lock.max_rate = static_cast<uint64_t>(numbers[9]);
  task.phase_lock.tolerance = static_cast<uint64_t>(numbers[10]);
  return task;
}

}  // namespace moirai::addon
