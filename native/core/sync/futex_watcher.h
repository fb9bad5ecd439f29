// Tells event loops that a word in shared memory has changed, whoever changed it: another thread or
// another process. A loop waits on descriptors and cannot wait on a futex, so threads of our own
// wait for it, each on up to 127 words at once (futex_waitv(2), Linux 5.16). Where that call is not
// to be had (older kernels, seccomp; `futexWaitv` in capabilities()), they look every kSliceMs.
//
// Use: read the word, look whether there is something to do, Arm with the value that was read, look
// once more where the change may have come before the read, sleep on the parker. Whoever changes
// the word wakes it afterwards (Wake, or FUTEX_WAKE without FUTEX_PRIVATE_FLAG); a wake without a
// change may go unheard. A watch tells once, and is over then.
//
// None is missed: a thread takes the list under the lock, together with the count of its changes,
// and that count is itself the first word it waits on. A watch that is armed later has changed the
// count, and the kernel refuses to sleep on a word that is not as expected (EAGAIN), which is also
// what it says to each watched word that changed between Arm and the sleep.
//
// Disarm does not wait for the thread, nor wake it: a wake of one waiter may thus be spent on a
// watch that is over. The thread hands such a wake on to the next who waits on that word.
//
// Lifetime: threads start with the first watch, never end, hold no memory of their callers, block
// all signals and keep no process alive: exit_group(2) ends them where they sleep. A child by fork
// has no such threads and starts its own. Memory may be unmapped as soon as its words are disarmed:
// the kernel reads them and says EFAULT, here nothing does. A word that cannot be read any more
// (its file was cut off) counts as changed.
//
// Cost: arming wakes the thread once (two system calls and a switch), except anew for a word and
// value that it still waits on. While nothing is armed the threads sleep in one system call.
// Threads: any. Memory ordering: the lists are under the lock; the words belong to the callers, and
// Signal orders what was before it before the loop's return from epoll.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/ref.h"
#include "core/sync/futex_lock.h"
#include "core/sync/parker.h"

namespace moirai {

class FutexWatcher {
 public:
  static constexpr uint32_t kWordsPerThread = 127;  // of 128; the first is the thread's own
  static constexpr uint32_t kMaxThreads = 32;
  static constexpr int kSliceMs = 5;

  // Belongs to one thread; lives until Disarm, also when it was told, and does not move meanwhile.
  struct Watch {
    Ref<Parker> parker;
    // The place in the watcher while it is armed; under its lock.
    int32_t place = -1;
  };

  // Runs `run(argument)` on a new thread that nobody joins; false: there is none to be had.
  using StartThread = bool (*)(void (*run)(void*), void* argument);

  static FutexWatcher& Process() { return process_; }

  // Once before the first Arm; again: nothing. `slices`: as if there were no futex_waitv.
  void Use(StartThread start, bool slices = false);

  // Signals the watch's parker once when the word is not `expected`, or no longer. False: nobody
  // watches (no thread, or more than 4,064 watches), the caller looks again by itself.
  bool Arm(Watch& watch, const std::atomic<uint32_t>& word, uint32_t expected);
  // True: it was armed, and nobody had been told. Afterwards the word may go away.
  bool Disarm(Watch& watch);

  // Whether words are looked at in slices, for lack of futex_waitv. Known after the first wait.
  bool slices() const { return slices_.load(std::memory_order_relaxed); }

  // Wakes up to `count` who wait on the word, in any process.
  static void Wake(const std::atomic<uint32_t>& word, uint32_t count);

 private:
  struct Place {
    const std::atomic<uint32_t>* word;
    uint32_t expected;
    Watch* watch;  // null: nobody's
  };
  // What one thread waits on, and how it knows of changes.
  struct Shard {
    FutexWatcher* owner;
    std::atomic<uint32_t> changes;
    bool started;
    bool waiting;     // in the kernel, on what `listed` says
    uint32_t listed;  // how many of the words it waits on
    Place places[kWordsPerThread];
    Place list[kWordsPerThread];  // as they were when it went to sleep
    uint8_t list_place[kWordsPerThread];
  };

  static void Run(void* shard);
  void Serve(Shard& shard);
  uint32_t List(Shard& shard, void* waiters);
  void Look(Shard& shard, long result, int error);
  void Tell(Place& place);
  void RestartAfterFork();
  int32_t FindPlace(const std::atomic<uint32_t>* word, uint32_t expected, bool* listed);

  static FutexWatcher process_;

  FutexLock lock_;
  StartThread start_ = nullptr;
  std::atomic<bool> slices_{false};
  std::atomic<int> process_id_{0};  // whose threads these are; 0: nobody's yet
  Shard* shards_[kMaxThreads] = {};
};

inline constinit FutexWatcher FutexWatcher::process_;

}  // namespace moirai
