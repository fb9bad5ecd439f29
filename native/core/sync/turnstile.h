// What semaphores and read-write locks are made of: something countable in shared memory, taken and
// given back by threads of any process, whose waiters are served in the order of their coming.
//
//   guard | central | journal | seats
//
// A thread has a seat: who it is (a ThreadToken), what it holds, what it waits for. `central` is
// the sum: of a semaphore how many permits are taken (less than none when more were given back), of
// a read-write lock how many read, whether one writes, and whether a writer has died.
//
//   seat's phase    meaning                           leaves by
//   none            does not wait                     Enter: waiting
//   waiting         in the queue with its ticket      whoever serves: granted | Withdraw: none
//   granted         has it, and does not know yet     Collect or Withdraw: none
//
// *Order.* What cannot be had at once waits with a ticket, and as long as anyone waits nobody
// passes by. Whoever changes something serves: the lowest ticket first, until one cannot be served.
// So readers that come after a waiting writer wait behind it, a writer waits for those who were
// there before it, and none of either waits for ever if holders let go. Handing over, instead of
// calling someone to try again, is what keeps that promise; it costs throughput where a lock is
// contended, because nobody takes it while the next one wakes up.
//
// *Death.* All changes are made under the guard (robust_guard.h), each in one entry of the journal:
// what central and one seat will be is written first, then that it is valid, then applied. The next
// one to lock after a killed owner applies a valid entry once more, which changes nothing where it
// was applied already. Threads that died while they held or waited are found by those who wait, who
// look at all seats every kAuditNs; what such a seat held is given back.
//
// Memory ordering: everything is under the guard, except that a waiter looks at its own phase,
// whose granting store releases, and sleeps on its own `signal`, which is raised after that store.
// Stores under the guard release so that they reach memory in their order, as the journal needs.
// Nothing from shared memory is used as an index or a length but `seats_used`, which is bounded.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/sync/robust_guard.h"

namespace moirai {

class Turnstile {
 public:
  static constexpr uint32_t kSeats = 126;
  static constexpr uint64_t kAuditNs = 20'000'000;

  enum class Kind : uint8_t { kSemaphore, kReadWriteLock };
  enum class Want : uint8_t { kShared, kExclusive };  // kShared for semaphores
  enum class Answer : int8_t {
    kNot = 0,  // not to be had now; or waiting
    kGranted = 1,
    kGrantedAfterDeath = 2,  // a writer has died, and nobody has marked what it left as consistent
    kNotHeld = -1,           // nothing has changed
    kTooMany = -2,           // more than kMax; nothing has changed
    kNoSeat = -3,
    kBusy = -4,  // the holder of the guard is stopped; nothing has changed
  };
  static constexpr uint32_t kMax = (uint32_t{1} << 31) - 2;

  static constexpr uint64_t kBytes = 128 + kSeats * uint64_t{64};

  struct Rules {
    Kind kind = Kind::kSemaphore;
    uint32_t permits = 0;  // at first, of a semaphore
    bool owned = false;    // permits are their taker's: he alone gives them back, or his death
  };

  // Zeros are a new one. `memory` is 64-byte aligned and has kBytes. False: it is no such memory.
  bool Open(uint8_t* memory, uint64_t bytes, const Rules& rules);
  // The calling thread takes a seat, which the others are for.
  Answer Join(ThreadToken self);
  // What the seat holds is given back; what a writer holds as if it had died. Null memory
  // afterwards.
  void Leave();

  // Takes if nobody waits (or `pass`, by whoever waits) and it can be had.
  Answer Try(Want want, uint32_t amount, bool pass);
  // The same, else waits with that ticket (0: a new one).
  Answer Enter(Want want, uint32_t amount, uint64_t ticket);
  // kGranted: what was waited for is had, and the wait over.
  Answer Collect();
  // Waits no longer; kGranted: it was granted before, and is had.
  Answer Withdraw();
  Answer Release(Want want, uint32_t amount);
  // What a dead writer left was set right.
  Answer MarkConsistent();
  // Gives back what dead threads hold, if nobody has looked for so long.
  void Audit(uint64_t now_ns);

