#include "core/memory/pages.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace moirai {
namespace {

// "VmLck", "RssAnon": kilobytes in /proc/self/status.
long Status(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.compare(0, name.size() + 1, name + ":") == 0) {
      return std::stol(line.substr(name.size() + 1));
    }
  }
  return -1;
}

class PagesTest : public testing::Test {
 protected:
  static constexpr std::size_t kPages = 600;  // More than one call's worth.

  PagesTest() : bytes_(kPages * PageSize()), status_(kPages, -1000) {
    start_ = static_cast<char*>(
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  ~PagesTest() override { munmap(start_, bytes_); }

  std::size_t bytes_;
  char* start_;
  std::vector<int32_t> status_;
};

TEST_F(PagesTest, TouchedPagesAreOnANodeTheOthersNowhere) {
  start_[0] = 1;
  start_[bytes_ - 1] = 1;
  const int error = PageNodes(start_, kPages, status_.data());
  if (error == ENOSYS || error == EPERM) GTEST_SKIP() << "move_pages: errno " << error;
  ASSERT_EQ(error, 0);
  EXPECT_GE(status_.front(), 0);
  EXPECT_GE(status_.back(), 0);
  for (std::size_t i = 1; i + 1 < kPages; i++) ASSERT_LT(status_[i], 0) << i;
  const std::vector<int32_t> first = status_;
  ASSERT_EQ(PageNodesByPolicy(start_, kPages, status_.data()), 0);
  EXPECT_EQ(status_.front(), first.front());
  EXPECT_EQ(status_.back(), first.back());
  // The second way has touched nothing either.
  for (std::size_t i = 1; i + 1 < kPages; i++) ASSERT_EQ(status_[i], -ENOENT) << i;
}

TEST_F(PagesTest, PagesMoveToTheNodeTheyAreOn) {
  Touch(start_, bytes_);
  const int error = PageNodes(start_, kPages, status_.data());
  if (error == ENOSYS || error == EPERM) GTEST_SKIP() << "move_pages: errno " << error;
  const int node = status_.front();
  ASSERT_EQ(MovePages(start_, kPages, node, status_.data()), 0);
  for (const int32_t status : status_) ASSERT_EQ(status, node);
}

TEST_F(PagesTest, PopulatedPagesAreThereAndKeepWhatTheyHold) {
  start_[PageSize()] = 7;
  const int error = Populate(start_, bytes_);
  if (error == EINVAL) GTEST_SKIP() << "no MADV_POPULATE_WRITE in this kernel";
  ASSERT_EQ(error, 0);
  ASSERT_EQ(PresentPages(start_, kPages, status_.data()), 0);
  for (const int32_t status : status_) ASSERT_EQ(status, 0);
  EXPECT_EQ(start_[PageSize()], 7);
  EXPECT_EQ(start_[0], 0);
}

TEST_F(PagesTest, TouchedPagesKeepWhatTheyHold) {
  start_[PageSize()] = 7;
  Touch(start_, bytes_);
  ASSERT_EQ(PresentPages(start_, kPages, status_.data()), 0);
  for (const int32_t status : status_) ASSERT_EQ(status, 0);
  EXPECT_EQ(start_[PageSize()], 7);
}

TEST_F(PagesTest, DiscardedPagesAreGoneAndReadAsZeros) {
  std::memset(start_, 1, bytes_);
  ASSERT_EQ(Discard(start_, bytes_), 0);
  ASSERT_EQ(PresentPages(start_, kPages, status_.data()), 0);
  for (const int32_t status : status_) ASSERT_EQ(status, -ENOENT);
  EXPECT_EQ(start_[0], 0);
  EXPECT_EQ(start_[bytes_ - 1], 0);
}

TEST_F(PagesTest, ALockIsCountedByTheKernelUntilItIsReleased) {
  const long before = Status("VmLck");
  constexpr std::size_t kLocked = 8;
  const int error = Lock(start_, kLocked * PageSize());
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
  if (error != 0 && limit.rlim_cur < kLocked * PageSize()) {
    GTEST_SKIP() << "RLIMIT_MEMLOCK is " << limit.rlim_cur << ": errno " << error;
  }
  ASSERT_EQ(error, 0);
  EXPECT_EQ(Status("VmLck") - before, static_cast<long>(kLocked * PageSize() / 1024));
  ASSERT_EQ(Unlock(start_, kLocked * PageSize()), 0);
  EXPECT_EQ(Status("VmLck"), before);
}

// At address 0, where the kernel maps nothing by itself. A range unmapped before could be somebody
// else's by then: a sanitizer's runtime maps memory at any time.
TEST_F(PagesTest, ARangeThatIsNotMappedIsAnError) {
  const std::size_t bytes = 8 * PageSize();
  EXPECT_EQ(Discard(nullptr, bytes), ENOMEM);
  EXPECT_EQ(Lock(nullptr, bytes), ENOMEM);
  const int error = Populate(nullptr, bytes);
  EXPECT_TRUE(error == ENOMEM || error == EINVAL) << error;
}

}  // namespace
}  // namespace moirai
