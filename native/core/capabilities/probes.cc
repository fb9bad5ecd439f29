#include "core/capabilities/probes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "core/affinity/affinity.h"

// Younger than the oldest headers this is built with.
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef O_TMPFILE
#define O_TMPFILE (020000000 | O_DIRECTORY)
#endif

namespace moirai {
namespace {

constexpr size_t kPage = 65536;  // A multiple of every base page size Linux has.
constexpr long kHugePage = 2 << 20;
constexpr unsigned long kMaxNode = 1024 + 1;  // The kernel reads one bit less than it is told.

constexpr int kPolicyPreferred = 1;
constexpr int kPolicyBind = 2;
constexpr int kPolicyPreferredMany = 5;
constexpr int kPolicyWeightedInterleave = 6;
constexpr unsigned kMovePages = 1 << 1;

int Errno(long returned) { return returned < 0 ? errno : 0; }

void* Map(size_t bytes, int flags = 0) {
  return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

struct NodeMask {
  unsigned long words[1024 / (8 * sizeof(unsigned long))] = {};

  explicit NodeMask(unsigned node) {
    constexpr unsigned kBits = 8 * sizeof(unsigned long);
    if (node < 1024) words[node / kBits] |= 1UL << (node % kBits);
  }
};

// --- affinity and position

void ProbeAffinity(const ProbeContext&, ProbeResult* result) {
  result->control = Errno(syscall(SYS_sched_setaffinity, 0, sizeof(long), nullptr));
  CpuSet own;
  result->error = GetAffinity(0, &own);
  if (result->error == 0) result->error = SetAffinity(own);
}

void ProbeGetcpu(const ProbeContext&, ProbeResult* result) {
  unsigned cpu = 0;
  unsigned node = 0;
  result->error = Errno(syscall(SYS_getcpu, &cpu, &node, nullptr));
}

// --- memory policies

void ProbeSetMempolicy(const ProbeContext& context, ProbeResult* result) {
  result->control = Errno(syscall(SYS_set_mempolicy, 999, nullptr, 0));
  const NodeMask mask(context.node);
  result->error = Errno(syscall(SYS_set_mempolicy, kPolicyPreferred, mask.words, kMaxNode));
}

void ProbeGetMempolicy(const ProbeContext&, ProbeResult* result) {
  int mode = 0;
  result->control = Errno(syscall(SYS_get_mempolicy, &mode, nullptr, 0, nullptr, ~0UL));
  result->error = Errno(syscall(SYS_get_mempolicy, &mode, nullptr, 0, nullptr, 0UL));
}

void ProbeMbindMode(int mode, const ProbeContext& context, ProbeResult* result) {
  char* range = static_cast<char*>(Map(kPage));
  result->control = Errno(syscall(SYS_mbind, range + 1, kPage, kPolicyBind, nullptr, 0, 0));
  const NodeMask mask(context.node);
  result->error = Errno(syscall(SYS_mbind, range, kPage, mode, mask.words, kMaxNode, 0));
}

void ProbeMbind(const ProbeContext& context, ProbeResult* result) {
  ProbeMbindMode(kPolicyBind, context, result);
}
void ProbePreferredMany(const ProbeContext& context, ProbeResult* result) {
  ProbeMbindMode(kPolicyPreferredMany, context, result);
}
void ProbeWeightedInterleave(const ProbeContext& context, ProbeResult* result) {
  ProbeMbindMode(kPolicyWeightedInterleave, context, result);
}

// Moves a page to the node it is on already.
void ProbeMovePages(const ProbeContext&, ProbeResult* result) {
  volatile char* page = static_cast<volatile char*>(Map(kPage));
  *page = 1;
  void* address = const_cast<char*>(page);
  int status = 0;
  result->control = Errno(syscall(SYS_move_pages, 0, 1UL, &address, nullptr, &status, ~0));
  result->error = Errno(syscall(SYS_move_pages, 0, 1UL, &address, nullptr, &status, kMovePages));
  if (result->error != 0 || status < 0) return;
  int node = status;
  result->error = Errno(syscall(SYS_move_pages, 0, 1UL, &address, &node, &status, kMovePages));
}

void ProbeMigratePages(const ProbeContext& context, ProbeResult* result) {
  const NodeMask mask(context.node);
  result->control = Errno(syscall(SYS_migrate_pages, 0, 1UL << 30, mask.words, mask.words));
  result->error = Errno(syscall(SYS_migrate_pages, 0, kMaxNode, mask.words, mask.words));
}

// --- scheduling policies

void ProbeFixedPriority(int policy, ProbeResult* result) {
  result->control = Errno(syscall(SYS_sched_setscheduler, 0, policy, nullptr));
  sched_param parameters = {};
  parameters.sched_priority = 1;
  result->error = Errno(syscall(SYS_sched_setscheduler, 0, policy, &parameters));
  if (result->error != 0) return;
  // Back at once: the other probes have no business at real-time priority.
  parameters.sched_priority = 0;
  syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &parameters);
}

void ProbeFifo(const ProbeContext&, ProbeResult* result) { ProbeFixedPriority(SCHED_FIFO, result); }
void ProbeRoundRobin(const ProbeContext&, ProbeResult* result) {
  ProbeFixedPriority(SCHED_RR, result);
}

// struct sched_attr, which libc headers do not have everywhere.
struct SchedulingAttributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;
  uint64_t deadline;
  uint64_t period;
};

void ProbeDeadline(const ProbeContext&, ProbeResult* result) {
  result->control = Errno(syscall(SYS_sched_setattr, 0, nullptr, 0));
  // The policy is refused to a thread that is pinned, and the creator's pin is not the question.
  CpuSet all;
  all.AddAll();
  SetAffinity(all);
  constexpr uint64_t kMillisecond = 1'000'000;
  SchedulingAttributes attributes = {};
  attributes.size = sizeof(attributes);
  attributes.policy = 6;  // SCHED_DEADLINE
  attributes.runtime = kMillisecond;
  attributes.deadline = 100 * kMillisecond;
  attributes.period = 100 * kMillisecond;
  result->error = Errno(syscall(SYS_sched_setattr, 0, &attributes, 0));
  if (result->error != 0) return;
  SchedulingAttributes normal = {};
  normal.size = sizeof(normal);
  syscall(SYS_sched_setattr, 0, &normal, 0);
}

void ProbeNice(const ProbeContext&, ProbeResult* result) {
  result->control = Errno(syscall(SYS_setpriority, 99, 0, 0));
  // getpriority's system call gives 20 − nice.
  const long current = 20 - syscall(SYS_getpriority, 0, 0);
  result->error = Errno(syscall(SYS_setpriority, 0, 0, current > -20 ? current - 1 : current));
}

// --- memory

void ProbeMlock(const ProbeContext&, ProbeResult* result) {
  void* range = Map(kPage);
  result->control = Errno(syscall(SYS_mlock2, range, kPage, ~0));
  result->error = Errno(syscall(SYS_mlock, range, kPage));
}

// A mapping of huge pages reserves them in the pool, untouched as it is.
void ProbeHugePages(const ProbeContext&, ProbeResult* result) {
  const void* range = Map(kHugePage, MAP_HUGETLB);
  result->error = range == MAP_FAILED ? errno : 0;
}

void ProbeTransparentHugePages(const ProbeContext&, ProbeResult* result) {
  result->error = Errno(syscall(SYS_madvise, Map(kHugePage), kHugePage, MADV_HUGEPAGE));
}

// --- synchronisation

void ProbeFutex(const ProbeContext&, ProbeResult* result) {
  alignas(8) uint32_t word[2] = {};
  char* crooked = reinterpret_cast<char*>(word) + 1;
  result->control = Errno(syscall(SYS_futex, crooked, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0));
  result->error = Errno(syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0));
}

