// Native ticks at the border: a thread that calls C functions of other addons, and its owner.
#pragma once

#include <node_api.h>

namespace moirai::addon {

// openNativeLoop(record, byPeriod, wishes): a thread that ticks, or why there is none (an errno).
napi_value OpenNativeLoop(napi_env env, napi_callback_info info);

// nativeTickName(value): the name in a definition of a native tick; undefined: it is none, null:
// one of another ABI.
napi_value NativeTickName(napi_env env, napi_callback_info info);

}  // namespace moirai::addon
