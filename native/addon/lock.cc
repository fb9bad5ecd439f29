// The mutex at the border: what JavaScript does not do by itself with a compare-exchange.
#include "addon/module.h"
#include "addon/sync.h"
#include "core/sync/lock_order.h"
#include "core/sync/mutex_word.h"
#include "core/sync/pi_mutex.h"

namespace moirai::addon {
namespace {

struct MutexCall : SyncCall<4> {
  MutexCall(napi_env env, napi_callback_info info)
      : SyncCall(env, info, sizeof(MutexMemory) / sizeof(uint32_t)) {}
  MutexWord mutex() const { return {*reinterpret_cast<MutexMemory*>(words), member->lives}; }
};

// lock(domain, words, milliseconds): blocks for no longer than a slice. A LockResult. Not by an
// owner.
napi_value Lock(napi_env env, napi_callback_info info) {
  const MutexCall call(env, info);
  if (!call.ok) return nullptr;
  ThreadWaiter waiter(*call.thread);
  if (!waiter.ok()) return nullptr;
  const double ms = call.Double(2);
  const LockResult result =
      call.mutex().LockFor(call.member->self, Nanoseconds(ms < kSliceMs ? ms : kSliceMs), waiter);
  return Integer(env, static_cast<int32_t>(result));
}

// unlock(domain, words): whether it was this thread's.
napi_value Unlock(napi_env env, napi_callback_info info) {
  const MutexCall call(env, info);
  return call.ok ? Boolean(env, call.mutex().Unlock(call.member->self)) : nullptr;
}

// listen(domain, words, starved, heir): tries for one who waits in the event loop. A LockResult, or
// 4 + (the heir: 1) + 2 * the number of the wait after which to try again.
napi_value Listen(napi_env env, napi_callback_info info) {
  const MutexCall call(env, info);
  if (!call.ok || call.thread->loop == nullptr) return nullptr;
  const LifeTable& lives = call.member->lives;
  bool heir = call.Bool(3);
  for (;;) {
    LockResult result;
    uint32_t bell = 0;
    MutexWord mutex = call.mutex();
    if (mutex.TryOrListen(call.member->self, call.Bool(2), &heir, &result, &bell)) {
      return Integer(env, static_cast<int32_t>(result));
    }
    // Nobody rings when the owner dies.
    uint32_t alive = 0;
    const FutexWord* const life = lives.Watch(mutex.Owner(), &alive);
    if (life == nullptr) continue;
    const auto& memory = *reinterpret_cast<const MutexMemory*>(call.words);
    const uint32_t number =
        call.thread->loop->Add({&memory.bell, bell}, {life, alive}, call.values[1], true);
    return Integer(env, static_cast<int32_t>(4 + (heir ? 1 : 0) + 2 * number));
  }
}

// stopListening(domain, words, heir): whether this thread owns the lock all the same.
napi_value StopListening(napi_env env, napi_callback_info info) {
  const MutexCall call(env, info);
  if (!call.ok) return nullptr;
  return Boolean(env, call.mutex().StopListening(call.member->self, call.Bool(2)));
}

uint32_t ThreadId() { return static_cast<uint32_t>(syscall(SYS_gettid)); }

// threadId(): how this thread is called in mutexes with priority inheritance.
napi_value OwnThreadId(napi_env env, napi_callback_info) {
  return Integer(env, static_cast<int32_t>(ThreadId()));
}

// lockInheriting(domain, words, milliseconds), for no longer than a slice: a LockResult, or minus
// an errno. Does not spin: the owner is to run at once.
napi_value LockInheriting(napi_env env, napi_callback_info info) {
  const MutexCall call(env, info);
  if (!call.ok) return nullptr;
  ThreadWaiter waiter(*call.thread);
  if (!waiter.ok()) return nullptr;
  const double ms = call.Double(2);
  PiMutex mutex(*reinterpret_cast<MutexMemory*>(call.words), call.member->lives);
  waiter.Asleep();
  const int result = mutex.LockFor(ThreadId(), Nanoseconds(ms < kSliceMs ? ms : kSliceMs));
  waiter.Awake();
  return Integer(env, result);
}

// unlockInheriting(domain, words): 0 or an errno.
napi_value UnlockInheriting(napi_env env, napi_callback_info info) {
  const MutexCall call(env, info);
  if (!call.ok) return nullptr;
  PiMutex mutex(*reinterpret_cast<MutexMemory*>(call.words), call.member->lives);
  return Integer(env, mutex.Unlock(ThreadId()));
}

// abandon(domain, words), abandonInheriting(domain, words): what this thread holds, if it does, is
// a dead owner's.
napi_value Abandon(napi_env env, napi_callback_info info) {
  const MutexCall call(env, info);
  if (call.ok) call.mutex().Abandon(call.member->self);
  return nullptr;
}
napi_value AbandonInheriting(napi_env env, napi_callback_info info) {
  const MutexCall call(env, info);
  if (!call.ok) return nullptr;
  PiMutex mutex(*reinterpret_cast<MutexMemory*>(call.words), call.member->lives);
  mutex.Abandon(ThreadId());
  return nullptr;
}

constinit LockOrder lock_order;

// order(held, wanted, stack): undefined, or the stacks that make `wanted` wait for `held`, the last
// one first.
napi_value Order(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  char* texts[3] = {};
  for (std::size_t i = 0; i < 3; i++) {
    std::size_t length = 0;
    napi_get_value_string_utf8(env, args.values[i], nullptr, 0, &length);
    texts[i] = new char[length + 1]();
    napi_get_value_string_utf8(env, args.values[i], texts[i], length + 1, &length);
  }
  napi_value result = nullptr;
  const char* way[16];
  const uint32_t count = lock_order.Add(texts[0], texts[1], texts[2], way, 16);
  if (count != 0) napi_create_array(env, &result);
  for (uint32_t i = 0; i < count && i < 16; i++) {
    napi_value stack;
    napi_create_string_utf8(env, way[i], NAPI_AUTO_LENGTH, &stack);
    napi_set_element(env, result, i, stack);
  }
  for (char* text : texts) delete[] text;
  return result;
}

}  // namespace

void AddMutexFunctions(napi_env env, napi_value section, ThreadSync* thread) {
  SetFunction(env, section, "lock", Lock, thread);
  SetFunction(env, section, "unlock", Unlock, thread);
  SetFunction(env, section, "threadId", OwnThreadId, thread);
  SetFunction(env, section, "lockInheriting", LockInheriting, thread);
  SetFunction(env, section, "unlockInheriting", UnlockInheriting, thread);
  SetFunction(env, section, "abandon", Abandon, thread);
  SetFunction(env, section, "abandonInheriting", AbandonInheriting, thread);
  SetFunction(env, section, "order", Order, thread);
  SetFunction(env, section, "listen", Listen, thread);
  SetFunction(env, section, "stopListening", StopListening, thread);
}

}  // namespace moirai::addon
