// The border for channels: open one, find it on another thread, forget it.
#include <cstddef>

#include "addon/channel_side.h"
#include "addon/module.h"
#include "addon/registry.h"
#include "core/channel/spsc_channel.h"

namespace moirai::addon {
namespace {

// Channels of this process, as long as any end of them can be used.
constinit Registry<Channel> channels;

// openChannel(memory, kind, capacity, messageBytes, cpus): the number of a channel in this memory,
// which is zeroed and, but for a oneshot, page aligned, with one sender and one receiver to be
// attached.
napi_value OpenChannel(napi_env env, napi_callback_info info) {
  const Args<5> args(env, info);
  std::size_t length = 0;
  auto* const memory = args.Elements<uint8_t>(0, &length);
  CpuShare::Process().SuggestCpus(args.Int32(4));
  const ChannelShape shape{static_cast<ChannelKind>(args.Uint32(1)), args.Uint32(2),
                           args.Uint32(3)};
  if (memory == nullptr || !IsPossible(shape) || length < ChannelMemoryBytes(shape) ||
      reinterpret_cast<uintptr_t>(memory) % ChannelAlignment(shape) != 0) {
    napi_throw_range_error(env, "ERR_MOIRAI_INVALID_ARGUMENT", "memory, kind or capacity");
    return nullptr;
  }
  napi_value id;
  napi_create_uint32(env, channels.Add(MakeChannel(shape, memory)), &id);
  return id;
}

// channelBytes(kind, capacity, messageBytes): what openChannel needs.
napi_value ChannelBytes(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  const ChannelShape shape{static_cast<ChannelKind>(args.Uint32(0)), args.Uint32(1),
                           args.Uint32(2)};
  return Number(env, static_cast<double>(ChannelMemoryBytes(shape)));
}

// An end for which there was no place closes.
void CloseNone(std::atomic<uint32_t>& ends, WaitList& peers) {
  if (ends.fetch_sub(1, std::memory_order_seq_cst) == 1) peers.Call(~0U);
}

// dropEnd(id, sends, place): an end that is on its way will arrive nowhere, and closes.
napi_value DropEnd(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  const uint32_t id = args.Uint32(0);
  const Ref<Channel> channel = channels.Find(id);
  if (!channel) return nullptr;
  EndCounts& counts = channel->counts;
  if (args.Bool(1)) {
    if (!EndCounts::TakeLoose(counts.loose_senders)) return nullptr;
    const std::unique_ptr<SenderEnd> end = channel->OpenSender();
    end ? end->Close() : CloseNone(counts.senders, channel->receivers_waiting);
  } else {
    if (!EndCounts::TakeLoose(counts.loose_receivers)) return nullptr;
    const std::unique_ptr<ReceiverEnd> end = channel->OpenReceiverAt(args.Uint32(2));
    end ? end->Close() : CloseNone(counts.receivers, channel->senders_waiting);
  }
  channel->Salvage();
  RemoveIfUnused(id, *channel);
  return nullptr;
}

}  // namespace

uint8_t* ChannelNumbers(const Args<2>& args, const Channel& channel, std::size_t* length) {
  napi_typedarray_type type = napi_int8_array;
  void* elements = nullptr;
  *length = 0;
  if (napi_get_typedarray_info(args.env, args.values[0], &type, length, &elements, nullptr,
                               nullptr) == napi_ok) {
    const uint32_t bytes = channel.shape.message_bytes;
    if (type == napi_float64_array && bytes == sizeof(double))
      return static_cast<uint8_t*>(elements);
    if (type == napi_uint32_array && bytes == sizeof(uint32_t)) {
      return static_cast<uint8_t*>(elements);
    }
  }
  *length = 0;
  return nullptr;
}

void SetRing(napi_env env, napi_value end, const Channel& channel) {
  if (!channel.IsRingOfScripts()) return;
  const struct {
    const char* name;
    std::size_t value;
  } fields[] = {
      {"sent", offsetof(SpscControl, sent)},
      {"toSender", offsetof(SpscControl, to_sender)},
      {"received", offsetof(SpscControl, received)},
      {"toReceiver", offsetof(SpscControl, to_receiver)},
      {"slots", SpscChannel::kSlotsAt},
      {"stride", channel.shape.stride()},
      {"waits", kSpscWaits},
      {"gone", kSpscGone},
  };
  napi_value ring;
  napi_create_object(env, &ring);
  for (const auto& field : fields) {
    const napi_value value = Integer(env, static_cast<int32_t>(field.value));
    napi_set_named_property(env, ring, field.name, value);
  }
  napi_set_named_property(env, end, "ring", ring);
}

Ref<Channel> FindChannel(uint32_t id) { return channels.Find(id); }

Ref<Channel> ChannelOf(napi_env env, uint32_t id, napi_value bytes, bool sends) {
  Ref<Channel> channel = channels.Find(id);
  std::size_t length = 0;
  void* memory = nullptr;
  napi_get_typedarray_info(env, bytes, nullptr, &length, &memory, nullptr, nullptr);
  if (!channel) {
    napi_throw_error(env, "ERR_MOIRAI_CLOSED", "the channel is closed");
  } else if (channel->memory != memory || length < ChannelMemoryBytes(channel->shape)) {
    napi_throw_error(env, "ERR_MOIRAI_INVALID_ARGUMENT", "not this channel's memory");
    channel = {};
  } else if (!EndCounts::TakeLoose(sends ? channel->counts.loose_senders
                                         : channel->counts.loose_receivers)) {
    napi_throw_error(env, "ERR_MOIRAI_CLOSED", "this end of the channel is in use or closed");
    channel = {};
  }
  return channel;
}

void ThrowNoEnd(napi_env env, std::atomic<uint32_t>& loose) {
  loose.fetch_add(1, std::memory_order_release);
  napi_throw_error(env, "ERR_MOIRAI_OUT_OF_MEMORY", "the channel has as many ends as it can");
}

uint32_t RegisterChannel(Channel* channel) { return channels.Add(Ref<Channel>(channel)); }

void RemoveIfUnused(uint32_t id, const Channel& channel) {
  // Seq_cst, as the counting down before it: of two that close at once one sees both at 0.
  if (channel.counts.senders.load(std::memory_order_seq_cst) == 0 &&
      channel.counts.receivers.load(std::memory_order_seq_cst) == 0) {
    channels.Remove(id);
  }
}

void InitChannel(napi_env env, napi_value exports) {
  SetFunction(env, exports, "openChannel", OpenChannel);
  SetFunction(env, exports, "channelBytes", ChannelBytes);
  SetFunction(env, exports, "setChannelBlocks", SetChannelBlocks);
  SetFunction(env, exports, "attachSender", AttachSender);
  SetFunction(env, exports, "attachReceiver", AttachReceiver);
  SetFunction(env, exports, "dropEnd", DropEnd);
}

}  // namespace moirai::addon
