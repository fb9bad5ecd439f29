// Runs the probes in a child process: nothing of the caller's can change, and a filter that kills
// instead of refusing kills the child.
#pragma once

#include "core/capabilities/probes.h"

namespace moirai {

inline constexpr size_t kMaxProbes = 64;

// Fills one result per probe. Blocks for the time of the fork (some milliseconds in a big process)
// and the calls. May be called from any thread. 0, or the errno that kept the child from starting.
int RunProbes(const ProbeContext& context, ProbeResult (&results)[kMaxProbes]);

}  // namespace moirai
