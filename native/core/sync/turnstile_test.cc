#include "core/sync/turnstile.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/sync/shared_memory_test.h"

namespace moirai {
namespace {

using Answer = Turnstile::Answer;
using Want = Turnstile::Want;
constexpr Turnstile::Rules kLock{Turnstile::Kind::kReadWriteLock, 0, false};

// One thread's seat. Tokens other than the thread's own let one thread stand for several.
Turnstile Sit(const SharedMemory& memory, Turnstile::Rules rules,
              ThreadToken self = CurrentThreadToken()) {
  Turnstile turnstile;
  EXPECT_TRUE(turnstile.Open(memory.data(), memory.bytes(), rules));
  EXPECT_EQ(turnstile.Join(self), Answer::kGranted);
  return turnstile;
}

Answer Wait(Turnstile& turnstile) {
  while (!turnstile.IsGranted()) {
    turnstile.Audit(NowNs());
    sched_yield();
  }
  return turnstile.Collect();
}

void Take(Turnstile& turnstile, Want want, uint32_t amount) {
  // Busy is neither granted nor refused: nothing has changed, and it is asked again.
  Answer answer = Answer::kBusy;
  while (answer == Answer::kBusy) answer = turnstile.Enter(want, amount, 0);
  if (answer != Answer::kNot) return;
  while (!turnstile.IsGranted()) sched_yield();
  while (turnstile.Collect() == Answer::kBusy) continue;
}

TEST(Turnstile, CountsPermits) {
  const SharedMemory memory(Turnstile::kBytes);
  Turnstile a = Sit(memory, {Turnstile::Kind::kSemaphore, 3, false});
  EXPECT_EQ(a.Try(Want::kShared, 2, false), Answer::kGranted);
  EXPECT_EQ(a.Try(Want::kShared, 2, false), Answer::kNot);
  EXPECT_EQ(a.Count(), 1);
  EXPECT_EQ(a.Release(Want::kShared, 5), Answer::kGranted);  // more than there were
  EXPECT_EQ(a.Count(), 6);
  EXPECT_EQ(a.Release(Want::kShared, Turnstile::kMax), Answer::kTooMany);
  EXPECT_EQ(a.Count(), 6);
}

TEST(Turnstile, ServesInTheOrderOfComing) {
  const SharedMemory memory(Turnstile::kBytes);
  const Turnstile::Rules rules{Turnstile::Kind::kSemaphore, 2, false};
  Turnstile a = Sit(memory, rules);
  Turnstile b = Sit(memory, rules);
  Turnstile c = Sit(memory, rules);
  ASSERT_EQ(a.Try(Want::kShared, 2, false), Answer::kGranted);
  ASSERT_EQ(b.Enter(Want::kShared, 2, 0), Answer::kNot);
  ASSERT_EQ(c.Enter(Want::kShared, 1, 0), Answer::kNot);
  a.Release(Want::kShared, 1);
  EXPECT_FALSE(c.IsGranted());  // there is enough for it, but it came later
  EXPECT_EQ(a.Try(Want::kShared, 1, false), Answer::kNot);
  a.Release(Want::kShared, 1);
  EXPECT_TRUE(b.IsGranted());
  EXPECT_EQ(b.Collect(), Answer::kGranted);
  EXPECT_FALSE(c.IsGranted());
  b.Release(Want::kShared, 2);
  EXPECT_EQ(c.Collect(), Answer::kGranted);
}

TEST(Turnstile, OneThatGivesUpLetsTheNextGo) {
  const SharedMemory memory(Turnstile::kBytes);
  const Turnstile::Rules rules{Turnstile::Kind::kSemaphore, 1, false};
  Turnstile a = Sit(memory, rules);
  Turnstile b = Sit(memory, rules);
  ASSERT_EQ(a.Enter(Want::kShared, 2, 0), Answer::kNot);
  ASSERT_EQ(b.Enter(Want::kShared, 1, 0), Answer::kNot);
  const uint64_t ticket = a.ticket();
  EXPECT_EQ(a.Withdraw(), Answer::kNot);
  EXPECT_EQ(b.Collect(), Answer::kGranted);
  EXPECT_EQ(b.Enter(Want::kShared, 1, 0), Answer::kNot);
  // Back with its ticket it is before those who came later.
  EXPECT_EQ(a.Enter(Want::kShared, 1, ticket), Answer::kNot);
  b.Release(Want::kShared, 1);
  EXPECT_TRUE(a.IsGranted());
  EXPECT_EQ(a.Withdraw(), Answer::kGranted);  // it has it
}

TEST(Turnstile, ReadersShareAndAWriterIsAlone) {
  const SharedMemory memory(Turnstile::kBytes);
  Turnstile a = Sit(memory, kLock);
  Turnstile b = Sit(memory, kLock);
  Turnstile c = Sit(memory, kLock);
  EXPECT_EQ(a.Try(Want::kShared, 1, false), Answer::kGranted);
  EXPECT_EQ(b.Try(Want::kShared, 1, false), Answer::kGranted);
  EXPECT_EQ(c.Enter(Want::kExclusive, 1, 0), Answer::kNot);
  EXPECT_EQ(a.Try(Want::kShared, 1, false), Answer::kNot);  // behind the writer
  EXPECT_EQ(a.Try(Want::kShared, 1, true), Answer::kGranted);
  EXPECT_EQ(a.reads(), 2U);
  EXPECT_EQ(a.Release(Want::kShared, 2), Answer::kGranted);
  EXPECT_FALSE(c.IsGranted());
  EXPECT_EQ(b.Release(Want::kShared, 1), Answer::kGranted);
  EXPECT_EQ(c.Collect(), Answer::kGranted);
  EXPECT_TRUE(c.writes());
  // Both readers go when the writer has gone.
  EXPECT_EQ(a.Enter(Want::kShared, 1, 0), Answer::kNot);
  EXPECT_EQ(b.Enter(Want::kShared, 1, 0), Answer::kNot);
  EXPECT_EQ(b.Release(Want::kExclusive, 1), Answer::kNotHeld);
  EXPECT_EQ(c.Release(Want::kExclusive, 1), Answer::kGranted);
  EXPECT_EQ(a.Collect(), Answer::kGranted);
  EXPECT_EQ(b.Collect(), Answer::kGranted);
  EXPECT_EQ(a.Release(Want::kShared, 2), Answer::kNotHeld);
}

TEST(Turnstile, OneThatWaitsCanTakeSomethingElse) {
  const SharedMemory memory(Turnstile::kBytes);
  Turnstile a = Sit(memory, kLock);
  ASSERT_EQ(a.Try(Want::kShared, 1, false), Answer::kGranted);
  ASSERT_EQ(a.Enter(Want::kExclusive, 1, 0), Answer::kNot);
  ASSERT_EQ(a.Try(Want::kShared, 1, true), Answer::kGranted);
  a.Release(Want::kShared, 2);
  EXPECT_EQ(a.Collect(), Answer::kGranted);
  EXPECT_TRUE(a.writes());
}

TEST(Turnstile, KeepsWritersApartAndReadersFromThem) {
  const SharedMemory memory(Turnstile::kBytes);
  uint64_t data[2] = {};
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&, t] {
      Turnstile own = Sit(memory, kLock);
      for (int i = 0; i < 3000; i++) {
        const bool writes = (i + t) % 3 == 0;
        const Want want = writes ? Want::kExclusive : Want::kShared;
        Take(own, want, 1);
        if (writes) {
          data[0]++;
          data[1]++;
        }
        ASSERT_EQ(data[0], data[1]);
        while (own.Release(want, 1) == Answer::kBusy) continue;
      }
      own.Leave();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(data[0], 4000U);
}

TEST(Turnstile, WhatTheDeadHeldIsGivenBack) {
  const SharedMemory memory(Turnstile::kBytes);
  Turnstile own = Sit(memory, kLock);
  RunAndKill(50'000'000, [&] {
    Turnstile reader = Sit(memory, kLock);
    reader.Try(Want::kShared, 1, false);
  });
  EXPECT_EQ(own.Enter(Want::kExclusive, 1, 0), Answer::kNot);
  EXPECT_EQ(Wait(own), Answer::kGranted);  // who reads leaves nothing behind
  own.Release(Want::kExclusive, 1);
  RunAndKill(50'000'000, [&] {
    Turnstile writer = Sit(memory, kLock);
    writer.Try(Want::kExclusive, 1, false);
  });
  EXPECT_EQ(own.Enter(Want::kExclusive, 1, 0), Answer::kNot);
  EXPECT_EQ(Wait(own), Answer::kGrantedAfterDeath);
  own.Release(Want::kExclusive, 1);
  EXPECT_EQ(own.Try(Want::kExclusive, 1, false), Answer::kGrantedAfterDeath);
  EXPECT_EQ(own.MarkConsistent(), Answer::kGranted);
  own.Release(Want::kExclusive, 1);
  EXPECT_EQ(own.Try(Want::kShared, 1, false), Answer::kGranted);
}

TEST(Turnstile, OwnedPermitsComeBackAndOthersDoNot) {
  for (const bool owned : {false, true}) {
    const SharedMemory memory(Turnstile::kBytes);
    const Turnstile::Rules rules{Turnstile::Kind::kSemaphore, 2, owned};
    Turnstile own = Sit(memory, rules);
    RunAndKill(50'000'000, [&] {
      Turnstile other = Sit(memory, rules);
      other.Try(Want::kShared, 2, false);
    });
    own.Audit(NowNs() + 2 * Turnstile::kAuditNs);
    EXPECT_EQ(own.Count(), owned ? 2 : 0);
    EXPECT_EQ(own.Release(Want::kShared, 1), owned ? Answer::kNotHeld : Answer::kGranted);
  }
}

// Processes take and give back and wait, and are killed at any instant. Afterwards everything is
// there: no permit lost, none made.
TEST(Turnstile, IsWholeAfterThreadsWereKilledAtAnyInstant) {
  const auto seed = std::random_device{}();
  printf("seed %u\n", seed);
  std::mt19937 random(seed);
  const SharedMemory memory(Turnstile::kBytes);
  const Turnstile::Rules rules{Turnstile::Kind::kSemaphore, 3, true};
  Turnstile own = Sit(memory, rules);
  const auto work = [&](uint32_t own_seed) {
    std::mt19937 mine(own_seed);
    Turnstile other = Sit(memory, rules);
    for (;;) {
      const uint32_t amount = 1 + mine() % 3;
      if (other.Enter(Want::kShared, amount, 0) == Answer::kNot) {
        if (mine() % 4 != 0) {
          Wait(other);
        } else if (other.Withdraw() == Answer::kNot) {
          continue;
        }
      }
      other.Release(Want::kShared, amount);
    }
  };
  for (int i = 0; i < 60; i++) {
    const pid_t beside = fork();
    if (beside == 0) work(i);
    RunAndKill(random() % 1'500'000, [&] { work(i + 1000); });
    kill(beside, SIGKILL);
    ASSERT_EQ(waitpid(beside, nullptr, 0), beside);
    own.Audit(NowNs() + (i + 2) * Turnstile::kAuditNs);
    ASSERT_EQ(own.Count(), 3) << "kill " << i;
    ASSERT_EQ(own.Waiting(), 0U);
    ASSERT_EQ(own.Try(Want::kShared, 3, false), Answer::kGranted);
    ASSERT_EQ(own.Release(Want::kShared, 3), Answer::kGranted);
  }
}

TEST(Turnstile, SurvivesNonsenseInItsMemory) {
  const auto seed = std::random_device{}();
  printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; round++) {
    const SharedMemory memory(Turnstile::kBytes);
    Turnstile a = Sit(memory, kLock);
    for (int i = 0; i < 30; i++) {
      memory.data()[random() % (random() % 2 == 0 ? 256 : memory.bytes())] =
          static_cast<uint8_t>(random());
    }
    a.Try(Want::kShared, 1, false);
    a.Enter(Want::kExclusive, 1, 0);
    a.Audit(NowNs());
    a.Collect();
    a.Release(Want::kExclusive, 1);
    a.Withdraw();
    a.Leave();
  }
}

}  // namespace
}  // namespace moirai
