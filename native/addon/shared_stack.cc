// The border of SharedStack.
#include "core/sync/shared_stack.h"

#include "addon/module.h"
#include "addon/shared_access.h"

namespace moirai::addon {
namespace {

// What TypeScript is told instead of a number of bytes.
constexpr int32_t kNothing = -1;
constexpr int32_t kCorruptMemory = -5;

class StackAccess final : public SharedAccess {
 public:
  static napi_value Bytes(napi_env env, napi_callback_info info) {
    const Args<2> args(env, info);
    return Number(env, static_cast<double>(SharedStack::BytesFor(args.Uint32(0), args.Uint32(1))));
  }
  static napi_value Open(napi_env env, napi_callback_info info);

 private:
  using SharedAccess::SharedAccess;

  static StackAccess* This(void* data) { return static_cast<StackAccess*>(data); }

  static int32_t CodeOf(SharedStack::Result result, uint32_t bytes) {
    if (result == SharedStack::Result::kDone) return static_cast<int32_t>(bytes);
    return result == SharedStack::Result::kNothing ? kNothing : kCorruptMemory;
  }

  // push(bytes): how many were pushed, or why not.
  static napi_value Push(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    StackAccess* const self = This(args.data);
    if (self->closed()) return Integer(env, kClosed);
    std::size_t bytes = 0;
    const auto* const value = args.Elements<uint8_t>(0, &bytes);
    if (value == nullptr && bytes != 0) return Integer(env, kNothing);
    if (bytes > self->stack_.value_bytes()) return Integer(env, kNothing);
    const auto length = static_cast<uint32_t>(bytes);
    return Integer(env, CodeOf(self->stack_.Push(value, length), length));
  }

  // pushF64(value)
  static napi_value PushF64(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    StackAccess* const self = This(args.data);
    if (self->closed()) return Integer(env, kClosed);
    if (self->stack_.value_bytes() < sizeof(double)) return Integer(env, kNothing);
    const double value = args.Double(0);
    return Integer(env, CodeOf(self->stack_.Push(&value, sizeof(value)), sizeof(value)));
  }

  // pop(): the value is in `out`; its length, or why there is none.
  static napi_value Pop(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    StackAccess* const self = This(args.data);
    if (self->closed()) return Integer(env, kClosed);
    uint32_t bytes = 0;
    const SharedStack::Result result = self->stack_.Pop(self->out_, &bytes);
    return Integer(env, CodeOf(result, bytes));
  }

  static napi_value Size(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    StackAccess* const self = This(args.data);
    if (self->closed()) return Integer(env, kClosed);
    return Integer(env, static_cast<int32_t>(self->stack_.Size()));
  }

  SharedStack stack_;
  uint8_t* out_ = nullptr;
};

// open(memory, capacity, valueBytes, out): undefined where the memory holds no such stack.
napi_value StackAccess::Open(napi_env env, napi_callback_info info) {
  const Args<4> args(env, info);
  const Ref<StackAccess> self(new StackAccess(env));
  std::size_t bytes = 0;
  std::size_t room = 0;
  uint8_t* const memory = self->Keep(args.values[0], &bytes);
  self->out_ = self->Keep(args.values[3], &room);
  if (memory == nullptr || self->out_ == nullptr || room < args.Uint32(2) ||
      !self->stack_.Open(memory, bytes, args.Uint32(1), args.Uint32(2))) {
    self->Close();
    return nullptr;
  }
  napi_value object;
  napi_create_object(env, &object);
  self->AddFunction(object, "push", Push);
  self->AddFunction(object, "pushF64", PushF64);
  self->AddFunction(object, "pop", Pop);
  self->AddFunction(object, "size", Size);
  self->AddClose(object);
  return object;
}

}  // namespace

void InitSharedStack(napi_env env, napi_value exports) {
  napi_value section;
  if (napi_create_object(env, &section) != napi_ok) return;
  SetFunction(env, section, "bytes", StackAccess::Bytes);
  SetFunction(env, section, "open", StackAccess::Open);
  napi_set_named_property(env, exports, "sharedStack", section);
}

}  // namespace moirai::addon
