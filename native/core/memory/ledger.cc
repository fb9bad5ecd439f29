#include "core/memory/ledger.h"

#include <atomic>

namespace moirai {
namespace {

struct Counters {
  std::atomic<int64_t> bytes;
  std::atomic<int64_t> buffers;
};

// Relaxed throughout: the counters are only read as figures.
constinit Counters ledger[kLedgerEntries];

}  // namespace

void AddToLedger(unsigned node, int64_t bytes, int64_t buffers) {
  if (node >= kLedgerEntries) return;
  ledger[node].bytes.fetch_add(bytes, std::memory_order_relaxed);
  ledger[node].buffers.fetch_add(buffers, std::memory_order_relaxed);
}

LedgerEntry ReadLedger(unsigned node) {
  if (node >= kLedgerEntries) return {};
  return {ledger[node].bytes.load(std::memory_order_relaxed),
          ledger[node].buffers.load(std::memory_order_relaxed)};
}

void LedgerShare::Add(unsigned node, int64_t bytes, int64_t buffers) {
  if (node >= kLedgerEntries) return;
  entries_[node].bytes += bytes;
  entries_[node].buffers += buffers;
  AddToLedger(node, bytes, buffers);
}

LedgerShare::~LedgerShare() {
  for (unsigned node = 0; node < kLedgerEntries; node++) {
    const LedgerEntry& entry = entries_[node];
    if (entry.bytes != 0 || entry.buffers != 0) AddToLedger(node, -entry.bytes, -entry.buffers);
  }
}

}  // namespace moirai
