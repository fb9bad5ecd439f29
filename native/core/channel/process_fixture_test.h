// A segment of its own for each test, ends of it, and children that end as they are told.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "core/channel/process_channel.h"

namespace moirai {

// A segment in a file without a name.
class SegmentFile {
 public:
  explicit SegmentFile(const ChannelShape& shape, bool sealed = true) {
    segment.shape = shape;
    segment.description_bytes = 3;
    EXPECT_EQ(CreateRegionFile(sealed ? nullptr : "/dev/shm", segment.bytes(), &file), 0);
    EXPECT_EQ(ReserveRegion(file, segment.bytes()), 0);
    memory = static_cast<uint8_t*>(
        mmap(nullptr, segment.bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    segment.Format(memory, reinterpret_cast<const uint8_t*>("f64"));
  }
  SegmentFile(const SegmentFile&) = delete;
  SegmentFile& operator=(const SegmentFile&) = delete;
  ~SegmentFile() {
    munmap(memory, segment.bytes());
    close(file);
  }

  Ref<ProcessChannel> Open(bool sends, SegmentStatus* status) const {
    int own = -1;
    int error = ReopenRegionFile(file, &own);
    EXPECT_EQ(error, 0);
    Ref<ProcessChannel> channel = ProcessChannel::Open(own, sends, segment, status, &error);
    EXPECT_EQ(error, 0);
    return channel;
  }
  std::unique_ptr<SenderEnd> Sender() const {
    SegmentStatus status;
    const Ref<ProcessChannel> channel = Open(true, &status);
    return channel ? channel->OpenSender() : nullptr;
  }
  std::unique_ptr<ReceiverEnd> Receiver() const {
    SegmentStatus status;
    const Ref<ProcessChannel> channel = Open(false, &status);
    return channel ? channel->OpenReceiver() : nullptr;
  }
  SegmentControl& control() const { return segment.ControlIn(memory); }

  Segment segment;
  int file = -1;
  uint8_t* memory = nullptr;
};

// Runs `body` in a child, which ends with its exit code or stays until it is killed.
template <typename Body>
pid_t Fork(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  return child;
}
inline int ExitOf(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
inline void Kill(pid_t child) {
  kill(child, SIGKILL);
  EXPECT_EQ(ExitOf(child), -SIGKILL);
}

inline bool TrySend(SenderEnd& sender, uint64_t value) {
  const SlotRun run = sender.Claim(1);
  if (run.count == 0) return false;
  std::memcpy(run.first, &value, sizeof(value));
  sender.Commit(1);
  return true;
}
inline bool TryReceive(ReceiverEnd& receiver, uint64_t* value) {
  const SlotRun run = receiver.Peek(1);
  if (run.count == 0) return false;
  std::memcpy(value, run.first, sizeof(*value));
  receiver.Release(1);
  return true;
}

}  // namespace moirai
