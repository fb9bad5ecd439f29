// The border for channels: open one, take an end of it on this thread, send and receive.
#include "core/channel/channel.h"

#include <cstring>
#include <new>

#include "addon/args.h"
#include "addon/event_loop.h"
#include "addon/module.h"
#include "addon/registry.h"
#include "core/base/clock.h"
#include "core/sync/cpu_share.h"

namespace moirai::addon {
namespace {

// Channels of this process, as long as any end of them can be used.
constinit Registry<Channel> channels;

// What TypeScript is told instead of a number of messages or an offset.
constexpr int32_t kWouldBlock = -1;
constexpr int32_t kDisconnected = -2;
constexpr int32_t kCorrupt = -3;

// What both directions have in common: waiting in the event loop or blocking the thread, and the
// functions that JavaScript calls. Lives as long as any of its functions, or its place in the loop;
// without functions nobody can use it any more, and it closes.
class End : public LoopClient, public RefCounted<End> {
 public:
  End(napi_env env, EventLoop* loop, WaitSet& set) : env_(env), loop_(loop), set_(set) {
    waiter_.parker = loop->parker();
  }
  virtual ~End() = default;

  bool Ready() override { return waiting_ && Possible(); }
  bool Deliver(uint64_t) override { return EventLoop::Call(env_, callback_); }
  bool Expecting(uint64_t) override { return waiting_; }
  bool Park(int*) override {
    if (!waiting_) return true;
    set_.Enroll(waiter_);
    return !Possible();
  }
  void Unpark() override {
    if (waiting_) set_.Withdraw(waiter_);
  }
  // The environment ends, or JavaScript closes the end.
  void Close() override {
    if (loop_ == nullptr) return;
    SetWaiting(false);
    PassOn();  // a blocking wait that was called may never have come to act on it
    loop_ = nullptr;
    keep_ ? LetGo() : CloseEnd();
    napi_delete_reference(env_, memory_);
    napi_delete_reference(env_, callback_);
    Release();
  }

 protected:
  // A call would do something other than wait.
  virtual bool Possible() = 0;
  virtual void CloseEnd() = 0;
  virtual void LetGo() = 0;
  // Another of those who wait could do what this one will not.
  virtual void PassOn() = 0;
  virtual uint32_t Peers() const = 0;

  static End* This(void* data) { return static_cast<End*>(data); }

  bool Retain(napi_value memory, napi_value callback) {
    return napi_create_reference(env_, memory, 1, &memory_) == napi_ok &&
           // Strong only while something waits: it leads to the object that has the functions.
           napi_create_reference(env_, callback, 0, &callback_) == napi_ok;
  }

  void AddFunction(napi_value object, const char* name, napi_callback callback) {
    napi_value function;
    if (napi_create_function(env_, name, NAPI_AUTO_LENGTH, callback, this, &function) != napi_ok) {
      return;
    }
    AddRef();
    functions_++;
    napi_add_finalizer(env_, function, this, OnFunctionGone, nullptr, nullptr);
    napi_set_named_property(env_, object, name, function);
  }

  // Hands over to JavaScript; in the event loop until Close.
  napi_value Begin(napi_value callback) {
    AddRef();
    loop_->Add(this);
    napi_value object;
    napi_create_object(env_, &object);
    napi_set_named_property(env_, object, "onChange", callback);  // as long as the functions
    AddFunction(object, "setWaiting", [](napi_env env, napi_callback_info info) -> napi_value {
      const Args<1> args(env, info);
      End* const self = This(args.data);
      if (self->loop_ != nullptr) self->SetWaiting(args.Bool(0));
      return nullptr;
    });
    AddFunction(object, "setRef", [](napi_env env, napi_callback_info info) -> napi_value {
      const Args<1> args(env, info);
      End* const self = This(args.data);
      self->referenced_ = args.Bool(0);
      if (self->loop_ != nullptr) self->UpdateHold();
      return nullptr;
    });
    AddFunction(object, "wait", [](napi_env env, napi_callback_info info) -> napi_value {
      const Args<1> args(env, info);
      return Boolean(env, This(args.data)->Wait(args.Double(0)));
    });
    AddFunction(object, "peers", [](napi_env env, napi_callback_info info) -> napi_value {
      const Args<1> args(env, info);
      return Integer(env, static_cast<int32_t>(This(args.data)->Peers()));
    });
    AddFunction(object, "close", [](napi_env env, napi_callback_info info) -> napi_value {
      const Args<1> args(env, info);
      End* const self = This(args.data);
      if (self->loop_ == nullptr) return nullptr;
      self->keep_ = args.Bool(0);
      self->loop_->Remove(self);
      self->Close();
      return nullptr;
    });
    return object;
  }

