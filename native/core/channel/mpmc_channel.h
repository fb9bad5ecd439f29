// A channel with any number of senders and receivers over an MpmcRing. Memory: the positions, then
// the slots, each with its word before the message.
//
// An end claims and takes one slot at a time. Slots that were held up become usable several at a
// time, by one commit or release, and each of these calls one; so whoever has taken or claimed a
// slot and leaves others behind calls the next (TakeOne, ClaimOne). An aborted slot becomes room
// when a receiver passes over it.
#pragma once

#include "core/channel/channel.h"
#include "core/channel/mpmc_ring.h"

namespace moirai {

class MpmcChannel final : public Channel {
 public:
  static constexpr uint32_t kSlotsAt = sizeof(MpmcControl);

  static uint32_t SlotBytes(const ChannelShape& shape) {
    return MpmcRing::kWordBytes + shape.stride();
  }
  static uint64_t MemoryBytes(const ChannelShape& shape) {
    return kSlotsAt + uint64_t{shape.capacity} * SlotBytes(shape);
  }
  MpmcChannel(const ChannelShape& shape, uint8_t* memory) : Channel(shape, memory) {
    Ring().Format();
  }

  MpmcRing Ring() const {
    return {*reinterpret_cast<MpmcControl*>(memory), memory + kSlotsAt, shape.capacity,
            SlotBytes(shape)};
  }
  uint64_t Length() override { return Ring().Length(); }
  uint32_t NextOwner() {
    return owners_.fetch_add(1, std::memory_order_relaxed) % MpmcRing::kOwners;
  }

  std::unique_ptr<SenderEnd> OpenSender() override;
  std::unique_ptr<ReceiverEnd> OpenReceiver() override;

 private:
  std::atomic<uint32_t> owners_{0};
};

class MpmcSenderEnd final : public SenderEnd {
 public:
  explicit MpmcSenderEnd(MpmcChannel& channel)
      : SenderEnd(channel), ring_(channel.Ring()), owner_(channel.NextOwner()) {}

  SlotRun Claim(uint32_t) override {
    if (claimed_.message == nullptr) ClaimOne();
    return {claimed_.message, claimed_.message == nullptr ? 0U : 1U};
  }
  void Commit(uint32_t count) override {
    if (claimed_.message == nullptr) return;
    ring_.Commit(claimed_.position);
    claimed_ = {};
    channel_->receivers_waiting.Call(count);
  }
  void Abort() override {
    if (claimed_.message == nullptr) return;
    ring_.Abort(claimed_.position);
    claimed_ = {};
    channel_->receivers_waiting.Call(1);
  }
  bool HasRoom() override { return claimed_.message != nullptr || ring_.HasRoom(); }

 private:
  void ClaimOne() {
    claimed_ = ring_.Claim(owner_);
    corrupt_ = ring_.corrupt();
    if (claimed_.message != nullptr && channel_->senders_waiting.Any() && ring_.HasRoom()) {
      channel_->senders_waiting.Call(1);
    }
  }

  MpmcRing ring_;
  const uint32_t owner_;
  MpmcRing::Slot claimed_;
};

class MpmcReceiverEnd final : public ReceiverEnd {
 public:
  explicit MpmcReceiverEnd(MpmcChannel& channel)
      : ReceiverEnd(channel), ring_(channel.Ring()), owner_(channel.NextOwner()) {}

  SlotRun Peek(uint32_t) override {
    if (taken_.message == nullptr) TakeOne();
    return {taken_.message, taken_.message == nullptr ? 0U : 1U};
  }
  void Release(uint32_t count) override {
    if (taken_.message == nullptr) return;
    ring_.Release(taken_.position);
    taken_ = {};
    channel_->senders_waiting.Call(count);
  }
  SlotRun Held() const override { return {taken_.message, taken_.message == nullptr ? 0U : 1U}; }
  bool HasMessage() override { return taken_.message != nullptr || ring_.HasMessage(); }

 protected:
  void ReleaseHeld() override { Release(1); }

 private:
  void TakeOne() {
    uint32_t freed = 0;
    taken_ = ring_.Take(owner_, &freed);
    corrupt_ = ring_.corrupt();
    if (freed > 0) channel_->senders_waiting.Call(freed);
    if (taken_.message != nullptr && channel_->receivers_waiting.Any() && ring_.HasMessage()) {
      channel_->receivers_waiting.Call(1);
    }
  }

  MpmcRing ring_;
  const uint32_t owner_;
  MpmcRing::Slot taken_;
};

inline std::unique_ptr<SenderEnd> MpmcChannel::OpenSender() {
  return std::unique_ptr<SenderEnd>(new MpmcSenderEnd(*this));
}
inline std::unique_ptr<ReceiverEnd> MpmcChannel::OpenReceiver() {
  return std::unique_ptr<ReceiverEnd>(new MpmcReceiverEnd(*this));
}

}  // namespace moirai
