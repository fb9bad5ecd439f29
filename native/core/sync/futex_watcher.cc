#include "core/sync/futex_watcher.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <new>

// Younger than the oldest headers this is built with.
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

namespace moirai {
namespace {

constexpr uint32_t kSize32 = 2;        // FUTEX2_SIZE_U32
constexpr uint32_t kPrivate = 128;     // FUTEX2_PRIVATE
constexpr uint32_t kSkippedScans = 4;  // in a row, while watches come and go

struct WaitvEntry {  // struct futex_waitv
  uint64_t expected;
  uint64_t word;
  uint32_t flags;
  uint32_t reserved;
};

uint64_t Address(const std::atomic<uint32_t>* word) { return reinterpret_cast<uintptr_t>(word); }

// The word is not as expected. Asked of the kernel, which survives memory that is gone: a requeue
// of nobody compares and does nothing else.
bool HasChanged(const std::atomic<uint32_t>* word, uint32_t expected) {
  return syscall(SYS_futex, word, FUTEX_CMP_REQUEUE, 0, 0, word, expected) != 0;
}

}  // namespace

void FutexWatcher::Wake(const std::atomic<uint32_t>& word, uint32_t count) {
  constexpr uint32_t kAll = 0x7fffffff;
  syscall(SYS_futex, &word, FUTEX_WAKE, count < kAll ? count : kAll, nullptr, nullptr, 0);
}

void FutexWatcher::Use(StartThread start, bool slices) {
  const FutexLockGuard guard(lock_);
  if (start_ != nullptr) return;
  start_ = start;
  slices_.store(slices, std::memory_order_relaxed);
}

bool FutexWatcher::Arm(Watch& watch, const std::atomic<uint32_t>& word, uint32_t expected) {
  std::atomic<uint32_t>* changes = nullptr;
  RestartAfterFork();
  {
    const FutexLockGuard guard(lock_);
    if (watch.place >= 0) return true;
    if (start_ == nullptr) return false;
    bool listed = false;
    const int32_t at = FindPlace(&word, expected, &listed);
    if (at < 0) return false;
    Shard& shard = *shards_[static_cast<uint32_t>(at) / kWordsPerThread];
    shard.places[static_cast<uint32_t>(at) % kWordsPerThread] = {&word, expected, &watch};
    watch.place = at;
    if (listed) return true;
    shard.changes.fetch_add(1, std::memory_order_relaxed);
    changes = &shard.changes;
  }
  // The thread's own word: shards are never freed.
  syscall(SYS_futex, changes, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  return true;
}

bool FutexWatcher::Disarm(Watch& watch) {
  const FutexLockGuard guard(lock_);
  if (watch.place < 0) return false;
  const auto at = static_cast<uint32_t>(watch.place);
  watch.place = -1;
  Shard* const shard = shards_[at / kWordsPerThread];
  if (shard == nullptr) return false;
  Place& place = shard->places[at % kWordsPerThread];
  if (place.watch != &watch) return false;  // armed before a fork
  place.watch = nullptr;
  return true;
}

// After a fork there is one thread, this one: the lock may be held by one that is not here.
void FutexWatcher::RestartAfterFork() {
  const int self = getpid();
  const int known = process_id_.load(std::memory_order_relaxed);
  if (known == self) return;
  if (known != 0) {
    new (&lock_) FutexLock;
    for (Shard*& shard : shards_) shard = nullptr;
  }
  process_id_.store(self, std::memory_order_relaxed);
}

// A place for a watch, if possible one whose word the thread waits on already; -1: there is none.
int32_t FutexWatcher::FindPlace(const std::atomic<uint32_t>* word, uint32_t expected,
                                bool* listed) {
  for (uint32_t s = 0; s < kMaxThreads; s++) {
    Shard*& shard = shards_[s];
    if (shard == nullptr) {
      auto* const made = new (std::nothrow) Shard();
      if (made == nullptr) return -1;
      made->owner = this;
      if (!start_(Run, made)) {
        delete made;
        return -1;
      }
      shard = made;
    }
    const uint32_t sleeping_on = shard->waiting ? shard->listed : 0;
    for (uint32_t i = 0; i < sleeping_on; i++) {
      const Place& seen = shard->list[i];
      const uint32_t at = shard->list_place[i];
      if (seen.word == word && seen.expected == expected && shard->places[at].watch == nullptr) {
        *listed = true;
        return static_cast<int32_t>(s * kWordsPerThread + at);
      }
    }
    for (uint32_t at = 0; at < kWordsPerThread; at++) {
      if (shard->places[at].watch == nullptr) {
        return static_cast<int32_t>(s * kWordsPerThread + at);
      }
    }
  }
  return -1;
}

void FutexWatcher::Run(void* shard) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  auto* const self = static_cast<Shard*>(shard);
  self->owner->Serve(*self);
}

void FutexWatcher::Serve(Shard& shard) {
  WaitvEntry waiters[kWordsPerThread + 1];
  uint32_t skipped = 0;
  for (;;) {
    uint32_t count = 0;
    {
      const FutexLockGuard guard(lock_);
      count = List(shard, waiters);
    }
    const auto changes = static_cast<uint32_t>(waiters[0].expected);
    long result = -1;
    int error = ENOSYS;
    if (!slices_.load(std::memory_order_relaxed)) {
      result = syscall(SYS_futex_waitv, waiters, count + 1, 0, nullptr, 0);
      error = result < 0 ? errno : 0;
      const bool refused = error != 0 && error != EAGAIN && error != EINTR && error != EFAULT;
      if (refused) slices_.store(true, std::memory_order_relaxed);
    } else {
      const timespec slice = {0, kSliceMs * 1'000'000L};
      syscall(SYS_futex, &shard.changes, FUTEX_WAIT_PRIVATE, changes, count > 0 ? &slice : nullptr,
              nullptr, 0);
    }
    // Where only the list has changed, there is nothing to tell; but not for ever.
    const bool list_changed = shard.changes.load(std::memory_order_relaxed) != changes;
    if (result <= 0 && list_changed && ++skipped < kSkippedScans) {
      const FutexLockGuard guard(lock_);
      shard.waiting = false;
      continue;
    }
    skipped = 0;
    Look(shard, result, error);
  }
}

uint32_t FutexWatcher::List(Shard& shard, void* waiters) {
  auto* const entries = static_cast<WaitvEntry*>(waiters);
  entries[0] = {shard.changes.load(std::memory_order_relaxed), Address(&shard.changes),
                kSize32 | kPrivate, 0};
  uint32_t count = 0;
  for (uint32_t at = 0; at < kWordsPerThread; at++) {
    const Place& place = shard.places[at];
    if (place.watch == nullptr) continue;
    shard.list[count] = place;
    shard.list_place[count] = static_cast<uint8_t>(at);
    entries[++count] = {place.expected, Address(place.word), kSize32, 0};
  }
  shard.listed = count;
  shard.waiting = true;
  return count;
}

// After a wait: tells those whose words have changed, and hands on what was meant for others.
void FutexWatcher::Look(Shard& shard, long result, int error) {
  const std::atomic<uint32_t>* over[kWordsPerThread];
  uint32_t overs = 0;
  {
    const FutexLockGuard guard(lock_);
    shard.waiting = false;
    for (uint32_t i = 0; i < shard.listed; i++) {
      const Place& seen = shard.list[i];
      Place& place = shard.places[shard.list_place[i]];
      const bool armed =
          place.watch != nullptr && place.word == seen.word && place.expected == seen.expected;
      if (!armed) {
        if (error == 0) over[overs++] = seen.word;
      } else if (result == static_cast<long>(i) + 1 || HasChanged(seen.word, seen.expected)) {
        Tell(place);
      }
    }
  }
  // The memory may be gone: then the kernel says so, and nobody waits there.
  for (uint32_t i = 0; i < overs; i++) Wake(*over[i], 1);
}

void FutexWatcher::Tell(Place& place) {
  Watch& watch = *place.watch;
  place.watch = nullptr;
  watch.place = -1;
  watch.parker->Signal();
}

}  // namespace moirai
