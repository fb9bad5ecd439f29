// Mappings of files that another process may cut off while they are mapped. A page behind the new
// end is SIGBUS to whoever touches it, and no check before a touch can exclude that: the file may
// be cut off in between. (A sealed memfd cannot be; a file with a name can.)
//
// So the signal is taken. If its address is in a mapping that was added here, the whole mapping is
// replaced by private zeros and marked lost, and the instruction that was interrupted, native or
// JavaScript's, goes on. Zeros are then read as any other nonsense in shared memory; whoever uses
// the mapping asks IsLost and reports it. All other SIGBUS goes to the handler that was there
// before, or ends the process as it would have.
//
// The handler is installed with the first mapping and stays. It is async-signal-safe: it reads
// atomics and makes one system call. A handler that is installed later by somebody else takes our
// signals away unless it calls its predecessor, as handlers should.
//
// Requires: a mapping is removed before it is unmapped, by a time when no thread touches it.
// Threads: any. Memory ordering: Add's release store of the start publishes the size; the handler
// acquires it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace moirai {

class GuardedMemory {
 public:
  static constexpr int kMax = 1024;

  // Its number; -1: there are too many, or no handler can be installed.
  static int Add(void* start, std::size_t bytes);
  static void Remove(int number);
  // What was in the mapping cannot be had any more; it is zeros of this process's own.
  static bool IsLost(int number);
};

}  // namespace moirai
