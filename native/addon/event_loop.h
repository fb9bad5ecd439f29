// One per environment: makes a thread's event loop deliver work from shared queues.
//
// Clients (the owner side of an executor, a worker's seat) are asked just before the loop would
// block in epoll: first whether something is ready, then, while it pays, again and again (spin),
// and at last they announce that the thread sleeps (park). A signal on the parker's eventfd ends
// the sleep. Microtasks, timers and I/O go on: delivery is bounded by kSliceNs before the loop
// polls.
#pragma once

#include <node_api.h>
#include <uv.h>

#include "core/base/ref.h"
#include "core/sync/cpu_share.h"
#include "core/sync/parker.h"
#include "core/sync/spin_budget.h"

namespace moirai::addon {

class ChannelSide;

class LoopClient {
 public:
  // Something can be delivered now. Called in a spin: cheap.
  virtual bool Ready() = 0;
  // Delivers by calling into JavaScript; false: the environment is ending, call nothing more.
  // `now`: about the time, in monotonic ns.
  virtual bool Deliver(uint64_t now) = 0;
  // Something may soon be ready and this thread should spin for it. `spun_ns`: for how long it has.
  virtual bool Expecting(uint64_t spun_ns) = 0;
  // The thread looks for work and nothing else; until EndSearch or Park.
  virtual void BeginSearch() {}
  virtual void EndSearch() {}
  // The thread is about to sleep; false: something became ready, do not. `*again_ms` may be set to
  // be asked again after that time although nobody signals.
  virtual bool Park(int* again_ms) = 0;
  // The thread is awake again, or does not sleep after all.
  virtual void Unpark() {}
  // The thread is about to block in a call: what others could do in its place is passed on.
  virtual void BeforeBlocking() {}
  // The environment is ending; on its thread.
  virtual void Close() = 0;

  LoopClient* next = nullptr;

 protected:
  ~LoopClient() = default;
};

class EventLoop {
 public:
  // The environment's loop, made at the first call, which may bring the parker it shall wait on.
  // Null: libuv refused (the reason is thrown as an exception).
  static EventLoop* Get(napi_env env, Ref<Parker> parker = {});

  napi_env env() const { return env_; }
  const Ref<Parker>& parker() const { return parker_; }
  CpuShare::Presence& presence() { return presence_; }
  // JavaScript may run while the thread still counts as asleep (poll callbacks before the check):
  // for code that is about to act as one that is awake.
  void Rouse() { Wake(); }
  // The same for code that is about to block.
  void RouseToBlock();
  void SetMaxSpin(uint32_t nanoseconds) { spin_.SetMax(nanoseconds); }

  void Add(LoopClient* client);
  void Remove(LoopClient* client);
  // Keep the process alive between the two calls; they nest.
  void Hold();
  void Unhold();

  // The ends at which this thread is about to block together: channel_side.h.
  ChannelSide* enlisted = nullptr;

  // Calls a JavaScript function without arguments as the event loop would: microtasks run after it.
  // False: the environment is ending.
  static bool Call(napi_env env, napi_ref function);

 private:
  static constexpr uint64_t kSliceNs = 500'000;
  static constexpr uint64_t kYieldAfterNs = 6'000;

  EventLoop(napi_env env, uv_loop_t* loop, Ref<Parker> parker);
  static void OnPrepare(uv_prepare_t* handle);
  static void OnCheck(uv_check_t* handle);
  static void OnSignal(uv_poll_t* handle, int status, int events);
  static void OnCleanup(napi_async_cleanup_hook_handle handle, void* data);
  static void OnClosed(uv_handle_t* handle);
  bool Spin();
  bool Expecting(uint64_t spun_ns);
  bool DeliverReady();
  void Sleep();
  void Wake();

  napi_env env_;
  uv_loop_t* loop_;
  Ref<Parker> parker_;
  SpinBudget spin_;
  CpuShare::Presence presence_;
  LoopClient* clients_ = nullptr;
  uint32_t holds_ = 0;
  uint32_t open_handles_ = 0;
  bool asleep_ = false;
  bool stopping_ = false;
  bool signalled_ = false;
  bool clients_changed_ = false;
  uint64_t now_ = 0;  // the last look at the clock
  uint64_t asleep_since_ = 0;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_idle_t idle_;
  uv_timer_t timer_;
  uv_poll_t poll_;
};

}  // namespace moirai::addon
