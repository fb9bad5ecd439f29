// What a block of a pool costs beside malloc, oneTBB's scalable_malloc and mimalloc (where libtbb
// and libmimalloc are installed).
//
// Two threads, each on its own CPU, do the same at once; one of them is measured. `hold`: so many
// blocks are taken, then all of them given back, oldest first; 1 is a pair at a time. An item is
// one taking and one giving. BM_Hand: one thread takes and the other gives back. The first byte of
// each block is written, as a user would. The pool has the blocks of both threads, a cache for
// each.
#include <benchmark/benchmark.h>
#include <dlfcn.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "core/memory/block_cache.h"
#include "threads.h"

namespace moirai::bench {
namespace {

constexpr uint32_t kMaxHold = 1024;

class Pool {
 public:
  explicit Pool(std::size_t bytes)
      : stride_(bytes % 4096 == 0 ? bytes + 64 : bytes),
        memory_(static_cast<uint8_t*>(std::aligned_alloc(4096, stride_ * kBlocks))),
        links_(std::make_unique<FreeList::Link[]>(kBlocks)) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { std::free(memory_); }

  class Local {
   public:
    explicit Local(Pool& pool)
        : pool_(pool), cache_(FreeList(&pool.head_, pool.links_.get(), kBlocks)) {}
    uint8_t* Take() {
      const uint32_t number = cache_.Take();
      return number == FreeList::kNone ? nullptr : pool_.memory_ + (number - 1) * pool_.stride_;
    }
    void Give(uint8_t* block) {
      // A division by multiplying, exact for these sizes. Users keep the number with the block.
      const auto offset = static_cast<uint64_t>(block - pool_.memory_);
      cache_.Give(1 + static_cast<uint32_t>(offset * pool_.reciprocal_ >> 40));
    }

   private:
    Pool& pool_;
    BlockCache cache_;
  };

 private:
  static constexpr uint32_t kBlocks = 4 * kMaxHold;
  // As malloc does, not all at the start of a page: those share a few sets of the processor's
  // cache.
  const std::size_t stride_;
  const uint64_t reciprocal_ = ((uint64_t{1} << 40) + stride_ - 1) / stride_;
  uint8_t* const memory_;
  alignas(kFalseSharingBytes) FreeList::Head head_{};
  std::unique_ptr<FreeList::Link[]> links_;
};

// An allocator behind the pool's interface.
struct Allocator {
  void* (*allocate)(std::size_t);
  void (*free)(void*);
};

class Heap {
 public:
  Heap(const Allocator& allocator, std::size_t bytes) : allocator_(allocator), bytes_(bytes) {}
  class Local {
   public:
    explicit Local(Heap& heap) : allocator_(heap.allocator_), bytes_(heap.bytes_) {}
    uint8_t* Take() { return static_cast<uint8_t*>(allocator_.allocate(bytes_)); }
    void Give(uint8_t* block) { allocator_.free(block); }

   private:
    const Allocator allocator_;
    const std::size_t bytes_;
  };