  // Of the calling thread's seat; without the guard.
  bool IsGranted() const { return PhaseOf(Own().wait.load(std::memory_order_acquire)) == kGranted; }
  std::atomic<uint32_t>& signal() const { return Own().signal; }
  uint64_t ticket() const { return Own().ticket.load(std::memory_order_relaxed); }
  uint64_t reads() const { return Own().held.load(std::memory_order_relaxed) & kReaders; }
  bool writes() const { return (Own().held.load(std::memory_order_relaxed) & kWriter) != 0; }

  // Free permits, or readers, as of now.
  int64_t Count() const;
  bool IsWritten() const { return (Central() & kWriter) != 0; }
  uint32_t Waiting() const { return memory_->waiting.load(std::memory_order_relaxed); }

 private:
  using Word = std::atomic<uint64_t>;
  struct Seat {
    Word token;
    Word held;    // permits; or readers and kWriter
    Word wait;    // phase << 62 | exclusive << 32 | amount
    Word ticket;  // written before `wait` says so
    std::atomic<uint32_t> signal;
    uint32_t unused[7];
  };
  static_assert(sizeof(Seat) == 64);
  struct Memory {
    RobustGuard guard;
    Word kind;
    Word central;
    Word next_ticket;
    Word audited_ns;
    std::atomic<uint32_t> waiting;     // seats that wait
    std::atomic<uint32_t> seats_used;  // those above were never taken
    struct {
      Word central;
      Word held;
      Word wait;
      std::atomic<uint32_t> seat;  // + 1; 0: no entry
    } journal;
    uint8_t unused[128 - 56 - 32];
    Seat seats[kSeats];
  };
  static_assert(sizeof(Memory) == kBytes);

  static constexpr uint64_t kKind = 0x31'72'75'74'72'69'6f'6d;  // "moirtur1"
  static constexpr uint64_t kReaders = ~uint32_t{0};
  static constexpr uint64_t kWriter = uint64_t{1} << 62;
  static constexpr uint64_t kDied = uint64_t{1} << 63;
  static constexpr uint64_t kWaiting = 1;
  static constexpr uint64_t kGranted = 2;

  static uint64_t PhaseOf(uint64_t wait) { return wait >> 62; }
  static Want WantOf(uint64_t wait) {
    return (wait >> 32 & 1) != 0 ? Want::kExclusive : Want::kShared;
  }
  static uint32_t AmountOf(uint64_t wait) { return static_cast<uint32_t>(wait); }
  static uint64_t WaitFor(uint64_t phase, Want want, uint32_t amount) {
    return phase << 62 | uint64_t{want == Want::kExclusive} << 32 | amount;
  }

  // Which seats to wake, when the guard is free again.
  struct Called {
    uint64_t bits[2] = {};
    void Add(uint32_t seat) { bits[seat / 64] |= uint64_t{1} << seat % 64; }
  };

  Seat& Own() const { return memory_->seats[own_]; }
  uint64_t Central() const { return memory_->central.load(std::memory_order_relaxed); }
  uint32_t SeatsUsed() const;
  bool IsLock() const { return rules_.kind == Kind::kReadWriteLock; }

  bool Lock();
  void Unlock(const Called& called);
  void Recover();
  bool Can(uint64_t central, Want want, uint32_t amount) const;
  uint64_t CentralWith(uint64_t central, Want want, uint32_t amount) const;
  uint64_t HeldWith(uint64_t held, Want want, uint32_t amount) const;
  void Commit(uint32_t seat, uint64_t central, uint64_t held, uint64_t wait);
  void Grant(uint32_t index, Want want, uint32_t amount, uint64_t phase);
  void Serve(Called& called);
  void Bury(uint32_t index);
  bool BuryDead();
  void CountWaiting();
  void StopWaiting(uint64_t phase);
  Answer Granted() const {
    return (Central() & kDied) != 0 && IsLock() ? Answer::kGrantedAfterDeath : Answer::kGranted;
  }

  Memory* memory_ = nullptr;
  Rules rules_;
  ThreadToken self_ = 0;
  uint32_t own_ = 0;
};

}  // namespace moirai
