#include "addon/event_loop.h"

#include <sched.h>

#include <new>

#include "core/base/clock.h"
#include "core/base/cpu.h"
#include "core/sync/cpu_share.h"
#include "core/sync/futex_watcher.h"

namespace moirai::addon {
namespace {

// For FutexWatcher, whose threads never end: the binary is linked with -z nodelete, or a Worker
// that alone has loaded it would take the code away from under them.
bool StartThread(void (*run)(void*), void* argument) {
  uv_thread_options_t options = {};
  options.flags = UV_THREAD_HAS_STACK_SIZE;
  options.stack_size = std::size_t{64} * 1024;
  uv_thread_t thread;
  return uv_thread_create_ex(&thread, &options, run, argument) == 0;
}

}  // namespace

EventLoop* EventLoop::Get(napi_env env, Ref<Parker> parker) {
  void* existing = nullptr;
  napi_get_instance_data(env, &existing);
  if (existing != nullptr) return static_cast<EventLoop*>(existing);
  uv_loop_t* loop = nullptr;
  if (!parker) parker = Ref<Parker>(new (std::nothrow) Parker);
  if (napi_get_uv_event_loop(env, &loop) != napi_ok || !parker || !parker->ok()) {
    napi_throw_error(env, "ERR_MOIRAI_SYSTEM",
                     "eventfd: no descriptor to wake the event loop with");
    return nullptr;
  }
  auto* self = new EventLoop(env, loop, static_cast<Ref<Parker>&&>(parker));
  napi_set_instance_data(env, self, nullptr, nullptr);
  FutexWatcher::Process().Use(StartThread);
  return self;
}

EventLoop::EventLoop(napi_env env, uv_loop_t* loop, Ref<Parker> parker)
    : env_(env), loop_(loop), parker_(static_cast<Ref<Parker>&&>(parker)) {
  uv_prepare_init(loop, &prepare_);
  uv_check_init(loop, &check_);
  uv_idle_init(loop, &idle_);
  uv_timer_init(loop, &timer_);
  uv_poll_init(loop, &poll_, parker_->fd());
  uv_handle_t* const handles[] = {
      reinterpret_cast<uv_handle_t*>(&prepare_), reinterpret_cast<uv_handle_t*>(&check_),
      reinterpret_cast<uv_handle_t*>(&idle_), reinterpret_cast<uv_handle_t*>(&timer_),
      reinterpret_cast<uv_handle_t*>(&poll_)};
  for (uv_handle_t* handle : handles) {
    handle->data = this;
    uv_unref(handle);
    open_handles_++;
  }
  uv_prepare_start(&prepare_, OnPrepare);
  uv_check_start(&check_, OnCheck);
  uv_poll_start(&poll_, UV_READABLE, OnSignal);
  presence_.Enter(CpuShare::Process());
  napi_add_async_cleanup_hook(env, OnCleanup, this, &cleanup_);
}

// Every libuv handle must be closed before the environment's loop is, or the process aborts.
void EventLoop::OnCleanup(napi_async_cleanup_hook_handle, void* data) {
  auto* self = static_cast<EventLoop*>(data);
  self->stopping_ = true;
  self->Wake();
  while (self->clients_ != nullptr) {
    LoopClient* client = self->clients_;
    self->clients_ = client->next;
    client->Close();
  }
  self->presence_.Leave(CpuShare::Process());
  uv_close(reinterpret_cast<uv_handle_t*>(&self->prepare_), OnClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&self->check_), OnClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&self->idle_), OnClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&self->timer_), OnClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&self->poll_), OnClosed);
}

void EventLoop::OnClosed(uv_handle_t* handle) {
  auto* self = static_cast<EventLoop*>(handle->data);
  if (--self->open_handles_ > 0) return;
  napi_remove_async_cleanup_hook(self->cleanup_);
  delete self;
}

void EventLoop::Add(LoopClient* client) {
  clients_changed_ = true;
  client->next = clients_;
  clients_ = client;
}

void EventLoop::Remove(LoopClient* client) {
  clients_changed_ = true;
  for (LoopClient** link = &clients_; *link != nullptr; link = &(*link)->next) {
    if (*link == client) {
      *link = client->next;
      return;
    }
  }
}

void EventLoop::Hold() {
  if (holds_++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(&poll_));
}

void EventLoop::Unhold() {
  if (--holds_ == 0) uv_unref(reinterpret_cast<uv_handle_t*>(&poll_));
}

bool EventLoop::Call(napi_env env, napi_ref function) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return false;
  napi_value callee;
  napi_value receiver;
  napi_get_reference_value(env, function, &callee);
  napi_get_global(env, &receiver);
  napi_value result;
  napi_status status = napi_make_callback(env, nullptr, receiver, callee, 0, nullptr, &result);
  if (status == napi_pending_exception) {
    bool pending = false;
    napi_value error;
    if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
        napi_get_and_clear_last_exception(env, &error) == napi_ok) {
      status = napi_fatal_exception(env, error);
    }
  }
  napi_close_handle_scope(env, scope);
  return status == napi_ok;
}

