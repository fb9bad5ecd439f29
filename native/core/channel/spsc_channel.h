// A channel with one sender and one receiver over an SpscRing. Memory: the positions, then the
// slots.
#pragma once

#include "core/channel/channel.h"
#include "core/channel/spsc_ring.h"

namespace moirai {

class SpscChannel final : public Channel {
 public:
  static constexpr uint32_t kSlotsAt = sizeof(SpscControl);

  static uint64_t MemoryBytes(const ChannelShape& shape) {
    return kSlotsAt + uint64_t{shape.capacity} * shape.stride();
  }
  SpscChannel(const ChannelShape& shape, uint8_t* memory) : Channel(shape, memory) {}

  SpscControl& control() const { return *reinterpret_cast<SpscControl*>(memory); }
  uint8_t* slots() const { return memory + kSlotsAt; }

  std::unique_ptr<SenderEnd> OpenSender() override;
  std::unique_ptr<ReceiverEnd> OpenReceiver() override;
};

class SpscSenderEnd final : public SenderEnd {
 public:
  explicit SpscSenderEnd(SpscChannel& channel)
      : SenderEnd(channel),
        ring_(channel.control(), channel.slots(), channel.shape.capacity, channel.shape.stride()) {}

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
  bool HasRoom() override { return Claim(1).count > 0; }

 private:
  SpscSender ring_;
};

class SpscReceiverEnd final : public ReceiverEnd {
 public:
  explicit SpscReceiverEnd(SpscChannel& channel)
      : ReceiverEnd(channel),
        ring_(channel.control(), channel.slots(), channel.shape.capacity, channel.shape.stride()) {}

  SlotRun Peek(uint32_t wanted) override {
    const SlotRun run = ring_.Peek(wanted);
    corrupt_ = ring_.corrupt();
    return run;
  }
  void Release(uint32_t count) override {
    ring_.Release(count);
    channel_->senders_waiting.Call(count);
  }
  bool HasMessage() override { return Peek(1).count > 0; }

 protected:
  // It was only looked at.
  void ReleaseHeld() override {}

 private:
  SpscReceiver ring_;
};

inline std::unique_ptr<SenderEnd> SpscChannel::OpenSender() {
  return std::unique_ptr<SenderEnd>(new SpscSenderEnd(*this));
}
inline std::unique_ptr<ReceiverEnd> SpscChannel::OpenReceiver() {
  return std::unique_ptr<ReceiverEnd>(new SpscReceiverEnd(*this));
}

}  // namespace moirai
