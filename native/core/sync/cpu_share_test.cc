// Who counts as taking a CPU, and who does not.
#include "core/sync/cpu_share.h"

#include <gtest/gtest.h>

namespace moirai {
namespace {

TEST(CpuShare, AThreadThatDoesNotCountTakesNoCpuAndDoesNotSpin) {
  CpuShare share;
  share.SetCpus(1);
  CpuShare::Presence blocking;
  blocking.Enter(share);
  EXPECT_FALSE(share.HasIdleCpu());
  EXPECT_TRUE(blocking.MaySpin(share));
  blocking.StopCounting(share);
  EXPECT_TRUE(share.HasIdleCpu());
  EXPECT_FALSE(blocking.MaySpin(share));
  blocking.Leave(share);
  blocking.Refresh(share);
  blocking.Enter(share);
  EXPECT_TRUE(share.HasIdleCpu());

  CpuShare::Presence other;
  other.Enter(share);
  EXPECT_TRUE(other.MaySpin(share));
  other.Leave(share);
  EXPECT_TRUE(share.HasIdleCpu());
}

}  // namespace
}  // namespace moirai
