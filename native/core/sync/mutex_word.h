// A mutex in shared memory whose fast path is one compare-exchange, in C++ or in JavaScript.
//
//   word                   meaning                            leaves by
//   0                      free                               taking: ID | ID + WAITERS
//   ID                     held, nobody sleeps                Unlock: 0 | a waiter: + WAITERS
//   ID + WAITERS           held, somebody may be asleep       Unlock: 0 and a call | hand-over
//   ID + GIVEN (+ WAITERS) handed over to the heir, who has   the heir: without GIVEN
//                          not looked yet                     the heir dead, or another: as 0
//   ID of a dead one       its owner died                     robust: the next one's ID + DIED
//                                                             else never: each is refused
//   ID + DIED (± WAITERS)  held by one who was told that      MarkConsistent: without DIED
//                          the owner before has died          Unlock: BROKEN
//   NOBODY                 closed while it was held, robust   as the ID of a dead one
//   BROKEN                 unlocked as inconsistent, or       never: each is refused
//                          closed while it was held
//
// ID is a LifeId (life_table.h), so a word names a thread that lived, and not merely its number.
// Who dies between two instructions has either taken the lock or not.
//
// Waiting, in this order: spinning for as long as that has lately paid (the owner is about to go),
// from kAskNs on as the heir; sleeping on the word; spinning again when called; and, after kFairNs
// without luck, sleeping as the heir, too. There is one heir: its ID is in `heir`, it waits for
// that word and the lock's, and the next Unlock makes it the owner. So a thread that takes the lock
// again and again, which is what makes a contended lock fast, keeps one that spins waiting for
// kAskNs, one that sleeps for kFairNs, and one critical section at most (parking_lot's timed
// fairness; its RawMutex hands over by a coin of 0.5 ms on average, here the waiter says so).
// Handing over to one that spins costs next to nothing, to one that sleeps the time in which it
// wakes up: hence the two limits. Who sleeps does so in slices: between them it looks anew, so a
// call that went to one that died costs a slice and nothing else.
//
// An heir that gives up takes its ID out of `heir` first and then looks at the word. The owner
// writes the word first and then looks at `heir`: so one of the two sees that it was in vain, and
// whoever finds a word given to somebody who is not the heir takes it as free. Neither waits for
// the other: the owner may be stopped (SIGSTOP) in the midst of handing over.
//
// Waiters in event loops do not sleep on the word. They watch `bell`, which an Unlock that finds
// `listeners` not 0 rings after the word is free: a loop that is busy would else swallow the call
// that a sleeping thread could act on.
//
// Requires: Unlock by the owner. Not recursive: who holds it must ask before it locks.
// Memory ordering: the compare-exchange that takes the word acquires, each that frees it or hands
// it over releases. `heir` is written before WAITERS is seen to be set, and read by Unlock after it
// has seen WAITERS and once more after the word is free or given: all of these are seq_cst, so
// either Unlock sees the heir, or the heir, who looks at the word before it sleeps, sees the word
// without its WAITERS. The same holds for giving up, and for `listeners` and the word.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/clock.h"
#include "core/base/cpu.h"
#include "core/sync/futex.h"
#include "core/sync/life_table.h"

namespace moirai {

enum class LockResult : uint8_t {
  kLocked,
  kOwnerDied,  // locked, and the owner before has died
  kTimedOut,
  kRefused,  // the owner has died, or what one left behind was given up
};

struct MutexMemory {
  static constexpr uint32_t kWaiters = FUTEX_WAITERS;
  static constexpr uint32_t kDied = FUTEX_OWNER_DIED;
  static constexpr uint32_t kGiven = 0x20000000;
  static constexpr uint32_t kBroken = kLifeIdMask | kDied;  // no life has this ID
  static constexpr uint32_t kNobody = 0xfff;                // no table has such an entry
  static constexpr uint32_t kRobust = 1;                    // of `flags`
  static constexpr uint32_t kInherits = 2;

