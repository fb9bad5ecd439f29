#include "core/sync/turnstile.h"

#include "core/base/clock.h"

namespace moirai {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kRelease = std::memory_order_release;

}  // namespace

bool Turnstile::Open(uint8_t* memory, uint64_t bytes, const Rules& rules) {
  if (memory == nullptr || bytes < kBytes || reinterpret_cast<uintptr_t>(memory) % 64 != 0 ||
      rules.permits > kMax) {
    return false;
  }
  memory_ = reinterpret_cast<Memory*>(memory);
  rules_ = rules;
  const uint64_t wanted = kKind + static_cast<uint64_t>(rules.kind);
  uint64_t kind = 0;
  return memory_->kind.compare_exchange_strong(kind, wanted, std::memory_order_acq_rel,
                                               std::memory_order_acquire) ||
         kind == wanted;
}

uint32_t Turnstile::SeatsUsed() const {
  const uint32_t used = memory_->seats_used.load(kRelaxed);
  return used < kSeats ? used : kSeats;
}

// False: busy.
bool Turnstile::Lock() {
  const RobustGuard::Taken taken = memory_->guard.Lock(self_);
  if (taken == RobustGuard::Taken::kAfterDeath) Recover();
  return taken != RobustGuard::Taken::kBusy;
}

void Turnstile::Unlock(const Called& called) {
  memory_->guard.Unlock();
  for (uint32_t half = 0; half < 2; half++) {
    for (uint64_t bits = called.bits[half]; bits != 0; bits &= bits - 1) {
      Seat& seat = memory_->seats[64 * half + static_cast<uint32_t>(__builtin_ctzll(bits))];
      seat.signal.fetch_add(1, std::memory_order_acq_rel);
      syscall(SYS_futex, &seat.signal, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    }
  }
}

void Turnstile::Recover() {
  auto& journal = memory_->journal;
  const uint32_t seat = journal.seat.load(kRelaxed);
  if (seat != 0 && seat <= kSeats) {
    Commit(seat - 1, journal.central.load(kRelaxed), journal.held.load(kRelaxed),
           journal.wait.load(kRelaxed));
  }
  journal.seat.store(0, kRelease);
  CountWaiting();
  BuryDead();
  // Who was granted something may not have been called.
  Called all;
  Serve(all);
  for (uint32_t i = 0; i < SeatsUsed(); i++) {
    Seat& granted = memory_->seats[i];
    if (PhaseOf(granted.wait.load(kRelaxed)) != kGranted) continue;
    granted.signal.fetch_add(1, std::memory_order_acq_rel);
    syscall(SYS_futex, &granted.signal, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
}

void Turnstile::CountWaiting() {
  uint32_t waiting = 0;
  for (uint32_t i = 0; i < SeatsUsed(); i++) {
    waiting += PhaseOf(memory_->seats[i].wait.load(kRelaxed)) == kWaiting ? 1 : 0;
  }
  memory_->waiting.store(waiting, kRelease);
}

Turnstile::Answer Turnstile::Join(ThreadToken self) {
  self_ = self;
  if (!Lock()) return Answer::kBusy;
  Answer answer = Answer::kNoSeat;
  for (int round = 0; round < 2 && answer == Answer::kNoSeat; round++) {
    if (round == 1) BuryDead();
    for (uint32_t i = 0; i < kSeats; i++) {
      Seat& seat = memory_->seats[i];
      if (seat.token.load(kRelaxed) != 0) continue;
      // A seat that is free holds nothing and does not wait.
      if (i >= SeatsUsed()) memory_->seats_used.store(i + 1, kRelease);
      seat.token.store(self, kRelease);
      own_ = i;
      answer = Answer::kGranted;
      break;
    }
  }
  Called called;
  Serve(called);
  Unlock(called);
  return answer;
}

void Turnstile::Leave() {
  // Where the guard cannot be had, others will find that this thread is gone.
  if (!Lock()) return;
  if (Own().token.load(kRelaxed) == self_) Bury(own_);
  Called called;
  Serve(called);
  Unlock(called);
}

bool Turnstile::Can(uint64_t central, Want want, uint32_t amount) const {
  if (!IsLock()) {
    return static_cast<int64_t>(central) + amount <= static_cast<int64_t>(rules_.permits);
  }
  const uint64_t in_the_way = want == Want::kExclusive ? kReaders | kWriter : kWriter;
  return (central & in_the_way) == 0;
}

uint64_t Turnstile::CentralWith(uint64_t central, Want want, uint32_t amount) const {
  return want == Want::kExclusive ? central | kWriter : central + amount;
}

uint64_t Turnstile::HeldWith(uint64_t held, Want want, uint32_t amount) const {
  if (!IsLock() && !rules_.owned) return held;
  return want == Want::kExclusive ? held | kWriter : held + amount;
}

void Turnstile::Commit(uint32_t seat, uint64_t central, uint64_t held, uint64_t wait) {
  auto& journal = memory_->journal;
  journal.central.store(central, kRelease);
  journal.held.store(held, kRelease);
  journal.wait.store(wait, kRelease);
  journal.seat.store(seat + 1, kRelease);  // from here on it has happened
  memory_->central.store(central, kRelease);
  memory_->seats[seat].held.store(held, kRelease);
  memory_->seats[seat].wait.store(wait, kRelease);
  journal.seat.store(0, kRelease);
}

// With phase 0 at once: the seat may be waiting for something else meanwhile.
void Turnstile::Grant(uint32_t index, Want want, uint32_t amount, uint64_t phase) {
  const Seat& seat = memory_->seats[index];
  Commit(index, CentralWith(Central(), want, amount),
         HeldWith(seat.held.load(kRelaxed), want, amount),
         phase == 0 ? seat.wait.load(kRelaxed) : WaitFor(phase, want, amount));
}

void Turnstile::Serve(Called& called) {
  while (memory_->waiting.load(kRelaxed) != 0) {
    uint32_t first = kSeats;
    uint64_t lowest = 0;
    for (uint32_t i = 0; i < SeatsUsed(); i++) {
      Seat& seat = memory_->seats[i];
      if (PhaseOf(seat.wait.load(kRelaxed)) != kWaiting) continue;
      const uint64_t ticket = seat.ticket.load(kRelaxed);
      if (first == kSeats || ticket < lowest) {
        first = i;
        lowest = ticket;
      }
    }
    if (first == kSeats) {
      memory_->waiting.store(0, kRelease);
      return;
    }
    const uint64_t wait = memory_->seats[first].wait.load(kRelaxed);
    if (!Can(Central(), WantOf(wait), AmountOf(wait))) return;
    Grant(first, WantOf(wait), AmountOf(wait), kGranted);
    memory_->waiting.fetch_sub(1, std::memory_order_acq_rel);
    called.Add(first);
  }
}

Turnstile::Answer Turnstile::Try(Want want, uint32_t amount, bool pass) {
  if (!Lock()) return Answer::kBusy;
  Answer answer = Answer::kNot;
  Called called;
  for (int round = 0; round < 2; round++) {
    const bool free = pass || memory_->waiting.load(kRelaxed) == 0;
    if (free && Can(Central(), want, amount)) {
      answer = Granted();
      Grant(own_, want, amount, 0);
      break;
    }
    const uint64_t now = NowNs();
    if (round == 1 || now - memory_->audited_ns.load(kRelaxed) < kAuditNs) break;
    memory_->audited_ns.store(now, kRelease);
    if (!BuryDead()) break;
    Serve(called);
  }
  Unlock(called);
  return answer;
}

Turnstile::Answer Turnstile::Enter(Want want, uint32_t amount, uint64_t ticket) {
  if (!Lock()) return Answer::kBusy;
  Answer answer = Answer::kNot;
  if (memory_->waiting.load(kRelaxed) == 0 && Can(Central(), want, amount)) {
    answer = Granted();
    Grant(own_, want, amount, 0);
  } else {
    const uint64_t next = memory_->next_ticket.load(kRelaxed) + 1;
    if (ticket == 0) memory_->next_ticket.store(next, kRelease);
    Own().ticket.store(ticket == 0 ? next : ticket, kRelease);
    Commit(own_, Central(), Own().held.load(kRelaxed), WaitFor(kWaiting, want, amount));
    memory_->waiting.fetch_add(1, std::memory_order_acq_rel);
  }
  Called called;
  Serve(called);  // with an old ticket it may be the first
  Unlock(called);
  return answer;
}

void Turnstile::StopWaiting(uint64_t phase) {
  if (phase == kWaiting) memory_->waiting.fetch_sub(1, std::memory_order_acq_rel);
  Commit(own_, Central(), Own().held.load(kRelaxed), 0);
}

Turnstile::Answer Turnstile::Collect() {
  if (!IsGranted()) return Answer::kNot;
  if (!Lock()) return Answer::kBusy;
  const bool granted = IsGranted();
  if (granted) StopWaiting(kGranted);
  const Answer answer = granted ? Granted() : Answer::kNot;
  Unlock({});
  return answer;
}

Turnstile::Answer Turnstile::Withdraw() {
  if (!Lock()) return Answer::kBusy;
  const uint64_t phase = PhaseOf(Own().wait.load(kRelaxed));
  if (phase != 0) StopWaiting(phase);
  const Answer answer = phase == kGranted ? Granted() : Answer::kNot;
  Called called;
  Serve(called);  // those behind it may go now
  Unlock(called);
  return answer;
}

Turnstile::Answer Turnstile::Release(Want want, uint32_t amount) {
  if (!Lock()) return Answer::kBusy;
  const uint64_t central = Central();
  const uint64_t held = Own().held.load(kRelaxed);
  const uint64_t wait = Own().wait.load(kRelaxed);
  Answer answer = Answer::kGranted;
  if (want == Want::kExclusive) {
    if ((held & kWriter) == 0) answer = Answer::kNotHeld;
    if (answer == Answer::kGranted) Commit(own_, central & ~kWriter, held & ~kWriter, wait);
  } else if (IsLock() || rules_.owned) {
    if ((held & kReaders) < amount) answer = Answer::kNotHeld;
    if (answer == Answer::kGranted) Commit(own_, central - amount, held - amount, wait);
  } else {
    const int64_t free = static_cast<int64_t>(rules_.permits) - static_cast<int64_t>(central);
    if (free + amount > static_cast<int64_t>(kMax)) answer = Answer::kTooMany;
    if (answer == Answer::kGranted) Commit(own_, central - amount, held, wait);
  }
  Called called;
  Serve(called);
  Unlock(called);
  return answer;
}

Turnstile::Answer Turnstile::MarkConsistent() {
  if (!Lock()) return Answer::kBusy;
  const uint64_t held = Own().held.load(kRelaxed);
  const bool writes = (held & kWriter) != 0;
  if (writes) Commit(own_, Central() & ~kDied, held, Own().wait.load(kRelaxed));
  Unlock({});
  return writes ? Answer::kGranted : Answer::kNotHeld;
}

void Turnstile::Bury(uint32_t index) {
  Seat& seat = memory_->seats[index];
  const uint64_t held = seat.held.load(kRelaxed);
  if (PhaseOf(seat.wait.load(kRelaxed)) == kWaiting) {
    memory_->waiting.fetch_sub(1, std::memory_order_acq_rel);
  }
  uint64_t central = Central() - (held & kReaders);
  if ((held & kWriter) != 0) central = (central & ~kWriter) | kDied;
  Commit(index, central, 0, 0);
  seat.token.store(0, kRelease);
}

// Whether there was one.
bool Turnstile::BuryDead() {
  bool any = false;
  for (uint32_t i = 0; i < SeatsUsed(); i++) {
    const ThreadToken token = memory_->seats[i].token.load(kRelaxed);
    if (token == 0 || token == self_ || IsThreadAlive(token)) continue;
    Bury(i);
    any = true;
  }
  return any;
}

void Turnstile::Audit(uint64_t now_ns) {
  if (now_ns - memory_->audited_ns.load(kRelaxed) < kAuditNs || !Lock()) return;
  memory_->audited_ns.store(now_ns, kRelease);
  BuryDead();
  Called called;
  Serve(called);
  Unlock(called);
}

int64_t Turnstile::Count() const {
  const uint64_t central = Central();
  return IsLock() ? static_cast<int64_t>(central & kReaders)
                  : static_cast<int64_t>(rules_.permits) - static_cast<int64_t>(central);
}

}  // namespace moirai
