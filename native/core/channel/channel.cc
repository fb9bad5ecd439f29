// The kinds of channel there are.
#include "core/channel/channel.h"

#include "core/channel/mpmc_channel.h"
#include "core/channel/spsc_channel.h"
#include "core/channel/unbounded_channel.h"

namespace moirai {

uint64_t ChannelMemoryBytes(const ChannelShape& shape) {
  switch (shape.kind) {
    case ChannelKind::kSpsc:
      return SpscChannel::MemoryBytes(shape);
    case ChannelKind::kMpmc:
      return MpmcChannel::MemoryBytes(shape);
    case ChannelKind::kUnbounded:
      return UnboundedChannel::MemoryBytes(shape);
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
  }
  return {};
}

}  // namespace moirai
