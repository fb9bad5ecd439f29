#include "core/channel/broadcast_channel.h"

#include <cstring>

namespace moirai {
namespace {

class BroadcastSenderEnd final : public SenderEnd {
 public:
  BroadcastSenderEnd(BroadcastChannel& channel, uint32_t place)
      : SenderEnd(channel), ring_(&channel), place_(place) {}
  ~BroadcastSenderEnd() override {
    if (claimed_) ring_->Unreserve();
    Leave();
  }

  SlotRun Claim(uint32_t) override {
    if (!claimed_) claimed_ = ring_->Reserve();
    return {ring_->Writing(place_), claimed_ ? 1U : 0U};
  }
  void Commit(uint32_t) override {
    if (!claimed_) return;
    claimed_ = false;
    ring_->Publish(place_);
    channel_->receivers_waiting.Call(~0U);
  }
  void Abort() override {
    if (!claimed_) return;
    claimed_ = false;
    ring_->Unreserve();
    channel_->senders_waiting.Call(1);
  }
  bool HasRoom() override { return claimed_ || ring_->HasRoom(); }
  // Its place is free at once, not when JavaScript has let go of its functions.
  void Close() override {
    SenderEnd::Close();
    Leave();
  }

 private:
  void Leave() {
    if (!left_) ring_->LeaveSender(place_);
    left_ = true;
  }

  BroadcastChannel* const ring_;  // the same as channel_
  const uint32_t place_;
  bool claimed_ = false;
  bool left_ = false;
};

class BroadcastReceiverEnd final : public ReceiverEnd {
 public:
  BroadcastReceiverEnd(BroadcastChannel& channel, uint32_t place)
      : ReceiverEnd(channel), ring_(&channel), place_(place) {}

  SlotRun Peek(uint32_t) override {
    if (held_ == nullptr && missed_ == 0) {
      held_ = ring_->Look(place_, &missed_);
    }
    // What was missed is said before what comes after it.
    return {held_, held_ == nullptr || missed_ > 0 ? 0U : 1U};
  }
  void Release(uint32_t) override {
    if (held_ == nullptr) return;
    held_ = nullptr;
    ring_->Advance(place_);
    channel_->senders_waiting.Call(1);
  }
  bool HasMessage() override {
    return held_ != nullptr || missed_ > 0 || ring_->HasMessage(place_);
  }
  uint64_t TakeMissed() override {
    const uint64_t missed = missed_;
    missed_ = 0;
    return missed;
  }
  bool HasMissed() const override { return missed_ > 0; }

  uint32_t Another() override {
    const uint32_t place = ring_->Subscribe(place_);
    if (place == BroadcastChannel::kNoPlace) return kNoMoreEnds;
    ReceiverEnd::Another();
    return place + 1;
  }
  void LetGo() override {
    ReleaseHeld();
    ring_->Loosen(place_);
    ReceiverEnd::LetGo();
  }
  void Close() override {
    held_ = nullptr;
    ring_->Unsubscribe(place_);
    // It may have been the slowest.
    channel_->senders_waiting.Call(~0U);
    ReceiverEnd::Close();
  }

 protected:
  void ReleaseHeld() override { Release(1); }

