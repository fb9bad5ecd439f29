#include "core/capabilities/probe_process.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

namespace moirai {
namespace {

const ProbeResult& Named(const ProbeResult (&results)[kMaxProbes], const char* name) {
  for (size_t i = 0; i < kProbeCount; i++) {
    if (strcmp(kProbes[i].name, name) == 0) return results[i];
  }
  ADD_FAILURE() << "no probe " << name;
  return results[0];
}

TEST(ProbeProcessTest, EveryProbeAnswers) {
  ProbeResult results[kMaxProbes];
  ASSERT_EQ(RunProbes({0}, results), 0);
  for (size_t i = 0; i < kProbeCount; i++) {
    EXPECT_GE(results[i].error, 0) << kProbes[i].name;
    EXPECT_EQ(results[i].signal, 0) << kProbes[i].name;
  }
  EXPECT_EQ(Named(results, "futex").error, 0);
  EXPECT_EQ(Named(results, "futex").control, EINVAL);
}

TEST(ProbeProcessTest, TheCallerStaysAsItWas) {
  sigset_t before;
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  const int policy = sched_getscheduler(0);
  ProbeResult results[kMaxProbes];
  ASSERT_EQ(RunProbes({0}, results), 0);
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(memcmp(&before, &after, 8), 0);
  EXPECT_EQ(sched_getscheduler(0), policy);
}

// From here on, this process is killed for calling memfd_create.
bool KillForMemfd() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(ProbeProcessDeathTest, AKilledProbeIsOneAnswerAndTheOthersGoOn) {
  EXPECT_EXIT(
      {
        ProbeResult results[kMaxProbes];
        const bool ran = KillForMemfd() && RunProbes({0}, results) == 0;
        const bool killed =
            ran && Named(results, "memfd").signal == SIGSYS && Named(results, "memfd").error == -1;
        const bool others =
            ran && Named(results, "futex").error == 0 && Named(results, "membarrier").signal == 0;
        _exit(killed && others ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace moirai
