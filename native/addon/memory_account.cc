// What V8 does not see: it counts no shared memory, so a thread that lets buffers of many megabytes
// go would collect their small objects when it happens to, hours later or never.
#include "addon/args.h"
#include "addon/module.h"

namespace moirai::addon {
namespace {

// adjustMemory(bytes): so many more (or fewer) hang on objects of the calling thread's heap.
napi_value AdjustMemory(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  int64_t total = 0;
  napi_adjust_external_memory(env, static_cast<int64_t>(args.Double(0)), &total);
  return nullptr;
}

}  // namespace

void InitMemoryAccount(napi_env env, napi_value exports) {
  SetFunction(env, exports, "adjustMemory", AdjustMemory);
}

}  // namespace moirai::addon
