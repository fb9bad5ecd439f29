// Rings between two threads, each on its CPU, beside boost::lockfree and moodycamel's queues: the
// time of one message of 8 bytes through a ring of 1,024 slots, one by one and in batches of 64.
#include <benchmark/benchmark.h>
#include <concurrentqueue/concurrentqueue.h>
#include <readerwriterqueue/readerwriterqueue.h>

#include <atomic>
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "core/channel/mpmc_ring.h"
#include "core/channel/spsc_ring.h"
#include "threads.h"

namespace moirai::bench {
namespace {

constexpr uint32_t kCapacity = 1024;
constexpr uint32_t kBatch = 64;

class Spsc {
 public:
  class Sender {
   public:
    explicit Sender(Spsc& ring)
        : side_(ring.control_, ring.slots_.data(), kCapacity, sizeof(uint64_t)) {}
    bool Send(uint64_t value) {
      const SlotRun run = side_.Claim(1);
      if (run.count == 0) return false;
      std::memcpy(run.first, &value, sizeof(value));
      side_.Commit(1);
      return true;
    }
    uint32_t SendAll(const uint64_t* values, uint32_t count) {
      const SlotRun run = side_.Claim(count);
      if (run.count == 0) return 0;
      std::memcpy(run.first, values, run.count * sizeof(uint64_t));
      side_.Commit(run.count);
      return run.count;
    }

   private:
    SpscSender side_;
  };
  class Receiver {
   public:
    explicit Receiver(Spsc& ring)
        : side_(ring.control_, ring.slots_.data(), kCapacity, sizeof(uint64_t)) {}
    bool Receive(uint64_t* value) {
      const SlotRun run = side_.Peek(1);
      if (run.count == 0) return false;
      std::memcpy(value, run.first, sizeof(*value));
      side_.Release(1);
      return true;
    }
    uint32_t ReceiveAll(uint64_t* values, uint32_t count) {
      const SlotRun run = side_.Peek(count);
      if (run.count == 0) return 0;
      std::memcpy(values, run.first, run.count * sizeof(uint64_t));
      side_.Release(run.count);
      return run.count;
    }

   private:
    SpscReceiver side_;
  };

 private:
  SpscControl control_;
  std::vector<uint8_t> slots_ = std::vector<uint8_t>(kCapacity * sizeof(uint64_t));
};

class Mpmc {
 public:
  Mpmc() { Ring().Format(); }
  class Sender {
   public:
    explicit Sender(Mpmc& ring) : ring_(ring.Ring()), owner_(ring.Owner()) {}
    bool Send(uint64_t value) {
      const MpmcRing::Slot slot = ring_.Claim(owner_);
      if (slot.message == nullptr) return false;
      std::memcpy(slot.message, &value, sizeof(value));
      ring_.Commit(slot.position);
      return true;
    }

   private:
    MpmcRing ring_;
    uint32_t owner_;
  };
  class Receiver {
   public:
    explicit Receiver(Mpmc& ring) : ring_(ring.Ring()), owner_(ring.Owner()) {}
    bool Receive(uint64_t* value) {
      uint32_t freed = 0;
      const MpmcRing::Slot slot = ring_.Take(owner_, &freed);
      if (slot.message == nullptr) return false;
      std::memcpy(value, slot.message, sizeof(*value));
      ring_.Release(slot.position);
      return true;
    }

   private:
    MpmcRing ring_;
    uint32_t owner_;
  };

 private:
  MpmcRing Ring() { return {control_, slots_.data(), kCapacity, 16}; }
  uint32_t Owner() { return owners_.fetch_add(1, std::memory_order_relaxed); }
  MpmcControl control_;
  std::atomic<uint32_t> owners_{1};
  std::vector<uint8_t> slots_ = std::vector<uint8_t>(kCapacity * 16);
};

// Queues with one object for both sides.
template <typename Queue>
class Shared {
 public:
  class Sender {
   public:
    explicit Sender(Shared& shared) : queue_(shared.queue_) {}
    bool Send(uint64_t value) { return Queue::Push(queue_, value); }
    uint32_t SendAll(const uint64_t* values, uint32_t count) {
      return Queue::PushAll(queue_, values, count);
    }

   private:
    typename Queue::Type& queue_;
  };
  class Receiver {
   public:
    explicit Receiver(Shared& shared) : queue_(shared.queue_) {}
    bool Receive(uint64_t* value) { return Queue::Pop(queue_, value); }
    uint32_t ReceiveAll(uint64_t* values, uint32_t count) {
      return Queue::PopAll(queue_, values, count);
    }

   private:
    typename Queue::Type& queue_;
  };