  napi_env env_;
  EventLoop* loop_;  // null once closed

 private:
  static void OnFunctionGone(napi_env, void* data, void*) {
    End* const self = This(data);
    if (--self->functions_ == 0 && self->loop_ != nullptr) {
      self->loop_->Remove(self);
      self->Close();
    }
    self->Release();
  }

  void SetWaiting(bool waiting) {
    if (waiting == waiting_) return;
    waiting_ = waiting;
    waiting ? napi_reference_ref(env_, callback_, nullptr)
            : napi_reference_unref(env_, callback_, nullptr);
    if (!waiting) {
      set_.Withdraw(waiter_);
      PassOn();
    }
    UpdateHold();
  }

  void UpdateHold() {
    const bool hold = waiting_ && referenced_;
    if (hold == held_) return;
    held_ = hold;
    hold ? loop_->Hold() : loop_->Unhold();
  }

  // Blocks this thread until something is possible or the time is over; true: it is possible.
  bool Wait(double milliseconds) {
    if (loop_ == nullptr) return true;
    loop_->Rouse();
    const uint64_t start = NowNs();
    const auto limit = static_cast<uint64_t>(milliseconds * 1e6);
    CpuShare& share = CpuShare::Process();
    CpuShare::Presence& presence = loop_->presence();
    presence.Refresh(share);
    while (NowNs() - start < SpinBudget::kDefaultMaxNs && presence.MaySpin(share)) {
      if (Possible()) return true;
      for (int i = 0; i < 16; i++) CpuRelax();
    }
    presence.Leave(share);
    bool possible = false;
    for (;;) {
      set_.Enroll(waiter_);
      possible = Possible();
      const uint64_t waited = NowNs() - start;
      if (possible || waited >= limit) break;
      const uint64_t left_ms = (limit - waited + 999'999) / 1'000'000;
      if (waiter_.parker->Wait(static_cast<int>(left_ms < 1000 ? left_ms : 1000))) {
        waiter_.parker->Drain();
      }
    }
    if (!set_.Withdraw(waiter_) && !possible) PassOn();
    presence.Enter(share);
    return possible;
  }

  WaitSet& set_;
  WaitSet::Waiter waiter_;
  uint32_t functions_ = 0;  // that JavaScript has not let go of
  bool waiting_ = false;    // JavaScript wants to be called when something is possible
  bool referenced_ = true;
  bool keep_ = false;  // the end is not closed but for another thread to take
  bool held_ = false;
  napi_ref memory_ = nullptr;
  napi_ref callback_ = nullptr;
};

// The elements of a typed array with the channel's own type of number; none of any other.
uint8_t* Numbers(const Args<2>& args, const Channel& channel, std::size_t* length) {
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

// The channel with this number, if `args.values[1]` is its memory and an end of this direction is
// to be had; else throws.
Ref<Channel> ChannelOf(napi_env env, const Args<3>& args, bool sends) {
  Ref<Channel> channel = channels.Find(args.Uint32(0));
  std::size_t length = 0;
  const auto* const memory = args.Elements<uint8_t>(1, &length);
  if (!channel) {
    napi_throw_error(env, "ERR_MOIRAI_CLOSED", "the channel is closed");
  } else if (channel->memory != memory || length < channel->shape.memory_bytes()) {
    napi_throw_error(env, "ERR_MOIRAI_INVALID_ARGUMENT", "not this channel's memory");
    channel = {};
  } else if (!Channel::TakeLoose(sends ? channel->loose_senders : channel->loose_receivers)) {
    napi_throw_error(env, "ERR_MOIRAI_CLOSED", "this end of the channel is in use or closed");
    channel = {};
  }
  return channel;
}

void RemoveIfUnused(uint32_t id, const Channel& channel) {
  // Seq_cst, as the counting down before it: of two that close at once one sees both at 0.
  if (channel.senders.load(std::memory_order_seq_cst) == 0 &&
      channel.receivers.load(std::memory_order_seq_cst) == 0) {
    channels.Remove(id);
  }
}

class Sender final : public End {
 public:
  Sender(napi_env env, EventLoop* loop, uint32_t id, const Ref<Channel>& channel)
      : End(env, loop, channel->senders_waiting), id_(id), end_(channel) {}

  // attachSender(id, memory, onRoom)
  static napi_value Attach(napi_env env, napi_callback_info info) {
    const Args<3> args(env, info);
    EventLoop* const loop = EventLoop::Get(env);
    const Ref<Channel> channel = loop == nullptr ? Ref<Channel>{} : ChannelOf(env, args, true);
    if (!channel) return nullptr;
    const Ref<End> self(new Sender(env, loop, args.Uint32(0), channel));
    return static_cast<Sender*>(self.get())->Open(args);
  }

 private:
  napi_value Open(const Args<3>& args) {
    if (!Retain(args.values[1], args.values[2])) {
      CloseEnd();
      return nullptr;
    }
    const napi_value object = Begin(args.values[2]);
    AddFunction(object, "sendF64", SendF64);
    AddFunction(object, "sendU32", SendU32);
    AddFunction(object, "sendMany", SendMany);
    AddFunction(object, "claim", Claim);
    AddFunction(object, "commit", Commit);
    AddFunction(object, "abort", Abort);
    AddFunction(object, "another", Another);
    return object;
  }

  Channel& channel() const { return *end_.channel(); }
  bool Possible() override { return end_.HasRoom() || Peers() == 0 || end_.corrupt(); }
  void CloseEnd() override {
    end_.Close();
    RemoveIfUnused(id_, channel());
  }
  void LetGo() override { end_.LetGo(); }
  void PassOn() override {
    if (channel().senders_waiting.Any() && end_.HasRoom()) channel().senders_waiting.Call(1);
  }
  uint32_t Peers() const override { return channel().receivers.load(std::memory_order_acquire); }

  static Sender* Self(void* data) { return static_cast<Sender*>(This(data)); }

  // Why nothing can be claimed.
  int32_t Refusal() const {
    if (end_.corrupt()) return kCorrupt;
    return Peers() == 0 ? kDisconnected : kWouldBlock;
  }
  SlotRun ClaimNow(uint32_t wanted) {
    // To nobody nothing is sent, also where there is room.
    if (loop_ == nullptr || Peers() == 0) return {};
    return end_.Claim(wanted);
  }
  template <typename T>
  int32_t Send(T value) {
    const SlotRun run = ClaimNow(1);
    if (run.count == 0) return Refusal();
    std::memcpy(run.first, &value, sizeof(value));
    end_.Commit(1);
    return 1;
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
    const uint8_t* const values = Numbers(args, self->channel(), &length);
    const uint32_t bytes = self->channel().shape.message_bytes;
    const uint32_t stride = self->channel().shape.slot_bytes();
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
      self->end_.Commit(run.count);
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
  static napi_value Commit(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    Sender* const self = Self(args.data);
    if (self->loop_ != nullptr) self->end_.Commit(1);
    return nullptr;
  }
  static napi_value Abort(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    Sender* const self = Self(args.data);
    if (self->loop_ != nullptr) self->end_.Abort();
    return nullptr;
  }
  // another(): there will be one sender more.
  static napi_value Another(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    Self(args.data)->channel().senders.fetch_add(1, std::memory_order_relaxed);
    Self(args.data)->channel().loose_senders.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }

  const uint32_t id_;
  SenderEnd end_;
};

class Receiver final : public End {
 public:
  Receiver(napi_env env, EventLoop* loop, uint32_t id, const Ref<Channel>& channel)
      : End(env, loop, channel->receivers_waiting), id_(id), end_(channel) {}

  // attachReceiver(id, memory, onMessages)
  static napi_value Attach(napi_env env, napi_callback_info info) {
    const Args<3> args(env, info);
    EventLoop* const loop = EventLoop::Get(env);
    const Ref<Channel> channel = loop == nullptr ? Ref<Channel>{} : ChannelOf(env, args, false);
    if (!channel) return nullptr;
    const Ref<End> self(new Receiver(env, loop, args.Uint32(0), channel));
    return static_cast<Receiver*>(self.get())->Open(args);
  }

 private:
  napi_value Open(const Args<3>& args) {
    if (!Retain(args.values[1], args.values[2])) {
      CloseEnd();
      return nullptr;
    }
    const napi_value object = Begin(args.values[2]);
    AddFunction(object, "receiveF64", ReceiveF64);
    AddFunction(object, "receiveU32", ReceiveU32);
    AddFunction(object, "receiveMany", ReceiveMany);
    AddFunction(object, "peek", Peek);
    AddFunction(object, "release", ReleaseOne);
    AddFunction(object, "another", Another);
    return object;
  }

  Channel& channel() const { return *end_.channel(); }
  bool Possible() override { return end_.HasMessage() || Peers() == 0 || end_.corrupt(); }
  void CloseEnd() override {
    end_.Close();
    RemoveIfUnused(id_, channel());
  }
  void LetGo() override { end_.LetGo(); }
  void PassOn() override {
    if (channel().receivers_waiting.Any() && end_.HasMessage()) channel().receivers_waiting.Call(1);
  }
  uint32_t Peers() const override { return channel().senders.load(std::memory_order_acquire); }

  static Receiver* Self(void* data) { return static_cast<Receiver*>(This(data)); }

  SlotRun PeekNow(uint32_t wanted) { return loop_ == nullptr ? SlotRun{} : end_.Peek(wanted); }
  int32_t Refusal() {
    if (end_.corrupt()) return kCorrupt;
    // What the last sender has sent was sent before it left.
    return Peers() == 0 && !end_.HasMessage() ? kDisconnected : kWouldBlock;
  }
  template <typename T>
  bool Take(T* value) {
    const SlotRun run = PeekNow(1);
    if (run.count == 0) return false;
    std::memcpy(value, run.first, sizeof(*value));
    end_.Release(1);
    return true;
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
    uint8_t* const values = Numbers(args, self->channel(), &length);
    const uint32_t bytes = self->channel().shape.message_bytes;
    const uint32_t stride = self->channel().shape.slot_bytes();
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
      self->end_.Release(run.count);
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
      if (refusal != kWouldBlock || !self->end_.HasMessage() || self->loop_ == nullptr) {
        return Integer(env, refusal);
      }
    }
  }
  static napi_value ReleaseOne(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    Receiver* const self = Self(args.data);
    if (self->loop_ != nullptr) self->end_.Release(1);
    return nullptr;
  }
  // another(): there will be one receiver more.
  static napi_value Another(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    Self(args.data)->channel().receivers.fetch_add(1, std::memory_order_relaxed);
    Self(args.data)->channel().loose_receivers.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }

  const uint32_t id_;
  ReceiverEnd end_;
};

// openChannel(memory, kind, capacity, messageBytes, cpus): the number of a channel in this memory,
// which is zeroed and page aligned, with one sender and one receiver to be attached.
napi_value OpenChannel(napi_env env, napi_callback_info info) {
  const Args<5> args(env, info);
  std::size_t length = 0;
  auto* const memory = args.Elements<uint8_t>(0, &length);
  CpuShare::Process().SuggestCpus(args.Int32(4));
  const ChannelShape shape{static_cast<ChannelKind>(args.Uint32(1)), args.Uint32(2),
                           args.Uint32(3)};
  const bool power = shape.capacity != 0 && (shape.capacity & (shape.capacity - 1)) == 0;
  if (memory == nullptr || !power || args.Uint32(1) > 1 || length < shape.memory_bytes() ||
      reinterpret_cast<uintptr_t>(memory) % kFalseSharingBytes != 0) {
    napi_throw_range_error(env, "ERR_MOIRAI_INVALID_ARGUMENT", "memory, kind or capacity");
    return nullptr;
  }
  napi_value id;
  napi_create_uint32(env, channels.Add(Ref<Channel>(new Channel(shape, memory))), &id);
  return id;
}

// channelBytes(kind, capacity, messageBytes): what openChannel needs.
napi_value ChannelBytes(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  const ChannelShape shape{static_cast<ChannelKind>(args.Uint32(0)), args.Uint32(1),
                           args.Uint32(2)};
  return Number(env, static_cast<double>(shape.memory_bytes()));
}

}  // namespace

void InitChannel(napi_env env, napi_value exports) {
  SetFunction(env, exports, "openChannel", OpenChannel);
  SetFunction(env, exports, "channelBytes", ChannelBytes);
  SetFunction(env, exports, "attachSender", Sender::Attach);
  SetFunction(env, exports, "attachReceiver", Receiver::Attach);
}

}  // namespace moirai::addon
