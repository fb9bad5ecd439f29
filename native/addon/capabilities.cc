// The section `capabilities` of the border: probe results as plain objects.
#include "addon/module.h"
#include "core/capabilities/probe_process.h"

namespace moirai::addon {
namespace {

void SetInteger(napi_env env, napi_value object, const char* name, int64_t value) {
  napi_value number;
  if (napi_create_int64(env, value, &number) != napi_ok) return;
  napi_set_named_property(env, object, name, number);
}

napi_value ProbeAll(napi_env env, napi_callback_info info) {
  ProbeContext context = {0};
  size_t count = 1;
  napi_value node;
  if (napi_get_cb_info(env, info, &count, &node, nullptr, nullptr) == napi_ok && count == 1) {
    napi_get_value_uint32(env, node, &context.node);
  }
  ProbeResult results[kMaxProbes];
  const int error = RunProbes(context, results);
  napi_value list;
  if (error != 0) return napi_create_int32(env, error, &list) == napi_ok ? list : nullptr;
  if (napi_create_array_with_length(env, kProbeCount, &list) != napi_ok) return nullptr;
  for (size_t i = 0; i < kProbeCount; i++) {
    napi_value entry;
    napi_value name;
    if (napi_create_object(env, &entry) != napi_ok) return nullptr;
    napi_create_string_utf8(env, kProbes[i].name, NAPI_AUTO_LENGTH, &name);
    napi_set_named_property(env, entry, "name", name);
    SetInteger(env, entry, "errno", results[i].error);
    SetInteger(env, entry, "control", results[i].control);
    SetInteger(env, entry, "signal", results[i].signal);
    SetInteger(env, entry, "value", results[i].value);
    napi_set_element(env, list, static_cast<uint32_t>(i), entry);
  }
  return list;
}

}  // namespace

void InitCapabilities(napi_env env, napi_value exports) {
  napi_value section;
  if (napi_create_object(env, &section) != napi_ok) return;
  SetFunction(env, section, "probe", ProbeAll);
  napi_set_named_property(env, exports, "capabilities", section);
}

}  // namespace moirai::addon
