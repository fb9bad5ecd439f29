// What a real-time thread leaves behind for others to read: counters and histograms of each task,
// the last misses, the last garbage collections. One piece of shared memory, there and touched
// before the first tick; zeros mean that nothing has happened.
//
// Threads: the real-time thread alone writes, but for `control`, `stop` and `adjust`, and for the
// counters of a slot without a task, which the owner clears; anybody reads at any time, and nobody
// waits. Memory ordering: relaxed, each number for itself, but in the two rings: an entry's number
// is odd while it is being written (a seqlock whose data are atomics: H. Boehm, MSPC 2012).
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/histogram.h"
#include "core/realtime/tick_schedule.h"

namespace moirai {

// The last entries that one thread has written, N numbers each.
template <uint32_t Entries, uint32_t N>
class RecordRing {
 public:
  static constexpr uint32_t kEntries = Entries;
  static constexpr uint32_t kNumbers = N;

  void Write(const uint64_t (&numbers)[N]) {
    const uint64_t index = written_.load(std::memory_order_relaxed);
    Entry& entry = entries_[index % Entries];
    // Whoever sees one of the numbers below sees that the entry is not the old one any more.
    entry.version.store(2 * index + 1, std::memory_order_relaxed);
    for (uint32_t i = 0; i < N; i++) entry.numbers[i].store(numbers[i], std::memory_order_release);
    entry.version.store(2 * index + 2, std::memory_order_release);
    written_.store(index + 1, std::memory_order_release);
  }

  uint64_t written() const { return written_.load(std::memory_order_acquire); }

  // Entry number `index` from 0 on; false: not there yet, or overwritten.
  bool Read(uint64_t index, uint64_t (&numbers)[N]) const {
    const Entry& entry = entries_[index % Entries];
    if (entry.version.load(std::memory_order_acquire) != 2 * index + 2) return false;
    for (uint32_t i = 0; i < N; i++) numbers[i] = entry.numbers[i].load(std::memory_order_acquire);
    return entry.version.load(std::memory_order_relaxed) == 2 * index + 2;
  }

 private:
  struct Entry {
    std::atomic<uint64_t> version;
    std::atomic<uint64_t> numbers[N];
  };
  std::atomic<uint64_t> written_;
  Entry entries_[Entries];
};

struct alignas(64) TickCounters {
  std::atomic<uint64_t> ticks;
  std::atomic<uint64_t> misses;    // ticks that ended after their deadline
  std::atomic<uint64_t> overruns;  // ticks that ended after the next release
  std::atomic<uint64_t> skipped;   // releases without a tick
  std::atomic<uint64_t> begun;     // when the last tick began, ns
  std::atomic<uint64_t> ended;     // when it ended
  std::atomic<uint32_t> state;     // TickState
  std::atomic<uint32_t> stop;      // written by others: not 0: no tick any more
  // Of the phase lock: a measurement on its way to the thread (twice the ns, plus 1; 0: none), and
  // what the lock says of itself.
  std::atomic<uint64_t> adjust;
  std::atomic<uint64_t> phase_measured;
  std::atomic<int64_t> phase_error;  // ns
  std::atomic<int64_t> phase_rate;   // thousandths of a ns a period
  std::atomic<uint32_t> phase_locked;
  Histogram wakeup;     // release to begin
  Histogram execution;  // begin to end
  Histogram response;   // release to end
  Histogram period;     // begin to begin
};

// Above kStopped: it is over by itself.
enum class TickState : uint32_t { kNone, kRunning, kStopped, kThrew, kOverrun, kTooManyMisses };

// Of a tick that missed its deadline. What the kernel counted is from its begin to its end, where
// nothing else is said.
struct MissRecord {
  enum Number : uint32_t {
    kSlot,
    kTick,     // its number, from 1
    kRelease,  // ns
    kBegin,    // ns
    kEnd,      // ns
    kFree,     // when the thread was free for it: the end of the tick before, or the release
    kCpuNs,    // CPU time
    kMinorFaults,
    kMajorFaults,
    kPreemptions,  // involuntary context switches
    kWaits,        // voluntary ones
    kLoopEnd,      // ns; when the last turn of the event loop ended
    kWindowCpuNs,  // CPU time in the CpuWindow before the end
    kCpuBefore,    // the CPU where the tick before ended
    kCpuEnd,
    kSkipped,
    kNumbers,
  };
};

struct CollectionRecord {
  enum Number : uint32_t { kBegin, kEnd, kKind, kNumbers };  // ns, ns, Node's number
};

struct TickRecord {
  alignas(64) std::atomic<uint32_t> control;  // changed by others: a message is waiting
  std::atomic<uint32_t> gone;                 // the thread has ended
  alignas(64) RecordRing<128, MissRecord::kNumbers> misses;
  alignas(64) RecordRing<128, CollectionRecord::kNumbers> collections;
  TickCounters tasks[TickSchedule::kMaxTasks];
};

}  // namespace moirai