// Delivers what is ready, in turn, until nothing is; false: no longer in a state to wait.
bool EventLoop::DeliverReady() {
  uint64_t since = 0;
  for (;;) {
    bool delivered = false;
    clients_changed_ = false;
    for (LoopClient* client = clients_; client != nullptr && !clients_changed_;) {
      if (client->Ready()) {
        delivered = true;
        if (!client->Deliver(now_) || stopping_) return false;
        if (clients_changed_) break;  // JavaScript opened or closed one: begin again
      }
      client = client->next;
    }
    if (!delivered) return true;
    now_ = NowNs();
    if (since == 0) since = now_;
    if (now_ - since > kSliceNs) {
      uv_idle_start(&idle_, [](uv_idle_t*) {});  // poll without blocking, then come back
      return false;
    }
  }
}

bool EventLoop::Expecting(uint64_t spun_ns) {
  for (LoopClient* client = clients_; client != nullptr; client = client->next) {
    if (client->Expecting(spun_ns)) return true;
  }
  return false;
}

// True: something became ready.
bool EventLoop::Spin() {
  const CpuShare& share = CpuShare::Process();
  const uint32_t budget = spin_.nanoseconds();
  presence_.Refresh(CpuShare::Process());
  if (budget == 0 || !presence_.MaySpin(share)) return false;
  if (!Expecting(0)) return false;
  for (LoopClient* client = clients_; client != nullptr; client = client->next) {
    client->BeginSearch();
  }
  const uint64_t start = now_;
  for (;;) {
    for (int i = 0; i < 8; i++) {
      for (LoopClient* client = clients_; client != nullptr; client = client->next) {
        if (client->Ready()) {
          spin_.Hit();
          return true;
        }
      }
      CpuRelax();
    }
    const uint64_t last = now_;
    now_ = NowNs();
    if (now_ - last > SpinBudget::kPreemptedNs || now_ - start > budget ||
        !presence_.MaySpin(share) || !Expecting(now_ - start)) {
      spin_.Miss();
      return false;
    }
    // A thread that was just woken may be waiting for this very CPU, where no count shows it yet.
    if (now_ - start > kYieldAfterNs) sched_yield();
  }
}

void EventLoop::OnPrepare(uv_prepare_t* handle) {
  auto* self = static_cast<EventLoop*>(handle->data);
  uv_idle_stop(&self->idle_);
  if (self->asleep_) self->Wake();
  self->now_ = NowNs();
  while (self->DeliverReady()) {
    // 0: immediates, closing handles or due timers wait, or libuv has yet to tell epoll of a
    // handle. In the latter case the loop may block all the same, so the thread counts as asleep
    // either way.
    if (uv_backend_timeout(self->loop_) != 0 && self->Spin()) continue;
    self->Sleep();
    return;
  }
  for (LoopClient* client = self->clients_; client != nullptr; client = client->next) {
    client->EndSearch();
  }
}

void EventLoop::Sleep() {
  asleep_ = true;
  asleep_since_ = now_;
  signalled_ = false;
  presence_.Leave(CpuShare::Process());
  parker_->Park();
  int again_ms = 0;
  bool work = false;
  for (LoopClient* client = clients_; client != nullptr; client = client->next) {
    work |= !client->Park(&again_ms);
  }
  if (work) {
    Wake();
    uv_idle_start(&idle_, [](uv_idle_t*) {});
  } else if (again_ms > 0) {
    uv_timer_start(
        &timer_, [](uv_timer_t*) {}, static_cast<uint64_t>(again_ms), 0);
  }
}

void EventLoop::Wake() {
  if (!asleep_) return;
  asleep_ = false;
  uv_timer_stop(&timer_);
  presence_.Enter(CpuShare::Process());
  parker_->CancelPark();
  for (LoopClient* client = clients_; client != nullptr; client = client->next) client->Unpark();
}

void EventLoop::RouseToBlock() {
  Wake();
  for (LoopClient* client = clients_; client != nullptr; client = client->next) {
    client->BeforeBlocking();
  }
}

void EventLoop::OnCheck(uv_check_t* handle) {
  auto* self = static_cast<EventLoop*>(handle->data);
  if (self->asleep_ && self->signalled_) self->spin_.ParkedFor(NowNs() - self->asleep_since_);
  self->Wake();
}

void EventLoop::OnSignal(uv_poll_t* handle, int, int) {
  auto* self = static_cast<EventLoop*>(handle->data);
  self->parker_->Drain();
  self->signalled_ = true;
}

}  // namespace moirai::addon
