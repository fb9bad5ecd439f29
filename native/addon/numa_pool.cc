// The border of pools of blocks: one thread's access to the regions of a pool that it or another
// thread has made.
//
// An access whose functions were all collected can still hold blocks, and views of them can still
// be in use. So it stays, and gives back what it holds in a region when the buffer that the views
// are of was collected too, at the latest when the thread ends. For that it keeps the region by
// another buffer, which nobody else has: a buffer that it kept itself would never be collected.
#include "addon/args.h"
#include "addon/module.h"
#include "core/affinity/affinity.h"
#include "core/base/ref.h"
#include "core/memory/node_pools.h"

namespace moirai::addon {
namespace {

// Lives as long as any of its functions, then until it holds no block.
class PoolAccess final : public RefCounted<PoolAccess> {
 public:
  static napi_value Layout(napi_env env, napi_callback_info info);
  static napi_value Open(napi_env env, napi_callback_info info);

  ~PoolAccess() {
    if (env_ == nullptr) return;
    napi_remove_env_cleanup_hook(env_, OnEnd, this);
    Forget();
  }

 private:
  explicit PoolAccess(napi_env env) : env_(env) { napi_add_env_cleanup_hook(env, OnEnd, this); }

  // The thread ends, and with it every view of the blocks that it holds.
  static void OnEnd(void* data) {
    auto* const self = static_cast<PoolAccess*>(data);
    if (self->owner_ != 0) self->pools_.Reclaim(self->owner_);
    self->Forget();
    self->env_ = nullptr;
  }
  void Forget() {
    for (uint32_t i = 0; i < kept_; i++) napi_delete_reference(env_, references_[i]);
    kept_ = 0;
  }

  // The last function was collected.
  void Outlive();
  void ReclaimRegion(uint32_t position) {
    if (env_ != nullptr) held_ -= pools_.pool(position).Reclaim(owner_);
  }

  template <std::size_t N>
  bool Init(const Args<N>& args);
  bool Keep(napi_value value, uint32_t count) {
    if (napi_create_reference(env_, value, count, &references_[kept_]) != napi_ok) return false;
    kept_++;
    return true;
  }
  void AddFunction(napi_value object, const char* name, napi_callback callback);

  static napi_value AcquireBlock(napi_env env, napi_callback_info info);
  static napi_value ReleaseBlock(napi_env env, napi_callback_info info);
  static napi_value DetachBlock(napi_env env, napi_callback_info info);
  static napi_value AdoptBlock(napi_env env, napi_callback_info info);
  static napi_value IsSame(napi_env env, napi_callback_info info);
  static napi_value Stats(napi_env env, napi_callback_info info);
  static napi_value Close(napi_env env, napi_callback_info info);

  static constexpr std::size_t kStats = 6;  // numbers a pool

  // A buffer of views that are waited for.
  struct Watched {
    PoolAccess* access;
    uint32_t position;
  };

