// The mutex at the border: what JavaScript does not do by itself with a compare-exchange.
#include "addon/module.h"
#include "addon/sync.h"
#include "core/sync/mutex_word.h"

namespace moirai::addon {
namespace {

struct MutexCall : SyncCall<4> {
  MutexCall(napi_env env, napi_callback_info info)
      : SyncCall(env, info, sizeof(MutexMemory) / sizeof(uint32_t)) {}
  MutexWord mutex() const { return {*reinterpret_cast<MutexMemory*>(words), member->lives}; }
};

// lock(domain, words, milliseconds): blocks for no longer than a slice. A LockResult. Not by an
// owner.
napi_value Lock(napi_env env, napi_callback_info info) {
  const MutexCall call(env, info);
  if (!call.ok) return nullptr;
  ThreadWaiter waiter(*call.thread);
  if (!waiter.ok()) return nullptr;
  const double ms = call.Double(2);
  const LockResult result =
      call.mutex().LockFor(call.member->self, Nanoseconds(ms < kSliceMs ? ms : kSliceMs), waiter);
  return Integer(env, static_cast<int32_t>(result));
}

// unlock(domain, words): whether it was this thread's.
napi_value Unlock(napi_env env, napi_callback_info info) {
  const MutexCall call(env, info);
  return call.ok ? Boolean(env, call.mutex().Unlock(call.member->self)) : nullptr;
}

}  // namespace

void AddMutexFunctions(napi_env env, napi_value section, ThreadSync* thread) {
  SetFunction(env, section, "lock", Lock, thread);
  SetFunction(env, section, "unlock", Unlock, thread);
}

}  // namespace moirai::addon
