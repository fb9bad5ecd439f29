// The border for the end of a channel that sends.
#include <cstring>

#include "addon/channel_side.h"

namespace moirai::addon {
namespace {

class Sender final : public ChannelSide {
 public:
  Sender(napi_env env, EventLoop* loop, uint32_t id, std::unique_ptr<SenderEnd> end)
      : ChannelSide(env, loop, end->channel().senders_waiting),
        id_(id),
        end_(static_cast<std::unique_ptr<SenderEnd>&&>(end)) {}

  // attachSender(id, memory, onRoom)
  static napi_value Attach(napi_env env, napi_callback_info info) {
    const Args<3> args(env, info);
    EventLoop* const loop = EventLoop::Get(env);
    const Ref<Channel> channel =
        loop == nullptr ? Ref<Channel>{} : ChannelOf(env, args.Uint32(0), args.values[1], true);
    if (!channel) return nullptr;
    std::unique_ptr<SenderEnd> end = channel->OpenSender();
    if (!end) {
      ThrowNoEnd(env, channel->counts.loose_senders);
      return nullptr;
    }
    const Ref<ChannelSide> self(
        new Sender(env, loop, args.Uint32(0), static_cast<std::unique_ptr<SenderEnd>&&>(end)));
    return static_cast<Sender*>(self.get())->Open(args);
  }

 private:
  napi_value Open(const Args<3>& args) {
    if (!Retain(args.values[1], args.values[2])) {
      CloseEnd();
      return nullptr;
    }
    const napi_value object = Begin(args.values[2]);
    SetRing(env_, object, channel());
    if (channel().IsRingOfScripts()) return object;
    AddFunction(object, "claim", Claim);
    AddFunction(object, "commit", Commit);
    const uint32_t bytes = channel().shape.message_bytes;
    if (bytes == sizeof(double)) AddFunction(object, "sendF64", SendF64);
    if (bytes == sizeof(uint32_t)) AddFunction(object, "sendU32", SendU32);
    if (bytes <= sizeof(double)) AddFunction(object, "sendMany", SendMany);
    return object;
  }

  napi_value Do(Request what, const Args<2>& args) override {
    switch (what) {
      case Request::kAnother:  // there will be one sender more
        channel().counts.senders.fetch_add(1, std::memory_order_relaxed);
        channel().counts.loose_senders.fetch_add(1, std::memory_order_relaxed);
        return Integer(env_, 0);
      case Request::kCall:  // as many of those who wait, for JavaScript that works the ring itself
        channel().receivers_waiting.Call(args.Uint32(1));
        return nullptr;
      case Request::kAbort:
        if (loop_ != nullptr) end_->Abort();
        return nullptr;
      default:
        return ChannelSide::Do(what, args);
    }
  }

  Channel& channel() const { return end_->channel(); }
  bool Possible() override { return end_->HasRoom() || end_->IsDeserted() || end_->corrupt(); }
  void CloseEnd() override {
    // A thread may have ended when it had written the number of a block and not committed it.
    if (channel().undelivered != nullptr) {
      // HasRoom comes first: where JavaScript works the ring, it tells the end how far that has
      // got.
      const SlotRun claimed = end_->HasRoom() ? end_->Claim(1) : SlotRun{};
      if (claimed.count > 0) channel().undelivered->Discard(claimed.first);
    }
    end_->Close();
    channel().Salvage();
    RemoveIfUnused(id_, channel());
  }
  void LetGo() override { end_->LetGo(); }
  void PassOn() override {
    if (channel().senders_waiting.Any() && end_->HasRoom()) channel().senders_waiting.Call(1);
  }
  ChannelEnd& end() const override { return *end_; }

  static Sender* Self(void* data) { return static_cast<Sender*>(This(data)); }

  // Why nothing can be claimed.
  int32_t Refusal() const {
    if (end_->corrupt()) return kCorrupt;
    if (end_->IsDeserted()) return kDisconnected;
    return end_->out_of_memory() ? kOutOfMemory : kWouldBlock;
  }
  SlotRun ClaimNow(uint32_t wanted) {
    // To nobody nothing is sent, also where there is room.
    if (loop_ == nullptr || end_->IsDeserted()) return {};
    return end_->Claim(wanted);
  }
  template <typename T>
  int32_t Send(T value) {
    const SlotRun run = ClaimNow(1);
    if (run.count == 0) return Refusal();
    std::memcpy(run.first, &value, sizeof(value));
    if (end_->TryCommit(1)) return 1;
    return end_->corrupt() ? kCorrupt : kWouldBlock;
  }

  // sendF64(value), sendU32(value): 1, or why not.
  static napi_value SendF64(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    return Integer(env, Self(args.data)->Send(args.Double(0)));
  }
  static napi_value SendU32(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    return Integer(env, Self(args.data)->Send(args.Uint32(0)));
  }

  // sendMany(numbers, from): how many of the numbers from there on went, or why none did.
  static napi_value SendMany(napi_env env, napi_callback_info info) {
    const Args<2> args(env, info);
    Sender* const self = Self(args.data);
    std::size_t length = 0;
    const uint8_t* const values = ChannelNumbers(args, self->channel(), &length);
    const uint32_t bytes = self->channel().shape.message_bytes;
    const uint32_t stride = self->channel().shape.stride();
    uint32_t next = args.Uint32(1);
    const uint32_t first = next;
    while (next < length) {
      const SlotRun run = self->ClaimNow(static_cast<uint32_t>(length) - next);
      if (run.count == 0) break;
      const uint8_t* const from = values + uint64_t{next} * bytes;
      if (stride == bytes) {
        std::memcpy(run.first, from, uint64_t{run.count} * bytes);
      } else {
        for (uint32_t i = 0; i < run.count; i++) {
          std::memcpy(run.first + uint64_t{i} * stride, from + uint64_t{i} * bytes, bytes);
        }
      }
      if (!self->end_->TryCommit(run.count)) break;
      next += run.count;
    }
    if (next == first && next < length) return Integer(env, self->Refusal());
    return Integer(env, static_cast<int32_t>(next - first));
  }

  // claim(): the offset of a slot to write, the same until commit or abort, or why there is none.
  static napi_value Claim(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    Sender* const self = Self(args.data);
    const SlotRun run = self->ClaimNow(1);
    if (run.count == 0) return Integer(env, self->Refusal());
    return Number(env, static_cast<double>(run.first - self->channel().memory));
  }
  // commit(): false: nobody was there to take it.
  static napi_value Commit(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    Sender* const self = Self(args.data);
    return Boolean(env, self->loop_ != nullptr && self->end_->TryCommit(1));
  }
  const uint32_t id_;
  const std::unique_ptr<SenderEnd> end_;
};

}  // namespace

napi_value AttachSender(napi_env env, napi_callback_info info) { return Sender::Attach(env, info); }

}  // namespace moirai::addon
