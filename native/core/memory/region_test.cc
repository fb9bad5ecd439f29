#include "core/memory/region.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "core/memory/pages.h"

namespace moirai {
namespace {

constexpr std::size_t kBytes = 100'000;  // No multiple of any page size.

Ref<RegionMapping> Make(const char* directory, int* file) {
  Ref<RegionMapping> mapping;
  EXPECT_EQ(CreateRegionFile(directory, kBytes, file), 0);
  EXPECT_EQ(ReserveRegion(*file, kBytes), 0);
  EXPECT_EQ(MapRegion(*file, kBytes, &mapping), 0);
  return mapping;
}

TEST(RegionTest, IsItsOwnersAloneAndAllOfItIsReserved) {
  int file = -1;
  const Ref<RegionMapping> mapping = Make(nullptr, &file);
  RegionFacts facts;
  ASSERT_EQ(InspectRegion(file, &facts), 0);
  EXPECT_TRUE(facts.in_memory);
  EXPECT_TRUE(facts.own);
  EXPECT_FALSE(facts.open_to_others);
  EXPECT_EQ(facts.bytes, kBytes);
  struct stat status = {};
  ASSERT_EQ(fstat(file, &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_GE(static_cast<std::size_t>(status.st_blocks) * 512, kBytes);
}

TEST(RegionTest, OneWithoutANameCannotShrinkUnderItsReaders) {
  int file = -1;
  const Ref<RegionMapping> mapping = Make(nullptr, &file);
  EXPECT_EQ(ftruncate(file, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(ftruncate(file, 2 * kBytes), -1);
}

TEST(RegionTest, ANameAppearsWhenItIsPublishedAndOnlyOnce) {
  const std::string path = "/dev/shm/moirai-region-test-" + std::to_string(getpid());
  int file = -1;
  const Ref<RegionMapping> mapping = Make("/dev/shm", &file);
  int other = -1;
  EXPECT_EQ(OpenRegionFile(path.c_str(), &other), ENOENT);
  ASSERT_EQ(PublishRegion(file, path.c_str()), 0);
  EXPECT_EQ(PublishRegion(file, path.c_str()), EEXIST);
  ASSERT_EQ(OpenRegionFile(path.c_str(), &other), 0);
  unlink(path.c_str());
  Ref<RegionMapping> second;
  ASSERT_EQ(MapRegion(other, kBytes, &second), 0);
  EXPECT_NE(second->start(), mapping->start());
  static_cast<char*>(mapping->start())[kBytes - 1] = 5;
  EXPECT_EQ(static_cast<char*>(second->start())[kBytes - 1], 5);
}

TEST(RegionTest, TheMappingOutlivesItsFileAndGoesWithItsLastUser) {
  void* start = nullptr;
  {
    int file = -1;
    const Ref<RegionMapping> mapping = Make(nullptr, &file);
    mapping->CloseFile();
    mapping->CloseFile();
    EXPECT_EQ(fcntl(file, F_GETFD), -1);
    start = mapping->start();
    static_cast<char*>(start)[0] = 1;
  }
  unsigned char present = 0;
  EXPECT_EQ(mincore(start, PageSize(), &present), -1);
  EXPECT_EQ(errno, ENOMEM);
}

TEST(RegionTest, AtomicsCountAcrossProcessesAlsoWhenOneIsKilled) {
  int file = -1;
  const Ref<RegionMapping> mapping = Make(nullptr, &file);
  auto* const count = static_cast<uint32_t*>(mapping->start());
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    for (;;) std::atomic_ref<uint32_t>(*count).fetch_add(1, std::memory_order_relaxed);
  }
  while (std::atomic_ref<uint32_t>(*count).load(std::memory_order_relaxed) < 1000) usleep(100);
  kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  const uint32_t last = std::atomic_ref<uint32_t>(*count).load(std::memory_order_relaxed);
  EXPECT_GE(last, 1000U);
  EXPECT_EQ(std::atomic_ref<uint32_t>(*count).fetch_add(1, std::memory_order_relaxed), last);
}

TEST(RegionTest, WhatLiesUnderANameIsNeitherFollowedNorWaitedFor) {
  const std::string path = "/dev/shm/moirai-region-test-" + std::to_string(getpid());
  int file = -1;
  ASSERT_EQ(symlink("/etc/passwd", path.c_str()), 0);
  EXPECT_EQ(OpenRegionFile(path.c_str(), &file), ELOOP);
  unlink(path.c_str());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  ASSERT_EQ(OpenRegionFile(path.c_str(), &file), 0);
  RegionFacts facts;
  EXPECT_EQ(InspectRegion(file, &facts), 0);
  EXPECT_FALSE(facts.in_memory);
  close(file);
  unlink(path.c_str());
}

TEST(RegionTest, HugePagesThatAreNotThereAreAnError) {
  void* start = nullptr;
  constexpr std::size_t kTooMany = std::size_t{1} << 46;
  EXPECT_NE(MapHugePages(kTooMany, &start), 0);
}

}  // namespace
}  // namespace moirai
