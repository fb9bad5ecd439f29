#include "core/affinity/affinity.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "core/affinity/process_mask.h"

namespace moirai {
namespace {

unsigned FirstCpu(const CpuSet& cpus) {
  unsigned cpu = 0;
  while (cpu < CpuSet::kCapacity && !cpus.Contains(cpu)) cpu++;
  return cpu;
}

bool Same(const CpuSet& a, const CpuSet& b) {
  for (unsigned cpu = 0; cpu < CpuSet::kCapacity; cpu++) {
    if (a.Contains(cpu) != b.Contains(cpu)) return false;
  }
  return true;
}

// Every test leaves the mask of the main thread as it was.
class AffinityTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(GetAffinity(0, &initial_), 0); }
  void TearDown() override { EXPECT_EQ(SetAffinity(initial_), 0); }

  CpuSet initial_;
};

TEST(CpuSetTest, IgnoresCpusThatNoKernelHas) {
  CpuSet cpus;
  cpus.Add(CpuSet::kCapacity);
  EXPECT_FALSE(cpus.Contains(CpuSet::kCapacity));
  EXPECT_EQ(FirstCpu(cpus), CpuSet::kCapacity);
  cpus.Add(CpuSet::kCapacity - 1);
  EXPECT_EQ(FirstCpu(cpus), CpuSet::kCapacity - 1);
}

TEST_F(AffinityTest, AThreadRunsWhereItsMaskSays) {
  CpuSet one;
  one.Add(FirstCpu(initial_));
  ASSERT_EQ(SetAffinity(one), 0);
  CpuSet now;
  ASSERT_EQ(GetAffinity(0, &now), 0);
  EXPECT_TRUE(Same(now, one));
  EXPECT_EQ(CurrentCpu(), FirstCpu(initial_));
  EXPECT_EQ(CurrentPosition().cpu, FirstCpu(initial_));
}

TEST_F(AffinityTest, AMaskWithoutUsableCpuIsRefused) {
  EXPECT_EQ(SetAffinity(CpuSet()), EINVAL);
  CpuSet now;
  ASSERT_EQ(GetAffinity(0, &now), 0);
  EXPECT_TRUE(Same(now, initial_));
}

TEST_F(AffinityTest, TheProcessKeepsTheMaskFromBeforeThePin) {
  CpuSet one;
  one.Add(FirstCpu(initial_));
  RememberProcessMask(initial_, true);
  ASSERT_EQ(SetAffinity(one), 0);
  ProcessMask seen;
  std::thread([&seen] { EXPECT_EQ(GetProcessMask(&seen), 0); }).join();
  EXPECT_TRUE(seen.pinned);
  EXPECT_TRUE(seen.unrestricted);
  EXPECT_TRUE(Same(seen.cpus, initial_));
  ForgetProcessMask();
  ASSERT_EQ(GetProcessMask(&seen), 0);
  EXPECT_FALSE(seen.pinned);
  EXPECT_TRUE(Same(seen.cpus, one));
}

TEST_F(AffinityTest, OtherThreadsDoNotSpeakForTheProcess) {
  std::thread([] { RememberProcessMask(CpuSet(), true); }).join();
  ProcessMask seen;
  ASSERT_EQ(GetProcessMask(&seen), 0);
  EXPECT_FALSE(seen.pinned);
  EXPECT_TRUE(Same(seen.cpus, initial_));
}

TEST_F(AffinityTest, ReadersSeeWholeMasksWhileTheMainThreadPins) {
  CpuSet all;
  all.AddAll();
  std::thread reader([this, &all] {
    for (int i = 0; i < 2000; i++) {
      ProcessMask seen;
      ASSERT_EQ(GetProcessMask(&seen), 0);
      ASSERT_TRUE(Same(seen.cpus, initial_) || Same(seen.cpus, all));
    }
  });
  for (int i = 0; i < 2000; i++) {
    RememberProcessMask(all, false);
    ForgetProcessMask();
  }
  reader.join();
}

}  // namespace
}  // namespace moirai
