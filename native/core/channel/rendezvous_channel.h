// A channel that holds nothing: a message goes from a sender to a receiver when both are there.
//
// An end that waits makes an offer: a sender with its message written, a receiver to take one. Who
// comes to the other side and finds an offer accepts the oldest; who finds none may make one
// itself. So at most one of the two lists of offers has entries. Each end has one slot, and an
// offer is accepted by exchanging the two ends' slots: nothing is copied, and neither waits for the
// other.
//
// state of an end   meaning                                   leaves by                   done by
// idle              nothing is under way                      Claim, Offer, accept        itself
// claimed           (sender) its slot is being written        Commit, Offer, Abort        itself
// offered           its offer is in the list                  Retract: idle               itself
//                                                             accepted: done              another
// done              sender: its message was taken             Offer, Retract: idle        itself
//                   receiver: its slot holds a message        Release: idle               itself
//
// An offer that was retracted cannot be accepted any more, and Retract says if it was before: a
// message is received or its send fails, never both. All of this is under the channel's lock, which
// is held for a few instructions; the states are atomic only so that Possible can be asked without.
//
// Memory ordering: the lock's. A message is written before its slot is offered or exchanged under
// the lock, and read after; the states and the counts are stored with release and loaded with
// acquire, so who sees one without the lock sees what was done before it.
#pragma once

#include "core/channel/channel.h"
#include "core/sync/futex_lock.h"

namespace moirai {

class RendezvousChannel final : public Channel {
 public:
  // JavaScript takes an offset of 0 for none.
  static constexpr uint32_t kSlotsAt = 8;

  // `capacity`: how many ends there can be at a time.
  static uint64_t MemoryBytes(const ChannelShape& shape) {
    return kSlotsAt + uint64_t{shape.capacity} * shape.stride();
  }
  RendezvousChannel(const ChannelShape& shape, uint8_t* memory)
      : Channel(shape, memory), free_(new uint32_t[shape.capacity]) {}

  std::unique_ptr<SenderEnd> OpenSender() override;
  std::unique_ptr<ReceiverEnd> OpenReceiver() override;

  // What both directions have in common.
  enum class State : uint8_t { kIdle, kClaimed, kOffered, kDone };
  struct Party {
    std::atomic<State> state{State::kIdle};
    uint32_t slot = 0;
    Party* next = nullptr;
  };
  struct Offers {
    std::atomic<uint32_t> count{0};
    Party* first = nullptr;
    Party** last = &first;
  };

  // False: there are as many ends as there can be.
  bool Enter(Party& party) {
    const FutexLockGuard guard(lock_);
    if (free_count_ > 0) {
      party.slot = free_[--free_count_];
    } else if (fresh_ < shape.capacity) {
      party.slot = fresh_++;
    } else {
      return false;
    }
    return true;
  }
  void Leave(Party& party, Offers& own) {
    Retract(party, own);
    const FutexLockGuard guard(lock_);
    free_[free_count_++] = party.slot;
  }

  // Exchanges slots with the oldest offer of the other direction. False: there is none.
  bool Accept(Party& party, Offers& others) {
    const FutexLockGuard guard(lock_);
    return AcceptLocked(party, others);
  }
  // The same, or an offer of its own is in the list from now on.
  bool AcceptOrOffer(Party& party, Offers& others, Offers& own) {
    const FutexLockGuard guard(lock_);
    if (AcceptLocked(party, others)) return true;
    party.next = nullptr;
    *own.last = &party;
    own.last = &party.next;
    party.state.store(State::kOffered, std::memory_order_release);
    own.count.fetch_add(1, std::memory_order_release);
    return false;
  }
  // False: it was accepted.
  bool Retract(Party& party, Offers& own) {
    const FutexLockGuard guard(lock_);
    const State state = party.state.load(std::memory_order_relaxed);
    if (state == State::kOffered) {
      Party** link = &own.first;
      while (*link != &party) link = &(*link)->next;
      Unlink(own, link);
      party.state.store(State::kIdle, std::memory_order_release);
    }
    return state != State::kDone;
  }

  uint8_t* SlotOf(const Party& party) const {
    return memory + kSlotsAt + uint64_t{party.slot} * shape.stride();
  }

  Offers sends;
  Offers receives;

 private:
  static void Unlink(Offers& offers, Party** link) {
    Party* const party = *link;
    *link = party->next;
    if (offers.last == &party->next) offers.last = link;
    offers.count.fetch_sub(1, std::memory_order_relaxed);
  }
  static bool AcceptLocked(Party& party, Offers& others) {
    Party* const other = others.first;
    if (other == nullptr) return false;
    Unlink(others, &others.first);
    const uint32_t slot = party.slot;
    party.slot = other->slot;
    other->slot = slot;
    other->state.store(State::kDone, std::memory_order_release);
    return true;
  }

  FutexLock lock_;
  std::unique_ptr<uint32_t[]> free_;  // slots of ends that are gone
  uint32_t free_count_ = 0;
  uint32_t fresh_ = 0;  // slots from here on were never used
};

class RendezvousSenderEnd final : public SenderEnd {
 public:
  explicit RendezvousSenderEnd(RendezvousChannel& channel) : SenderEnd(channel), meet_(&channel) {}
  ~RendezvousSenderEnd() override { Leave(); }
  bool Enter() { return entered_ = meet_->Enter(party_); }

