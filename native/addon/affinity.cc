// The section `affinity` of the border: turns arrays of CPU numbers into masks and back.
#include "core/affinity/affinity.h"

#include "addon/module.h"
#include "core/affinity/process_mask.h"

namespace moirai::addon {
namespace {

napi_value ToArray(napi_env env, const CpuSet& cpus) {
  napi_value array;
  if (napi_create_array(env, &array) != napi_ok) return nullptr;
  uint32_t length = 0;
  for (unsigned cpu = 0; cpu < CpuSet::kCapacity; cpu++) {
    if (!cpus.Contains(cpu)) continue;
    napi_value number;
    napi_create_uint32(env, cpu, &number);
    napi_set_element(env, array, length++, number);
  }
  return array;
}

// The first argument, an array of CPU numbers; null means all CPUs. What is not a number in range
// is left out: TypeScript has refused it already.
CpuSet FromArgument(napi_env env, napi_callback_info info) {
  CpuSet cpus;
  size_t count = 1;
  napi_value array;
  if (napi_get_cb_info(env, info, &count, &array, nullptr, nullptr) != napi_ok || count < 1) {
    return cpus;
  }
  napi_valuetype type = napi_undefined;
  napi_typeof(env, array, &type);
  if (type == napi_null) {
    cpus.AddAll();
    return cpus;
  }
  uint32_t length = 0;
  if (napi_get_array_length(env, array, &length) != napi_ok) return cpus;
  for (uint32_t i = 0; i < length; i++) {
    napi_value number;
    uint32_t cpu;
    if (napi_get_element(env, array, i, &number) == napi_ok &&
        napi_get_value_uint32(env, number, &cpu) == napi_ok) {
      cpus.Add(cpu);
    }
  }
  return cpus;
}

napi_value Integer(napi_env env, int value) {
  napi_value number;
  return napi_create_int32(env, value, &number) == napi_ok ? number : nullptr;
}

napi_value Unsigned(napi_env env, unsigned value) {
  napi_value number;
  return napi_create_uint32(env, value, &number) == napi_ok ? number : nullptr;
}

napi_value Get(napi_env env, napi_callback_info) {
  CpuSet cpus;
  const int error = GetAffinity(0, &cpus);
  return error == 0 ? ToArray(env, cpus) : Integer(env, error);
}

napi_value Set(napi_env env, napi_callback_info info) {
  return Integer(env, SetAffinity(FromArgument(env, info)));
}

napi_value Process(napi_env env, napi_callback_info) {
  ProcessMask mask;
  const int error = GetProcessMask(&mask);
  if (error != 0) return Integer(env, error);
  napi_value result;
  napi_value flag;
  if (napi_create_object(env, &result) != napi_ok) return nullptr;
  napi_set_named_property(env, result, "cpus", ToArray(env, mask.cpus));
  napi_get_boolean(env, mask.pinned, &flag);
  napi_set_named_property(env, result, "pinned", flag);
  napi_get_boolean(env, mask.unrestricted, &flag);
  napi_set_named_property(env, result, "unrestricted", flag);
  return result;
}

napi_value Remember(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  bool unrestricted = false;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  if (count == 2) napi_get_value_bool(env, arguments[1], &unrestricted);
  RememberProcessMask(FromArgument(env, info), unrestricted);
  return nullptr;
}

napi_value Forget(napi_env, napi_callback_info) {
  ForgetProcessMask();
  return nullptr;
}

napi_value Cpu(napi_env env, napi_callback_info) { return Unsigned(env, CurrentCpu()); }

napi_value Node(napi_env env, napi_callback_info) { return Unsigned(env, CurrentPosition().node); }

}  // namespace

void InitAffinity(napi_env env, napi_value exports) {
  napi_value section;
  if (napi_create_object(env, &section) != napi_ok) return;
  SetFunction(env, section, "getAffinity", Get);
  SetFunction(env, section, "setAffinity", Set);
  SetFunction(env, section, "processMask", Process);
  SetFunction(env, section, "rememberProcessMask", Remember);
  SetFunction(env, section, "forgetProcessMask", Forget);
  SetFunction(env, section, "currentCpu", Cpu);
  SetFunction(env, section, "currentNode", Node);
  napi_set_named_property(env, exports, "affinity", section);
}

}  // namespace moirai::addon
