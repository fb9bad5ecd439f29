// A timer of the event loop that is due to some microseconds. Those of libuv count whole
// milliseconds from a time that is read once a turn, and so come up to two of them late; this one
// is a timerfd, whose expiry the kernel does not round, in the same epoll as everything else.
//
// Threads: its environment's. It lives until the environment ends.
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include <new>

#include "addon/args.h"
#include "addon/event_loop.h"
#include "addon/module.h"

namespace moirai::addon {
namespace {

class PreciseTimer {
 public:
  // openTimer(onTime): a function that sets the timer to so many milliseconds from now, which keeps
  // the process alive until then; less than 0: to never. Undefined where there is no descriptor.
  static napi_value Open(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    auto* const self = new (std::nothrow) PreciseTimer(env);
    if (self == nullptr) return nullptr;
    uv_loop_t* loop = nullptr;
    if (self->file_ < 0 || napi_get_uv_event_loop(env, &loop) != napi_ok ||
        uv_poll_init(loop, &self->poll_, self->file_) != 0) {
      if (self->file_ >= 0) close(self->file_);
      delete self;
      return nullptr;
    }
    self->poll_.data = self;
    uv_poll_start(&self->poll_, UV_READABLE, OnTime);
    uv_unref(self->handle());
    napi_create_reference(env, args.values[0], 1, &self->on_time_);
    napi_add_async_cleanup_hook(env, OnCleanup, self, &self->cleanup_);
    napi_value set;
    const napi_status made =
        napi_create_function(env, "setTimer", NAPI_AUTO_LENGTH, Set, self, &set);
    return made == napi_ok ? set : nullptr;
  }

 private:
  explicit PreciseTimer(napi_env env)
      : env_(env), file_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {}

  uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&poll_); }

  static napi_value Set(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    auto* const self = static_cast<PreciseTimer*>(args.data);
    if (self->ending_) return nullptr;
    const double milliseconds = args.Double(0);
    itimerspec when = {};
    if (milliseconds >= 0) {
      // 0 would be never.
      const auto ns = static_cast<uint64_t>(milliseconds * 1e6) + 1;
      when.it_value.tv_sec = static_cast<time_t>(ns / 1'000'000'000U);
      when.it_value.tv_nsec = static_cast<long>(ns % 1'000'000'000U);
    }
    timerfd_settime(self->file_, 0, &when, nullptr);
    milliseconds >= 0 ? uv_ref(self->handle()) : uv_unref(self->handle());
    return nullptr;
  }

  static void OnTime(uv_poll_t* poll, int, int) {
    auto* const self = static_cast<PreciseTimer*>(poll->data);
    uint64_t expirations;
    // It may have been set again since epoll saw it.
    if (read(self->file_, &expirations, sizeof(expirations)) < 0) return;
    uv_unref(self->handle());
    EventLoop::Call(self->env_, self->on_time_);
  }

  static void OnCleanup(napi_async_cleanup_hook_handle, void* data) {
    auto* const self = static_cast<PreciseTimer*>(data);
    self->ending_ = true;
    napi_delete_reference(self->env_, self->on_time_);
    uv_close(self->handle(), OnClosed);
  }
  static void OnClosed(uv_handle_t* handle) {
    auto* const self = static_cast<PreciseTimer*>(handle->data);
    close(self->file_);
    napi_remove_async_cleanup_hook(self->cleanup_);
    delete self;
  }

  napi_env env_;
  int file_;
  bool ending_ = false;
  uv_poll_t poll_;
  napi_ref on_time_ = nullptr;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
};

}  // namespace

void InitPreciseTimer(napi_env env, napi_value exports) {
  SetFunction(env, exports, "openTimer", PreciseTimer::Open);
}

}  // namespace moirai::addon