void ProbeFutexPi(const ProbeContext& context, ProbeResult* result) {
  ProbeFutex(context, result);
  alignas(8) uint32_t word = 0;
  result->error = Errno(syscall(SYS_futex, &word, FUTEX_LOCK_PI_PRIVATE, 0, nullptr, nullptr, 0));
  if (result->error != 0) return;
  result->error = Errno(syscall(SYS_futex, &word, FUTEX_UNLOCK_PI_PRIVATE, 0, nullptr, nullptr, 0));
}

// Waits for a value that is not there: EAGAIN is the answer of a kernel that has the call.
void ProbeFutexWaitv(const ProbeContext&, ProbeResult* result) {
  struct Waiter {
    uint64_t value;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
  };
  alignas(8) uint32_t word = 0;
  constexpr uint32_t kPrivate32 = 2 | 128;
  const Waiter waiter = {1, reinterpret_cast<uintptr_t>(&word), kPrivate32, 0};
  result->control = Errno(syscall(SYS_futex_waitv, nullptr, 0, ~0, nullptr, 0));
  result->error = Errno(syscall(SYS_futex_waitv, &waiter, 1, 0, nullptr, 0));
  if (result->error == EAGAIN) result->error = 0;
}

void ProbeMembarrier(const ProbeContext&, ProbeResult* result) {
  constexpr int kQuery = 0;
  constexpr int kPrivateExpedited = 1 << 3;
  constexpr int kRegisterPrivateExpedited = 1 << 4;
  result->control = Errno(syscall(SYS_membarrier, -1, 0, 0));
  result->value = syscall(SYS_membarrier, kQuery, 0, 0);
  result->error = Errno(result->value);
  if (result->error != 0) return;
  result->error = Errno(syscall(SYS_membarrier, kRegisterPrivateExpedited, 0, 0));
  if (result->error == 0) result->error = Errno(syscall(SYS_membarrier, kPrivateExpedited, 0, 0));
}

