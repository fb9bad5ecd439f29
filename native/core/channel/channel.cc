// The kinds of channel there are.
#include "core/channel/channel.h"

#include "core/channel/broadcast_channel.h"
#include "core/channel/mpmc_channel.h"
#include "core/channel/oneshot_channel.h"
#include "core/channel/rendezvous_channel.h"
#include "core/channel/spsc_channel.h"
#include "core/channel/unbounded_channel.h"

namespace moirai {

bool IsPossible(const ChannelShape& shape) {
  const bool power = shape.capacity != 0 && (shape.capacity & (shape.capacity - 1)) == 0;
  switch (shape.kind) {
    case ChannelKind::kSpsc:
    case ChannelKind::kMpmc:
    case ChannelKind::kBroadcastWait:
    case ChannelKind::kBroadcastDrop:
      return power;
    case ChannelKind::kUnbounded:
    case ChannelKind::kRendezvous:
      return shape.capacity != 0;
    case ChannelKind::kOneshot:
      return shape.capacity == 1;
  }
  return false;
}

uint64_t ChannelAlignment(const ChannelShape& shape) {
  return shape.kind == ChannelKind::kOneshot ? sizeof(uint64_t) : kFalseSharingBytes;
}

uint64_t ChannelMemoryBytes(const ChannelShape& shape) {
  switch (shape.kind) {
    case ChannelKind::kSpsc:
      return SpscChannel::MemoryBytes(shape);
    case ChannelKind::kMpmc:
      return MpmcChannel::MemoryBytes(shape);
    case ChannelKind::kUnbounded:
      return UnboundedChannel::MemoryBytes(shape);
    case ChannelKind::kOneshot:
      return OneshotChannel::MemoryBytes(shape);
    case ChannelKind::kRendezvous:
      return RendezvousChannel::MemoryBytes(shape);
    case ChannelKind::kBroadcastWait:
    case ChannelKind::kBroadcastDrop:
      return BroadcastChannel::MemoryBytes(shape);
  }
  return 0;
}

Ref<Channel> MakeChannel(const ChannelShape& shape, uint8_t* memory) {
  switch (shape.kind) {
    case ChannelKind::kSpsc:
      return Ref<Channel>(new SpscChannel(shape, memory));
    case ChannelKind::kMpmc:
      return Ref<Channel>(new MpmcChannel(shape, memory));
    case ChannelKind::kUnbounded:
      return Ref<Channel>(new UnboundedChannel(shape, memory));
    case ChannelKind::kOneshot:
      return Ref<Channel>(new OneshotChannel(shape, memory));
    case ChannelKind::kRendezvous:
      return Ref<Channel>(new RendezvousChannel(shape, memory));
    case ChannelKind::kBroadcastWait:
    case ChannelKind::kBroadcastDrop:
      return Ref<Channel>(new BroadcastChannel(shape, memory));
  }
  return {};
}

void Channel::Salvage() {
  if (undelivered == nullptr || counts.receivers.load(std::memory_order_seq_cst) != 0) return;
  const FutexLockGuard guard(salvaging_);
  const std::unique_ptr<ReceiverEnd> end = OpenReceiver();
  while (end != nullptr) {
    const SlotRun run = end->Peek(1);
    if (run.count == 0) return;
    undelivered->Discard(run.first);
    end->Release(1);
  }
}

}  // namespace moirai