 private:
  typename Queue::Type queue_{kCapacity};
};

struct BoostSpsc {
  using Type = boost::lockfree::spsc_queue<uint64_t>;
  static bool Push(Type& queue, uint64_t value) { return queue.push(value); }
  static bool Pop(Type& queue, uint64_t* value) { return queue.pop(*value); }
  static uint32_t PushAll(Type& queue, const uint64_t* values, uint32_t count) {
    return static_cast<uint32_t>(queue.push(values, count));
  }
  static uint32_t PopAll(Type& queue, uint64_t* values, uint32_t count) {
    return static_cast<uint32_t>(queue.pop(values, count));
  }
};
struct BoostMpmc {
  using Type = boost::lockfree::queue<uint64_t>;
  static bool Push(Type& queue, uint64_t value) { return queue.bounded_push(value); }
  static bool Pop(Type& queue, uint64_t* value) { return queue.pop(*value); }
};
struct MoodySpsc {
  using Type = moodycamel::ReaderWriterQueue<uint64_t>;
  static bool Push(Type& queue, uint64_t value) { return queue.try_enqueue(value); }
  static bool Pop(Type& queue, uint64_t* value) { return queue.try_dequeue(*value); }
};
struct MoodyMpmc {
  using Type = moodycamel::ConcurrentQueue<uint64_t>;
  static bool Push(Type& queue, uint64_t value) { return queue.try_enqueue(value); }
  static bool Pop(Type& queue, uint64_t* value) { return queue.try_dequeue(*value); }
};

// The other thread sends as fast as it can, this one receives.
template <typename Ring>
void BM_Ring_OneByOne(benchmark::State& state) {
  Ring ring;
  PinTo(ChosenCpus().main);
  const Companion companion([sender = typename Ring::Sender(ring), next = uint64_t{0}]() mutable {
    if (sender.Send(next)) next++;
  });
  typename Ring::Receiver receiver(ring);
  uint64_t value = 0;
  for (auto _ : state) {
    while (!receiver.Receive(&value)) {
    }
    benchmark::DoNotOptimize(value);
  }
  state.SetItemsProcessed(state.iterations());
}

template <typename Ring>
void BM_Ring_Batches(benchmark::State& state) {
  Ring ring;
  PinTo(ChosenCpus().main);
  const Companion companion([sender = typename Ring::Sender(ring)]() mutable {
    const uint64_t values[kBatch] = {};
    sender.SendAll(values, kBatch);
  });
  typename Ring::Receiver receiver(ring);
  uint64_t values[kBatch];
  uint64_t items = 0;
  for (auto _ : state) {
    uint32_t count = 0;
    while ((count = receiver.ReceiveAll(values, kBatch)) == 0) {
    }
    items += count;
    benchmark::DoNotOptimize(values[0]);
  }
  state.SetItemsProcessed(static_cast<int64_t>(items));
}

// Both threads send and receive in turn: two senders and two receivers on two CPUs.
template <typename Ring>
void BM_Ring_TwoAndTwo(benchmark::State& state) {
  Ring ring;
  PinTo(ChosenCpus().main);
  const auto turn = [sender = typename Ring::Sender(ring),
                     receiver = typename Ring::Receiver(ring)]() mutable {
    uint64_t value = 1;
    sender.Send(value);
    receiver.Receive(&value);
    benchmark::DoNotOptimize(value);
  };
  auto mine = turn;
  const Companion companion(turn);
  for (auto _ : state) mine();
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(BM_Ring_OneByOne<Spsc>)->Name("BM_Ring_Spsc/moirai")->UseRealTime();
BENCHMARK(BM_Ring_OneByOne<Shared<BoostSpsc>>)->Name("BM_Ring_Spsc/boost")->UseRealTime();
BENCHMARK(BM_Ring_OneByOne<Shared<MoodySpsc>>)->Name("BM_Ring_Spsc/moodycamel")->UseRealTime();
BENCHMARK(BM_Ring_Batches<Spsc>)->Name("BM_Ring_SpscBatch/moirai")->UseRealTime();
BENCHMARK(BM_Ring_Batches<Shared<BoostSpsc>>)->Name("BM_Ring_SpscBatch/boost")->UseRealTime();
BENCHMARK(BM_Ring_OneByOne<Mpmc>)->Name("BM_Ring_Mpmc1/moirai")->UseRealTime();
BENCHMARK(BM_Ring_OneByOne<Shared<BoostMpmc>>)->Name("BM_Ring_Mpmc1/boost")->UseRealTime();
BENCHMARK(BM_Ring_OneByOne<Shared<MoodyMpmc>>)->Name("BM_Ring_Mpmc1/moodycamel")->UseRealTime();
BENCHMARK(BM_Ring_TwoAndTwo<Mpmc>)->Name("BM_Ring_Mpmc2/moirai")->UseRealTime();
BENCHMARK(BM_Ring_TwoAndTwo<Shared<BoostMpmc>>)->Name("BM_Ring_Mpmc2/boost")->UseRealTime();
BENCHMARK(BM_Ring_TwoAndTwo<Shared<MoodyMpmc>>)->Name("BM_Ring_Mpmc2/moodycamel")->UseRealTime();

}  // namespace
}  // namespace moirai::bench

int main(int argc, char** argv) { return moirai::bench::RunAll(argc, argv); }
