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
inline constexpr int32_t kLagged = -5;

// What both directions have in common: waiting in the event loop or blocking the thread, and the
// functions that JavaScript calls. Lives as long as any of its functions, or its place in the loop;
// without functions nobody can use it any more, and it closes.
class ChannelSide : public LoopClient, public RefCounted<ChannelSide> {
 public:
  ChannelSide(napi_env env, EventLoop* loop, WaitList& list) : env_(env), loop_(loop), list_(list) {
    waiter_.parker = loop->parker();
  }
  virtual ~ChannelSide() = default;

  bool Ready() override { return (waiting_ && Possible()) || (noticing_ && HasNews()); }
  bool Deliver(uint64_t) override { return EventLoop::Call(env_, callback_); }
  bool Expecting(uint64_t) override { return waiting_; }
  bool Park(int* again_ms) override {
    if (noticing_ && (*again_ms == 0 || *again_ms > kNewsMs)) *again_ms = kNewsMs;
    if (!waiting_) return true;
    list_.Enroll(waiter_);
    if (Possible()) return false;
    list_.Watch(waiter_, again_ms);
    return true;
  }
  void Unpark() override {
    if (waiting_) list_.Withdraw(waiter_);
  }
  // It may have been called, and would not act on it before it is over with what it blocks for.
  void BeforeBlocking() override {
    if (waiting_) PassOn();
  }
  // The environment ends, or JavaScript closes the end.
  void Close() override {
    if (loop_ == nullptr) return;
    SetWaiting(false);
    SetNoticing(false);
    enlisted_ = 1;
    Delist();
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
  virtual ChannelEnd& end() const = 0;

  // What is asked of an end beside messages: of one function, `request(what, argument)`, since each
  // costs more to make than most ends are in use. The numbers are in src/channel/native-end.ts.
  enum class Request : uint32_t {
    kSetWaiting,
    kSetRef,
    kWait,
    kPeers,
    kSetNoticing,
    kLosses,
    kClose,
    kOffer,
    kRetract,
    kLength,
    kAnother,
    kCall,
    kAbort,
    kMissed,
    kEnlist,
    kWaitAny
  };
  virtual napi_value Do(Request what, const Args<2>& args) {
    switch (what) {
      case Request::kSetWaiting:
        if (loop_ != nullptr) SetWaiting(args.Bool(1));
        return nullptr;
      case Request::kSetRef:
        referenced_ = args.Bool(1);
        if (loop_ != nullptr) UpdateHold();
        return nullptr;
      case Request::kWait:
        return Boolean(env_, Wait(args.Double(1)));
      case Request::kPeers:
        return Integer(env_, static_cast<int32_t>(end().Peers()));
      case Request::kSetNoticing:
        if (loop_ != nullptr) SetNoticing(args.Bool(1));
        return nullptr;
      case Request::kLosses:
        return TakeLosses();
      case Request::kClose:
        if (loop_ == nullptr) return nullptr;
        keep_ = args.Bool(1);
        loop_->Remove(this);
        Close();
        return nullptr;
      case Request::kOffer:  // 1: it was met; 0: it stands
        if (loop_ != nullptr && end().Offer()) return Integer(env_, 1);
        return Integer(env_, end().IsDeserted() ? kDisconnected : 0);
      case Request::kRetract:  // false: it was met before
        return Boolean(env_, loop_ == nullptr || end().Retract());
      case Request::kEnlist:
        if (loop_ != nullptr) args.Bool(1) ? Enlist() : Delist();
        return nullptr;
      case Request::kWaitAny:
        return Boolean(env_, WaitAny(args.Double(1)));
      case Request::kLength:
        return Number(env_, static_cast<double>(loop_ == nullptr ? 0 : end().channel().Length()));
      default:
        return nullptr;
    }
  }

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
    AddFunction(object, "request", [](napi_env env, napi_callback_info info) -> napi_value {
      const Args<2> args(env, info);
      return This(args.data)->Do(static_cast<Request>(args.Uint32(0)), args);
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

  void SetNoticing(bool noticing) {
    if (noticing == noticing_) return;
    noticing_ = noticing;
    noticing ? napi_reference_ref(env_, callback_, nullptr)
             : napi_reference_unref(env_, callback_, nullptr);
  }

  bool HasNews() {
    const Losses news = end().News();
    losses_.senders += news.senders;
    losses_.receivers += news.receivers;
    losses_.messages += news.messages;
    return losses_.any();
  }

  // losses(): [senders, receivers, messages] that were lost since the last call, or undefined.
  napi_value TakeLosses() {
    if (loop_ == nullptr || !HasNews()) return nullptr;
    const uint32_t counts[] = {losses_.senders, losses_.receivers, losses_.messages};
    losses_ = {};
    napi_value result;
    napi_create_array_with_length(env_, 3, &result);
    for (uint32_t i = 0; i < 3; i++) napi_set_element(env_, result, i, Number(env_, counts[i]));
    return result;
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
    loop_->RouseToBlock();
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
      list_.Sleep(waiter_, static_cast<int>(left_ms < 1000 ? left_ms : 1000));
    }
    if (!list_.Withdraw(waiter_) && !possible) PassOn();
    presence.Enter(share);
    return possible;
  }

  // --- several ends at once ---

  void Enlist() {
    if (enlisted_++ > 0) return;
    next_enlisted_ = loop_->enlisted;
    loop_->enlisted = this;
  }
  void Delist() {
    if (enlisted_ == 0 || --enlisted_ > 0) return;
    for (ChannelSide** link = &loop_->enlisted; *link != nullptr; link = &(*link)->next_enlisted_) {
      if (*link != this) continue;
      *link = next_enlisted_;
      return;
    }
  }
  static bool AnyPossible(ChannelSide* first) {
    for (ChannelSide* side = first; side != nullptr; side = side->next_enlisted_) {
      if (side->Possible()) return true;
    }
    return false;
  }
  // As Wait, at all ends that are enlisted: they have the thread's parker in common.
  bool WaitAny(double milliseconds) {
    if (loop_ == nullptr) return true;
    loop_->RouseToBlock();
    const uint64_t start = NowNs();
    const auto limit = static_cast<uint64_t>(milliseconds * 1e6);
    CpuShare& share = CpuShare::Process();
    CpuShare::Presence& presence = loop_->presence();
    presence.Refresh(share);
    ChannelSide* const first = loop_->enlisted;
    while (NowNs() - start < SpinBudget::kDefaultMaxNs && presence.MaySpin(share)) {
      if (AnyPossible(first)) return true;
      for (int i = 0; i < 16; i++) CpuRelax();
    }
    presence.Leave(share);
    bool possible = false;
    for (;;) {
      for (ChannelSide* side = first; side != nullptr; side = side->next_enlisted_) {
        side->list_.Enroll(side->waiter_);
      }
      possible = AnyPossible(first);
      const uint64_t waited = NowNs() - start;
      if (possible || waited >= limit) break;
      int slice_ms = 0;
      for (ChannelSide* side = first; side != nullptr; side = side->next_enlisted_) {
        side->list_.Watch(side->waiter_, &slice_ms);
      }
      const uint64_t left_ms = (limit - waited + 999'999) / 1'000'000;
      if (slice_ms == 0 || static_cast<uint64_t>(slice_ms) > left_ms) {
        slice_ms = static_cast<int>(left_ms < 1000 ? left_ms : 1000);
      }
      if (loop_->parker()->Wait(slice_ms)) loop_->parker()->Drain();
    }
    // At most one of those that were called will be acted on.
    for (ChannelSide* side = first; side != nullptr; side = side->next_enlisted_) {
      if (!side->list_.Withdraw(side->waiter_)) side->PassOn();
    }
    presence.Enter(share);
    return possible;
  }

  static constexpr int kNewsMs = 50;

  WaitList& list_;
  Losses losses_;  // not told yet
  WaitList::Waiter waiter_;
  ChannelSide* next_enlisted_ = nullptr;
  uint32_t enlisted_ = 0;   // how often
  uint32_t functions_ = 0;  // that JavaScript has not let go of
  bool waiting_ = false;    // JavaScript wants to be called when something is possible
  bool noticing_ = false;   // JavaScript wants to be called when a peer was lost
  bool referenced_ = true;
  bool keep_ = false;  // the end is not closed but for another thread to take
  bool held_ = false;
  napi_ref memory_ = nullptr;
  napi_ref callback_ = nullptr;
};

// The elements of a typed array with the channel's own type of number; none of any other.
uint8_t* ChannelNumbers(const Args<2>& args, const Channel& channel, std::size_t* length);

// The channel with this number, if these bytes are its memory and an end of this direction is
// to be had; else throws.
Ref<Channel> ChannelOf(napi_env env, uint32_t id, napi_value bytes, bool sends);

// Empty: it was forgotten.
Ref<Channel> FindChannel(uint32_t id);

// An end that could not be opened is still to be had, or to be dropped.
void ThrowNoEnd(napi_env env, std::atomic<uint32_t>& loose);

// The number by which a channel can be attached.
uint32_t RegisterChannel(Channel* channel);
void RemoveIfUnused(uint32_t id, const Channel& channel);

// Gives an end the property `ring`, where JavaScript is to work the ring itself.
void SetRing(napi_env env, napi_value end, const Channel& channel);

// attachSender(id, memory, onRoom), attachReceiver(id, memory, onMessages, place)
napi_value AttachSender(napi_env env, napi_callback_info info);
napi_value AttachReceiver(napi_env env, napi_callback_info info);

napi_value SetChannelBlocks(napi_env env, napi_callback_info info);

}  // namespace moirai::addon
