// A channel for one message between one sender and one receiver. Memory: the
// message, behind a word that is not used, as JavaScript takes an offset of 0 for none.
//
// state    meaning                              leaves by          done by
// empty    the sender may write the message     store: ready       the sender
// ready    the message is the receiver's        store: done        the receiver
// done     nothing will come any more           never
//
// Memory ordering: the store to ready releases the message, the receiver's load acquires it.
#pragma once

#include "core/channel/channel.h"

namespace moirai {

class OneshotChannel final : public Channel {
 public:
  enum class State : uint32_t { kEmpty, kReady, kDone };

  static constexpr uint32_t kMessageAt = 8;

  static uint64_t MemoryBytes(const ChannelShape& shape) { return kMessageAt + shape.stride(); }
  OneshotChannel(const ChannelShape& shape, uint8_t* memory) : Channel(shape, memory) {}

  std::unique_ptr<SenderEnd> OpenSender() override;
  std::unique_ptr<ReceiverEnd> OpenReceiver() override;

  uint64_t Length() override {
    return state.load(std::memory_order_acquire) == State::kReady ? 1 : 0;
  }

  std::atomic<State> state{State::kEmpty};
};

class OneshotSenderEnd final : public SenderEnd {
 public:
  explicit OneshotSenderEnd(OneshotChannel& channel) : SenderEnd(channel), state_(&channel.state) {}

  SlotRun Claim(uint32_t) override {
    return {channel_->memory + OneshotChannel::kMessageAt, HasRoom() ? 1U : 0U};
  }
  void Commit(uint32_t) override {
    if (!HasRoom()) return;
    state_->store(OneshotChannel::State::kReady, std::memory_order_release);
    channel_->receivers_waiting.Call(1);
  }
  // Nobody else knows of what was claimed.
  void Abort() override {}
  bool HasRoom() override {
    return state_->load(std::memory_order_relaxed) == OneshotChannel::State::kEmpty;
  }

 private:
  std::atomic<OneshotChannel::State>* const state_;  // lives as long as the channel
};

class OneshotReceiverEnd final : public ReceiverEnd {
 public:
  explicit OneshotReceiverEnd(OneshotChannel& channel)
      : ReceiverEnd(channel), state_(&channel.state) {}

  SlotRun Peek(uint32_t) override {
    return {channel_->memory + OneshotChannel::kMessageAt, HasMessage() ? 1U : 0U};
  }
  void Release(uint32_t) override {
    if (HasMessage()) state_->store(OneshotChannel::State::kDone, std::memory_order_relaxed);
  }
  bool HasMessage() override {
    return state_->load(std::memory_order_acquire) == OneshotChannel::State::kReady;
  }
  bool Over() const override {
    return state_->load(std::memory_order_relaxed) == OneshotChannel::State::kDone;
  }

 protected:
  // It was only looked at.
  void ReleaseHeld() override {}

 private:
  std::atomic<OneshotChannel::State>* const state_;  // lives as long as the channel
};

inline std::unique_ptr<SenderEnd> OneshotChannel::OpenSender() {
  return std::unique_ptr<SenderEnd>(new OneshotSenderEnd(*this));
}
inline std::unique_ptr<ReceiverEnd> OneshotChannel::OpenReceiver() {
  return std::unique_ptr<ReceiverEnd>(new OneshotReceiverEnd(*this));
}

}  // namespace moirai
