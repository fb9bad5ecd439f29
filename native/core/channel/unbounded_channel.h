// A channel with any number of senders and receivers over a SegmentList: senders never wait. When
// its reservation is used up a claim finds nothing and says out_of_memory.
//
// What was claimed or taken is kept as a run. A receiver that takes one message and leaves others
// behind calls the next receiver: a claim that was held up may have made many takable at once, and
// its commit calls but as many as it has messages itself.
#pragma once

#include "core/channel/channel.h"
#include "core/channel/segment_list.h"

namespace moirai {

class UnboundedChannel final : public Channel {
 public:
  static uint64_t MemoryBytes(const ChannelShape& shape) {
    return SegmentShape::For(shape.capacity, shape.stride()).memory_bytes();
  }
  UnboundedChannel(const ChannelShape& shape, uint8_t* memory)
      : Channel(shape, memory), list(SegmentShape::For(shape.capacity, shape.stride()), memory) {}

  std::unique_ptr<SenderEnd> OpenSender() override;
  std::unique_ptr<ReceiverEnd> OpenReceiver() override;

  uint64_t Length() override { return list.Length(); }

  SegmentList list;
};

class UnboundedSenderEnd final : public SenderEnd {
 public:
  explicit UnboundedSenderEnd(UnboundedChannel& channel)
      : SenderEnd(channel), list_(&channel.list) {}

  SlotRun Claim(uint32_t wanted) override {
    if (claimed_.slots.count == 0) {
      claimed_ = list_->Claim(wanted);
      out_of_memory_ = claimed_.slots.count == 0;
    }
    return claimed_.slots;
  }
  void Commit(uint32_t count) override { End(count); }
  void Abort() override { End(0); }
  // A claim never waits; what else it may find is no reason to.
  bool HasRoom() override { return true; }

 private:
  void End(uint32_t count) {
    if (claimed_.slots.count == 0) return;
    list_->Commit(claimed_, count);
    // Also where there is none: they may be held up behind it.
    channel_->receivers_waiting.Call(count > 0 ? count : 1);
    claimed_ = {};
  }

  SegmentList* const list_;  // lives as long as the channel
  SegmentList::Run claimed_;
};

class UnboundedReceiverEnd final : public ReceiverEnd {
 public:
  explicit UnboundedReceiverEnd(UnboundedChannel& channel)
      : ReceiverEnd(channel), list_(&channel.list) {}

  SlotRun Peek(uint32_t wanted) override {
    if (taken_.slots.count == 0) {
      taken_ = list_->Take(wanted);
      if (taken_.slots.count > 0 && channel_->receivers_waiting.Any() && list_->HasMessage()) {
        channel_->receivers_waiting.Call(1);
      }
    }
    return {taken_.slots.first, wanted < taken_.slots.count ? wanted : taken_.slots.count};
  }
  void Release(uint32_t count) override {
    if (count > taken_.slots.count) count = taken_.slots.count;
    if (count == 0) return;
    list_->Release(taken_, count);
    taken_.slots.first += uint64_t{count} * channel_->shape.stride();
    taken_.slots.count -= count;
  }
  SlotRun Held() const override { return taken_.slots; }
  bool HasMessage() override { return taken_.slots.count > 0 || list_->HasMessage(); }

 protected:
  void ReleaseHeld() override { Release(taken_.slots.count); }

 private:
  SegmentList* const list_;  // lives as long as the channel
  SegmentList::Run taken_;
};

inline std::unique_ptr<SenderEnd> UnboundedChannel::OpenSender() {
  return std::unique_ptr<SenderEnd>(new UnboundedSenderEnd(*this));
}
inline std::unique_ptr<ReceiverEnd> UnboundedChannel::OpenReceiver() {
  return std::unique_ptr<ReceiverEnd>(new UnboundedReceiverEnd(*this));
}

}  // namespace moirai
