// The border for what threads wait on in shared memory: who is alive, sleeping on a word, calling.
#include "addon/sync.h"

#include <errno.h>
#include <sys/mman.h>

#include "addon/module.h"
#include "core/memory/region.h"

namespace moirai::addon {
namespace {

void Leave(Membership* member) {
  member->lives.Leave(member->self);
  if (member->mapping != nullptr) munmap(member->mapping, kRegionTableBytes);
  delete member;
}

// On the thread itself, which its locks will take for dead from here on.
void OnCleanup(void* data) {
  auto* const thread = static_cast<ThreadSync*>(data);
  // Before the memory that it watches goes. Of the two hooks, this and the event loop's, either may
  // come first: the event loop has closed it, or will not know of it any more.
  if (thread->loop != nullptr) thread->loop->Close();
  delete thread->loop;
  while (Membership* const member = thread->memberships) {
    thread->memberships = member->next;
    Leave(member);
  }
  delete thread;
}

// join(file, cpus): this thread uses locks of the region that the descriptor leads to, or, -1, of
// the process. The number of the domain for further calls, or minus an errno.
napi_value Join(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  auto* const thread = static_cast<ThreadSync*>(args.data);
  const int file = args.Int32(0);
  CpuShare::Process().SuggestCpus(args.Int32(1));
  void* mapping = nullptr;
  if (file >= 0) {
    RegionFacts facts;
    const int error = InspectRegion(file, &facts);
    if (error != 0) return Integer(env, -error);
    if (facts.bytes < kRegionTableBytes) return Integer(env, -EINVAL);
    mapping = mmap(nullptr, kRegionTableBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapping == MAP_FAILED) return Integer(env, -errno);
  }
  auto* const entries =
      reinterpret_cast<LifeTable::Entry*>(static_cast<uint8_t*>(mapping) + kRegionHeadBytes);
  LifeTable lives =
      mapping == nullptr ? LifeTable::Process() : LifeTable(entries, kRegionLives, false);
  const LifeId self = lives.Sit();
  if (self == 0) {
    if (mapping != nullptr) munmap(mapping, kRegionTableBytes);
    return Integer(env, -EUSERS);
  }
  auto* const member =
      new Membership{++thread->last_number, lives, self, mapping, thread->memberships};
  thread->memberships = member;
  return Integer(env, static_cast<int32_t>(member->number));
}

// self(domain): how this thread is called in it.
napi_value Self(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  const Membership* const member = static_cast<ThreadSync*>(args.data)->Find(args.Uint32(0));
  return Integer(env, member == nullptr ? 0 : static_cast<int32_t>(member->self));
}

// leave(domain): what this thread still holds there is a dead owner's.
napi_value LeaveDomain(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const thread = static_cast<ThreadSync*>(args.data);
  Membership* const member = thread->Find(args.Uint32(0));
  if (member == nullptr) return nullptr;
  Membership** link = &thread->memberships;
  while (*link != member) link = &(*link)->next;
  *link = member->next;
  Leave(member);
  return nullptr;
}

napi_value Alive(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  const Membership* const member = static_cast<ThreadSync*>(args.data)->Find(args.Uint32(0));
  return Boolean(env, member != nullptr && member->lives.Alive(args.Uint32(1)));
}

// wait(domain, words, index, expected, milliseconds): blocks until the word has another value, but
// no longer than a slice; whether it has.
napi_value Wait(napi_env env, napi_callback_info info) {
  const SyncCall<5> call(env, info, 1);
  const uint32_t index = call.Uint32(2);
  if (!call.ok || index >= call.length) return nullptr;
  const auto& word = reinterpret_cast<const FutexWord*>(call.words)[index];
  const auto expected = static_cast<uint32_t>(call.Int32(3));
  const uint64_t limit = Nanoseconds(call.Double(4) < kSliceMs ? call.Double(4) : kSliceMs);
  ThreadWaiter waiter(*call.thread);
  if (!waiter.ok()) return nullptr;
  const uint64_t start = NowNs();
  for (uint64_t spent = 0;; spent = NowNs() - start) {
    for (int i = 0; i < 16; i++) {
      if (word.load(std::memory_order_acquire) != expected) return Boolean(env, true);
      CpuRelax();
    }
    if (spent >= limit) return Boolean(env, false);
    if (waiter.Spin(spent)) continue;
    waiter.Asleep();
    FutexWait(word, expected, limit - spent,
              false);  // as FutexWatcher, so that one call wakes both
    waiter.Awake();
  }
}

// wake(domain, words, index, count): how many were asleep there and no longer are.
napi_value Wake(napi_env env, napi_callback_info info) {
  const SyncCall<4> call(env, info, 1);
  const uint32_t index = call.Uint32(2);
  if (!call.ok || index >= call.length) return nullptr;
  const auto& word = reinterpret_cast<const FutexWord*>(call.words)[index];
  return Integer(env, FutexWake(word, call.Int32(3), false));
}

// onChange(callback): called from the event loop when `next` has something. Once, before `watch`.
napi_value OnChange(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const thread = static_cast<ThreadSync*>(args.data);
  if (thread->loop == nullptr) thread->loop = SyncLoop::Open(env, args.values[0]);
  return nullptr;
}

// watch(domain, words, index, expected, hold): the number of a wait for another value.
napi_value Watch(napi_env env, napi_callback_info info) {
  const SyncCall<5> call(env, info, 1);
  const uint32_t index = call.Uint32(2);
  if (!call.ok || index >= call.length || call.thread->loop == nullptr) return nullptr;
  const SyncLoop::Word word{&reinterpret_cast<const FutexWord*>(call.words)[index],
                            static_cast<uint32_t>(call.Int32(3))};
  return Integer(
      env, static_cast<int32_t>(call.thread->loop->Add(word, {}, call.values[1], call.Bool(4))));
}

napi_value Unwatch(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  SyncLoop* const loop = static_cast<ThreadSync*>(args.data)->loop;
  if (loop != nullptr) loop->Remove(args.Uint32(0));
  return nullptr;
}

// next(): the number of a wait that is over, or 0.
napi_value Next(napi_env env, napi_callback_info info) {
  const Args<0> args(env, info);
  SyncLoop* const loop = static_cast<ThreadSync*>(args.data)->loop;
  return Integer(env, loop == nullptr ? 0 : static_cast<int32_t>(loop->Next()));
}

}  // namespace

void InitSync(napi_env env, napi_value exports) {
  auto* const thread = new ThreadSync{env, nullptr, 0, {}, nullptr};
  napi_add_env_cleanup_hook(env, OnCleanup, thread);
  napi_value section;
  napi_create_object(env, &section);
  SetFunction(env, section, "join", Join, thread);
  SetFunction(env, section, "self", Self, thread);
  SetFunction(env, section, "leave", LeaveDomain, thread);
  SetFunction(env, section, "alive", Alive, thread);
  SetFunction(env, section, "wait", Wait, thread);
  SetFunction(env, section, "wake", Wake, thread);
  SetFunction(env, section, "onChange", OnChange, thread);
  SetFunction(env, section, "watch", Watch, thread);
  SetFunction(env, section, "unwatch", Unwatch, thread);
  SetFunction(env, section, "next", Next, thread);
  AddMutexFunctions(env, section, thread);
  napi_set_named_property(env, exports, "sync", section);
}

}  // namespace moirai::addon
