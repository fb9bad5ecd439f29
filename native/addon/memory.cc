// What V8 does not do well with shared memory: count it, and copy it.
#include <cstring>

#include "addon/args.h"
#include "addon/module.h"

namespace moirai::addon {
namespace {

// adjustMemory(bytes): so many more (or fewer) hang on objects of the calling thread's heap. V8
// counts no shared memory, so a thread that lets buffers of many megabytes go would collect their
// small objects when it happens to, hours later or never.
napi_value AdjustMemory(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  int64_t total = 0;
  napi_adjust_external_memory(env, static_cast<int64_t>(args.Double(0)), &total);
  return nullptr;
}

// copy(target, at, source, from, bytes): V8 copies shared memory by relaxed atomic words, at half
// the speed. Nobody else may touch these bytes meanwhile, which is so for the payload of a slot
// that is in one thread's hands.
napi_value Copy(napi_env env, napi_callback_info info) {
  const Args<5> args(env, info);
  std::size_t room = 0;
  std::size_t length = 0;
  auto* const target = args.Elements<uint8_t>(0, &room);
  auto* const source = args.Elements<uint8_t>(2, &length);
  const auto at = static_cast<std::size_t>(args.Double(1));
  const auto from = static_cast<std::size_t>(args.Double(3));
  const auto bytes = static_cast<std::size_t>(args.Double(4));
  if (target == nullptr || source == nullptr || bytes > room || at > room - bytes ||
      bytes > length || from > length - bytes) {
    napi_throw_range_error(env, "ERR_MOIRAI_CORRUPT", "a payload outside of its memory");
    return nullptr;
  }
  std::memmove(target + at, source + from, bytes);
  return nullptr;
}

}  // namespace

void InitMemory(napi_env env, napi_value exports) {
  SetFunction(env, exports, "adjustMemory", AdjustMemory);
  SetFunction(env, exports, "copy", Copy);
}

}  // namespace moirai::addon
