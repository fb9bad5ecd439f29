// The border of SharedMap.
#include "core/sync/shared_map.h"

#include <cstring>

#include "addon/module.h"
#include "addon/shared_access.h"

namespace moirai::addon {
namespace {

using Result = SharedMap::Result;

// What TypeScript is told instead of a number of bytes; -7 is kClosed.
constexpr int32_t kKeyTooLarge = -6;
constexpr int32_t kValueTooLarge = -8;

int32_t CodeOf(Result result) {
  switch (result) {
    case Result::kDone:
      return 0;
    case Result::kAbsent:
      return -1;
    case Result::kDiffers:
      return -2;
    case Result::kFull:
      return -3;
    case Result::kBusy:
      return -4;
    case Result::kCorrupt:
      return -5;
    case Result::kNoRoom:
      return -9;
  }
  return -5;
}

class MapAccess final : public SharedAccess {
 public:
  static napi_value Bytes(napi_env env, napi_callback_info info) {
    const Args<3> args(env, info);
    return Number(env, static_cast<double>(
                           SharedMap::BytesFor({args.Uint32(0), args.Uint32(1), args.Uint32(2)})));
  }
  static napi_value Open(napi_env env, napi_callback_info info);

 private:
  using SharedAccess::SharedAccess;

  static constexpr uint32_t kText = 0;
  static constexpr uint32_t kNumber = 1;

  static MapAccess* This(void* data) { return static_cast<MapAccess*>(data); }

  // A string or a number; false: too long a string.
  bool ReadKey(napi_value value, SharedMap::Key* key) const {
    double number = 0;
    if (napi_get_value_double(env_, value, &number) == napi_ok) {
      // Keys are the same as in a Map: one zero, one NaN.
      if (number == 0) number = 0;
      uint64_t bits = 0x7ff8'0000'0000'0000;
      if (number == number) std::memcpy(&bits, &number, sizeof(bits));
      key->Set(kNumber, &bits, sizeof(bits));
      return true;
    }
    // Longer ones are cut off at a character, at most three bytes early.
    char text[SharedMap::kMaxKeyBytes + 5];
    const std::size_t limit = map_.shape().key_bytes;
    std::size_t length = 0;
    if (napi_get_value_string_utf8(env_, value, text, limit + 5, &length) != napi_ok ||
        length > limit) {
      return false;
    }
    key->Set(kText, text, static_cast<uint32_t>(length));
    return true;
  }

  // Undefined is null; false: too large.
  template <std::size_t N>
  bool ReadValue(const Args<N>& args, std::size_t index, SharedMap::Value* value,
                 const SharedMap::Value** given) const {
    std::size_t bytes = 0;
    napi_valuetype type = napi_undefined;
    *given = nullptr;
    if (napi_typeof(env_, args.values[index], &type) != napi_ok || type != napi_object) return true;
    value->data = args.template Elements<uint8_t>(index, &bytes);
    if (bytes > map_.shape().value_bytes) return false;
    value->bytes = static_cast<uint32_t>(bytes);
    *given = value;
    return true;
  }

  // get(key): the value is in `out`; its length, or why there is none.
  static napi_value Get(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    MapAccess* const self = This(args.data);
    if (self->closed()) return Integer(env, kClosed);
    SharedMap::Key key;
    if (!self->ReadKey(args.values[0], &key)) return Integer(env, kKeyTooLarge);
    uint32_t bytes = 0;
    const Result result = self->map_.Get(key, self->out_, &bytes);
    return Integer(env, result == Result::kDone ? static_cast<int32_t>(bytes) : CodeOf(result));
  }

  // has(key), delete(key)
  static napi_value Has(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    MapAccess* const self = This(args.data);
    if (self->closed()) return Integer(env, kClosed);
    SharedMap::Key key;
    if (!self->ReadKey(args.values[0], &key)) return Integer(env, kKeyTooLarge);
    return Integer(env, CodeOf(self->map_.Has(key)));
  }
  static napi_value Delete(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    MapAccess* const self = This(args.data);
    if (self->closed()) return Integer(env, kClosed);
    SharedMap::Key key;
    if (!self->ReadKey(args.values[0], &key)) return Integer(env, kKeyTooLarge);
    return Integer(env, CodeOf(self->map_.Delete(key)));
  }

