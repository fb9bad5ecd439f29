// Reading of arguments on hot paths: the values were checked in TypeScript, so a wrong one here is
// read as zero, and what could be unsafe with it is checked where it is used.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

namespace moirai::addon {

template <std::size_t N>
struct Args {
  Args(napi_env e, napi_callback_info info) : env(e) {
    std::size_t count = N;
    napi_get_cb_info(env, info, &count, values, nullptr, &data);
  }

  uint32_t Uint32(std::size_t index) const {
    uint32_t value = 0;
    napi_get_value_uint32(env, values[index], &value);
    return value;
  }
  int32_t Int32(std::size_t index) const {
    int32_t value = 0;
    napi_get_value_int32(env, values[index], &value);
    return value;
  }
  double Double(std::size_t index) const {
    double value = 0;
    napi_get_value_double(env, values[index], &value);
    return value;
  }
  bool Bool(std::size_t index) const {
    bool value = false;
    napi_get_value_bool(env, values[index], &value);
    return value;
  }
  // The elements of a typed array and their number; null when it is none.
  template <typename T>
  T* Elements(std::size_t index, std::size_t* length) const {
    void* elements = nullptr;
    *length = 0;
    if (napi_get_typedarray_info(env, values[index], nullptr, length, &elements, nullptr,
                                 nullptr) != napi_ok) {
      return nullptr;
    }
    return static_cast<T*>(elements);
  }

  napi_env env;
  napi_value values[N == 0 ? 1 : N] = {};
  void* data = nullptr;
};

inline napi_value Number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}
inline napi_value Integer(napi_env env, int32_t value) {
  napi_value result;
  napi_create_int32(env, value, &result);
  return result;
}
inline napi_value Boolean(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

}  // namespace moirai::addon
