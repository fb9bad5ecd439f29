// A channel with one sender and one receiver over an SpscRing. Memory: the positions, then the
// slots.
//
// JavaScript works this ring itself (src/channel/spsc-side.ts) and comes here to wait, to call who
// waits, and to close. What it must learn from the other side lies in the channel's memory, one
// word for each side: kWaits while the other side is enrolled as waiting, kGone when it has closed.
//
// None can sleep through a message: who sends stores its position, then loads its word; who waits
// enrolls, sets kWaits in that word, then looks at the position, as an end's HasRoom and HasMessage
// do. All four are seq_cst, so in their one order either the store comes before the look, or the
// setting before the load (Dekker). kWaits is set and cleared by the one thread that waits, and
// stays set a little after it was called: a call too many does nothing.
//
// kGone is set after the last store of the side that closes, by the same thread: who sees it sees
// the other side's last position.
#pragma once

#include "core/channel/channel.h"
#include "core/channel/spsc_ring.h"

namespace moirai {

// Bits of SpscControl's to_sender and to_receiver.
enum SpscNotice : uint32_t { kSpscWaits = 1, kSpscGone = 2 };

// A list of one waiter, of which the other side reads in the channel's memory.
class SpscWaitList final : public WaitList {
 public:
  explicit SpscWaitList(std::atomic<uint32_t>& notice) : notice_(notice) {}

  void Enroll(Waiter& waiter) override {
    set_.Enroll(waiter);
    notice_.fetch_or(kSpscWaits, std::memory_order_seq_cst);
  }
  bool Withdraw(Waiter& waiter) override {
    notice_.fetch_and(~uint32_t{kSpscWaits}, std::memory_order_relaxed);
    return set_.Withdraw(waiter);
  }
  bool Any() const override { return set_.Any(); }
  void Call(uint32_t count) override { set_.Call(count); }
  bool TryCall(uint32_t count) override { return set_.TryCall(count); }

 private:
  WaitSet set_;
  std::atomic<uint32_t>& notice_;
};

class SpscChannel final : public Channel {
 public:
  static constexpr uint32_t kSlotsAt = sizeof(SpscControl);

  static uint64_t MemoryBytes(const ChannelShape& shape) {
    return kSlotsAt + uint64_t{shape.capacity} * shape.stride();
  }
  SpscChannel(const ChannelShape& shape, uint8_t* memory)
      : Channel(shape, memory, counts_, sender_waits_, receiver_waits_),
        sender_waits_(control().to_receiver),
        receiver_waits_(control().to_sender) {}

  SpscControl& control() const { return *reinterpret_cast<SpscControl*>(memory); }
  uint8_t* slots() const { return memory + kSlotsAt; }
  bool IsRingOfScripts() const override { return true; }
  uint64_t Length() override {
    const uint32_t received = control().received.load(std::memory_order_acquire);
    const uint32_t length = control().sent.load(std::memory_order_acquire) - received;
    return length <= shape.capacity ? length : 0;  // corrupt, which the ends find out
  }

  std::unique_ptr<SenderEnd> OpenSender() override;
  std::unique_ptr<ReceiverEnd> OpenReceiver() override;

 private:
  EndCounts counts_;
  SpscWaitList sender_waits_;
  SpscWaitList receiver_waits_;
};

class SpscSenderEnd final : public SenderEnd {
 public:
  explicit SpscSenderEnd(SpscChannel& channel)
      : SenderEnd(channel),
        control_(channel.control()),
        ring_(control_, channel.slots(), channel.shape.capacity, channel.shape.stride()) {}

  SlotRun Claim(uint32_t wanted) override {
    const SlotRun run = ring_.Claim(wanted);
    corrupt_ = ring_.corrupt();
    return run;
  }
  void Commit(uint32_t count) override {
    ring_.Commit(count);
    channel_->receivers_waiting.Call(count);
  }
  // Nobody else knows of what was claimed.
  void Abort() override {}
  bool HasRoom() override {
    ring_.Resume();  // JavaScript may have sent
    return Claim(1).count > 0;
  }
  void Close() override {
    control_.to_receiver.fetch_or(kSpscGone, std::memory_order_seq_cst);
    SenderEnd::Close();
  }

 private:
  SpscControl& control_;
  SpscSender ring_;
};

class SpscReceiverEnd final : public ReceiverEnd {
 public:
  explicit SpscReceiverEnd(SpscChannel& channel)
      : ReceiverEnd(channel),
        control_(channel.control()),
        ring_(control_, channel.slots(), channel.shape.capacity, channel.shape.stride()) {}

  SlotRun Peek(uint32_t wanted) override {
    const SlotRun run = ring_.Peek(wanted);
    corrupt_ = ring_.corrupt();
    return run;
  }
  void Release(uint32_t count) override {
    ring_.Release(count);
    channel_->senders_waiting.Call(count);
  }
  bool HasMessage() override {
    ring_.Resume();  // JavaScript may have received
    return Peek(1).count > 0;
  }
  void Close() override {
    control_.to_sender.fetch_or(kSpscGone, std::memory_order_seq_cst);
    ReceiverEnd::Close();
  }

 protected:
  // It was only looked at.
  void ReleaseHeld() override {}

 private:
  SpscControl& control_;
  SpscReceiver ring_;
};

inline std::unique_ptr<SenderEnd> SpscChannel::OpenSender() {
  return std::unique_ptr<SenderEnd>(new SpscSenderEnd(*this));
}
inline std::unique_ptr<ReceiverEnd> SpscChannel::OpenReceiver() {
  return std::unique_ptr<ReceiverEnd>(new SpscReceiverEnd(*this));
}

}  // namespace moirai
