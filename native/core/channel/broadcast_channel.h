// A channel whose messages each go to every receiver. One ring, a position of the senders, and a
// cursor for each receiver.
//
// A sender writes its message into a place of its own, and the commit copies it into the ring,
// under the senders' lock: so a claim that stays open holds up nobody, a message is in the ring
// whole or not at all, and messages are in the order of their commits.
//
// What becomes of a receiver that is slower than the ring is long:
// - wait: a claim reserves a slot that every cursor has passed; none: full. Receivers read in
// place.
// - drop: a commit overwrites the oldest message. Each slot has a sequence word, and a receiver
// copies
//   what it reads to a place of its own, between two looks at that word, as of a seqlock:
//
//     word           the slot
//     2p + 1         is being written with message p
//     2p + 2         holds message p
//     anything else  holds a message of another lap
//
//   A receiver that finds its message gone goes on with the oldest there is, and says once how many
//   it has missed (TakeMissed).
//
// A cursor belongs to a receiver, or to one that is on its way to another thread (loose). A new one
// begins where the receiver stands from which it was cloned.
//
// Memory ordering: the senders' position is stored with release after the message and acquired by
// receivers; a cursor is stored with release after the last read of the message and acquired by the
// sender that looks for room. In drop, the words of a message are stored with release after 2p + 1
// and loaded with acquire before the second look: who has read any word of a later message sees at
// least its 2p + 1, so no fence is needed and ThreadSanitizer sees all of it.
#pragma once

#include "core/channel/channel.h"
#include "core/channel/places.h"
#include "core/sync/futex_lock.h"

namespace moirai {

class BroadcastChannel final : public Channel {
 public:
  static constexpr uint32_t kWordBytes = 8;
  // How many senders, and how many receivers, there can be at a time.
  static constexpr uint32_t kMaxEnds = 256;
  static constexpr uint32_t kNoPlace = ~0U;

  static uint64_t MemoryBytes(const ChannelShape& shape) {
    return uint64_t{shape.capacity} * (kWordBytes + shape.stride()) +
           uint64_t{2} * kMaxEnds * shape.stride();
  }
  BroadcastChannel(const ChannelShape& shape, uint8_t* memory);

  std::unique_ptr<SenderEnd> OpenSender() override;
  // Of those that are on their way, the one that is so for longest.
  std::unique_ptr<ReceiverEnd> OpenReceiver() override;
  std::unique_ptr<ReceiverEnd> OpenReceiverAt(uint32_t place) override;

  bool drops() const { return shape.kind == ChannelKind::kBroadcastDrop; }

  // What the slowest receiver has not had.
  uint64_t Length() override;

  // A place to write a message. kNoPlace: there are too many senders.
  uint32_t EnterSender();
  void LeaveSender(uint32_t place);
  uint8_t* Writing(uint32_t place) const { return places_at_ + uint64_t{place} * stride_; }
  // Room for one message is the caller's until Publish or Unreserve. False: full.
  bool Reserve();
  void Unreserve();
  void Publish(uint32_t place);
  bool HasRoom();

  // A cursor that nobody has yet, where the other one is. kNoPlace: there are too many.
  uint32_t Subscribe(uint32_t other);
  void Loosen(uint32_t place);
  void Unsubscribe(uint32_t place);
  uint8_t* Reading(uint32_t place) const { return Writing(kMaxEnds + place); }
  // The cursor's message, where it can be read; null: there is none. `*missed` is raised by what
  // was overwritten.
  uint8_t* Look(uint32_t place, uint64_t* missed);
  void Advance(uint32_t place);
  bool HasMessage(uint32_t place) const;

 private:
  struct Cursor {
    alignas(kFalseSharingBytes) std::atomic<uint64_t> position{0};
    uint32_t loose = 0;  // when it became so, counted from 1; 0: somebody has it. Under the lock
  };

  std::atomic<uint64_t>& Word(uint64_t position) const {
    const uint64_t index = position & (shape.capacity - 1);
    return *reinterpret_cast<std::atomic<uint64_t>*>(memory + index * (kWordBytes + stride_));
  }
  uint8_t* MessageAt(uint64_t position) const {
    return reinterpret_cast<uint8_t*>(&Word(position)) + kWordBytes;
  }
  std::atomic<uint64_t>* WordsOf(uint8_t* message) const {
    return reinterpret_cast<std::atomic<uint64_t>*>(message);
  }
  // How many messages the slowest receiver leaves room for; under the lock.
  bool RoomLocked();
  bool CopyOut(uint64_t position, uint8_t* to) const;

  const uint32_t stride_;
  uint8_t* const places_at_;
  alignas(kFalseSharingBytes) std::atomic<uint64_t> sent_{0};
  // Of the senders and of who comes and goes; never held while JavaScript runs.
  alignas(kFalseSharingBytes) FutexLock lock_;
  uint64_t reserved_ = 0;
  uint64_t slowest_ = 0;  // no cursor is behind it
  uint32_t loosened_ = 0;
  Places<kMaxEnds> senders_;
  Places<kMaxEnds> cursors_taken_;
  std::unique_ptr<Cursor[]> cursors_{new Cursor[kMaxEnds]};
};

}  // namespace moirai
