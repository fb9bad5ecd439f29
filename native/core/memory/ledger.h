// What this process holds by node: bytes and buffers, counted by whoever allocates and frees. The
// counters are the process's, beside the registry of executors, because a node's memory is.
#pragma once

#include <cstdint>

#include "core/memory/node_set.h"

namespace moirai {

// The entry past the last node is for what has no node of its own.
inline constexpr unsigned kLedgerEntries = NodeSet::kCapacity + 1;

struct LedgerEntry {
  int64_t bytes = 0;
  int64_t buffers = 0;
};

void AddToLedger(unsigned node, int64_t bytes, int64_t buffers);
LedgerEntry ReadLedger(unsigned node);

// One thread's part, taken back when the thread ends: what it has not freed nobody will report.
class LedgerShare {
 public:
  LedgerShare() = default;
  ~LedgerShare();
  LedgerShare(const LedgerShare&) = delete;
  LedgerShare& operator=(const LedgerShare&) = delete;

  void Add(unsigned node, int64_t bytes, int64_t buffers);

 private:
  LedgerEntry entries_[kLedgerEntries];
};

}  // namespace moirai
