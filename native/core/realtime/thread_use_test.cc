#include "core/realtime/thread_use.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

#include "core/base/clock.h"

namespace moirai {
namespace {

TEST(ThreadUse, ASleepEndsNotBeforeItsTime) {
  const uint64_t until = NowNs() + 2'000'000;
  SleepUntil(until);
  EXPECT_GE(NowNs(), until);
  SleepUntil(1);  // long ago
}

TEST(ThreadUse, ASpinEndsNotBeforeItsTime) {
  const uint64_t until = NowNs() + 200'000;
  SpinUntil(until);
  EXPECT_GE(NowNs(), until);
  SpinUntil(1);  // long ago
}

TEST(ThreadUse, TimerSlackIsThisThreads) {
  const uint64_t before = GetTimerSlack();
  std::thread([before] {
    ASSERT_EQ(SetTimerSlack(before + 1), 0);
    EXPECT_EQ(GetTimerSlack(), before + 1);
  }).join();
  EXPECT_EQ(GetTimerSlack(), before);
}

TEST(ThreadUse, CpuTimeGrowsByWhatWasUsed) {
  const RealtimeUse before = UseOfThisThread();
  volatile uint64_t sum = 0;
  // Far less than a timer tick of the kernel's, after which a coarser count would not have moved.
  for (int round = 0; round < 20; round++) {
    const uint64_t last = UseOfThisThread().cpu_ns;
    for (uint64_t i = 0; i < 10'000; i++) sum = sum + i;
    EXPECT_GT(UseOfThisThread().cpu_ns, last);
  }
  EXPECT_GT(UseOfThisThread().cpu_ns, before.cpu_ns);
}

TEST(ThreadUse, AStackIsLockedAndUnlocked) {
  std::thread([] {
    void* from = nullptr;
    constexpr size_t kBytes = size_t{64} * 1024;
    const int error = LockStack(kBytes, &from);
    if (error != 0) {
      EXPECT_TRUE(error == EPERM || error == ENOMEM) << error;
      std::printf("this much may not be locked here: only the refusal is tested\n");
      return;
    }
    EXPECT_NE(from, nullptr);
    UnlockStack(from, kBytes);
  }).join();
}

}  // namespace
}  // namespace moirai
