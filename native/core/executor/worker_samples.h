// What the kernel knows of a worker's thread: its CPU time and how often it was preempted. Read
// when somebody asks, from outside while the thread lives, and by itself when it leaves its seat.
#pragma once

#include <cstdint>

namespace moirai {

struct SeatStats;

// The calling worker has left: what its thread used goes to the seat's past.
void AddUseOfThisThread(SeatStats* stats);

struct ThreadUse {
  uint64_t cpu_ns;
  uint64_t preemptions;  // involuntary context switches
};
// What everybody who sat there has used so far. A thread that leaves at this very moment counts
// once or not at all, and the next time in full.
ThreadUse UseOf(const SeatStats& stats);

}  // namespace moirai
