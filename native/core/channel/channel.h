// A channel: a ring, who holds its ends, and who waits at them. Each kind of ring is a subclass
// with a file of its own (spsc_channel.h, ...), made by MakeChannel; what all kinds share is here.
//
// The ring's memory is brought by whoever makes the channel and lives at least as long as each end
// of it. `senders` and `receivers` count ends that may still be used, also those on their way to
// another thread.
//
// Waking is the duty of each kind's ends: a commit calls as many waiting receivers as it has
// messages, a release as many waiting senders, and whoever finds out that one call was too few
// (slots that were held up become usable several at a time) calls the next.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "core/base/ref.h"
#include "core/channel/losses.h"
#include "core/channel/slot_run.h"
#include "core/channel/undelivered.h"
#include "core/channel/wait_set.h"

namespace moirai {

enum class ChannelKind : uint32_t {
  kSpsc = 0,
  kMpmc = 1,
  kUnbounded = 2,
  kOneshot = 3,
  kRendezvous = 4,
  kBroadcastWait = 5,
  kBroadcastDrop = 6
};

struct ChannelShape {
  ChannelKind kind = ChannelKind::kSpsc;
  uint32_t capacity = 0;  // a power of two for the rings
  uint32_t message_bytes = 0;

  // From one message of a run to the next.
  uint32_t stride() const { return (message_bytes + 7U) & ~7U; }
};

// How many ends there are.
struct EndCounts {
  std::atomic<uint32_t> senders{1};
  std::atomic<uint32_t> receivers{1};
  // Of these, the ones that no thread has taken; a thread takes one by counting it down.
  std::atomic<uint32_t> loose_senders{1};
  std::atomic<uint32_t> loose_receivers{1};

