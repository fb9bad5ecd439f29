// A channel between threads of one process: a ring, who holds its ends, and who waits.
//
// The ring's memory is brought by whoever makes the channel and lives at least as long as each end
// of it: control block at offset 0, slots from kSlotsAt on. `senders` and `receivers` count ends
// that may still be used, also those on their way to another thread.
//
// Waking: a commit calls as many waiting receivers as it has messages, a release as many waiting
// senders. Slots that were held up become usable several at a time, by one commit or release, and
// each of these calls one; so whoever has taken or claimed a slot and leaves others behind calls
// the next (TakeOne, ClaimOne). An aborted slot becomes room when a receiver passes over it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "core/base/ref.h"
#include "core/channel/mpmc_ring.h"
#include "core/channel/spsc_ring.h"
#include "core/channel/wait_set.h"

namespace moirai {

enum class ChannelKind : uint32_t { kSpsc = 0, kMpmc = 1 };

struct ChannelShape {
  ChannelKind kind = ChannelKind::kSpsc;
  uint32_t capacity = 0;  // a power of two
  uint32_t message_bytes = 0;

  uint32_t head_bytes() const { return kind == ChannelKind::kMpmc ? MpmcRing::kWordBytes : 0; }
  uint32_t slot_bytes() const { return head_bytes() + ((message_bytes + 7U) & ~7U); }
  uint64_t memory_bytes() const { return kSlotsAt + uint64_t{capacity} * slot_bytes(); }

  static constexpr uint32_t kSlotsAt = 256;
};
static_assert(sizeof(SpscControl) <= ChannelShape::kSlotsAt);
static_assert(sizeof(MpmcControl) <= ChannelShape::kSlotsAt);

class Channel : public RefCounted<Channel> {
 public:
  // `memory`: zeroed, shape.memory_bytes() of it.
  Channel(const ChannelShape& shape, uint8_t* memory) : shape(shape), memory(memory) {
    if (shape.kind == ChannelKind::kMpmc) Mpmc().Format();
  }

  MpmcRing Mpmc() const {
    return {*reinterpret_cast<MpmcControl*>(memory), memory + ChannelShape::kSlotsAt,
            shape.capacity, shape.slot_bytes()};
  }
  SpscControl& Spsc() const { return *reinterpret_cast<SpscControl*>(memory); }
  uint32_t NextOwner() {
    return owners_.fetch_add(1, std::memory_order_relaxed) % MpmcRing::kOwners;
  }

  const ChannelShape shape;
  uint8_t* const memory;
  WaitSet senders_waiting;
  WaitSet receivers_waiting;
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

 private:
  std::atomic<uint32_t> owners_{0};
};

// One end of a channel, on one thread. What the two directions have in common.
class ChannelEnd {
 public:
  const Ref<Channel>& channel() const { return channel_; }
  bool corrupt() const { return mpmc_ ? mpmc_->corrupt() : corrupt_; }

 protected:
  explicit ChannelEnd(Ref<Channel> channel)
      : channel_(static_cast<Ref<Channel>&&>(channel)), owner_(channel_->NextOwner()) {
    if (channel_->shape.kind == ChannelKind::kMpmc) mpmc_.emplace(channel_->Mpmc());
  }

  // The run of a single slot that was claimed or taken.
  SlotRun Held() const { return {held_.message, held_.message == nullptr ? 0U : 1U}; }

  Ref<Channel> channel_;
  std::optional<MpmcRing> mpmc_;
  const uint32_t owner_;
  MpmcRing::Slot held_;  // of an MPMC ring: claimed and not committed, or taken and not released
  bool corrupt_ = false;
};

class SenderEnd : public ChannelEnd {
 public:
  explicit SenderEnd(Ref<Channel> channel) : ChannelEnd(static_cast<Ref<Channel>&&>(channel)) {
    if (!mpmc_) {
      spsc_.emplace(channel_->Spsc(), channel_->memory + ChannelShape::kSlotsAt,
                    channel_->shape.capacity, channel_->shape.slot_bytes());
    }
  }

