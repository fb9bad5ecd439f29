// Memory that forked processes share, and processes that are killed at some instant.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

namespace moirai {

class SharedMemory {
 public:
  explicit SharedMemory(uint64_t bytes)
      : bytes_(bytes),
        start_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {}
  ~SharedMemory() { munmap(start_, bytes_); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  uint8_t* data() const { return static_cast<uint8_t*>(start_); }
  uint64_t bytes() const { return bytes_; }

 private:
  uint64_t bytes_;
  void* start_;
};

// A process that runs `work` and is killed after so long, if it has not ended before.
template <typename F>
void RunAndKill(uint64_t nanoseconds, F work) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    work();
    _exit(0);
  }
  const timespec time{static_cast<time_t>(nanoseconds / 1'000'000'000),
                      static_cast<long>(nanoseconds % 1'000'000'000)};
  nanosleep(&time, nullptr);
  kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  // Ended by itself with 0, or killed: not by a crash of its own.
  ASSERT_TRUE(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
}

}  // namespace moirai
