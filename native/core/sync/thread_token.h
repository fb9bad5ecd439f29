// Who holds something in memory that several processes share: a number for a thread that no other
// thread of this machine has or will have for over a year.
//
// The lower half is the kernel's thread id, the upper one the time the thread began, in clock ticks
// since boot (proc(5), field 22 of stat), of which 32 bits repeat after 497 days. Ids are used
// again soon, a pair of both is not. 0 is nobody.
//
// Requires: all who share the memory are in one PID namespace. Where /proc is not mounted, or no
// descriptor was left to read it, the upper half is kTimeUnknown, and a dead thread whose id was
// given to another passes for alive. It is never 0, so that a stray byte in shared memory names
// nobody: low ids are threads of the kernel, which live for ever.
#pragma once

#include <cstdint>

namespace moirai {

using ThreadToken = uint64_t;

constexpr uint32_t kTimeUnknown = ~uint32_t{0};

// Of the calling thread; some microseconds, so it is kept by whoever needs it again.
ThreadToken CurrentThreadToken();

// False when the thread has ended: also for a zombie that nobody has waited for yet. Nonsense from
// shared memory is nobody alive. Some microseconds.
bool IsThreadAlive(ThreadToken token);

}  // namespace moirai
