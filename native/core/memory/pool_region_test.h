// Memory for a pool of blocks, for its tests.
#pragma once

#include <cstdlib>
#include <cstring>

#include "core/memory/block_pool.h"

namespace moirai {

inline constexpr uint64_t kBlockBytes = 200;

struct Region {
  explicit Region(uint32_t blocks)
      : layout(BlockPool::LayoutOf(kBlockBytes, blocks)),
        memory(
            static_cast<uint8_t*>(std::aligned_alloc(4096, (layout.bytes + 4095) / 4096 * 4096))) {
    std::memset(memory, 0, layout.bytes);
  }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() { std::free(memory); }
  const BlockPool::Layout layout;
  uint8_t* const memory;
};

}  // namespace moirai