  FutexWord word;
  FutexWord heir;
  FutexWord bell;
  FutexWord listeners;
  std::atomic<uint32_t> flags;
  uint32_t unused[11];
};
static_assert(sizeof(MutexMemory) == 64);

// A thread that waits as the processor and nothing else demands.
struct PlainWaiter {
  static constexpr uint64_t kSpinNs = 50'000;
  bool Spin(uint64_t ns) { return ns < kSpinNs; }  // for so long it has
  void Asleep() {}                                 // from here on,
  void Awake() {}                                  // until here
};

class MutexWord {
 public:
  static constexpr uint64_t kAskNs = 10'000;
  static constexpr uint64_t kFairNs = 500'000;
  static constexpr uint64_t kSliceNs = 50'000'000;

  MutexWord(MutexMemory& memory, const LifeTable& lives)
      : m_(memory), lives_(lives), private_(lives.in_process()) {}

  bool TryLock(LifeId self) {
    uint32_t free = 0;
    return m_.word.compare_exchange_strong(free, self, std::memory_order_acquire,
                                           std::memory_order_relaxed);
  }

  // Waits for at most so long.
  template <typename Waiter>
  LockResult LockFor(LifeId self, uint64_t limit_ns, Waiter& waiter) {
    const uint64_t start = NowNs();
    LockResult result;
    if (Spin(self, self, limit_ns, waiter, &result)) return result;
    bool heir = false;          // by its own doing
    bool heir_by_loop = false;  // this thread's event loop waits as the heir, too
    for (;;) {
      uint32_t seen = 0;
      if (Settle(self, limit_ns != 0, &result, &seen)) {
        if (heir) GiveUpHeirship(self);
        return result;
      }
      const uint64_t waited = NowNs() - start;
      if (waited >= limit_ns) return heir && GiveUpHeirship(self) ? LockResult::kLocked : result;
      if (!heir && !heir_by_loop && waited >= kFairNs) {
        heir_by_loop = m_.heir.load(std::memory_order_relaxed) == self;
        heir = !heir_by_loop && Inherit(self);
        if (heir || heir_by_loop) continue;  // the word has to be looked at once more
      }
      uint64_t nap = limit_ns - waited;
      const uint64_t slice = waited < kFairNs ? kFairNs - waited : kSliceNs;
      if (nap > slice) nap = slice;
      waiter.Asleep();
      bool called = false;
      if (heir || heir_by_loop) {
        SleepAsHeir(self, seen, nap);
      } else {
        called = SleepOnWord(seen, nap);
      }
      waiter.Awake();
      // The owner let go, and may have taken it again while this one woke up. One was called and
      // others may sleep on, of whom the word that was free said nothing: so it is to call them.
      const uint64_t spent = NowNs() - start;
      if (called && spent < limit_ns &&
          Spin(self, self | MutexMemory::kWaiters, limit_ns - spent, waiter, &result)) {
        return result;
      }
    }
  }

  // False: somebody else owns it, and nothing has changed.
  bool Unlock(LifeId self) {
    uint32_t seen = self;
    if (m_.word.compare_exchange_strong(seen, 0, std::memory_order_release,
                                        std::memory_order_relaxed)) {
      return true;
    }
    if ((seen & kLifeIdMask) != self || (seen & MutexMemory::kGiven) != 0) return false;
    if ((seen & MutexMemory::kDied) != 0) {
      m_.word.store(MutexMemory::kBroken, std::memory_order_seq_cst);
      CallAll();
    } else if (!HandOver(self)) {
      m_.word.exchange(0, std::memory_order_seq_cst);
      FutexWake(m_.word, 1, private_);
      if (m_.heir.load(std::memory_order_seq_cst) != 0) FutexWake(m_.heir, 1, private_);
      Ring();
    }
    return true;
  }

