// The section `processChannel` of the border: segments of channels between processes, and joining
// them. Results are numbers where something failed: an errno, or minus a SegmentStatus.
#include "core/channel/process_channel.h"

#include <errno.h>

#include "addon/args.h"
#include "addon/channel_side.h"
#include "addon/module.h"

namespace moirai::addon {
namespace {

constexpr std::size_t kMaxPath = 512;

// Three arguments from `first` on: kind, capacity, messageBytes, and the next, descriptionBytes.
template <std::size_t N>
Segment SegmentOf(const Args<N>& args, std::size_t first) {
  Segment segment;
  segment.shape = {static_cast<ChannelKind>(args.Uint32(first)), args.Uint32(first + 1),
                   args.Uint32(first + 2)};
  segment.description_bytes = args.Uint32(first + 3);
  return segment;
}

int32_t Minus(SegmentStatus status) { return -static_cast<int32_t>(status); }

// A mapping for a short look, which may be cut off meanwhile.
class Look {
 public:
  explicit Look(int file) {
    int own = -1;
    RegionFacts facts;
    error_ = ReopenRegionFile(file, &own);
    if (error_ == 0) error_ = InspectRegion(own, &facts);
    if (error_ != 0) {
      if (own >= 0) CloseRegionFile(own);
      return;
    }
    if (facts.bytes < sizeof(SegmentHead)) {
      CloseRegionFile(own);
      return;
    }
    error_ = MapRegion(own, facts.bytes, &mapping_);
    if (error_ == 0) guard_ = GuardedMemory::Add(mapping_->start(), mapping_->bytes());
    if (error_ == 0 && guard_ < 0) error_ = EMFILE;
  }
  Look(const Look&) = delete;
  Look& operator=(const Look&) = delete;
  ~Look() { GuardedMemory::Remove(guard_); }

  int error() const { return error_; }
  uint8_t* memory() const { return static_cast<uint8_t*>(mapping_->start()); }
  SegmentStatus Read(Segment* segment, uint32_t* version) const {
    if (!mapping_) return SegmentStatus::kNoSegment;
    const SegmentStatus status = Segment::Read(memory(), mapping_->bytes(), segment, version);
    return GuardedMemory::IsLost(guard_) ? SegmentStatus::kCorrupt : status;
  }

