// An end of a channel of kind spsc as a thread works it that must wait for nothing: a message is
// copied, positions are stored, and whoever waits at the other end is called, but only where the
// list of waiters is not locked at that moment; else at the next occasion.
//
// Threads: Send, Receive and CallBack belong to the thread that ticks. The end itself (its place in
// the channel's counts) is the owner's, who closes it when that thread does not use it any more.
//
// Who waits is called by CallBack, at the latest after the next tick: where the list is locked,
// `due_` stays set. None is missed otherwise: TryCall's first step is the read-modify-write of
// wait_set.h.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/base/ref.h"
#include "core/channel/spsc_channel.h"

namespace moirai {

class RingPort {
 public:
  enum Result : int { kDone = 1, kNotNow = 0, kDisconnected = -2, kCorrupt = -3, kMisuse = -4 };

  RingPort(Ref<SpscChannel> channel, bool sends)
      : channel_(static_cast<Ref<SpscChannel>&&>(channel)),
        sends_(sends),
        sender_(channel_->control(), channel_->slots(), channel_->shape.capacity,
                channel_->shape.stride()),
        receiver_(channel_->control(), channel_->slots(), channel_->shape.capacity,
                  channel_->shape.stride()) {}

  bool sends() const { return sends_; }
  SpscChannel& channel() const { return *channel_; }

  int Send(const void* message, uint32_t bytes) {
    if (!sends_ || bytes != channel_->shape.message_bytes) return kMisuse;
    if (IsGone(channel_->control().to_sender)) return kDisconnected;
    const SlotRun run = sender_.Claim(1);
    if (run.count == 0) return sender_.corrupt() ? kCorrupt : kNotNow;
    std::memcpy(run.first, message, bytes);
    sender_.Commit(1);
    due_ = true;
    CallBack();
    return kDone;
  }

  int Receive(void* message, uint32_t bytes) {
    if (sends_ || bytes != channel_->shape.message_bytes) return kMisuse;
    // Before the look: who is gone has sent its last.
    const bool gone = IsGone(channel_->control().to_receiver);
    const SlotRun run = receiver_.Peek(1);
    if (run.count == 0) return receiver_.corrupt() ? kCorrupt : gone ? kDisconnected : kNotNow;
    std::memcpy(message, run.first, bytes);
    receiver_.Release(1);
    due_ = true;
    CallBack();
    return kDone;
  }

  // Calls who waits for what was done, if it can be done now.
  void CallBack() {
    if (!due_) return;
    WaitList& waiting = sends_ ? channel_->receivers_waiting : channel_->senders_waiting;
    if (waiting.TryCall(1)) due_ = false;
  }

 private:
  static bool IsGone(const std::atomic<uint32_t>& notice) {
    return (notice.load(std::memory_order_seq_cst) & kSpscGone) != 0;
  }

  const Ref<SpscChannel> channel_;
  const bool sends_;
  bool due_ = false;
  SpscSender sender_;
  SpscReceiver receiver_;
};

}  // namespace moirai
