#include "core/sync/thread_token.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "core/sync/robust_guard.h"
#include "core/sync/shared_memory_test.h"

namespace moirai {
namespace {

TEST(ThreadToken, IsTheSameForOneThreadAndAnotherForEachOther) {
  const ThreadToken own = CurrentThreadToken();
  EXPECT_EQ(own, CurrentThreadToken());
  ThreadToken other = 0;
  std::thread([&] { other = CurrentThreadToken(); }).join();
  EXPECT_NE(own, other);
}

TEST(ThreadToken, LivesAsLongAsItsThread) {
  EXPECT_TRUE(IsThreadAlive(CurrentThreadToken()));
  ThreadToken other = 0;
  bool alive = false;
  std::thread([&] {
    other = CurrentThreadToken();
    alive = IsThreadAlive(other);
  }).join();
  EXPECT_TRUE(alive);
  // join returns when the kernel has cleared the id, a moment before the thread is gone.
  while (IsThreadAlive(other)) usleep(100);
}

TEST(ThreadToken, OfAKilledProcessThatNobodyHasWaitedForIsDead) {
  const SharedMemory memory(4096);
  auto* const token = reinterpret_cast<std::atomic<uint64_t>*>(memory.data());
  const pid_t child = fork();
  if (child == 0) {
    token->store(CurrentThreadToken());
    for (;;) pause();
  }
  while (token->load() == 0) usleep(100);
  EXPECT_TRUE(IsThreadAlive(token->load()));
  kill(child, SIGKILL);
  while (IsThreadAlive(token->load())) usleep(100);
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(IsThreadAlive(token->load()));
}

TEST(ThreadToken, NonsenseIsNobody) {
  EXPECT_FALSE(IsThreadAlive(0));
  EXPECT_FALSE(IsThreadAlive(~ThreadToken{0}));
  // Ids without a time, among them those of the kernel's own threads.
  for (ThreadToken id = 1; id < 256; id++) EXPECT_FALSE(IsThreadAlive(id));
  EXPECT_FALSE(IsThreadAlive(static_cast<ThreadToken>(gettid())));
  // The id is taken, by a thread that began at another time.
  EXPECT_FALSE(IsThreadAlive(CurrentThreadToken() ^ ThreadToken{1} << 40));
}

TEST(ThreadToken, OfAThreadThatCouldNotReadItsTimeIsAlive) {
  // No descriptor was left, say.
  EXPECT_TRUE(IsThreadAlive(ThreadToken{kTimeUnknown} << 32 | static_cast<uint32_t>(gettid())));
}

TEST(RobustGuard, LetsOneIn) {
  const SharedMemory memory(4096);
  auto* const guard = reinterpret_cast<RobustGuard*>(memory.data());
  uint64_t count = 0;
  const auto work = [&] {
    const ThreadToken self = CurrentThreadToken();
    for (int i = 0; i < 20'000; i++) {
      while (guard->Lock(self) == RobustGuard::Taken::kBusy) continue;
      count++;
      guard->Unlock();
    }
  };
  std::thread a(work);
  std::thread b(work);
  a.join();
  b.join();
  EXPECT_EQ(count, 40'000U);
}

TEST(RobustGuard, TellsTheNextThatItsOwnerWasKilled) {
  const SharedMemory memory(4096);
  auto* const guard = reinterpret_cast<RobustGuard*>(memory.data());
  const pid_t child = fork();
  if (child == 0) {
    guard->Lock(CurrentThreadToken());
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  const ThreadToken self = CurrentThreadToken();
  EXPECT_FALSE(guard->TryLock(self));
  EXPECT_EQ(guard->Lock(self), RobustGuard::Taken::kAfterDeath);
  guard->Unlock();
  EXPECT_EQ(guard->Lock(self), RobustGuard::Taken::kYes);
  guard->Unlock();
}

TEST(RobustGuard, DoesNotWaitForeverForOneThatLives) {
  const SharedMemory memory(4096);
  auto* const guard = reinterpret_cast<RobustGuard*>(memory.data());
  ASSERT_EQ(guard->Lock(CurrentThreadToken()), RobustGuard::Taken::kYes);
  std::thread([&] {
    EXPECT_EQ(guard->Lock(CurrentThreadToken()), RobustGuard::Taken::kBusy);
  }).join();
  guard->Unlock();
}

}  // namespace
}  // namespace moirai
