#include "core/sync/thread_token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace moirai {
namespace {

struct ThreadStat {
  char state = 0;  // as in proc(5); 0: could not be read
  uint32_t started = kTimeUnknown;
  int error = 0;
};

ThreadStat ReadStat(uint32_t thread) {
  ThreadStat stat;
  char path[40];
  char text[512];
  // Also of threads that are no process: they are there, only not listed.
  snprintf(path, sizeof(path), "/proc/%u/stat", thread);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    stat.error = errno;
    return stat;
  }
  const ssize_t bytes = read(file, text, sizeof(text) - 1);
  if (bytes <= 0) stat.error = bytes < 0 ? errno : ESRCH;
  close(file);
  if (bytes <= 0) return stat;
  // The name before may have spaces and parentheses in it; the last one ends it.
  ssize_t at = bytes - 1;
  while (at > 0 && text[at] != ')') at--;
  at += 2;
  if (at >= bytes) return stat;
  stat.state = text[at];
  int field = 3;
  for (; at < bytes && field < 22; at++) field += text[at] == ' ' ? 1 : 0;
  uint64_t started = 0;
  for (; at < bytes && text[at] >= '0' && text[at] <= '9'; at++) {
    started = started * 10 + static_cast<uint64_t>(text[at] - '0');
  }
  stat.started = static_cast<uint32_t>(started);
  if (stat.started == 0 || stat.started == kTimeUnknown) stat.started = 1;
  return stat;
}

}  // namespace

ThreadToken CurrentThreadToken() {
  const auto thread = static_cast<uint32_t>(syscall(SYS_gettid));
  const ThreadStat stat = ReadStat(thread);
  return uint64_t{stat.started} << 32 | thread;
}

bool IsThreadAlive(ThreadToken token) {
  const auto thread = static_cast<uint32_t>(token);
  const auto started = static_cast<uint32_t>(token >> 32);
  if (thread == 0 || thread > INT32_MAX || started == 0) return false;
  const ThreadStat stat = ReadStat(thread);
  if (stat.state == 0) {
    // Either there is none, or there is no /proc, and then no token has a time in it.
    if ((stat.error == ENOENT || stat.error == ESRCH) && started != kTimeUnknown) return false;
    return syscall(SYS_tkill, thread, 0) == 0 || errno == EPERM;
  }
  if (stat.state == 'Z' || stat.state == 'X' || stat.state == 'x') return false;
  // Unknown: it could not read its own, as no descriptor was left or /proc was not there yet.
  return started == stat.started || started == kTimeUnknown;
}

}  // namespace moirai