// --- shared memory and devices

void ProbeMemfd(const ProbeContext&, ProbeResult* result) {
  constexpr unsigned kCloseOnExec = 1;
  result->control = Errno(syscall(SYS_memfd_create, "moirai-probe", ~0U));
  const long fd = syscall(SYS_memfd_create, "moirai-probe", kCloseOnExec);
  result->error = Errno(fd);
  if (fd >= 0) close(static_cast<int>(fd));
}

// A file without a name leaves nothing behind, however this ends.
void ProbeSharedMemory(const ProbeContext&, ProbeResult* result) {
  const int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  result->error = Errno(fd);
  if (fd >= 0) close(fd);
}

// Opening asks for nothing yet: the request is what would be written.
void ProbeDmaLatency(const ProbeContext&, ProbeResult* result) {
  const int fd = open("/dev/cpu_dma_latency", O_RDWR | O_CLOEXEC);
  result->error = Errno(fd);
  if (fd >= 0) close(fd);
}

}  // namespace

const Probe kProbes[] = {
    {"affinity", ProbeAffinity},
    {"getcpu", ProbeGetcpu},
    {"setMempolicy", ProbeSetMempolicy},
    {"getMempolicy", ProbeGetMempolicy},
    {"mbind", ProbeMbind},
    {"preferredMany", ProbePreferredMany},
    {"weightedInterleave", ProbeWeightedInterleave},
    {"movePages", ProbeMovePages},
    {"migratePages", ProbeMigratePages},
    {"fifo", ProbeFifo},
    {"roundRobin", ProbeRoundRobin},
    {"deadline", ProbeDeadline},
    {"nice", ProbeNice},
    {"mlock", ProbeMlock},
    {"hugePages", ProbeHugePages},
    {"transparentHugePages", ProbeTransparentHugePages},
    {"futex", ProbeFutex},
    {"futexPi", ProbeFutexPi},
    {"futexWaitv", ProbeFutexWaitv},
    {"membarrier", ProbeMembarrier},
    {"memfd", ProbeMemfd},
    {"sharedMemory", ProbeSharedMemory},
    {"dmaLatency", ProbeDmaLatency},
};
const size_t kProbeCount = sizeof(kProbes) / sizeof(kProbes[0]);

}  // namespace moirai