  // set(key, value)
  static napi_value Set(napi_env env, napi_callback_info info) {
    const Args<2> args(env, info);
    MapAccess* const self = This(args.data);
    if (self->closed()) return Integer(env, kClosed);
    SharedMap::Key key;
    if (!self->ReadKey(args.values[0], &key)) return Integer(env, kKeyTooLarge);
    std::size_t bytes = 0;
    const auto* const value = args.Elements<uint8_t>(1, &bytes);
    if (bytes > self->map_.shape().value_bytes) return Integer(env, kValueTooLarge);
    return Integer(env, CodeOf(self->map_.Set(key, {value, static_cast<uint32_t>(bytes)})));
  }

  // compareAndSet(key, expected, value): undefined is no entry.
  static napi_value CompareAndSet(napi_env env, napi_callback_info info) {
    const Args<3> args(env, info);
    MapAccess* const self = This(args.data);
    if (self->closed()) return Integer(env, kClosed);
    SharedMap::Key key;
    SharedMap::Value values[2];
    const SharedMap::Value* expected = nullptr;
    const SharedMap::Value* value = nullptr;
    if (!self->ReadKey(args.values[0], &key)) return Integer(env, kKeyTooLarge);
    // What is larger than any value is not the present one.
    if (!self->ReadValue(args, 1, &values[0], &expected)) {
      return Integer(env, CodeOf(Result::kDiffers));
    }
    if (!self->ReadValue(args, 2, &values[1], &value)) return Integer(env, kValueTooLarge);
    if (expected == nullptr && value == nullptr) {
      const Result result = self->map_.Has(key);
      if (result == Result::kAbsent) return Integer(env, 0);
      return Integer(env, CodeOf(result == Result::kDone ? Result::kDiffers : result));
    }
    return Integer(env, CodeOf(self->map_.CompareAndSet(key, expected, value)));
  }

  static napi_value Size(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    MapAccess* const self = This(args.data);
    if (self->closed()) return Integer(env, kClosed);
    return Integer(env, static_cast<int32_t>(self->map_.Size()));
  }

  // bucket(number, out): how many bytes of entries were written.
  static napi_value Bucket(napi_env env, napi_callback_info info) {
    const Args<2> args(env, info);
    MapAccess* const self = This(args.data);
    if (self->closed()) return Integer(env, kClosed);
    std::size_t room = 0;
    auto* const out = args.Elements<uint8_t>(1, &room);
    uint64_t used = 0;
    const Result result = self->map_.Bucket(args.Uint32(0), out, room, &used);
    return Integer(env, result == Result::kDone ? static_cast<int32_t>(used) : CodeOf(result));
  }

  SharedMap map_;
  uint8_t* out_ = nullptr;
};

// open(memory, capacity, keyBytes, valueBytes, out): undefined where the memory holds no such map.
napi_value MapAccess::Open(napi_env env, napi_callback_info info) {
  const Args<5> args(env, info);
  const Ref<MapAccess> self(new MapAccess(env));
  std::size_t bytes = 0;
  std::size_t room = 0;
  uint8_t* const memory = self->Keep(args.values[0], &bytes);
  self->out_ = self->Keep(args.values[4], &room);
  const SharedMap::Shape shape{args.Uint32(1), args.Uint32(2), args.Uint32(3)};
  if (memory == nullptr || (self->out_ == nullptr && room != 0) ||
      !self->map_.Open(memory, bytes, shape, CurrentThreadToken()) || room < self->map_.room()) {
    self->Close();
    return nullptr;
  }
  napi_value object;
  napi_value buckets;
  napi_create_object(env, &object);
  napi_create_uint32(env, self->map_.buckets(), &buckets);
  napi_set_named_property(env, object, "buckets", buckets);
  self->AddFunction(object, "get", Get);
  self->AddFunction(object, "has", Has);
  self->AddFunction(object, "set", Set);
  self->AddFunction(object, "delete", Delete);
  self->AddFunction(object, "compareAndSet", CompareAndSet);
  self->AddFunction(object, "size", Size);
  self->AddFunction(object, "bucket", Bucket);
  self->AddClose(object);
  return object;
}

}  // namespace

void InitSharedMap(napi_env env, napi_value exports) {
  napi_value section;
  if (napi_create_object(env, &section) != napi_ok) return;
  SetFunction(env, section, "bytes", MapAccess::Bytes);
  SetFunction(env, section, "open", MapAccess::Open);
  napi_set_named_property(env, exports, "sharedMap", section);
}

}  // namespace moirai::addon
