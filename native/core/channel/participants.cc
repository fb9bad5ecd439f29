#include "core/channel/participants.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/channel/process_wait.h"

namespace moirai {
namespace {

// Behind any file.
constexpr off_t kLocksAt = off_t{1} << 46;

// Of a place: [lost : 32 | dead receivers : 15 | dead senders : 15 | phase : 2].
constexpr uint64_t kPhase = 3;
constexpr uint32_t kDeadSendersAt = 2;
constexpr uint32_t kDeadReceiversAt = 17;
constexpr uint32_t kLostAt = 32;
constexpr uint64_t kDead = 0x7fff;

// Of a mark of one that asks whether the channel ends: its number is above.
constexpr uint32_t kAskerAt = 2;
constexpr int kMarkTries = 1000;

struct flock ByteOf(uint32_t number, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = kLocksAt + off_t{number};
  lock.l_len = 1;
  return lock;
}

bool TryLock(int file, uint32_t number) {
  struct flock lock = ByteOf(number, F_WRLCK);
  return fcntl(file, F_OFD_SETLK, &lock) == 0;
}
void Unlock(int file, uint32_t number) {
  struct flock lock = ByteOf(number, F_UNLCK);
  fcntl(file, F_OFD_SETLK, &lock);
}
// Somebody else holds it, or it cannot be found out.
bool IsLocked(int file, uint32_t number) {
  struct flock lock = ByteOf(number, F_WRLCK);
  return fcntl(file, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

Losses LossesOf(uint64_t state) {
  return {static_cast<uint32_t>(state >> kDeadSendersAt & kDead),
          static_cast<uint32_t>(state >> kDeadReceiversAt & kDead),
          static_cast<uint32_t>(state >> kLostAt)};
}

}  // namespace

SegmentStatus Participants::Join(bool sends) {
  // One that recovers holds a lock for an instant, and the one place of an spsc end may be it.
  constexpr uint32_t kTries = 40;
  const bool single = kind_ == ChannelKind::kSpsc;
  const uint32_t first = single && !sends ? 1 : 0;
  const uint32_t count = single ? 1 : kParticipants;
  for (uint32_t t = 0; t < kTries && number_ == kNone && !refused_; t++) {
    if (t > 0) usleep(1000);
    for (uint32_t i = first; i < first + count && number_ == kNone; i++) {
      if (TryPlace(i, sends)) number_ = i;
    }
  }
  if (number_ == kNone) return refused_ ? SegmentStatus::kNoLocks : SegmentStatus::kOccupied;
  if (IsGone()) {
    Leave();
    return SegmentStatus::kGone;
  }
  seen_ = Total(control_);
  return SegmentStatus::kGood;
}

bool Participants::TryPlace(uint32_t number, bool sends) {
  if (!TryLock(file_, number)) {
    refused_ |= errno != EAGAIN && errno != EACCES;
    return false;
  }
  Participant& place = At(number);
  if ((place.state.load(std::memory_order_acquire) & kPhase) != kFree) Recover(number);
  place.found.store(0, std::memory_order_relaxed);
  place.process.store(static_cast<uint32_t>(getpid()), std::memory_order_relaxed);
  place.thread.store(static_cast<uint32_t>(syscall(SYS_gettid)), std::memory_order_relaxed);
  const uint64_t state = place.state.load(std::memory_order_relaxed);
  place.state.store((state & ~kPhase) | (sends ? kSender : kReceiver), std::memory_order_release);
  const uint64_t bit = uint64_t{1} << number;
  (sends ? control_.senders : control_.receivers).fetch_or(bit, std::memory_order_seq_cst);
  control_.joined.fetch_or(sends ? 1 : 2, std::memory_order_release);
  return true;
}

bool Participants::Leave() {
  if (number_ == kNone) return false;
  const uint64_t mask = ~bit();
  control_.room.waiting.fetch_and(mask, std::memory_order_relaxed);
  control_.messages.waiting.fetch_and(mask, std::memory_order_relaxed);
  control_.senders.fetch_and(mask, std::memory_order_seq_cst);
  control_.receivers.fetch_and(mask, std::memory_order_seq_cst);
  Participant& place = At(number_);
  const uint64_t state = place.state.load(std::memory_order_relaxed);
  place.state.store(state & ~kPhase, std::memory_order_release);
  const bool last = control_.joined.load(std::memory_order_relaxed) == 3 && CloseForGood();
  CallAll(control_.room);
  CallAll(control_.messages);
  Unlock(file_, number_);
  number_ = kNone;
  return last;
}

// By one that has entered itself. Memory that another process changes for ever is gone.
bool Participants::IsGone() {
  uint32_t mark = control_.gone.load(std::memory_order_seq_cst);
  for (int i = 0; IsAsking(mark) && i < kMarkTries; i++) {
    if (control_.gone.compare_exchange_strong(mark, kOpen, std::memory_order_seq_cst,
                                              std::memory_order_seq_cst)) {
      return false;
    }
  }
  return mark != kOpen;
}

// By one that is no longer entered, and still has its place; true: the channel ends with it. The
// mark that is left when the tries are over is the next one's to take away.
bool Participants::CloseForGood() {
  const uint32_t asks = kAsking | number_ << kAskerAt;
  uint32_t mark = control_.gone.load(std::memory_order_seq_cst);
  for (int i = 0; i < kMarkTries && (mark == kOpen || IsAsking(mark)); i++) {
    if (!control_.gone.compare_exchange_strong(mark, asks, std::memory_order_seq_cst,
                                               std::memory_order_seq_cst)) {
      continue;
    }
    const bool nobody = (control_.senders.load(std::memory_order_seq_cst) |
                         control_.receivers.load(std::memory_order_seq_cst)) == 0;
    mark = asks;
    if (control_.gone.compare_exchange_strong(
            mark, nobody ? kGone : kOpen, std::memory_order_seq_cst, std::memory_order_seq_cst)) {
      return nobody;
    }
  }
  return false;
}

bool Participants::RecoverTheDead(uint64_t ns) {
  const uint64_t start = NowNs();
  const uint32_t first = next_;
  bool found = false;
  for (uint32_t step = 0; step < kParticipants; step++) {
    const uint32_t i = (first + step) % kParticipants;
    if (i == number_) continue;
    if (found && NowNs() - start >= ns) break;
    next_ = i + 1;
    const uint64_t state = At(i).state.load(std::memory_order_acquire);
    if ((state & kPhase) == kFree || IsLocked(file_, i) || !TryLock(file_, i)) continue;
    // It may have been recovered, or taken and left, in between.
    if ((At(i).state.load(std::memory_order_acquire) & kPhase) != kFree) {
      Recover(i);
      found = true;
    }
    Unlock(file_, i);
  }
  return found;
}

// By the holder of the place's lock.
void Participants::Recover(uint32_t number) {
  Participant& place = At(number);
  const uint64_t state = place.state.load(std::memory_order_acquire);
  const uint32_t held = ring_.CountTaken(number);
  uint32_t lost = place.found.load(std::memory_order_relaxed);
  if (held > lost) {
    lost = held;
    place.found.store(lost, std::memory_order_release);
  }
  ring_.Recover(number);
  const uint64_t mask = ~(uint64_t{1} << number);
  control_.room.waiting.fetch_and(mask, std::memory_order_relaxed);
  control_.messages.waiting.fetch_and(mask, std::memory_order_relaxed);
  control_.senders.fetch_and(mask, std::memory_order_seq_cst);
  control_.receivers.fetch_and(mask, std::memory_order_seq_cst);
  Losses losses = LossesOf(state);
  losses.messages += lost;
  ((state & kPhase) == kReceiver ? losses.receivers : losses.senders) += 1;
  place.state.store(uint64_t{losses.messages} << kLostAt |
                        (losses.receivers & kDead) << kDeadReceiversAt |
                        (losses.senders & kDead) << kDeadSendersAt | kFree,
                    std::memory_order_release);
  CallAll(control_.room);
  CallAll(control_.messages);
}

Losses Participants::Total(const SegmentControl& control) {
  Losses total;
  for (const Participant& place : control.participants) {
    const Losses losses = LossesOf(place.state.load(std::memory_order_acquire));
    total.senders += losses.senders;
    total.receivers += losses.receivers;
    total.messages += losses.messages;
  }
  return total;
}

Losses Participants::News() {
  const Losses total = Total(control_);
  // Counts of a place wrap, and memory may hold anything: differences within 15 and 32 bits.
  const Losses news = {static_cast<uint32_t>((total.senders - seen_.senders) & kDead),
                       static_cast<uint32_t>((total.receivers - seen_.receivers) & kDead),
                       total.messages - seen_.messages};
  seen_ = total;
  return news;
}

}  // namespace moirai
