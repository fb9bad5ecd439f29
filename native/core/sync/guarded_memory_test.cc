// Files that are cut off under their mappings: ours become zeros, everybody else's end as before.
#include "core/sync/guarded_memory.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

namespace moirai {
namespace {

constexpr std::size_t kBytes = 3 * 4096UL;

// A file of shared memory and its mapping.
struct Mapped {
  Mapped() : file(static_cast<int>(syscall(SYS_memfd_create, "guarded", 0))) {
    EXPECT_EQ(ftruncate(file, kBytes), 0);
    start =
        static_cast<uint8_t*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    std::memset(start, 1, kBytes);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  ~Mapped() {
    munmap(start, kBytes);
    close(file);
  }
  void CutOff() const { EXPECT_EQ(ftruncate(file, 4096), 0); }
  uint8_t Read(std::size_t at) const { return *static_cast<volatile uint8_t*>(start + at); }

  int file;
  uint8_t* start;
};

TEST(GuardedMemory, BecomesZerosWhenItIsCutOff) {
  const Mapped one;
  const Mapped other;
  const int number = GuardedMemory::Add(one.start, kBytes);
  const int of_other = GuardedMemory::Add(other.start, kBytes);
  ASSERT_GE(number, 0);
  one.CutOff();
  EXPECT_EQ(one.Read(0), 1);
  EXPECT_FALSE(GuardedMemory::IsLost(number));
  EXPECT_EQ(one.Read(5000), 0);
  EXPECT_TRUE(GuardedMemory::IsLost(number));
  EXPECT_EQ(one.Read(0), 0);
  one.start[9000] = 3;  // goes nowhere
  EXPECT_FALSE(GuardedMemory::IsLost(of_other));
  EXPECT_EQ(other.Read(5000), 1);
  GuardedMemory::Remove(number);
  GuardedMemory::Remove(of_other);
}

TEST(GuardedMemory, IsLostForAllThreadsAtOnce) {
  for (int round = 0; round < 20; round++) {
    const Mapped one;
    const int number = GuardedMemory::Add(one.start, kBytes);
    one.CutOff();
    std::thread threads[4];
    std::atomic<int> read{0};
    for (std::thread& thread : threads) {
      thread = std::thread([&] { read.fetch_add(one.Read(5000), std::memory_order_relaxed); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(read.load(), 0);
    GuardedMemory::Remove(number);
  }
}

// In a child: the signal that ended it, or its exit code.
template <typename Body>
int EndOf(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(GuardedMemory, LeavesTheMemoryOfOthersToTheDefault) {
  EXPECT_EQ(EndOf([] {
              signal(SIGBUS, SIG_DFL);  // a sanitizer has its own
              const Mapped own;
              const Mapped others;
              GuardedMemory::Add(own.start, kBytes);
              others.CutOff();
              others.Read(5000);
            }),
            SIGBUS);
  EXPECT_EQ(EndOf([] {
              signal(SIGBUS, SIG_DFL);
              const Mapped own;
              GuardedMemory::Add(own.start, kBytes);
              kill(getpid(), SIGBUS);
            }),
            SIGBUS);
}

TEST(GuardedMemory, LeavesTheMemoryOfOthersToWhoeverWasThereBefore) {
  EXPECT_EQ(EndOf([] {
              signal(SIGBUS, [](int) { _exit(42); });
              const Mapped own;
              const Mapped others;
              GuardedMemory::Add(own.start, kBytes);
              others.CutOff();
              others.Read(5000);
            }),
            42);
}

TEST(GuardedMemory, LeavesWhatWasRemoved) {
  EXPECT_EQ(EndOf([] {
              signal(SIGBUS, [](int) { _exit(43); });
              const Mapped own;
              GuardedMemory::Remove(GuardedMemory::Add(own.start, kBytes));
              own.CutOff();
              own.Read(5000);
            }),
            43);
}

}  // namespace
}  // namespace moirai
