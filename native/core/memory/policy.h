// Where the kernel takes new pages from: policies of threads and of address ranges
// (set_mempolicy(2), mbind(2)). Every function may be called from any thread and returns 0 or the
// errno.
#pragma once

#include <cstddef>

#include "core/memory/node_set.h"

namespace moirai {

// The kernel's numbers (linux/mempolicy.h), which older headers have in part.
enum class PolicyMode : int {
  kDefault = 0,
  kPreferred = 1,
  kBind = 2,
  kInterleave = 3,
  kLocal = 4,
  kPreferredMany = 5,      // Linux 5.15
  kWeightedInterleave = 6  // Linux 6.9
};

struct Policy {
  PolicyMode mode = PolicyMode::kDefault;
  NodeSet nodes;
};

// Of the calling thread; threads that it creates inherit it.
int SetThreadPolicy(const Policy& policy);
int GetThreadPolicy(Policy* policy);

// Flags of BindRange for pages that are there already: EIO when one is elsewhere; move them first.
inline constexpr unsigned kStrict = 1;
inline constexpr unsigned kMove = 2;

// `start` is page aligned; whole pages are bound.
int BindRange(void* start, std::size_t bytes, const Policy& policy, unsigned flags);
int GetRangePolicy(const void* address, Policy* policy);

// The nodes that the cpuset lets this thread take memory from.
int GetAllowedNodes(NodeSet* nodes);

}  // namespace moirai
