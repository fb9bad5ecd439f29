// The border for the end of a channel that receives.
#include <cstring>

#include "addon/channel_side.h"

namespace moirai::addon {
namespace {

class Receiver final : public ChannelSide {
 public:
  Receiver(napi_env env, EventLoop* loop, uint32_t id, std::unique_ptr<ReceiverEnd> end)
      : ChannelSide(env, loop, end->channel().receivers_waiting),
        id_(id),
        end_(static_cast<std::unique_ptr<ReceiverEnd>&&>(end)) {}

  // attachReceiver(id, memory, onMessages, place)
  static napi_value Attach(napi_env env, napi_callback_info info) {
    const Args<4> args(env, info);
    EventLoop* const loop = EventLoop::Get(env);
    const Ref<Channel> channel =
        loop == nullptr ? Ref<Channel>{} : ChannelOf(env, args.Uint32(0), args.values[1], false);
    if (!channel) return nullptr;
    std::unique_ptr<ReceiverEnd> end = channel->OpenReceiverAt(args.Uint32(3));
    if (!end) {
      ThrowNoEnd(env, channel->counts.loose_receivers);
      return nullptr;
    }
    const Ref<ChannelSide> self(
        new Receiver(env, loop, args.Uint32(0), static_cast<std::unique_ptr<ReceiverEnd>&&>(end)));
    return static_cast<Receiver*>(self.get())->Open(args);
  }

 private:
  napi_value Open(const Args<4>& args) {
    if (!Retain(args.values[1], args.values[2])) {
      CloseEnd();
      return nullptr;
    }
    const napi_value object = Begin(args.values[2]);
    SetRing(env_, object, channel());
    if (channel().IsRingOfScripts()) return object;
    AddFunction(object, "peek", Peek);
    AddFunction(object, "release", ReleaseOne);
    const uint32_t bytes = channel().shape.message_bytes;
    if (bytes == sizeof(double)) AddFunction(object, "receiveF64", ReceiveF64);
    if (bytes == sizeof(uint32_t)) AddFunction(object, "receiveU32", ReceiveU32);
    if (bytes <= sizeof(double)) AddFunction(object, "receiveMany", ReceiveMany);
    return object;
  }

  napi_value Do(Request what, const Args<2>& args) override {
    switch (what) {
      case Request::kAnother: {  // there will be one receiver more, of this number
        const uint32_t place = end_->Another();
        const bool none = place == ReceiverEnd::kNoMoreEnds;
        return Integer(env_, none ? kOutOfMemory : static_cast<int32_t>(place));
      }
      case Request::kCall:  // as many of those who wait, for JavaScript that works the ring itself
        channel().senders_waiting.Call(args.Uint32(1));
        return nullptr;
      case Request::kMissed:  // how many messages were overwritten since the last call
        return Number(env_, static_cast<double>(end_->TakeMissed()));
      default:
        return ChannelSide::Do(what, args);
    }
  }

  Channel& channel() const { return end_->channel(); }
  bool Possible() override { return end_->HasMessage() || NoMore() || end_->corrupt(); }
  void CloseEnd() override {
    // Nobody can have acted on the number of a block that is still on its way.
    const SlotRun held = end_->Held();
    if (channel().undelivered != nullptr && held.count > 0) {
      channel().undelivered->Discard(held.first);
    }
    end_->Close();
    channel().Salvage();
    RemoveIfUnused(id_, channel());
  }
  void LetGo() override { end_->LetGo(); }
  void PassOn() override {
    if (channel().receivers_waiting.Any() && end_->HasMessage())
      channel().receivers_waiting.Call(1);
  }
  ChannelEnd& end() const override { return *end_; }

  // What is there is all that will come.
  bool NoMore() const { return end_->IsDeserted() || end_->Over(); }

  static Receiver* Self(void* data) { return static_cast<Receiver*>(This(data)); }

  SlotRun PeekNow(uint32_t wanted) { return loop_ == nullptr ? SlotRun{} : end_->Peek(wanted); }
  int32_t Refusal() {
    if (end_->corrupt()) return kCorrupt;
    if (end_->HasMissed()) return kLagged;
    // What the last sender has sent was sent before it left.
    return NoMore() && !end_->HasMessage() ? kDisconnected : kWouldBlock;
  }
  template <typename T>
  bool Take(T* value) {
    const SlotRun run = PeekNow(1);
    if (run.count == 0) return false;
    std::memcpy(value, run.first, sizeof(*value));
    end_->Release(1);
    return !end_->corrupt();
  }

  // receiveF64(), receiveU32(): the number, or undefined: nothing is there, ask `peek` why.
  static napi_value ReceiveF64(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    double value = 0;
    return Self(args.data)->Take(&value) ? Number(env, value) : nullptr;
  }
  static napi_value ReceiveU32(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    uint32_t value = 0;
    if (!Self(args.data)->Take(&value)) return nullptr;
    napi_value result;
    napi_create_uint32(env, value, &result);
    return result;
  }

  // receiveMany(numbers, from): how many came, into the places from there on, or why none did.
  static napi_value ReceiveMany(napi_env env, napi_callback_info info) {
    const Args<2> args(env, info);
    Receiver* const self = Self(args.data);
    std::size_t length = 0;
    uint8_t* const values = ChannelNumbers(args, self->channel(), &length);
    const uint32_t bytes = self->channel().shape.message_bytes;
    const uint32_t stride = self->channel().shape.stride();
    uint32_t next = args.Uint32(1);
    const uint32_t first = next;
    while (next < length) {
      const SlotRun run = self->PeekNow(static_cast<uint32_t>(length) - next);
      if (run.count == 0) break;
      uint8_t* const to = values + uint64_t{next} * bytes;
      if (stride == bytes) {
        std::memcpy(to, run.first, uint64_t{run.count} * bytes);
      } else {
        for (uint32_t i = 0; i < run.count; i++) {
          std::memcpy(to + uint64_t{i} * bytes, run.first + uint64_t{i} * stride, bytes);
        }
      }
      self->end_->Release(run.count);
      next += run.count;
    }
    if (next == first && next < length) return Integer(env, self->Refusal());
    return Integer(env, static_cast<int32_t>(next - first));
  }

  // peek(): the offset of the oldest message, the same until release, or why there is none.
  static napi_value Peek(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    Receiver* const self = Self(args.data);
    for (;;) {
      const SlotRun run = self->PeekNow(1);
      if (run.count > 0) {
        return Number(env, static_cast<double>(run.first - self->channel().memory));
      }
      const int32_t refusal = self->Refusal();
      // A message may have come between the two looks.
      if (refusal != kWouldBlock || !self->end_->HasMessage() || self->loop_ == nullptr) {
        return Integer(env, refusal);
      }
    }
  }
  static napi_value ReleaseOne(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    Receiver* const self = Self(args.data);
    if (self->loop_ != nullptr) self->end_->Release(1);
    return Boolean(env, !self->end_->corrupt());
  }
  const uint32_t id_;
  const std::unique_ptr<ReceiverEnd> end_;
};

}  // namespace

napi_value AttachReceiver(napi_env env, napi_callback_info info) {
  return Receiver::Attach(env, info);
}

}  // namespace moirai::addon
