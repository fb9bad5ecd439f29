// The addon's entry: runs once per environment (main thread, each Worker) that loads the binary.
#include "addon/module.h"

#include "addon/executor.h"

namespace moirai::addon {

void SetFunction(napi_env env, napi_value object, const char* name, napi_callback callback,
                 void* data) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function) != napi_ok) {
    return;
  }
  napi_set_named_property(env, object, name, function);
}

}  // namespace moirai::addon

NAPI_MODULE_INIT() {
  moirai::addon::InitExecutorOwner(env, exports);
  moirai::addon::InitExecutorSeat(env, exports);
  moirai::addon::InitAffinity(env, exports);
  moirai::addon::InitCapabilities(env, exports);
  moirai::addon::InitChannel(env, exports);
  moirai::addon::InitMemory(env, exports);
  moirai::addon::InitNuma(env, exports);
  moirai::addon::InitProcessChannel(env, exports);
  moirai::addon::InitPreciseTimer(env, exports);
  moirai::addon::InitRealtime(env, exports);
  moirai::addon::InitRegion(env, exports);
  moirai::addon::InitNumaPool(env, exports);
  moirai::addon::InitTickets(env, exports);
  moirai::addon::InitSync(env, exports);
  moirai::addon::InitSharedStack(env, exports);
  moirai::addon::InitSharedMap(env, exports);
  moirai::addon::InitTurnstile(env, exports);
  return exports;
}