  // False: there is none to be taken.
  static bool TakeLoose(std::atomic<uint32_t>& loose) {
    uint32_t seen = loose.load(std::memory_order_relaxed);
    while (seen > 0) {
      // What the thread that let it go had done with the ring is acquired.
      if (loose.compare_exchange_weak(seen, seen - 1, std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
};

class SenderEnd;
class ReceiverEnd;

class Channel : public RefCounted<Channel> {
 public:
  virtual ~Channel() = default;

  // An end for one thread; the counts are the caller's business. Null: there are too many.
  virtual std::unique_ptr<SenderEnd> OpenSender() = 0;
  virtual std::unique_ptr<ReceiverEnd> OpenReceiver() = 0;
  // The one that ReceiverEnd::Another gave this number, if it did.
  virtual std::unique_ptr<ReceiverEnd> OpenReceiverAt(uint32_t place);
  // How many messages it holds, about: slots that are being written or were given up may count.
  virtual uint64_t Length() { return 0; }
  // JavaScript sends and receives by itself; the ends are there to wait, to call and to close.
  virtual bool IsRingOfScripts() const { return false; }

  // After any end has closed: discards what is left when nobody can receive it. A message that was
  // committed at that moment is found when its sender closes.
  void Salvage();

  // Set, if at all, before there are ends.
  std::unique_ptr<Undelivered> undelivered;
  const ChannelShape shape;
  uint8_t* const memory;
  EndCounts& counts;
  WaitList& senders_waiting;
  WaitList& receivers_waiting;

 protected:
  // Between threads of this process.
  Channel(const ChannelShape& shape, uint8_t* memory)
      : Channel(shape, memory, own_counts_, own_senders_waiting_, own_receivers_waiting_) {}
  // With counts and lists of others.
  Channel(const ChannelShape& shape, uint8_t* memory, EndCounts& counts, WaitList& senders_waiting,
          WaitList& receivers_waiting)
      : shape(shape),
        memory(memory),
        counts(counts),
        senders_waiting(senders_waiting),
        receivers_waiting(receivers_waiting) {}

 private:
  EndCounts own_counts_;
  WaitSet own_senders_waiting_;
  WaitSet own_receivers_waiting_;
  FutexLock salvaging_;
};

// There are channels of this shape.
bool IsPossible(const ChannelShape& shape);
// Bytes of memory that a channel of this shape needs, and to how many they are aligned.
uint64_t ChannelMemoryBytes(const ChannelShape& shape);
uint64_t ChannelAlignment(const ChannelShape& shape);
// `memory`: zeroed, as the two above say.
Ref<Channel> MakeChannel(const ChannelShape& shape, uint8_t* memory);

// One end of a channel, on one thread. What the two directions have in common.
class ChannelEnd {
 public:
  ChannelEnd(const ChannelEnd&) = delete;
  ChannelEnd& operator=(const ChannelEnd&) = delete;
  virtual ~ChannelEnd() = default;

  Channel& channel() const { return *channel_; }
  // The memory holds what no end could have written.
  bool corrupt() const { return corrupt_; }
  // How many ends of the other direction there are.
  virtual uint32_t Peers() const = 0;
  // There is nobody on the other side any more.
  virtual bool IsDeserted() const { return Peers() == 0; }
  // Who died since the last call; only another process can.
  virtual Losses News() { return {}; }
  // The last claim found nothing for want of memory, and waiting would not help.
  bool out_of_memory() const { return out_of_memory_; }

  // For kinds where a wait has to be announced: a sender with what it has claimed, a receiver for
  // what may come. True: no need to wait, the message was taken (sender) or is there (receiver).
  virtual bool Offer() { return false; }
  // The wait is over. False: it was met before; true of a sender: its message is received by
  // nobody.
  virtual bool Retract() { return true; }

 protected:
  explicit ChannelEnd(Channel& channel) : channel_(&channel) {}

  const Ref<Channel> channel_;
  bool corrupt_ = false;
  bool out_of_memory_ = false;
};

class SenderEnd : public ChannelEnd {
 public:
  uint32_t Peers() const override {
    return channel_->counts.receivers.load(std::memory_order_acquire);
  }
  // Slots to write, at most `wanted`; the same ones until Commit or Abort.
  virtual SlotRun Claim(uint32_t wanted) = 0;
  // The first `count` of the claimed slots are messages.
  virtual void Commit(uint32_t count) = 0;
  // The same where nobody may be there to take it. False: it was not sent.
  virtual bool TryCommit(uint32_t count) {
    Commit(count);
    return true;
  }
  // What was claimed is no message. Those who wait behind it are called.
  virtual void Abort() = 0;
  virtual bool HasRoom() = 0;
  // Another thread may take this end; what was claimed is aborted.
  virtual void LetGo() {
    Abort();
    channel_->counts.loose_senders.fetch_add(1, std::memory_order_release);
  }
  virtual void Close() {
    Abort();
    if (channel_->counts.senders.fetch_sub(1, std::memory_order_seq_cst) == 1) {
      channel_->receivers_waiting.Call(~0U);
    }
  }

 protected:
  using ChannelEnd::ChannelEnd;
};

class ReceiverEnd : public ChannelEnd {
 public:
  uint32_t Peers() const override {
    return channel_->counts.senders.load(std::memory_order_acquire);
  }
  // Messages, at most `wanted`; they stay where they are until Release.
  virtual SlotRun Peek(uint32_t wanted) = 0;
  virtual void Release(uint32_t count) = 0;
  virtual bool HasMessage() = 0;
  // What Peek has given and no other receiver can have.
  virtual SlotRun Held() const { return {}; }
  // How many messages were overwritten before this end could have them, since the last time this
  // was asked. Nothing is received before it is.
  virtual uint64_t TakeMissed() { return 0; }
  virtual bool HasMissed() const { return false; }
  // There will be one receiver more, of this number (0: any). kNoMoreEnds: there are too many.
  static constexpr uint32_t kNoMoreEnds = ~0U;
  virtual uint32_t Another() {
    channel_->counts.receivers.fetch_add(1, std::memory_order_relaxed);
    channel_->counts.loose_receivers.fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  // Nothing more will come, also where there are senders.
  virtual bool Over() const { return false; }
  // Another thread may take this end. What was taken and not released is gone: its reader may have
  // acted on it.
  virtual void LetGo() {
    ReleaseHeld();
    channel_->counts.loose_receivers.fetch_add(1, std::memory_order_release);
  }
  virtual void Close() {
    ReleaseHeld();
    if (channel_->counts.receivers.fetch_sub(1, std::memory_order_seq_cst) == 1) {
      channel_->senders_waiting.Call(~0U);
    }
  }

 protected:
  using ChannelEnd::ChannelEnd;
  // What was taken by Peek, so that no other receiver can have it, and not released.
  virtual void ReleaseHeld() = 0;
};

inline std::unique_ptr<ReceiverEnd> Channel::OpenReceiverAt(uint32_t) { return OpenReceiver(); }

}  // namespace moirai