  // Its own slot, also where nobody waits: what becomes of it is decided by TryCommit or Offer.
  SlotRun Claim(uint32_t) override {
    if (state() != State::kIdle && state() != State::kClaimed) return {};
    Set(State::kClaimed);
    return {meet_->SlotOf(party_), 1};
  }
  bool TryCommit(uint32_t) override {
    if (state() != State::kClaimed) return false;
    Set(State::kIdle);
    if (!meet_->Accept(party_, meet_->receives)) return false;
    channel_->receivers_waiting.Call(~0U);
    return true;
  }
  void Commit(uint32_t count) override { TryCommit(count); }
  void Abort() override {
    if (state() == State::kClaimed) Set(State::kIdle);
  }
  // Where no wait was announced (select), a receiver's offer is as good as room.
  bool HasRoom() override {
    return state() == State::kDone ||
           (state() == State::kIdle && meet_->receives.count.load(std::memory_order_acquire) > 0);
  }

  bool Offer() override {
    if (state() == State::kDone) {
      Set(State::kIdle);
      return true;
    }
    if (state() != State::kClaimed) return false;
    const bool accepted = meet_->AcceptOrOffer(party_, meet_->receives, meet_->sends);
    if (accepted) Set(State::kIdle);
    // Nobody has an offer that could be accepted, but somebody may be waiting without one.
    channel_->receivers_waiting.Call(accepted ? ~0U : 1U);
    return accepted;
  }
  bool Retract() override {
    const bool retracted = meet_->Retract(party_, meet_->sends);
    if (!retracted) Set(State::kIdle);
    return retracted;
  }
  // Its place is free at once, not when JavaScript has let go of its functions.
  void Close() override {
    meet_->Retract(party_, meet_->sends);
    SenderEnd::Close();
    Leave();
  }

 private:
  void Leave() {
    if (entered_) meet_->Leave(party_, meet_->sends);
    entered_ = false;
  }

  using State = RendezvousChannel::State;
  State state() const { return party_.state.load(std::memory_order_acquire); }
  void Set(State state) { party_.state.store(state, std::memory_order_release); }

  RendezvousChannel* const meet_;  // the same as channel_
  RendezvousChannel::Party party_;
  bool entered_ = false;
};

class RendezvousReceiverEnd final : public ReceiverEnd {
 public:
  explicit RendezvousReceiverEnd(RendezvousChannel& channel)
      : ReceiverEnd(channel), meet_(&channel) {}
  ~RendezvousReceiverEnd() override { Leave(); }
  bool Enter() { return entered_ = meet_->Enter(party_); }

  SlotRun Peek(uint32_t) override {
    if (state() == State::kIdle && meet_->Accept(party_, meet_->sends)) Took();
    // In this order: as long as its offer stands others may exchange its slot.
    if (state() != State::kDone) return {};
    return {meet_->SlotOf(party_), 1};
  }
  void Release(uint32_t) override {
    if (state() == State::kDone) Set(State::kIdle);
  }
  bool HasMessage() override {
    return state() == State::kDone ||
           (state() == State::kIdle && meet_->sends.count.load(std::memory_order_acquire) > 0);
  }

  bool Offer() override {
    if (state() != State::kIdle) return state() == State::kDone;
    if (meet_->AcceptOrOffer(party_, meet_->sends, meet_->receives)) {
      Took();
      return true;
    }
    // As in the sender's Offer: somebody may be waiting without one.
    channel_->senders_waiting.Call(1);
    return false;
  }
  // False: a message has come, which Peek gives.
  bool Retract() override { return meet_->Retract(party_, meet_->receives); }
  void Close() override {
    meet_->Retract(party_, meet_->receives);
    ReceiverEnd::Close();
    Leave();
  }

 protected:
  void ReleaseHeld() override { Release(1); }

 private:
  void Leave() {
    if (entered_) meet_->Leave(party_, meet_->receives);
    entered_ = false;
  }

  using State = RendezvousChannel::State;
  State state() const { return party_.state.load(std::memory_order_acquire); }
  void Set(State state) { party_.state.store(state, std::memory_order_release); }
  void Took() {
    Set(State::kDone);
    channel_->senders_waiting.Call(~0U);
  }

  RendezvousChannel* const meet_;  // the same as channel_
  RendezvousChannel::Party party_;
  bool entered_ = false;
};

inline std::unique_ptr<SenderEnd> RendezvousChannel::OpenSender() {
  auto end = std::make_unique<RendezvousSenderEnd>(*this);
  return end->Enter() ? std::unique_ptr<SenderEnd>(end.release()) : nullptr;
}
inline std::unique_ptr<ReceiverEnd> RendezvousChannel::OpenReceiver() {
  auto end = std::make_unique<RendezvousReceiverEnd>(*this);
  return end->Enter() ? std::unique_ptr<ReceiverEnd>(end.release()) : nullptr;
}

}  // namespace moirai