  napi_env env_;  // null once the thread ends
  NodePools pools_;
  uint32_t owner_ = 0;
  int32_t* generation_ = nullptr;  // where a call leaves the generation
  // By node: the row of the threads there; ~row where its nearest pool is on another node.
  int32_t homes_[NodePools::kMaxNode + 1] = {};
  uint32_t functions_ = 0;
  uint32_t held_ = 0;  // blocks
  // By region, weak: the buffer of the views. After them what it keeps.
  std::unique_ptr<napi_ref[]> references_;
  uint32_t kept_ = 0;
  std::unique_ptr<Watched[]> watched_;
};

// layout(blockBytes, blocks, out): [bytes of a region, offset of its first block, stride]; zeros
// for what cannot be.
napi_value PoolAccess::Layout(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  std::size_t room = 0;
  auto* const out = args.Elements<double>(2, &room);
  if (out == nullptr || room < 3) return nullptr;
  const double block_bytes = args.Double(0);
  const BlockPool::Layout layout = BlockPool::LayoutOf(
      block_bytes >= 1 ? static_cast<uint64_t>(block_bytes) : 0, args.Uint32(1));
  out[0] = static_cast<double>(layout.bytes);
  out[1] = static_cast<double>(layout.first_block);
  out[2] = static_cast<double>(layout.stride);
  return nullptr;
}

// open(regions, blockBytes, blocks, create, orders, homes, generation, buffers)
template <std::size_t N>
bool PoolAccess::Init(const Args<N>& args) {
  uint32_t count = 0;
  std::size_t cells = 0;
  std::size_t nodes = 0;
  std::size_t room = 0;
  const auto* const orders = args.template Elements<uint32_t>(4, &cells);
  const auto* const homes = args.template Elements<int32_t>(5, &nodes);
  generation_ = args.template Elements<int32_t>(6, &room);
  const uint32_t blocks = args.Uint32(2);
  const double block_bytes = args.Double(1);
  if (napi_get_array_length(env_, args.values[0], &count) != napi_ok || count == 0 ||
      orders == nullptr || homes == nullptr || generation_ == nullptr || room == 0 ||
      !(block_bytes >= 1) || nodes > NodePools::kMaxNode + 1) {
    return false;
  }
  const auto rows = static_cast<uint32_t>(cells / count);
  references_.reset(new (std::nothrow) napi_ref[2 * std::size_t{count} + 1]);
  watched_.reset(new (std::nothrow) Watched[count]);
  if (references_ == nullptr || watched_ == nullptr || !pools_.Init(count, blocks, rows, orders)) {
    return false;
  }
  for (uint32_t i = 0; i < count; i++) {
    napi_value buffer;
    watched_[i] = {this, i};
    if (napi_get_element(env_, args.values[7], i, &buffer) != napi_ok || !Keep(buffer, 0)) {
      return false;
    }
  }
  if (!Keep(args.values[6], 1)) return false;
  for (std::size_t node = 0; node < nodes; node++) homes_[node] = homes[node];
  const bool create = args.Bool(3);
  const auto size = static_cast<uint64_t>(block_bytes);
  for (uint32_t i = 0; i < count; i++) {
    napi_value view;
    void* data = nullptr;
    std::size_t bytes = 0;
    if (napi_get_element(env_, args.values[0], i, &view) != napi_ok ||
        napi_get_typedarray_info(env_, view, nullptr, &bytes, &data, nullptr, nullptr) != napi_ok ||
        !Keep(view, 1)) {
      return false;
    }
    BlockPool& pool = pools_.pool(i);
    auto* const region = static_cast<uint8_t*>(data);
    const bool usable = create ? pool.Create(region, bytes, size, blocks)
                               : pool.Attach(region, bytes, size, blocks);
    if (!usable) return false;
  }
  owner_ = pools_.NextOwner();
  return true;
}

napi_value PoolAccess::Open(napi_env env, napi_callback_info info) {
  const Args<8> args(env, info);
  const Ref<PoolAccess> self(new PoolAccess(env));
  if (!self->Init(args)) {
    napi_throw_error(env, "ERR_MOIRAI_CORRUPT", "these are not the regions of a pool");
    return nullptr;
  }
  napi_value object;
  napi_create_object(env, &object);
  self->AddFunction(object, "acquire", AcquireBlock);
  self->AddFunction(object, "release", ReleaseBlock);
  self->AddFunction(object, "detach", DetachBlock);
  self->AddFunction(object, "adopt", AdoptBlock);
  self->AddFunction(object, "isSame", IsSame);
  self->AddFunction(object, "stats", Stats);
  self->AddFunction(object, "close", Close);
  return object;
}

void PoolAccess::AddFunction(napi_value object, const char* name, napi_callback callback) {
  napi_value function;
  if (napi_create_function(env_, name, NAPI_AUTO_LENGTH, callback, this, &function) != napi_ok) {
    return;
  }
  AddRef();
  functions_++;
  napi_add_finalizer(
      env_, function, this,
      [](napi_env, void* data, void*) {
        auto* const self = static_cast<PoolAccess*>(data);
        if (--self->functions_ == 0) self->Outlive();
        self->Release();
      },
      nullptr, nullptr);
  napi_set_named_property(env_, object, name, function);
}

void PoolAccess::Outlive() {
  if (env_ == nullptr || held_ == 0) return;
  for (uint32_t i = 0; i < pools_.count(); i++) {
    napi_value buffer = nullptr;
    const bool known = napi_get_reference_value(env_, references_[i], &buffer) == napi_ok;
    if (known && buffer == nullptr) {
      ReclaimRegion(i);
      continue;
    }
    // Where it cannot be watched, the thread's end is waited for.
    AddRef();
    if (!known) continue;
    napi_add_finalizer(
        env_, buffer, &watched_[i],
        [](napi_env, void* data, void*) {
          const Watched watched = *static_cast<Watched*>(data);
          watched.access->ReclaimRegion(watched.position);
          watched.access->Release();
        },
        nullptr, nullptr);
  }
}

// acquire(node): the slot of a block, as near to the node as can be (negative: to where the thread
// runs now), or -1 exhausted, -2 closed, -3 corrupt.
napi_value PoolAccess::AcquireBlock(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = static_cast<PoolAccess*>(args.data);
  const int32_t wanted = args.Int32(0);
  const uint32_t node = wanted < 0 ? CurrentPosition().node : static_cast<uint32_t>(wanted);
  const int32_t home = node <= NodePools::kMaxNode ? self->homes_[node] : 0;
  const bool owns = home >= 0;
  const NodePools::Taken taken =
      self->pools_.Acquire(static_cast<uint32_t>(owns ? home : ~home), owns, self->owner_);
  *self->generation_ = static_cast<int32_t>(taken.generation);
  if (taken.slot >= 0) self->held_++;
  return Integer(env, taken.slot);
}

// release(slot, generation): false when this is not the block's present holder.
napi_value PoolAccess::ReleaseBlock(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  auto* const self = static_cast<PoolAccess*>(args.data);
  const bool done = self->pools_.Release(args.Uint32(0), static_cast<uint32_t>(args.Int32(1)));
  if (done) self->held_--;
  return Boolean(env, done);
}

// detach(slot, generation), adopt(slot, generation): the same.
napi_value PoolAccess::DetachBlock(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  auto* const self = static_cast<PoolAccess*>(args.data);
  auto generation = static_cast<uint32_t>(args.Int32(1));
  const bool done = self->pools_.Detach(args.Uint32(0), &generation);
  if (done) self->held_--;
  *self->generation_ = static_cast<int32_t>(generation);
  return Boolean(env, done);
}

napi_value PoolAccess::AdoptBlock(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  auto* const self = static_cast<PoolAccess*>(args.data);
  auto generation = static_cast<uint32_t>(args.Int32(1));
  const bool done = self->pools_.Adopt(args.Uint32(0), &generation, self->owner_);
  if (done) self->held_++;
  *self->generation_ = static_cast<int32_t>(generation);
  return Boolean(env, done);
}

// isSame(region): whether this is the first region of this pool.
napi_value PoolAccess::IsSame(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  std::size_t length = 0;
  const auto* const region = args.Elements<uint8_t>(0, &length);
  return Boolean(env, region != nullptr &&
                          region == static_cast<PoolAccess*>(args.data)->pools_.pool(0).region());
}

// stats(out): for each pool [in use, most in use, ever used, overflows, guests, reclaimed].
napi_value PoolAccess::Stats(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  auto* const self = static_cast<PoolAccess*>(args.data);
  std::size_t room = 0;
  auto* out = args.Elements<double>(0, &room);
  if (out == nullptr || room < self->pools_.count() * kStats) return nullptr;
  for (uint32_t i = 0; i < self->pools_.count(); i++) {
    const BlockPool::Stats stats = self->pools_.pool(i).stats();
    *out++ = stats.in_use;
    *out++ = stats.high_water;
    *out++ = stats.ever_used;
    *out++ = static_cast<double>(stats.overflows);
    *out++ = static_cast<double>(stats.guests);
    *out++ = static_cast<double>(stats.reclaimed);
  }
  return nullptr;
}

// close(): no thread gets a block any more; true for the one that closed it.
napi_value PoolAccess::Close(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  return Boolean(env, static_cast<PoolAccess*>(args.data)->pools_.Close());
}

}  // namespace

void InitNumaPool(napi_env env, napi_value exports) {
  napi_value section;
  if (napi_create_object(env, &section) != napi_ok) return;
  SetFunction(env, section, "layout", PoolAccess::Layout);
  SetFunction(env, section, "open", PoolAccess::Open);
  napi_set_named_property(env, exports, "numaPool", section);
}

}  // namespace moirai::addon
