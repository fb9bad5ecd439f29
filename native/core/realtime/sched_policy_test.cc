#include "core/realtime/sched_policy.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace moirai {
namespace {

// In a thread of its own, whose policy ends with it. Where the kernel does not grant real time at
// all, what is asserted is the refusal.
template <typename Body>
void OnThread(Body body) {
  std::thread(body).join();
}

bool Granted(int error) {
  if (error == 0) return true;
  EXPECT_EQ(error, EPERM);
  std::printf("real-time policies are not granted here: only the refusal is tested\n");
  return false;
}

TEST(SchedPolicy, FifoIsReadBackAndIsThisThreadsAlone) {
  OnThread([] {
    std::atomic<pid_t> other{0};
    std::atomic<bool> done{false};
    std::thread sibling([&] {
      other.store(static_cast<pid_t>(syscall(SYS_gettid)));
      while (!done.load()) usleep(100);
    });
    while (other.load() == 0) usleep(100);
    SchedPolicy asked;
    asked.policy = SchedPolicy::kFifo;
    asked.priority = 7;
    if (Granted(SetSchedPolicy(asked))) {
      SchedPolicy found;
      ASSERT_EQ(GetSchedPolicy(0, &found), 0);
      EXPECT_EQ(found.policy, SchedPolicy::kFifo);
      EXPECT_EQ(found.priority, 7U);
      EXPECT_TRUE(found.reset_on_fork);
      for (const pid_t thread : {other.load(), getpid()}) {
        ASSERT_EQ(GetSchedPolicy(thread, &found), 0);
        EXPECT_EQ(found.policy, SchedPolicy::kOther);
      }
      // A thread that it starts is an ordinary one.
      OnThread([] {
        SchedPolicy inherited;
        ASSERT_EQ(GetSchedPolicy(0, &inherited), 0);
        EXPECT_EQ(inherited.policy, SchedPolicy::kOther);
      });
    }
    done.store(true);
    sibling.join();
  });
}

TEST(SchedPolicy, RoundRobinHasTheMachinesSlice) {
  OnThread([] {
    SchedPolicy asked;
    asked.policy = SchedPolicy::kRoundRobin;
    asked.priority = 3;
    if (!Granted(SetSchedPolicy(asked))) return;
    uint64_t slice = 0;
    ASSERT_EQ(GetRoundRobinSlice(&slice), 0);
    EXPECT_GT(slice, 0U);
  });
}

TEST(SchedPolicy, DeadlineIsReadBackAndPinsAreInItsWay) {
  OnThread([] {
    SchedPolicy asked;
    asked.policy = SchedPolicy::kDeadline;
    asked.runtime = 1'000'000;
    asked.deadline = 5'000'000;
    asked.period = 10'000'000;
    if (!Granted(SetSchedPolicy(asked))) return;
    SchedPolicy found;
    ASSERT_EQ(GetSchedPolicy(0, &found), 0);
    EXPECT_EQ(found.policy, SchedPolicy::kDeadline);
    EXPECT_EQ(found.runtime, asked.runtime);
    EXPECT_EQ(found.deadline, asked.deadline);
    EXPECT_EQ(found.period, asked.period);
    cpu_set_t all;
    ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
    if (CPU_COUNT(&all) < 2) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    EXPECT_EQ(sched_setaffinity(0, sizeof(one), &one), -1);
    EXPECT_EQ(errno, EBUSY);
    EXPECT_EQ(SetSchedPolicy(SchedPolicy{}), 0);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(SetSchedPolicy(asked), EPERM);
  });
}

TEST(SchedPolicy, NonsenseIsRefusedAndChangesNothing) {
  OnThread([] {
    SchedPolicy asked;
    asked.policy = SchedPolicy::kFifo;
    asked.priority = 100;
    EXPECT_EQ(SetSchedPolicy(asked), EINVAL);
    asked = {};
    asked.policy = SchedPolicy::kDeadline;
    asked.runtime = 2'000'000;
    asked.deadline = asked.period = 1'000'000;
    EXPECT_EQ(SetSchedPolicy(asked), EINVAL);
    SchedPolicy found;
    ASSERT_EQ(GetSchedPolicy(0, &found), 0);
    EXPECT_EQ(found.policy, SchedPolicy::kOther);
  });
}

TEST(SchedPolicy, AThreadThatIsNotThere) {
  SchedPolicy found;
  EXPECT_EQ(GetSchedPolicy(0x3fffffff, &found), ESRCH);
}

}  // namespace
}  // namespace moirai
