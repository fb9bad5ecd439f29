// Nothing is lost under contention, nobody starves, and what a dead owner leaves is found.
#include "core/sync/mutex_word.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <thread>
#include <vector>

namespace moirai {
namespace {

constexpr uint64_t kForEver = 60'000'000'000;

// A thread's entry in the table of this process.
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

LockResult Lock(MutexWord& mutex, LifeId self, uint64_t limit = kForEver) {
  PlainWaiter waiter;
  return mutex.LockFor(self, limit, waiter);
}

TEST(MutexWord, LetsOneInAtATime) {
  constexpr uint32_t kThreads = 4;
  constexpr uint32_t kRounds = 20'000;
  MutexMemory memory{};
  uint64_t count = 0;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; t++) {
    threads.emplace_back([&] {
      const Life life;
      MutexWord mutex(memory, LifeTable::Process());
      for (uint32_t i = 0; i < kRounds; i++) {
        if (!mutex.TryLock(life.id())) {
          ASSERT_EQ(Lock(mutex, life.id()), LockResult::kLocked);
        }
        // Held across a switch of threads now and then: the others go to sleep.
        if (++count % 256 == 0) std::this_thread::yield();
        ASSERT_TRUE(mutex.Unlock(life.id()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, uint64_t{kThreads} * kRounds);
  EXPECT_EQ(memory.word.load() & kLifeIdMask, 0U);
  EXPECT_EQ(memory.heir.load(), 0U);
}

TEST(MutexWord, AWaiterGetsItFromOneThatTakesItAgainAndAgain) {
  MutexMemory memory{};
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> held{0};
  std::thread greedy([&] {
    const Life life;
    MutexWord mutex(memory, LifeTable::Process());
    while (!stop.load()) {
      if (!mutex.TryLock(life.id())) Lock(mutex, life.id());
      held.fetch_add(1);
      // Longer than a waiter spins, and free for an instant only.
      const uint64_t until = NowNs() + 200'000;
      while (NowNs() < until) CpuRelax();
      mutex.Unlock(life.id());
    }
  });
  while (held.load() == 0) std::this_thread::yield();
  const Life life;
  MutexWord mutex(memory, LifeTable::Process());
  for (int i = 0; i < 20; i++) {
    ASSERT_EQ(Lock(mutex, life.id()), LockResult::kLocked);
    mutex.Unlock(life.id());
  }
  stop.store(true);
  greedy.join();
}

TEST(MutexWord, AWaitThatEndsLeavesNoHeir) {
  MutexMemory memory{};
  const Life life;
  MutexWord mutex(memory, LifeTable::Process());
  ASSERT_TRUE(mutex.TryLock(life.id()));
  std::thread other([&] {
    const Life second;
    MutexWord view(memory, LifeTable::Process());
    EXPECT_EQ(Lock(view, second.id(), 2'000'000), LockResult::kTimedOut);
    EXPECT_FALSE(view.Unlock(second.id()));
  });
  other.join();
  EXPECT_EQ(memory.heir.load(), 0U);
  EXPECT_EQ(mutex.Owner(), life.id());
  EXPECT_TRUE(mutex.Unlock(life.id()));
  EXPECT_EQ(memory.word.load(), 0U);
}

// Waits that end just when the lock is handed over either have it or do not.
TEST(MutexWord, AnHeirThatGivesUpMeetsTheHandOver) {
  MutexMemory memory{};
  std::atomic<bool> stop{false};
  std::atomic<bool> began{false};
  std::atomic<bool> inside{false};
  std::thread owner([&] {
    const Life life;
    MutexWord mutex(memory, LifeTable::Process());
    while (!stop.load()) {
      ASSERT_EQ(Lock(mutex, life.id()), LockResult::kLocked);
      EXPECT_FALSE(inside.exchange(true));
      began.store(true);
      const uint64_t until = NowNs() + 600'000;
      while (NowNs() < until) CpuRelax();
      inside.store(false);
      mutex.Unlock(life.id());
    }
  });
  const Life life;
  MutexWord mutex(memory, LifeTable::Process());
  while (!began.load()) std::this_thread::yield();
  for (uint64_t i = 0; i < 100; i++) {
    if (Lock(mutex, life.id(), 500'000 + i * 5'000) != LockResult::kLocked) continue;
    EXPECT_FALSE(inside.exchange(true));
    inside.store(false);
    ASSERT_TRUE(mutex.Unlock(life.id()));
  }
  stop.store(true);
  owner.join();
  EXPECT_EQ(memory.word.load(), 0U);
  EXPECT_EQ(memory.heir.load(), 0U);
}

// One that is stopped for long between seeing the heir and handing over, step by step.
TEST(MutexWord, AnHeirDoesNotWaitForOneThatIsStoppedWhileItHandsOver) {
  MutexMemory memory{};
  const Life giver;
  LifeId gone = 0;
  bool heir = false;
  LockResult result;
  uint32_t bell;
  MutexWord mutex(memory, LifeTable::Process());
  ASSERT_TRUE(mutex.TryLock(giver.id()));
  const Life second;
  EXPECT_FALSE(mutex.TryOrListen(second.id(), true, &heir, &result, &bell));
  ASSERT_EQ(memory.heir.load(), second.id());
  gone = memory.heir.load();  // the giver has seen it, and stops
  EXPECT_FALSE(mutex.StopListening(second.id(), heir));
  EXPECT_EQ(Lock(mutex, second.id(), 600'000), LockResult::kTimedOut);
  EXPECT_EQ(memory.heir.load(), 0U);
  // It goes on: nobody waits for what it gives.
  memory.word.store(gone | MutexMemory::kGiven | MutexMemory::kWaiters);
  EXPECT_FALSE(mutex.Unlock(second.id()));
  const Life third;
  EXPECT_EQ(Lock(mutex, third.id(), 0), LockResult::kLocked);
  EXPECT_TRUE(mutex.Unlock(third.id()));
  // Or the one that gave up comes again, and finds it.
  memory.word.store(gone | MutexMemory::kGiven | MutexMemory::kWaiters);
  EXPECT_TRUE(mutex.StopListening(second.id(), false));
  EXPECT_TRUE(mutex.Unlock(second.id()));
  EXPECT_EQ(memory.word.load(), 0U);
  // What an heir that waits was given is not taken by others.
  memory.heir.store(gone);
  memory.word.store(gone | MutexMemory::kGiven | MutexMemory::kWaiters);
  EXPECT_EQ(Lock(mutex, third.id(), 0), LockResult::kTimedOut);
  heir = true;
  EXPECT_TRUE(mutex.TryOrListen(second.id(), true, &heir, &result, &bell));
  EXPECT_EQ(result, LockResult::kLocked);
  EXPECT_FALSE(heir);
}

TEST(MutexWord, WhatADeadOwnerHeldIsRefused) {
  MutexMemory memory{};
  std::thread([&] {
    const Life life;
    MutexWord(memory, LifeTable::Process()).TryLock(life.id());
  }).join();
  const Life life;  // the same entry, another generation
  MutexWord mutex(memory, LifeTable::Process());
  EXPECT_EQ(Lock(mutex, life.id()), LockResult::kRefused);
}

TEST(MutexWord, RobustIsHadFromADeadOwnerAndGivenUpUnlessSetRight) {
  MutexMemory memory{};
  memory.flags = MutexMemory::kRobust;
  const auto die = [&] {
    std::thread([&] {
      const Life life;
      MutexWord mutex(memory, LifeTable::Process());
      Lock(mutex, life.id());
    }).join();
  };
  const Life life;
  MutexWord mutex(memory, LifeTable::Process());
  die();
  EXPECT_EQ(Lock(mutex, life.id()), LockResult::kOwnerDied);
  mutex.MarkConsistent();
  mutex.Unlock(life.id());
  EXPECT_EQ(Lock(mutex, life.id()), LockResult::kLocked);
  mutex.Unlock(life.id());
  die();
  EXPECT_EQ(Lock(mutex, life.id()), LockResult::kOwnerDied);
  mutex.Unlock(life.id());
  EXPECT_EQ(Lock(mutex, life.id()), LockResult::kRefused);
}

TEST(MutexWord, AListenerHearsTheBell) {
  MutexMemory memory{};
  const Life life;
  MutexWord mutex(memory, LifeTable::Process());
  ASSERT_TRUE(mutex.TryLock(life.id()));
  std::atomic<bool> listening{false};
  std::thread other([&] {
    const Life second;
    MutexWord view(memory, LifeTable::Process());
    LockResult result;
    uint32_t bell;
    bool heir = false;
    memory.listeners.fetch_add(1);
    while (!view.TryOrListen(second.id(), true, &heir, &result, &bell)) {
      EXPECT_TRUE(heir);
      listening.store(true);
      FutexWait(memory.bell, bell, kForEver, false);
    }
    EXPECT_EQ(result, LockResult::kLocked);
    EXPECT_FALSE(heir);
    view.Unlock(second.id());
    // One that stops in time has nothing.
    ASSERT_TRUE(view.TryLock(second.id()));
    view.Unlock(second.id());
    EXPECT_FALSE(view.StopListening(second.id(), false));
    memory.listeners.fetch_sub(1);
  });
  while (!listening.load()) std::this_thread::yield();
  mutex.Unlock(life.id());
  other.join();
  EXPECT_EQ(memory.word.load(), 0U);
}

TEST(MutexWord, AnHeirThatDiesBeforeItLooksHasLeftNothingBehind) {
  MutexMemory memory{};
  const Life life;
  MutexWord mutex(memory, LifeTable::Process());
  ASSERT_TRUE(mutex.TryLock(life.id()));
  std::thread([&] {
    const Life second;
    LockResult result;
    uint32_t bell;
    bool heir = false;
    MutexWord view(memory, LifeTable::Process());
    EXPECT_FALSE(view.TryOrListen(second.id(), true, &heir, &result, &bell));
    EXPECT_TRUE(heir);
    mutex.Unlock(life.id());
    EXPECT_EQ(view.Owner(), second.id());
  }).join();
  EXPECT_EQ(Lock(mutex, life.id()), LockResult::kLocked);
  EXPECT_TRUE(mutex.Unlock(life.id()));
  EXPECT_TRUE(mutex.TryLock(life.id()) || Lock(mutex, life.id()) == LockResult::kLocked);
}

// A region of memory with a table, and processes that die in it.
struct Shared {
  LifeTable::Entry entries[4];
  MutexMemory memory;
  std::atomic<uint32_t> steps;
};

Shared* Map() {
  void* const memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<Shared*>(memory);
}

TEST(LifeTable, TheKernelTellsOfAProcessThatWasKilled) {
  Shared* const shared = Map();
  ASSERT_NE(shared, nullptr);
  shared->memory.flags = MutexMemory::kRobust;
  LifeTable lives(shared->entries, 4, false);
  const LifeId self = lives.Sit();
  for (int round = 0; round < 20; round++) {
    shared->steps.store(0);
    const pid_t child = fork();
    if (child == 0) {
      LifeTable own(shared->entries, 4, false);
      MutexWord mutex(shared->memory, own);
      const LifeId id = own.Sit();
      if (!mutex.TryLock(id)) _exit(1);
      shared->steps.store(id);
      for (;;) pause();
    }
    while (shared->steps.load() == 0) std::this_thread::yield();
    const LifeId id = shared->steps.load();
    EXPECT_TRUE(lives.Alive(id));
    MutexWord mutex(shared->memory, lives);
    ASSERT_EQ(Lock(mutex, self, 100'000), LockResult::kTimedOut);
    kill(child, SIGKILL);
    ASSERT_EQ(Lock(mutex, self), LockResult::kOwnerDied);
    mutex.MarkConsistent();
    mutex.Unlock(self);
    int status;
    waitpid(child, &status, 0);
    EXPECT_FALSE(lives.Alive(id));
  }
  lives.Leave(self);
  EXPECT_FALSE(lives.Alive(self));
  munmap(shared, sizeof(Shared));
}

TEST(LifeTable, AFullTableIsRefusedAndADeadEntryIsTakenAnew) {
  Shared* const shared = Map();
  ASSERT_NE(shared, nullptr);
  LifeTable lives(shared->entries, 4, false);
  LifeId ids[4];
  for (LifeId& id : ids) ASSERT_NE(id = lives.Sit(), 0U);
  EXPECT_EQ(lives.Sit(), 0U);
  // In any order: the list is libc's ring.
  for (const int i : {2, 0, 3}) lives.Leave(ids[i]);
  const LifeId again = lives.Sit();
  EXPECT_NE(again, ids[0]);
  EXPECT_TRUE(lives.Alive(again));
  EXPECT_FALSE(lives.Alive(ids[0]));
  EXPECT_TRUE(lives.Alive(ids[1]));
  lives.Leave(again);
  lives.Leave(ids[1]);
  munmap(shared, sizeof(Shared));
}

TEST(LifeTable, SharesTheListWithRobustMutexesOfLibc) {
  Shared* const shared = Map();
  ASSERT_NE(shared, nullptr);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_t before;
  pthread_mutex_t after;
  pthread_mutex_init(&before, &attributes);
  pthread_mutex_init(&after, &attributes);
  LifeTable lives(shared->entries, 4, false);
  std::atomic<LifeId> id{0};
  std::thread([&] {
    pthread_mutex_lock(&before);
    id = lives.Sit();
    const LifeId second = lives.Sit();
    pthread_mutex_lock(&after);
    pthread_mutex_unlock(&before);  // libc unlinks a neighbour of ours
    lives.Leave(second);
  }).join();
  EXPECT_FALSE(lives.Alive(id));
  EXPECT_EQ(pthread_mutex_lock(&after), EOWNERDEAD);
  pthread_mutex_consistent(&after);
  pthread_mutex_unlock(&after);
  munmap(shared, sizeof(Shared));
}

// An Unlock that looked for the heir just before it was there.
TEST(MutexWord, AnHeirSleepsOnTheWordToo) {
  MutexMemory memory{};
  const Life life;
  MutexWord mutex(memory, LifeTable::Process());
  if (FutexWaitTwo(memory.word, 1, true, memory.heir, 1, true, 0) == ENOSYS) {
    GTEST_SKIP() << "no futex_waitv(2)";
  }
  ASSERT_TRUE(mutex.TryLock(life.id()));
  std::thread heir([&] {
    const Life own;
    MutexWord same(memory, LifeTable::Process());
    EXPECT_EQ(Lock(same, own.id()), LockResult::kLocked);
    EXPECT_TRUE(same.Unlock(own.id()));
  });
  while (memory.heir.load() == 0) std::this_thread::yield();
  int woken = 0;
  for (int i = 0; i < 1'000 && woken == 0; i++) {
    usleep(1'000);
    woken = FutexWake(memory.word, 1, true);
  }
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(mutex.Unlock(life.id()));
  heir.join();
}

// Spins only once it was called.
struct LateSpinner {
  bool called = false;
  bool Spin(uint64_t) const { return called; }
  void Asleep() {}
  void Awake() { called = true; }
};

TEST(MutexWord, WhoWasCalledCallsTheOthersThatSleep) {
  MutexMemory memory{};
  const Life life;
  const Life heir;
  MutexWord mutex(memory, LifeTable::Process());
  ASSERT_TRUE(mutex.TryLock(life.id()));
  memory.heir.store(heir.id());  // so the other sleeps on the word, in long slices
  std::thread other([&] {
    const Life own;
    LateSpinner spinner;
    MutexWord same(memory, LifeTable::Process());
    EXPECT_EQ(same.LockFor(own.id(), kForEver, spinner), LockResult::kLocked);
    // There may be others, of whom only the word before has told.
    EXPECT_EQ(memory.word.load(), own.id() | MutexMemory::kWaiters);
    EXPECT_TRUE(same.Unlock(own.id()));
  });
  while ((memory.word.load() & MutexMemory::kWaiters) == 0) std::this_thread::yield();
  usleep(5'000);
  memory.heir.store(0);
  EXPECT_TRUE(mutex.Unlock(life.id()));
  other.join();
}

TEST(MutexWord, WhoGoesWithoutUnlockingHasDiedForTheOthers) {
  for (const uint32_t flags : {uint32_t{0}, MutexMemory::kRobust}) {
    MutexMemory memory{};
    memory.flags.store(flags);
    const Life life;
    MutexWord mutex(memory, LifeTable::Process());
    ASSERT_TRUE(mutex.TryLock(life.id()));
    const auto result = flags == 0 ? LockResult::kRefused : LockResult::kOwnerDied;
    std::thread waiter([&] {
      const Life own;
      MutexWord same(memory, LifeTable::Process());
      EXPECT_EQ(Lock(same, own.id()), result);
      if (flags != 0) {
        same.MarkConsistent();
        EXPECT_TRUE(same.Unlock(own.id()));
      }
    });
    while ((memory.word.load() & MutexMemory::kWaiters) == 0) std::this_thread::yield();
    mutex.Abandon(life.id());
    waiter.join();
    EXPECT_EQ(Lock(mutex, life.id()), flags == 0 ? result : LockResult::kLocked);
  }
}

}  // namespace
}  // namespace moirai
