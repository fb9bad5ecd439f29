// The section `memory` of the border: policies of threads and ranges, and the pages behind a
// buffer. A range is a view of bytes, and an offset and a length in it. Its first byte must begin a
// page, and its last page must belong to it whole, as is so for memory that was mapped for it
// alone.
#include <dlfcn.h>
#include <errno.h>
#include <sys/mman.h>

#include "addon/args.h"
#include "addon/module.h"
#include "core/memory/ledger.h"
#include "core/memory/pages.h"
#include "core/memory/policy.h"
#include "core/memory/region.h"

namespace moirai::addon {
namespace {

struct Range {
  void* start = nullptr;
  std::size_t bytes = 0;  // Whole pages; 0 for what is not a range.
  std::size_t pages() const { return bytes / PageSize(); }
};

template <std::size_t N>
Range RangeArgument(const Args<N>& args, std::size_t index) {
  std::size_t length = 0;
  auto* const view = args.template Elements<uint8_t>(index, &length);
  const auto from = static_cast<std::size_t>(args.Double(index + 1));
  const auto bytes = static_cast<std::size_t>(args.Double(index + 2));
  if (view == nullptr || bytes == 0 || from > length || bytes > length - from) return {};
  if (reinterpret_cast<uintptr_t>(view + from) % PageSize() != 0) return {};
  return {view + from, (bytes + PageSize() - 1) / PageSize() * PageSize()};
}

// A mode and a Uint32Array of node numbers.
template <std::size_t N>
Policy PolicyArgument(const Args<N>& args, std::size_t index) {
  Policy policy;
  policy.mode = static_cast<PolicyMode>(args.Int32(index));
  std::size_t count = 0;
  const auto* const nodes = args.template Elements<uint32_t>(index + 1, &count);
  for (std::size_t i = 0; nodes != nullptr && i < count; i++) policy.nodes.Add(nodes[i]);
  return policy;
}

// As many as there is room for; how many there are.
uint32_t Write(const NodeSet& nodes, uint32_t* out, std::size_t room) {
  uint32_t count = 0;
  for (unsigned node = 0; node < NodeSet::kCapacity; node++) {
    if (!nodes.Contains(node)) continue;
    if (count < room) out[count] = node;
    count++;
  }
  return count;
}

// out: [mode, how many nodes, nodes…].
template <std::size_t N>
napi_value WritePolicy(const Args<N>& args, std::size_t index, int error, const Policy& policy) {
  std::size_t length = 0;
  auto* const out = args.template Elements<uint32_t>(index, &length);
  if (out == nullptr || length < 2) return Integer(args.env, EINVAL);
  out[0] = static_cast<uint32_t>(policy.mode);
  out[1] = Write(policy.nodes, out + 2, length - 2);
  return Integer(args.env, error);
}

napi_value SetPolicy(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  return Integer(env, SetThreadPolicy(PolicyArgument(args, 0)));
}

napi_value GetPolicy(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  Policy policy;
  const int error = GetThreadPolicy(&policy);
  return WritePolicy(args, 0, error, policy);
}

napi_value AllowedNodes(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  Policy allowed;
  const int error = GetAllowedNodes(&allowed.nodes);
  return WritePolicy(args, 0, error, allowed);
}

napi_value Bind(napi_env env, napi_callback_info info) {
  const Args<6> args(env, info);
  const Range range = RangeArgument(args, 0);
  if (range.bytes == 0) return Integer(env, EINVAL);
  return Integer(env, BindRange(range.start, range.bytes, PolicyArgument(args, 3), args.Uint32(5)));
}

napi_value RangePolicy(napi_env env, napi_callback_info info) {
  const Args<4> args(env, info);
  const Range range = RangeArgument(args, 0);
  if (range.bytes == 0) return Integer(env, EINVAL);
  Policy policy;
  const int error = GetRangePolicy(range.start, &policy);
  return WritePolicy(args, 3, error, policy);
}

using PageCall = int (*)(const void* start, std::size_t pages, int32_t* status);

napi_value CallForPages(napi_env env, napi_callback_info info, PageCall call) {
  const Args<4> args(env, info);
  const Range range = RangeArgument(args, 0);
  std::size_t room = 0;
  auto* const status = args.Elements<int32_t>(3, &room);
  if (range.bytes == 0 || status == nullptr || room < range.pages()) return Integer(env, EINVAL);
  return Integer(env, call(range.start, range.pages(), status));
}

napi_value Nodes(napi_env env, napi_callback_info info) {
  return CallForPages(env, info, PageNodes);
}
napi_value NodesByPolicy(napi_env env, napi_callback_info info) {
  return CallForPages(env, info, PageNodesByPolicy);
}
napi_value Present(napi_env env, napi_callback_info info) {
  return CallForPages(env, info, PresentPages);
}

napi_value Move(napi_env env, napi_callback_info info) {
  const Args<5> args(env, info);
  const Range range = RangeArgument(args, 0);
  std::size_t room = 0;
  auto* const status = args.Elements<int32_t>(4, &room);
  if (range.bytes == 0 || status == nullptr || room < range.pages()) return Integer(env, EINVAL);
  return Integer(env, MovePages(range.start, range.pages(), args.Int32(3), status));
}

template <int (*call)(void*, std::size_t)>
napi_value OnRange(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  const Range range = RangeArgument(args, 0);
  return Integer(env, range.bytes == 0 ? EINVAL : call(range.start, range.bytes));
}

int LockRange(void* start, std::size_t bytes) { return Lock(start, bytes); }
int UnlockRange(void* start, std::size_t bytes) { return Unlock(start, bytes); }
int TouchRange(void* start, std::size_t bytes) {
  Touch(start, bytes);
  return 0;
}

// alignedFrom(view, alignment): the offset of the first byte whose address is a multiple of it.
napi_value AlignedFrom(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  std::size_t length = 0;
  const auto* const view = args.Elements<uint8_t>(0, &length);
  const auto alignment = static_cast<std::size_t>(args.Double(1));
  if (view == nullptr || alignment == 0) return Number(env, 0);
  const std::size_t past = reinterpret_cast<uintptr_t>(view) % alignment;
  return Number(env, static_cast<double>(past == 0 ? 0 : alignment - past));
}

// In Node from 22.23.3, 24.16 and 26.1 on; looked up, so that the binary loads in all of them.
using CreateExternalShared = napi_status (*)(napi_env env, void* data, std::size_t bytes,
                                             void (*finalize)(void* data, void* hint), void* hint,
                                             napi_value* result);
const auto create_external_shared = reinterpret_cast<CreateExternalShared>(
    dlsym(RTLD_DEFAULT, "node_api_create_external_sharedarraybuffer"));

// On any thread: the last one that shared the buffer is done with it.
void ReleaseHugePages(void* start, void* bytes) {
  munmap(start, reinterpret_cast<std::size_t>(bytes));
}

// hugeBuffer(bytes): a SharedArrayBuffer on explicit huge pages, or an errno; ENOSYS: this Node
// cannot wrap memory so.
napi_value HugeBuffer(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  if (create_external_shared == nullptr) return Integer(env, ENOSYS);
  const auto bytes = static_cast<std::size_t>(args.Double(0));
  void* start = nullptr;
  const int error = MapHugePages(bytes, &start);
  if (error != 0) return Integer(env, error);
  napi_value buffer = nullptr;
  auto* const hint = reinterpret_cast<void*>(bytes);
  if (create_external_shared(env, start, bytes, ReleaseHugePages, hint, &buffer) != napi_ok) {
    munmap(start, bytes);
    return Integer(env, ENOSYS);
  }
  return buffer;
}

// account(node, bytes, buffers) on the calling thread's share.
napi_value Account(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  static_cast<LedgerShare*>(args.data)->Add(args.Uint32(0), static_cast<int64_t>(args.Double(1)),
                                            args.Int32(2));
  return nullptr;
}

// accounted(node, out): [bytes, buffers] of the process.
napi_value Accounted(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  std::size_t length = 0;
  auto* const out = args.Elements<double>(1, &length);
  if (out == nullptr || length < 2) return nullptr;
  const LedgerEntry entry = ReadLedger(args.Uint32(0));
  out[0] = static_cast<double>(entry.bytes);
  out[1] = static_cast<double>(entry.buffers);
  return nullptr;
}

}  // namespace

void InitNuma(napi_env env, napi_value exports) {
  napi_value section;
  if (napi_create_object(env, &section) != napi_ok) return;
  napi_set_named_property(env, section, "pageBytes", Number(env, static_cast<double>(PageSize())));
  SetFunction(env, section, "setPolicy", SetPolicy);
  SetFunction(env, section, "getPolicy", GetPolicy);
  SetFunction(env, section, "allowedNodes", AllowedNodes);
  SetFunction(env, section, "bind", Bind);
  SetFunction(env, section, "rangePolicy", RangePolicy);
  SetFunction(env, section, "pageNodes", Nodes);
  SetFunction(env, section, "pageNodesByPolicy", NodesByPolicy);
  SetFunction(env, section, "presentPages", Present);
  SetFunction(env, section, "movePages", Move);
  SetFunction(env, section, "populate", OnRange<Populate>);
  SetFunction(env, section, "touch", OnRange<TouchRange>);
  SetFunction(env, section, "discard", OnRange<Discard>);
  SetFunction(env, section, "adviseHugePages", OnRange<AdviseHugePages>);
  SetFunction(env, section, "lock", OnRange<LockRange>);
  SetFunction(env, section, "unlock", OnRange<UnlockRange>);
  SetFunction(env, section, "alignedFrom", AlignedFrom);
  SetFunction(env, section, "hugeBuffer", HugeBuffer);
  auto* const share = new LedgerShare;
  napi_add_env_cleanup_hook(
      env, [](void* data) { delete static_cast<LedgerShare*>(data); }, share);
  SetFunction(env, section, "account", Account, share);
  SetFunction(env, section, "accounted", Accounted);
  napi_set_named_property(env, exports, "memory", section);
}

}  // namespace moirai::addon