 private:
  BroadcastChannel* const ring_;  // the same as channel_
  const uint32_t place_;
  uint8_t* held_ = nullptr;
  uint64_t missed_ = 0;
};

}  // namespace

BroadcastChannel::BroadcastChannel(const ChannelShape& shape, uint8_t* memory)
    : Channel(shape, memory),
      stride_(shape.stride()),
      places_at_(memory + uint64_t{shape.capacity} * (kWordBytes + shape.stride())) {
  cursors_[cursors_taken_.Take()].loose = ++loosened_;
}

std::unique_ptr<SenderEnd> BroadcastChannel::OpenSender() {
  const uint32_t place = EnterSender();
  if (place == kNoPlace) return nullptr;
  return std::unique_ptr<SenderEnd>(new BroadcastSenderEnd(*this, place));
}

std::unique_ptr<ReceiverEnd> BroadcastChannel::OpenReceiver() { return OpenReceiverAt(0); }

std::unique_ptr<ReceiverEnd> BroadcastChannel::OpenReceiverAt(uint32_t place) {
  const FutexLockGuard guard(lock_);
  uint32_t found = kNoPlace;
  if (place > 0 && cursors_taken_.IsTaken(place - 1) && cursors_[place - 1].loose > 0) {
    found = place - 1;
  } else {
    for (uint32_t i = 0; i < cursors_taken_.end(); i++) {
      if (!cursors_taken_.IsTaken(i) || cursors_[i].loose == 0) continue;
      if (found == kNoPlace || cursors_[i].loose < cursors_[found].loose) found = i;
    }
  }
  if (found == kNoPlace) return nullptr;
  cursors_[found].loose = 0;
  return std::unique_ptr<ReceiverEnd>(new BroadcastReceiverEnd(*this, found));
}

uint32_t BroadcastChannel::EnterSender() {
  const FutexLockGuard guard(lock_);
  const uint32_t place = senders_.Take();
  return place == kMaxEnds ? kNoPlace : place;
}

void BroadcastChannel::LeaveSender(uint32_t place) {
  const FutexLockGuard guard(lock_);
  senders_.Give(place);
}

uint64_t BroadcastChannel::Length() {
  const FutexLockGuard guard(lock_);
  const uint64_t sent = sent_.load(std::memory_order_relaxed);
  uint64_t longest = 0;
  for (uint32_t i = 0; i < cursors_taken_.end(); i++) {
    if (!cursors_taken_.IsTaken(i)) continue;
    const uint64_t behind = sent - cursors_[i].position.load(std::memory_order_acquire);
    if (behind > longest) longest = behind;
  }
  return longest < shape.capacity ? longest : shape.capacity;
}

bool BroadcastChannel::RoomLocked() {
  const uint64_t end = sent_.load(std::memory_order_relaxed) + reserved_;
  if (drops() || end - slowest_ < shape.capacity) return true;
  uint64_t slowest = end;
  for (uint32_t i = 0; i < cursors_taken_.end(); i++) {
    if (!cursors_taken_.IsTaken(i)) continue;
    const uint64_t position = cursors_[i].position.load(std::memory_order_acquire);
    if (position < slowest) slowest = position;
  }
  slowest_ = slowest;
  return end - slowest_ < shape.capacity;
}

bool BroadcastChannel::Reserve() {
  const FutexLockGuard guard(lock_);
  if (!RoomLocked()) return false;
  reserved_++;
  return true;
}

void BroadcastChannel::Unreserve() {
  const FutexLockGuard guard(lock_);
  reserved_--;
}

bool BroadcastChannel::HasRoom() {
  const FutexLockGuard guard(lock_);
  return RoomLocked();
}

void BroadcastChannel::Publish(uint32_t place) {
  const FutexLockGuard guard(lock_);
  const uint64_t position = sent_.load(std::memory_order_relaxed);
  uint8_t* const from = Writing(place);
  if (drops()) {
    Word(position).store(2 * position + 1, std::memory_order_relaxed);
    std::atomic<uint64_t>* const words = WordsOf(MessageAt(position));
    for (uint32_t i = 0; i < stride_ / sizeof(uint64_t); i++) {
      uint64_t word = 0;
      std::memcpy(&word, from + i * sizeof(word), sizeof(word));
      words[i].store(word, std::memory_order_release);
    }
    Word(position).store(2 * position + 2, std::memory_order_release);
  } else {
    std::memcpy(MessageAt(position), from, stride_);
  }
  reserved_--;
  sent_.store(position + 1, std::memory_order_release);
}

uint32_t BroadcastChannel::Subscribe(uint32_t other) {
  const FutexLockGuard guard(lock_);
  const uint32_t place = cursors_taken_.Take();
  if (place == kMaxEnds) return kNoPlace;
  cursors_[place].position.store(cursors_[other].position.load(std::memory_order_relaxed),
                                 std::memory_order_relaxed);
  cursors_[place].loose = ++loosened_;
  return place;
}

void BroadcastChannel::Loosen(uint32_t place) {
  const FutexLockGuard guard(lock_);
  cursors_[place].loose = ++loosened_;
}

void BroadcastChannel::Unsubscribe(uint32_t place) {
  const FutexLockGuard guard(lock_);
  cursors_taken_.Give(place);
}

uint8_t* BroadcastChannel::Look(uint32_t place, uint64_t* missed) {
  std::atomic<uint64_t>& cursor = cursors_[place].position;
  uint64_t position = cursor.load(std::memory_order_relaxed);
  if (!drops()) {
    return sent_.load(std::memory_order_acquire) == position ? nullptr : MessageAt(position);
  }
  for (;;) {
    const uint64_t sent = sent_.load(std::memory_order_acquire);
    if (sent == position) return nullptr;
    if (sent - position > shape.capacity) {
      *missed += sent - shape.capacity - position;
      position = sent - shape.capacity;
      cursor.store(position, std::memory_order_relaxed);
    }
    if (CopyOut(position, Reading(place))) return Reading(place);
    // Overwritten, or about to be: it is lost, also while the senders' position does not say so
    // yet.
    if (sent_.load(std::memory_order_acquire) - position <= shape.capacity) {
      ++*missed;
      cursor.store(++position, std::memory_order_relaxed);
    }
  }
}

bool BroadcastChannel::CopyOut(uint64_t position, uint8_t* to) const {
  if (Word(position).load(std::memory_order_acquire) != 2 * position + 2) return false;
  const std::atomic<uint64_t>* const words = WordsOf(MessageAt(position));
  for (uint32_t i = 0; i < stride_ / sizeof(uint64_t); i++) {
    const uint64_t word = words[i].load(std::memory_order_acquire);
    std::memcpy(to + i * sizeof(word), &word, sizeof(word));
  }
  return Word(position).load(std::memory_order_relaxed) == 2 * position + 2;
}

void BroadcastChannel::Advance(uint32_t place) {
  std::atomic<uint64_t>& cursor = cursors_[place].position;
  cursor.store(cursor.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

bool BroadcastChannel::HasMessage(uint32_t place) const {
  return sent_.load(std::memory_order_acquire) !=
         cursors_[place].position.load(std::memory_order_relaxed);
}

}  // namespace moirai
