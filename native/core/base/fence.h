// A memory barrier on all running threads of this process at once, by membarrier(2): who asks pays
// for it, and the other side of the pair, which runs often, gets by with a fence for the compiler.
//
// Guarantees: of a store and a later load of another thread, with std::atomic_signal_fence between
// them, either the store is seen after FenceAllThreads, or the load sees what was stored before it.
// Where a filter refuses the system call it is no fence at all, and a store may be missed for as
// long as it lies in a store buffer. It costs an interrupt on each CPU that runs one of the
// threads, and the first call some milliseconds. Threads: any.
#pragma once

namespace moirai {

void FenceAllThreads();

}  // namespace moirai