  // Slots to write, at most `wanted`, of an MPMC ring one; the same ones until Commit or Abort.
  SlotRun Claim(uint32_t wanted) {
    if (!mpmc_) {
      const SlotRun run = spsc_->Claim(wanted);
      corrupt_ = spsc_->corrupt();
      return run;
    }
    if (held_.message == nullptr) ClaimOne();
    return Held();
  }

  void Commit(uint32_t count) {
    if (!mpmc_) {
      spsc_->Commit(count);
    } else if (held_.message != nullptr) {
      mpmc_->Commit(held_.position);
      held_ = {};
    }
    channel_->receivers_waiting.Call(count);
  }

  // What was claimed is no message. Those who wait behind it are called.
  void Abort() {
    if (held_.message == nullptr) return;
    mpmc_->Abort(held_.position);
    held_ = {};
    channel_->receivers_waiting.Call(1);
  }

  bool HasRoom() {
    if (!mpmc_) return Claim(1).count > 0;
    return held_.message != nullptr || mpmc_->HasRoom();
  }

  // Another thread may take this end; what was claimed is aborted.
  void LetGo() {
    Abort();
    channel_->loose_senders.fetch_add(1, std::memory_order_release);
  }

  void Close() {
    Abort();
    if (channel_->senders.fetch_sub(1, std::memory_order_seq_cst) == 1) {
      channel_->receivers_waiting.Call(~0U);
    }
  }

 private:
  void ClaimOne() {
    held_ = mpmc_->Claim(owner_);
    if (held_.message != nullptr && channel_->senders_waiting.Any() && mpmc_->HasRoom()) {
      channel_->senders_waiting.Call(1);
    }
  }

  std::optional<SpscSender> spsc_;
};

class ReceiverEnd : public ChannelEnd {
 public:
  explicit ReceiverEnd(Ref<Channel> channel) : ChannelEnd(static_cast<Ref<Channel>&&>(channel)) {
    if (!mpmc_) {
      spsc_.emplace(channel_->Spsc(), channel_->memory + ChannelShape::kSlotsAt,
                    channel_->shape.capacity, channel_->shape.slot_bytes());
    }
  }

  // Messages, at most `wanted`, of an MPMC ring one; they stay where they are until Release.
  SlotRun Peek(uint32_t wanted) {
    if (!mpmc_) {
      const SlotRun run = spsc_->Peek(wanted);
      corrupt_ = spsc_->corrupt();
      return run;
    }
    if (held_.message == nullptr) TakeOne();
    return Held();
  }

  void Release(uint32_t count) {
    if (!mpmc_) {
      spsc_->Release(count);
    } else if (held_.message != nullptr) {
      mpmc_->Release(held_.position);
      held_ = {};
    }
    channel_->senders_waiting.Call(count);
  }

  bool HasMessage() {
    if (!mpmc_) return Peek(1).count > 0;
    return held_.message != nullptr || mpmc_->HasMessage();
  }

  // Another thread may take this end. What was taken and not released is gone: its reader may have
  // acted on it.
  void LetGo() {
    if (held_.message != nullptr) Release(1);
    channel_->loose_receivers.fetch_add(1, std::memory_order_release);
  }

  void Close() {
    if (held_.message != nullptr) Release(1);
    if (channel_->receivers.fetch_sub(1, std::memory_order_seq_cst) == 1) {
      channel_->senders_waiting.Call(~0U);
    }
  }

 private:
  void TakeOne() {
    uint32_t freed = 0;
    held_ = mpmc_->Take(owner_, &freed);
    if (freed > 0) channel_->senders_waiting.Call(freed);
    if (held_.message != nullptr && channel_->receivers_waiting.Any() && mpmc_->HasMessage()) {
      channel_->receivers_waiting.Call(1);
    }
  }

  std::optional<SpscReceiver> spsc_;
};

}  // namespace moirai
