#include "addon/executor.h"

#include <cstring>

#include "addon/module.h"

namespace moirai::addon {

constinit Registry<Scheduler> executors;

ExecutorSide::ExecutorSide(napi_env env, EventLoop* loop, Ref<Scheduler> scheduler)
    : env_(env), loop_(loop), scheduler_(static_cast<Ref<Scheduler>&&>(scheduler)) {}

bool ExecutorSide::Retain(napi_value memory, napi_value callback, napi_value scratch) {
  std::size_t length = 0;
  void* elements = nullptr;
  if (napi_get_typedarray_info(env_, scratch, nullptr, &length, &elements, nullptr, nullptr) !=
          napi_ok ||
      length < 8) {
    return false;
  }
  scratch_ = static_cast<double*>(elements);
  return napi_create_reference(env_, memory, 1, &memory_) == napi_ok &&
         napi_create_reference(env_, callback, 1, &callback_) == napi_ok &&
         napi_create_reference(env_, scratch, 1, &scratch_ref_) == napi_ok;
}

void ExecutorSide::ReleaseRetained() {
  for (napi_ref* reference : {&memory_, &callback_, &scratch_ref_}) {
    if (*reference != nullptr) napi_delete_reference(env_, *reference);
    *reference = nullptr;
  }
}

void ExecutorSide::AddFunction(napi_value object, const char* name, napi_callback callback) {
  napi_value function;
  if (napi_create_function(env_, name, NAPI_AUTO_LENGTH, callback, this, &function) != napi_ok) {
    return;
  }
  AddRef();
  napi_add_finalizer(
      env_, function, this,
      [](napi_env, void* data, void*) { static_cast<ExecutorSide*>(data)->Release(); }, nullptr,
      nullptr);
  napi_set_named_property(env_, object, name, function);
}

void ExecutorSide::AddPayloadFunctions(napi_value object) {
  AddFunction(object, "reserve", Reserve);
  AddFunction(object, "discard", Discard);
  AddFunction(object, "grow", Grow);
}

// reserve(slot, used, needed, node): gives the slot a block for at least `needed` payload bytes
// that begins with the first `used` bytes of what it had. scratch: [offset, capacity], or [-1, the
// size that the memory must have first; 0: never]. `node`: of the queue it is for, by index; a
// worker's are for the owner.
napi_value ExecutorSide::Reserve(napi_env env, napi_callback_info info) {
  const Args<4> args(env, info);
  auto* const self = static_cast<ExecutorSide*>(args.data);
  const uint32_t index = args.Uint32(0);
  const auto used = static_cast<uint64_t>(args.Double(1));
  if (index >= self->scheduler_->slots()) return nullptr;
  Arena& arena = self->scheduler_->arena();
  const uint32_t node = self->reserves_for_owner_ ? self->scheduler_->owner_node() : args.Uint32(3);
  const Arena::Allocation allocation = arena.Allocate(static_cast<uint64_t>(args.Double(2)), node);
  if (allocation.block == Arena::kNone) {
    self->scratch_[0] = -1;
    self->scratch_[1] = static_cast<double>(allocation.shortfall);
    return nullptr;
  }
  Slot& slot = self->scheduler_->slot(index);
  const uint32_t old = slot.block;
  const uint64_t available = old == Arena::kNone ? layout::kInlineBytes : arena.Capacity(old);
  if (used > 0 && used <= available && used <= arena.Capacity(allocation.block)) {
    const uint8_t* const from = old == Arena::kNone ? slot.inline_payload : arena.Payload(old);
    std::memcpy(arena.Payload(allocation.block), from, used);
  }
  slot.block = allocation.block;
  if (old != Arena::kNone) arena.Free(old);
  self->scratch_[0] =
      static_cast<double>(uint64_t{allocation.block} * Arena::kUnit + layout::kBlockHeaderBytes);
  self->scratch_[1] = static_cast<double>(arena.Capacity(allocation.block));
  return nullptr;
}

// discard(slot): frees the slot's block, if it has one.
napi_value ExecutorSide::Discard(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = static_cast<ExecutorSide*>(args.data);
  const uint32_t index = args.Uint32(0);
  if (index >= self->scheduler_->slots()) return nullptr;
  Slot& slot = self->scheduler_->slot(index);
  const uint32_t block = slot.block;
  slot.block = Arena::kNone;
  if (block != Arena::kNone) self->scheduler_->arena().Free(block);
  return nullptr;
}

// grow(bytes): the memory has this size now.
napi_value ExecutorSide::Grow(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  static_cast<ExecutorSide*>(args.data)->scheduler_->arena().Grow(
      static_cast<uint64_t>(args.Double(0)));
  return nullptr;
}

}  // namespace moirai::addon