 private:
  const Allocator allocator_;
  const std::size_t bytes_;
};

// Out of a library of its own: linked to the program, mimalloc would take the place of malloc.
Allocator Load(const char* library, const char* allocate, const char* free) {
  void* const handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return {};
  return {reinterpret_cast<void* (*)(std::size_t)>(dlsym(handle, allocate)),
          reinterpret_cast<void (*)(void*)>(dlsym(handle, free))};
}

template <typename Local>
void Turn(Local& local, uint8_t** held, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    held[i] = local.Take();
    *held[i] = 1;
    benchmark::DoNotOptimize(held[i]);
  }
  benchmark::ClobberMemory();
  for (uint32_t i = 0; i < count; i++) local.Give(held[i]);
}

template <typename Source>
void Same(benchmark::State& state, Source& source) {
  const auto hold = static_cast<uint32_t>(state.range(1));
  {
    struct Other {
      explicit Other(Source& source) : local(source) {}
      typename Source::Local local;
      uint8_t* held[kMaxHold] = {};
    };
    const Companion companion([&, there = std::unique_ptr<Other>()]() mutable {
      if (there == nullptr) there = std::make_unique<Other>(source);
      for (uint32_t done = 0; done < kMaxHold; done += hold) Turn(there->local, there->held, hold);
    });
    typename Source::Local local(source);
    uint8_t* held[kMaxHold];
    for (auto _ : state) Turn(local, held, hold);
  }
  CountItems(state, hold);
}

// A ring of one reader and one writer carries blocks to the companion, which gives them back.
template <typename Source>
void Hand(benchmark::State& state, Source& source) {
  constexpr uint32_t kRing = 256;
  std::vector<std::atomic<uint8_t*>> ring(kRing);
  {
    const Companion companion(
        [&, local = std::unique_ptr<typename Source::Local>(), at = uint32_t{0}]() mutable {
          if (local == nullptr) local = std::make_unique<typename Source::Local>(source);
          std::atomic<uint8_t*>& place = ring[at % kRing];
          uint8_t* const block = place.load(std::memory_order_acquire);
          if (block == nullptr) return;
          place.store(nullptr, std::memory_order_release);
          local->Give(block);
          at++;
        });
    typename Source::Local local(source);
    uint32_t at = 0;
    for (auto _ : state) {
      uint8_t* block;
      while ((block = local.Take()) == nullptr) CpuRelax();
      *block = 1;
      std::atomic<uint8_t*>& place = ring[at++ % kRing];
      while (place.load(std::memory_order_acquire) != nullptr) CpuRelax();
      place.store(block, std::memory_order_release);
    }
    for (std::atomic<uint8_t*>& place : ring) {
      while (place.load(std::memory_order_acquire) != nullptr) CpuRelax();
    }
  }
  CountItems(state, 1);
}

void Register(const std::string& name, void (*same)(benchmark::State&, const Allocator&),
              void (*hand)(benchmark::State&, const Allocator&), const Allocator& allocator) {
  benchmark::RegisterBenchmark(("BM_Pool_" + name).c_str(), same, allocator)
      ->ArgNames({"bytes", "hold"})
      ->ArgsProduct({{64, 256, 1024, 4096}, {1, 64, 1024}})
      ->UseRealTime();
  benchmark::RegisterBenchmark(("BM_PoolHand_" + name).c_str(), hand, allocator)
      ->ArgName("bytes")
      ->Arg(64)
      ->Arg(1024)
      ->Arg(4096)
      ->UseRealTime();
}

template <typename Source>
Source Make(const Allocator& allocator, benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  if constexpr (std::is_same_v<Source, Pool>) {
    return Pool(bytes);
  } else {
    return Heap(allocator, bytes);
  }
}

template <typename Source>
void RegisterOf(const std::string& name, const Allocator& allocator) {
  if constexpr (std::is_same_v<Source, Heap>) {
    if (allocator.allocate == nullptr || allocator.free == nullptr) return;
  }
  Register(
      name,
      [](benchmark::State& state, const Allocator& used) {
        Source source = Make<Source>(used, state);
        Same(state, source);
      },
      [](benchmark::State& state, const Allocator& used) {
        Source source = Make<Source>(used, state);
        Hand(state, source);
      },
      allocator);
}

}  // namespace
}  // namespace moirai::bench

int main(int argc, char** argv) {
  using namespace moirai::bench;
  RegisterOf<Pool>("Moirai", {});
  RegisterOf<Heap>("Malloc", {std::malloc, std::free});
  RegisterOf<Heap>("Tbb", Load("libtbbmalloc.so.2", "scalable_malloc", "scalable_free"));
  RegisterOf<Heap>("Mimalloc", Load("libmimalloc.so.2", "mi_malloc", "mi_free"));
  return RunAll(argc, argv);
}
