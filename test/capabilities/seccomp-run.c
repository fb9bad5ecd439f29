// seccomp-run ACTION CALL... -- PROGRAM ARG...: runs a program under a filter that answers the named
// system calls with eperm, enosys or kill, and allows all others.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif

static const struct {
  const char* name;
  unsigned number;
} calls[] = {
    {"mbind", SYS_mbind},
    {"set_mempolicy", SYS_set_mempolicy},
    {"get_mempolicy", SYS_get_mempolicy},
    {"move_pages", SYS_move_pages},
    {"migrate_pages", SYS_migrate_pages},
    {"sched_setscheduler", SYS_sched_setscheduler},
    {"sched_setattr", SYS_sched_setattr},
    {"sched_setaffinity", SYS_sched_setaffinity},
    {"membarrier", SYS_membarrier},
    {"memfd_create", SYS_memfd_create},
    {"mlock", SYS_mlock},
};

int main(int argc, char** argv) {
  unsigned action = SECCOMP_RET_ERRNO | EPERM;
  if (argc > 1 && strcmp(argv[1], "enosys") == 0) action = SECCOMP_RET_ERRNO | ENOSYS;
  if (argc > 1 && strcmp(argv[1], "kill") == 0) action = SECCOMP_RET_KILL_PROCESS;
  struct sock_filter filter[64];
  unsigned short length = 0;
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                  offsetof(struct seccomp_data, nr));
  int at = 2;
  for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
      if (strcmp(calls[i].name, argv[at]) != 0) continue;
      filter[length++] =
          (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 1);
      filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
    }
  }
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {length, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("seccomp");
    return 1;
  }
  execvp(argv[at + 1], argv + at + 1);
  perror("exec");
  return 1;
}
