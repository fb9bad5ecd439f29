// What both ends of a channel have in common at the border.
#pragma once

#include <node_api.h>

#include "addon/args.h"
#include "addon/event_loop.h"
#include "core/base/clock.h"
#include "core/base/ref.h"
#include "core/channel/channel.h"
#include "core/sync/cpu_share.h"

namespace moirai::addon {

// What TypeScript is told instead of a number of messages or an offset.
inline constexpr int32_t kWouldBlock = -1;
inline constexpr int32_t kDisconnected = -2;
inline constexpr int32_t kCorrupt = -3;
inline constexpr int32_t kOutOfMemory = -4;

// What both directions have in common: waiting in the event loop or blocking the thread, and the
// functions that JavaScript calls. Lives as long as any of its functions, or its place in the loop;
// without functions nobody can use it any more, and it closes.
class ChannelSide : public LoopClient, public RefCounted<ChannelSide> {
 public:
  ChannelSide(napi_env env, EventLoop* loop, WaitList& list) : env_(env), loop_(loop), list_(list) {
    waiter_.parker = loop->parker();
  }
  virtual ~ChannelSide() = default;

  bool Ready() override { return waiting_ && Possible(); }
  bool Deliver(uint64_t) override { return EventLoop::Call(env_, callback_); }
  bool Expecting(uint64_t) override { return waiting_; }
  bool Park(int*) override {
    if (!waiting_) return true;
    list_.Enroll(waiter_);
    return !Possible();
  }
  void Unpark() override {
    if (waiting_) list_.Withdraw(waiter_);
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

  static ChannelSide* This(void* data) { return static_cast<ChannelSide*>(data); }

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
      ChannelSide* const self = This(args.data);
      if (self->loop_ != nullptr) self->SetWaiting(args.Bool(0));
      return nullptr;
    });
    AddFunction(object, "setRef", [](napi_env env, napi_callback_info info) -> napi_value {
      const Args<1> args(env, info);
      ChannelSide* const self = This(args.data);
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
      ChannelSide* const self = This(args.data);
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
    ChannelSide* const self = This(data);
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
      list_.Withdraw(waiter_);
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
      list_.Enroll(waiter_);
      possible = Possible();
      const uint64_t waited = NowNs() - start;
      if (possible || waited >= limit) break;
      const uint64_t left_ms = (limit - waited + 999'999) / 1'000'000;
      if (waiter_.parker->Wait(static_cast<int>(left_ms < 1000 ? left_ms : 1000))) {
        waiter_.parker->Drain();
      }
    }
    if (!list_.Withdraw(waiter_) && !possible) PassOn();
    presence.Enter(share);
    return possible;
  }

  WaitList& list_;
  WaitList::Waiter waiter_;
  uint32_t functions_ = 0;  // that JavaScript has not let go of
  bool waiting_ = false;    // JavaScript wants to be called when something is possible
  bool referenced_ = true;
  bool keep_ = false;  // the end is not closed but for another thread to take
  bool held_ = false;
  napi_ref memory_ = nullptr;
  napi_ref callback_ = nullptr;
};

// The elements of a typed array with the channel's own type of number; none of any other.
uint8_t* ChannelNumbers(const Args<2>& args, const Channel& channel, std::size_t* length);

// The channel with this number, if `args.values[1]` is its memory and an end of this direction is
// to be had; else throws.
Ref<Channel> ChannelOf(napi_env env, const Args<3>& args, bool sends);

void RemoveIfUnused(uint32_t id, const Channel& channel);

// attachSender(id, memory, onRoom), attachReceiver(id, memory, onMessages)
napi_value AttachSender(napi_env env, napi_callback_info info);
napi_value AttachReceiver(napi_env env, napi_callback_info info);

}  // namespace moirai::addon