 private:
  Ref<RegionMapping> mapping_;
  int guard_ = -1;
  int error_ = 0;
};

// bytes(kind, capacity, messageBytes, descriptionBytes): of the file.
napi_value Bytes(napi_env env, napi_callback_info info) {
  const Args<4> args(env, info);
  return Number(env, static_cast<double>(SegmentOf(args, 0).bytes()));
}

// format(file, kind, capacity, messageBytes, descriptionBytes, description): writes a new segment
// into the file, which has its size and holds zeros; 0 or an errno.
napi_value Format(napi_env env, napi_callback_info info) {
  const Args<6> args(env, info);
  const Segment segment = SegmentOf(args, 1);
  std::size_t length = 0;
  const auto* const description = args.Elements<uint8_t>(5, &length);
  int own = -1;
  RegionFacts facts;
  int error = ReopenRegionFile(args.Int32(0), &own);
  if (error == 0) error = InspectRegion(own, &facts);
  if (error != 0) return Integer(env, error);
  if (description == nullptr || length != segment.description_bytes ||
      facts.bytes < segment.bytes() || segment.shape.capacity > Segment::kMaxCapacity) {
    CloseRegionFile(own);
    return Integer(env, EINVAL);
  }
  Ref<RegionMapping> mapping;
  error = MapRegion(own, facts.bytes, &mapping);
  if (error == 0) segment.Format(static_cast<uint8_t*>(mapping->start()), description);
  return Integer(env, error);
}

// describe(file, out): the channel's description, as bytes of its own. out: [version, kind,
// capacity, messageBytes, senders, receivers and messages lost, closed for good]
napi_value Describe(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  std::size_t length = 0;
  auto* const out = args.Elements<double>(1, &length);
  if (out == nullptr || length < 8) return Integer(env, EINVAL);
  const Look look(args.Int32(0));
  if (look.error() != 0) return Integer(env, look.error());
  Segment segment;
  uint32_t version = 0;
  SegmentStatus status = look.Read(&segment, &version);
  out[0] = version;
  if (status != SegmentStatus::kGood) return Integer(env, Minus(status));
  out[1] = static_cast<double>(segment.shape.kind);
  out[2] = segment.shape.capacity;
  out[3] = segment.shape.message_bytes;
  const SegmentControl& control = segment.ControlIn(look.memory());
  const Losses losses = Participants::Total(control);
  out[4] = losses.senders;
  out[5] = losses.receivers;
  out[6] = losses.messages;
  out[7] = control.gone.load(std::memory_order_acquire) == 1 ? 1 : 0;
  void* copy = nullptr;
  napi_value buffer;
  if (napi_create_buffer_copy(env, segment.description_bytes,
                              look.memory() + Segment::kDescriptionAt, &copy, &buffer) != napi_ok) {
    return Integer(env, ENOMEM);
  }
  status = look.Read(&segment, &version);  // it may have been cut off under the copy
  return status == SegmentStatus::kGood ? buffer : Integer(env, Minus(status));
}

constexpr napi_type_tag kFileTag = {0x61c2d9f04b7a4e13, 0x8d5b2f7710c94ea6};
void CloseHeld(napi_env, void* file, void*) {
  CloseRegionFile(static_cast<int>(reinterpret_cast<intptr_t>(file)));
}

// hold(file): an object that closes the file when it is collected, or its thread ends.
napi_value HoldFile(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  napi_value held;
  auto* const file = reinterpret_cast<void*>(static_cast<intptr_t>(args.Int32(0)));
  if (napi_create_object(env, &held) != napi_ok ||
      napi_wrap(env, held, file, CloseHeld, nullptr, nullptr) != napi_ok) {
    CloseHeld(env, file, nullptr);
    return nullptr;
  }
  napi_type_tag_object(env, held, &kFileTag);
  return held;
}

// letGo(held): closes the file now.
napi_value LetGoOfFile(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  bool tagged = false;
  void* file = nullptr;
  if (napi_check_object_type_tag(env, args.values[0], &kFileTag, &tagged) == napi_ok && tagged &&
      napi_remove_wrap(env, args.values[0], &file) == napi_ok) {
    CloseHeld(env, file, nullptr);
  }
  return nullptr;
}

// join(file, sends, kind, capacity, messageBytes, descriptionBytes, path, cpus): { id, memory } of
// one end, to be attached as the end of a channel in this process. `path`: taken away with the
// last end; null: there is none.
napi_value Join(napi_env env, napi_callback_info info) {
  const Args<8> args(env, info);
  CpuShare::Process().SuggestCpus(args.Int32(7));
  char path[kMaxPath] = {};
  std::size_t length = 0;
  const bool named =
      napi_get_value_string_utf8(env, args.values[6], path, kMaxPath, &length) == napi_ok &&
      length + 1 < kMaxPath;
  int own = -1;
  int error = ReopenRegionFile(args.Int32(0), &own);
  if (error != 0) return Integer(env, error);
  SegmentStatus status = SegmentStatus::kGood;
  const Ref<ProcessChannel> channel =
      ProcessChannel::Open(own, args.Bool(1), SegmentOf(args, 2), &status, &error);
  if (!channel) return Integer(env, error != 0 ? error : Minus(status));
  if (named) channel->UnlinkWithTheLastEnd(path);
  using Hold = Ref<RegionMapping>;
  auto* const hold = new Hold(channel->mapping());
  napi_value buffer;
  const auto release = [](napi_env, void*, void* data) { delete static_cast<Hold*>(data); };
  const napi_status made = napi_create_external_arraybuffer(env, (*hold)->start(), (*hold)->bytes(),
                                                            release, hold, &buffer);
  // As in region.cc: in other failures Node has released it, and throws.
  if (made == napi_no_external_buffers_allowed) delete hold;
  if (made != napi_ok) return Integer(env, ENOSYS);
  napi_value result;
  napi_create_object(env, &result);
  napi_set_named_property(env, result, "id", Number(env, RegisterChannel(channel.get())));
  napi_set_named_property(env, result, "memory", buffer);
  return result;
}

}  // namespace

void InitProcessChannel(napi_env env, napi_value exports) {
  napi_value section;
  if (napi_create_object(env, &section) != napi_ok) return;
  SetFunction(env, section, "bytes", Bytes);
  SetFunction(env, section, "format", Format);
  SetFunction(env, section, "describe", Describe);
  SetFunction(env, section, "hold", HoldFile);
  SetFunction(env, section, "letGo", LetGoOfFile);
  SetFunction(env, section, "join", Join);
  napi_value version;
  napi_create_uint32(env, kSegmentVersion, &version);
  napi_set_named_property(env, section, "version", version);
  napi_set_named_property(env, exports, "processChannel", section);
}

}  // namespace moirai::addon
