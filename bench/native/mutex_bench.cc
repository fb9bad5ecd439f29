// What a lock and an unlock cost beside std::mutex and glibc's robust and priority-inheriting ones.
//
// Alone: one thread takes and gives. Contended: two threads, each on its own CPU, do the same as
// fast as they can: a critical section of `inside` additions, and `outside` of their own in
// between. An item is one critical section of either thread. `share`: of the measured thread, 0.5
// is fair. `longest_us`: its longest wait for the lock, in a run of its own, as reading the clock
// costs.
#include <benchmark/benchmark.h>
#include <pthread.h>

#include <cstdint>
#include <mutex>

#include "core/sync/mutex_word.h"
#include "core/sync/pi_mutex.h"
#include "threads.h"

namespace moirai::bench {
namespace {

LifeId OwnLife() {
  thread_local const LifeId id = LifeTable::Process().Sit();
  return id;
}

class Moirai {
 public:
  void Lock() {
    const LifeId self = OwnLife();
    if (!mutex_.TryLock(self)) {
      PlainWaiter waiter;
      mutex_.LockFor(self, UINT64_MAX / 4, waiter);
    }
  }
  void Unlock() { mutex_.Unlock(OwnLife()); }

 private:
  MutexMemory memory_{};
  MutexWord mutex_{memory_, LifeTable::Process()};
};

class MoiraiInheriting {
 public:
  void Lock() {
    if (!mutex_.TryLock(Tid())) mutex_.LockFor(Tid(), 3'600'000'000'000);
  }
  void Unlock() { mutex_.Unlock(Tid()); }

 private:
  static uint32_t Tid() {
    thread_local const auto tid = static_cast<uint32_t>(syscall(SYS_gettid));
    return tid;
  }
  MutexMemory memory_{};
  PiMutex mutex_{memory_, LifeTable::Process()};
};

class Standard {
 public:
  void Lock() { mutex_.lock(); }
  void Unlock() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

template <int kRobust, int kProtocol>
class Posix {
 public:
  Posix() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, kRobust);
    pthread_mutexattr_setprotocol(&attributes, kProtocol);
    pthread_mutex_init(&mutex_, &attributes);
  }
  Posix(const Posix&) = delete;
  Posix& operator=(const Posix&) = delete;
  ~Posix() { pthread_mutex_destroy(&mutex_); }
  void Lock() { pthread_mutex_lock(&mutex_); }
  void Unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_;
};
using PosixRobust = Posix<PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE>;
using PosixInheriting = Posix<PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT>;

template <typename Mutex>
void BM_Mutex_Alone(benchmark::State& state) {
  Mutex mutex;
  for ([[maybe_unused]] auto _ : state) {
    mutex.Lock();
    mutex.Unlock();
  }
  CountItems(state, 1);
}

void Work(int64_t steps) {
  for (int64_t i = 0; i < steps; i++) benchmark::DoNotOptimize(i);
}

template <typename Mutex>
struct Contest {
  alignas(kFalseSharingBytes) Mutex mutex;
  alignas(kFalseSharingBytes) uint64_t count = 0;  // under the mutex
  alignas(kFalseSharingBytes) std::atomic<uint64_t> others{0};

  void Turn(int64_t inside, int64_t outside) {
    mutex.Lock();
    count++;
    Work(inside);
    mutex.Unlock();
    Work(outside);
  }
};

template <typename Mutex, bool kClock>
void BM_Contend(benchmark::State& state) {
  Contest<Mutex> contest;
  const int64_t inside = state.range(0);
  const int64_t outside = state.range(1);
  uint64_t longest = 0;
  uint64_t others = 0;
  {
    const Companion companion([&] {
      contest.Turn(inside, outside);
      contest.others.store(contest.others.load(std::memory_order_relaxed) + 1,
                           std::memory_order_relaxed);
    });
    const uint64_t before = contest.others.load(std::memory_order_relaxed);
    for ([[maybe_unused]] auto _ : state) {
      if constexpr (kClock) {
        const uint64_t start = NowNs();
        contest.mutex.Lock();
        const uint64_t waited = NowNs() - start;
        if (waited > longest) longest = waited;
        contest.count++;
        Work(inside);
        contest.mutex.Unlock();
        Work(outside);
      } else {
        contest.Turn(inside, outside);
      }
    }
    others = contest.others.load(std::memory_order_relaxed) - before;
  }
  const auto own = static_cast<uint64_t>(state.iterations());
  state.SetItemsProcessed(static_cast<int64_t>(own + others));
  state.counters["share"] = static_cast<double>(own) / static_cast<double>(own + others);
  if constexpr (kClock) state.counters["longest_us"] = static_cast<double>(longest) / 1000;
}

template <typename Mutex>
void BM_Mutex_Contended(benchmark::State& state) {
  BM_Contend<Mutex, false>(state);
}
template <typename Mutex>
void BM_Mutex_Waits(benchmark::State& state) {
  BM_Contend<Mutex, true>(state);
}

BENCHMARK(BM_Mutex_Alone<Moirai>);
BENCHMARK(BM_Mutex_Alone<Standard>);
BENCHMARK(BM_Mutex_Alone<PosixRobust>);
BENCHMARK(BM_Mutex_Alone<MoiraiInheriting>);
BENCHMARK(BM_Mutex_Alone<PosixInheriting>);

// Wall time: a thread that sleeps for the lock has waited all the same.
void Cases(benchmark::internal::Benchmark* bench) {
  bench->Args({0, 0})->Args({50, 50})->Args({500, 500})->UseRealTime();
}
BENCHMARK(BM_Mutex_Contended<Moirai>)->Apply(Cases);
BENCHMARK(BM_Mutex_Contended<Standard>)->Apply(Cases);
BENCHMARK(BM_Mutex_Waits<Moirai>)->Apply(Cases);
BENCHMARK(BM_Mutex_Waits<Standard>)->Apply(Cases);

}  // namespace
}  // namespace moirai::bench

int main(int argc, char** argv) {
  // glibc's mutexes leave out their atomic operations until a process has had a second thread.
  std::thread([] {}).join();
  return moirai::bench::RunAll(argc, argv);
}
