#include "core/memory/ledger.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace moirai {
namespace {

TEST(LedgerTest, SharesOfSeveralThreadsAddUpAndGoWithTheirThreads) {
  auto own = std::make_unique<LedgerShare>();
  own->Add(3, 100, 1);
  std::thread([] {
    LedgerShare other;
    other.Add(3, 50, 1);
    other.Add(4, 7, 1);
    EXPECT_EQ(ReadLedger(3).bytes, 150);
    EXPECT_EQ(ReadLedger(3).buffers, 2);
  }).join();
  EXPECT_EQ(ReadLedger(3).bytes, 100);
  EXPECT_EQ(ReadLedger(4).bytes, 0);
  own->Add(3, -100, -1);
  own.reset();
  EXPECT_EQ(ReadLedger(3).bytes, 0);
  EXPECT_EQ(ReadLedger(3).buffers, 0);
}

TEST(LedgerTest, EntriesThatNoKernelHasAreIgnored) {
  LedgerShare share;
  share.Add(kLedgerEntries, 1, 1);
  EXPECT_EQ(ReadLedger(kLedgerEntries).bytes, 0);
  share.Add(kLedgerEntries - 1, 1, 1);
  EXPECT_EQ(ReadLedger(kLedgerEntries - 1).bytes, 1);
}

}  // namespace
}  // namespace moirai
