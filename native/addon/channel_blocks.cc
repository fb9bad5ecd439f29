// Channels whose messages are the numbers of blocks of a pool: what is not received goes back
// there.
#include <cstring>
#include <memory>
#include <new>

#include "addon/channel_side.h"
#include "core/memory/node_pools.h"

namespace moirai::addon {
namespace {

// A message is a block's number as JavaScript has it: [slot : 32 | generation : 32]. Only one that
// is on its way can be adopted, so what was received, or was never written, is left alone.
class UndeliveredBlocks final : public Undelivered {
 public:
  bool Init(uint32_t regions, uint32_t blocks) {
    const std::unique_ptr<uint32_t[]> order(new (std::nothrow) uint32_t[regions]);
    if (order == nullptr) return false;
    for (uint32_t i = 0; i < regions; i++) order[i] = i;
    return pools_.Init(regions, blocks, 1, order.get());
  }
  bool Attach(uint32_t region, uint8_t* memory, uint64_t bytes, uint64_t block_bytes,
              uint32_t blocks) {
    return pools_.pool(region).Attach(memory, bytes, block_bytes, blocks);
  }
  void SetOwner() { owner_ = pools_.NextOwner(); }

  void Discard(const uint8_t* message) override {
    uint64_t id = 0;
    std::memcpy(&id, message, sizeof(id));
    const auto slot = static_cast<uint32_t>(id >> 32);
    auto generation = static_cast<uint32_t>(id);
    if (pools_.Adopt(slot, &generation, owner_)) pools_.Release(slot, generation);
  }

 private:
  NodePools pools_;
  uint32_t owner_ = 0;
};

}  // namespace

// setChannelBlocks(id, regions, blockBytes, blocks): before an end is attached; every end keeps the
// regions. False: they are no pool.
napi_value SetChannelBlocks(napi_env env, napi_callback_info info) {
  const Args<4> args(env, info);
  const Ref<Channel> channel = FindChannel(args.Uint32(0));
  const double block_bytes = args.Double(2);
  const uint32_t blocks = args.Uint32(3);
  uint32_t count = 0;
  auto made = std::make_unique<UndeliveredBlocks>();
  bool good = channel && napi_get_array_length(env, args.values[1], &count) == napi_ok &&
              block_bytes >= 1 && made->Init(count, blocks);
  for (uint32_t i = 0; good && i < count; i++) {
    napi_value view;
    void* data = nullptr;
    std::size_t bytes = 0;
    good =
        napi_get_element(env, args.values[1], i, &view) == napi_ok &&
        napi_get_typedarray_info(env, view, nullptr, &bytes, &data, nullptr, nullptr) == napi_ok &&
        made->Attach(i, static_cast<uint8_t*>(data), bytes, static_cast<uint64_t>(block_bytes),
                     blocks);
  }
  if (good) {
    made->SetOwner();
    channel->undelivered = std::move(made);
  }
  return Boolean(env, good);
}

}  // namespace moirai::addon
