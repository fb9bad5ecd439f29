// One thread's access to an object in memory that threads or processes share: it lives as long as
// any of its functions, and ends earlier when it is closed or the thread ends. While it lives it
// keeps the memory; `Leave` comes exactly once, on its thread, with the memory still there.
#pragma once

#include <node_api.h>

#include <cstdint>

#include "addon/args.h"
#include "core/base/ref.h"

namespace moirai::addon {

class SharedAccess : public RefCounted<SharedAccess> {
 public:
  explicit SharedAccess(napi_env env) : env_(env) {
    napi_add_env_cleanup_hook(env, OnEnd, this);
    hooked_ = true;
  }
  virtual ~SharedAccess() = default;
  SharedAccess(const SharedAccess&) = delete;
  SharedAccess& operator=(const SharedAccess&) = delete;

  // Nothing touches the memory any more; again does nothing.
  void Close() {
    if (closed_) return;
    closed_ = true;
    Leave();
    if (hooked_) napi_remove_env_cleanup_hook(env_, OnEnd, this);
    hooked_ = false;
    for (napi_ref& kept : kept_) {
      if (kept != nullptr) napi_delete_reference(env_, kept);
      kept = nullptr;
    }
  }

 protected:
  static constexpr int32_t kClosed = -7;

  virtual void Leave() {}

  // The bytes of a typed array, which stay as long as this is not closed; null for anything else.
  uint8_t* Keep(napi_value view, std::size_t* bytes) {
    void* data = nullptr;
    *bytes = 0;
    for (napi_ref& kept : kept_) {
      if (kept != nullptr) continue;
      if (napi_get_typedarray_info(env_, view, nullptr, bytes, &data, nullptr, nullptr) !=
              napi_ok ||
          napi_create_reference(env_, view, 1, &kept) != napi_ok) {
        return nullptr;
      }
      return static_cast<uint8_t*>(data);
    }
    return nullptr;
  }

  void AddFunction(napi_value object, const char* name, napi_callback callback) {
    napi_value function;
    if (napi_create_function(env_, name, NAPI_AUTO_LENGTH, callback, this, &function) != napi_ok) {
      return;
    }
    AddRef();
    functions_++;
    napi_add_finalizer(
        env_, function, this,
        [](napi_env, void* data, void*) {
          auto* const self = static_cast<SharedAccess*>(data);
          if (--self->functions_ == 0) self->Close();
          self->Release();
        },
        nullptr, nullptr);
    napi_set_named_property(env_, object, name, function);
  }

  void AddClose(napi_value object) {
    AddFunction(object, "close", [](napi_env env, napi_callback_info info) -> napi_value {
      const Args<1> args(env, info);
      static_cast<SharedAccess*>(args.data)->Close();
      return nullptr;
    });
  }

  bool closed() const { return closed_; }
  napi_env env_;

 private:
  static void OnEnd(void* data) {
    auto* const self = static_cast<SharedAccess*>(data);
    self->hooked_ = false;
    self->Close();
  }

  napi_ref kept_[3] = {};
  uint32_t functions_ = 0;
  bool closed_ = false;
  bool hooked_ = false;
};

}  // namespace moirai::addon