  // The owner goes without unlocking, and lives on: for the others it has died.
  void Abandon(LifeId self) {
    if (Owner() != self) return;
    const bool robust = (m_.flags.load(std::memory_order_relaxed) & MutexMemory::kRobust) != 0;
    m_.word.store(robust ? MutexMemory::kNobody : MutexMemory::kBroken, std::memory_order_seq_cst);
    CallAll();
  }

  // The owner has set right what the dead one left behind.
  void MarkConsistent() { m_.word.fetch_and(~MutexMemory::kDied, std::memory_order_relaxed); }

  // For a thread that waits in its event loop, and has counted itself in `listeners`. True: there
  // is a result. False: the bell will have another value than `*bell` when it is worth another try.
  // `starved`: it has waited for kFairNs. `*heir`: whether it is the heir, before and after.
  bool TryOrListen(LifeId self, bool starved, bool* heir, LockResult* result, uint32_t* bell) {
    *bell = m_.bell.load(std::memory_order_seq_cst);
    if (starved && !*heir) *heir = Inherit(self);
    uint32_t seen;
    if (!Settle(self, true, result, &seen)) return false;
    if (*heir) GiveUpHeirship(self);
    *heir = false;
    return true;
  }
  // It waits no more. True: but it was handed over, and owns the lock.
  bool StopListening(LifeId self, bool heir) { return heir ? GiveUpHeirship(self) : Accept(self); }

  LifeId Owner() const { return m_.word.load(std::memory_order_acquire) & kLifeIdMask; }

 private:
  static constexpr int kShortestPause = 16;
  static constexpr int kLongestPause = 64;

  // Puts `taken` into a word that is free. True: there is a result. False: it does not pay any
  // more, and this one is no heir.
  template <typename Waiter>
  bool Spin(LifeId self, uint32_t taken, uint64_t limit_ns, Waiter& waiter, LockResult* result) {
    const uint64_t start = NowNs();
    int pause = kShortestPause;
    bool heir = false;
    uint32_t asked = 0;  // the word as this one, the heir, has left it
    for (uint64_t spun = 0; spun < limit_ns && waiter.Spin(spun); spun = NowNs() - start) {
      // Seldom and more seldom, as each look takes the word's cache line away from its owner.
      for (int i = 0; i < pause; i++) CpuRelax();
      if (pause < kLongestPause) pause *= 2;
      uint32_t word = m_.word.load(std::memory_order_relaxed);
      if (!heir && word == 0 &&
          m_.word.compare_exchange_strong(word, taken, std::memory_order_acquire,
                                          std::memory_order_relaxed)) {
        *result = LockResult::kLocked;
        return true;
      }
      if (!heir && spun >= kAskNs) heir = Inherit(self);
      if (heir && word != asked && Settle(self, true, result, &asked)) {
        GiveUpHeirship(self);
        return true;
      }
    }
    *result = LockResult::kLocked;
    return heir && GiveUpHeirship(self);
  }

  // Takes the word if it is free, a dead one's, or handed over (true, as is a refusal); else sees
  // to it that its owner will call.
  // `waits`: this one goes to sleep unless there is a result.
  bool Settle(LifeId self, bool waits, LockResult* result, uint32_t* seen) {
    uint32_t word = m_.word.load(std::memory_order_seq_cst);
    for (;;) {
      const LifeId owner = word & kLifeIdMask;
      uint32_t next = word | MutexMemory::kWaiters;
      *result = LockResult::kTimedOut;
      if (owner == 0) {
        next = self | MutexMemory::kWaiters;  // there may be others asleep
        *result = LockResult::kLocked;
      } else if (owner == self) {
        next = word & ~MutexMemory::kGiven;
        *result = LockResult::kLocked;
      } else if (owner == kLifeIdMask) {
        *result = LockResult::kRefused;
        return true;
      } else if ((word & MutexMemory::kGiven) != 0 &&
                 (!lives_.Alive(owner) || m_.heir.load(std::memory_order_seq_cst) != owner)) {
        next = self | MutexMemory::kWaiters;  // it never knew, or gave up before
        *result = LockResult::kLocked;
      } else if (!lives_.Alive(owner)) {
        if ((m_.flags.load(std::memory_order_relaxed) & MutexMemory::kRobust) == 0) {
          *result = LockResult::kRefused;
          return true;
        }
        next = self | MutexMemory::kDied | MutexMemory::kWaiters;
        *result = LockResult::kOwnerDied;
      }
      if (*result == LockResult::kTimedOut && !waits) return false;
      if (next == word || m_.word.compare_exchange_weak(word, next, std::memory_order_seq_cst)) {
        *seen = next;
        return *result != LockResult::kTimedOut;
      }
    }
  }

