// Priority inheritance: the classic inversion is resolved, and what the kernel says of dead owners
// and circles arrives.
#include "core/sync/pi_mutex.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <semaphore.h>

#include <functional>
#include <thread>
#include <vector>

namespace moirai {
namespace {

constexpr uint64_t kForEver = 60'000'000'000;

uint32_t ThreadId() { return static_cast<uint32_t>(syscall(SYS_gettid)); }
int Code(LockResult result) { return static_cast<int>(result); }

class Life {
 public:
  Life() : id_(LifeTable::Process().Sit()) {}
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;
  ~Life() { LifeTable::Process().Leave(id_); }
  LifeId id() const { return id_; }

 private:
  const LifeId id_;
};

TEST(PiMutex, LetsOneInAtATime) {
  constexpr uint32_t kThreads = 3;
  constexpr uint32_t kRounds = 5'000;
  MutexMemory memory{};
  std::atomic<uint64_t> count{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; t++) {
    threads.emplace_back([&] {
      const Life life;
      PiMutex mutex(memory, LifeTable::Process());
      const uint32_t tid = ThreadId();
      for (uint32_t i = 0; i < kRounds; i++) {
        if (!mutex.TryLock(tid)) {
          ASSERT_EQ(mutex.LockFor(tid, kForEver), Code(LockResult::kLocked));
        }
        // Not an addition in one step: it would be lost without the lock.
        const uint64_t seen = count.load(std::memory_order_relaxed);
        if (i % 64 == 0) std::this_thread::yield();
        count.store(seen + 1, std::memory_order_relaxed);
        ASSERT_EQ(mutex.Unlock(tid), 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, uint64_t{kThreads} * kRounds);
}

TEST(PiMutex, ADeadOwnerIsFoundWithAndWithoutWaiters) {
  for (const bool waits : {false, true}) {
    MutexMemory memory{};
    memory.flags = MutexMemory::kRobust;
    PiMutex mutex(memory, LifeTable::Process());
    std::atomic<bool> held{false};
    std::atomic<bool> end{!waits};
    std::thread owner([&] {
      const Life life;
      mutex.TryLock(ThreadId());
      held.store(true);
      while (!end.load()) std::this_thread::yield();
    });
    while (!held.load()) std::this_thread::yield();
    const Life life;
    const uint32_t tid = ThreadId();
    if (waits) {
      EXPECT_EQ(mutex.LockFor(tid, 1'000'000), Code(LockResult::kTimedOut));
      EXPECT_EQ(mutex.Unlock(tid), EPERM);
      end.store(true);
    } else {
      owner.join();
    }
    EXPECT_EQ(mutex.LockFor(tid, kForEver), Code(LockResult::kOwnerDied));
    if (waits) owner.join();
    EXPECT_EQ(mutex.Unlock(tid), 0);  // without having set it right
    EXPECT_EQ(mutex.LockFor(tid, kForEver), Code(LockResult::kRefused));
  }
}

TEST(PiMutex, TryingFindsADeadOwnerWhomSomebodyHadWaitedFor) {
  MutexMemory memory{};
  memory.flags = MutexMemory::kRobust;
  PiMutex mutex(memory, LifeTable::Process());
  std::atomic<bool> held{false};
  std::atomic<bool> end{false};
  std::thread owner([&] {
    const Life life;
    mutex.TryLock(ThreadId());
    held.store(true);
    while (!end.load()) std::this_thread::yield();
  });
  while (!held.load()) std::this_thread::yield();
  const Life life;
  const uint32_t tid = ThreadId();
  EXPECT_EQ(mutex.LockFor(tid, 1'000'000), Code(LockResult::kTimedOut));
  EXPECT_EQ(mutex.LockFor(tid, 0), Code(LockResult::kTimedOut));
  end.store(true);
  owner.join();
  ASSERT_NE(memory.word.load() & FUTEX_WAITERS, 0U);
  EXPECT_EQ(mutex.LockFor(tid, 0), Code(LockResult::kOwnerDied));
}

TEST(PiMutex, ACircleOfOwnersIsRefusedByTheKernel) {
  MutexMemory memory[2] = {};
  const Life life;
  const uint32_t tid = ThreadId();
  PiMutex first(memory[0], LifeTable::Process());
  PiMutex second(memory[1], LifeTable::Process());
  ASSERT_TRUE(first.TryLock(tid));
  std::atomic<bool> held{false};
  std::atomic<int> other{0};
  std::thread thread([&] {
    const Life own;
    const uint32_t id = ThreadId();
    second.TryLock(id);
    held.store(true);
    other.store(first.LockFor(id, kForEver));
    if (other.load() == Code(LockResult::kLocked)) first.Unlock(id);
    second.Unlock(id);
  });
  while (!held.load()) std::this_thread::yield();
  // One of the two closes the circle.
  const int own = second.LockFor(tid, kForEver);
  if (own == Code(LockResult::kLocked)) second.Unlock(tid);
  first.Unlock(tid);
  thread.join();
  EXPECT_EQ(own == -EDEADLK || other == -EDEADLK, true);
}

// Three threads of fixed priority on one CPU: the low one holds the lock, the high one waits for
// it, and the middle one, which needs no lock, is ready for as long as it likes.
class Inversion {
 public:
  // Whether the high one had the lock before the middle one was done; -1: not permitted.
  int Run(const std::function<void()>& lock, const std::function<void()>& unlock) {
    sem_init(&middle_ready_, 0, 0);
    sem_init(&held_, 0, 0);
    sem_init(&high_waits_, 0, 0);
    std::atomic<bool> permitted{true};
    std::atomic<bool> high_done{false};
    std::atomic<bool> high_came_first{false};
    const auto become = [&](int priority) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(0, &one);
      sched_param parameters{};
      parameters.sched_priority = priority;
      if (sched_setaffinity(0, sizeof(one), &one) != 0 ||
          pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters) != 0) {
        permitted.store(false);
      }
    };
    std::thread middle([&] {
      become(20);
      sem_post(&middle_ready_);
      sem_wait(&high_waits_);
      // As long as it has to be, so that without inheritance the low one cannot run.
      const uint64_t until = NowNs() + 100'000'000;
      while (!high_done.load() && NowNs() < until) CpuRelax();
      high_came_first.store(high_done.load());
    });
    std::thread low([&] {
      become(10);
      sem_wait(&middle_ready_);
      lock();
      sem_post(&held_);
      sem_wait(&high_waits_);
      unlock();
    });
    std::thread high([&] {
      become(30);
      sem_wait(&held_);
      sem_post(&high_waits_);  // both are ready now, and neither runs before this one waits
      sem_post(&high_waits_);
      lock();
      high_done.store(true);
      unlock();
    });
    middle.join();
    low.join();
    high.join();
    if (!permitted.load()) return -1;
    return high_came_first.load() ? 1 : 0;
  }

 private:
  sem_t middle_ready_;
  sem_t held_;
  sem_t high_waits_;
};

TEST(PiMutex, PriorityInversionIsResolved) {
  MutexMemory memory{};
  const auto with_life = [&](const std::function<void(LifeId)>& act) {
    thread_local const Life life;
    act(life.id());
  };
  PiMutex inheriting(memory, LifeTable::Process());
  const int with =
      Inversion().Run([&] { with_life([&](LifeId) { inheriting.LockFor(ThreadId(), kForEver); }); },
                      [&] { inheriting.Unlock(ThreadId()); });
  if (with < 0) GTEST_SKIP() << "SCHED_FIFO is not permitted here";
  EXPECT_EQ(with, 1);

  // The same without: the test would notice.
  MutexMemory plain_memory{};
  MutexWord plain(plain_memory, LifeTable::Process());
  const int without = Inversion().Run(
      [&] {
        with_life([&](LifeId id) {
          PlainWaiter waiter;
          plain.LockFor(id, kForEver, waiter);
        });
      },
      [&] { with_life([&](LifeId id) { plain.Unlock(id); }); });
  EXPECT_EQ(without, 0);
}

}  // namespace
}  // namespace moirai
