// What is submitted and what tasks do: the same for simulated and real threads.
//
//   owner   the owner keeps 64 tasks a worker outstanding, given to the nodes in turn
//   node    the same, all given to the first node
//   tree    each task spawns two halves of what is left, then works
//   chain   eight tasks a worker from the start; each works, then spawns the next of its chain
//   bursts  the owner submits two tasks a worker, waits until they are done, pauses for 1 ms
#pragma once

#include <cstdint>
#include <cstring>

namespace moirai::bench {

enum class Pattern : uint32_t { kOwner, kNode, kTree, kChain, kBursts };
inline constexpr const char* kPatterns[] = {"owner", "node", "tree", "chain", "bursts"};

inline bool ParsePattern(const char* name, Pattern* pattern) {
  for (uint32_t i = 0; i < sizeof kPatterns / sizeof *kPatterns; i++) {
    if (std::strcmp(name, kPatterns[i]) != 0) continue;
    *pattern = static_cast<Pattern>(i);
    return true;
  }
  return false;
}

struct Workload {
  Pattern pattern = Pattern::kTree;
  double task_ns = 20'000;
  uint64_t tasks = 0;  // in all
  static constexpr uint32_t kPerWorker = 64;
  static constexpr uint32_t kChains = 8;  // a worker
  static constexpr uint32_t kBurst = 2;   // a worker
  static constexpr uint64_t kPauseNs = 1'000'000;

  bool spawns() const { return pattern == Pattern::kTree || pattern == Pattern::kChain; }
};

// In a slot's inline payload.
struct Task {
  uint64_t tasks;   // it and all that come of it
  uint32_t chains;  // as so many chains
  uint32_t lent;    // its slot was lent to the workers: it was spawned
};

}  // namespace moirai::bench