  // At most one waits as the heir.
  bool Inherit(LifeId self) {
    LifeId heir = m_.heir.load(std::memory_order_relaxed);
    return (heir == 0 || !lives_.Alive(heir)) &&
           m_.heir.compare_exchange_strong(heir, self, std::memory_order_seq_cst);
  }

  // True: it was handed over before, and is this one's.
  bool GiveUpHeirship(LifeId self) {
    LifeId heir = self;
    m_.heir.compare_exchange_strong(heir, 0, std::memory_order_seq_cst);
    return Accept(self);
  }

  bool Accept(LifeId self) {
    uint32_t word = m_.word.load(std::memory_order_seq_cst);
    while ((word & kLifeIdMask) == self && (word & MutexMemory::kGiven) != 0) {
      const uint32_t next = word & ~MutexMemory::kGiven;
      if (m_.word.compare_exchange_weak(word, next, std::memory_order_seq_cst)) return true;
    }
    return false;
  }

  bool HandOver(LifeId self) {
    const LifeId heir = m_.heir.load(std::memory_order_seq_cst);
    if (heir == 0 || !lives_.Alive(heir)) return false;
    uint32_t given = heir | MutexMemory::kGiven | MutexMemory::kWaiters;
    m_.word.store(given, std::memory_order_seq_cst);
    if (m_.heir.load(std::memory_order_seq_cst) != heir) {
      // It has given up. Whoever has taken the word meanwhile will call the others in its turn.
      return !m_.word.compare_exchange_strong(given, self | MutexMemory::kWaiters,
                                              std::memory_order_seq_cst);
    }
    FutexWake(m_.heir, INT32_MAX, private_);
    Ring();
    return true;
  }

  // Whether something happened.
  bool SleepOnWord(uint32_t seen, uint64_t ns) {
    uint32_t alive = 0;
    const FutexWord* const life = lives_.Watch(seen, &alive);
    if (life == nullptr) return false;
    int error = FutexWaitTwo(m_.word, seen, private_, *life, alive, false, ns);
    if (error == ENOSYS) {
      error = FutexWait(m_.word, seen, ns, private_);
    } else if (life->load(std::memory_order_relaxed) != alive) {
      FutexWake(*life, INT32_MAX, false);  // the kernel has called but one
    }
    return error == 0 || error == EAGAIN;
  }

  // An Unlock that has not seen the heir frees the word, and its call may come before the heir
  // sleeps, as that of one that hands over may: then the word is another one.
  void SleepAsHeir(LifeId self, uint32_t seen, uint64_t ns) {
    constexpr uint64_t kLookNs = 1'000'000;
    if (FutexWaitTwo(m_.heir, self, private_, m_.word, seen, private_, ns) == ENOSYS) {
      FutexWait(m_.heir, self, ns < kLookNs ? ns : kLookNs, private_);
    }
  }

  void Ring() {
    if (m_.listeners.load(std::memory_order_seq_cst) == 0) return;
    m_.bell.fetch_add(1, std::memory_order_seq_cst);
    FutexWake(m_.bell, INT32_MAX, false);  // as FutexWatcher waits
  }

  void CallAll() {
    FutexWake(m_.word, INT32_MAX, private_);
    FutexWake(m_.heir, INT32_MAX, private_);
    Ring();
  }

  MutexMemory& m_;
  const LifeTable& lives_;
  const bool private_;
};

}  // namespace moirai
