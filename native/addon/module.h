#pragma once

#include <node_api.h>

namespace moirai::addon {

// Each unit of the addon adds its functions to the exports object of this environment.
void InitAffinity(napi_env env, napi_value exports);
void InitCapabilities(napi_env env, napi_value exports);
void InitChannel(napi_env env, napi_value exports);
void InitMemory(napi_env env, napi_value exports);
void InitNuma(napi_env env, napi_value exports);
void InitProcessChannel(napi_env env, napi_value exports);
void InitPreciseTimer(napi_env env, napi_value exports);
void InitRealtime(napi_env env, napi_value exports);
void InitRegion(napi_env env, napi_value exports);
void InitNumaPool(napi_env env, napi_value exports);
void InitSync(napi_env env, napi_value exports);
void InitSharedMap(napi_env env, napi_value exports);
void InitSharedStack(napi_env env, napi_value exports);
void InitTickets(napi_env env, napi_value exports);
void InitTurnstile(napi_env env, napi_value exports);

// Adds one function to an object; `data` reaches the callback through napi_get_cb_info.
void SetFunction(napi_env env, napi_value object, const char* name, napi_callback callback,
                 void* data = nullptr);

}  // namespace moirai::addon
