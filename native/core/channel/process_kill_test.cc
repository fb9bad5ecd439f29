// Senders and receivers that are killed at random instants of claim, commit, peek and release, and
// started again. Every message that was committed is received once, or its loss was reported; none
// that was not committed is ever seen.
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "core/channel/process_fixture_test.h"

namespace moirai {
namespace {

constexpr uint32_t kSeqs = 1U << 15;  // messages of one life

struct Message {
  uint32_t life;
  uint32_t seq;
  uint64_t check;
  uint64_t padding[5];
  uint64_t check_again;

  uint64_t Sum() const { return (uint64_t{life} << 32 | seq) * 0x9e3779b97f4a7c15U; }
};

// What everybody did, where a kill cannot undo it.
struct Life {
  std::atomic<uint32_t> begun;  // messages claimed, or about to be
  std::atomic<uint32_t> done;   // messages committed for sure
  std::atomic<uint8_t> received[kSeqs];
};
struct Log {
  std::atomic<uint32_t> torn;
  uint32_t count;
  Life lives[1];  // `count` of them
};

// Now and then a slot is held for long enough to be killed with it.
void Linger(uint32_t seq) {
  if (seq % 32 == 0) usleep(50);
}

int Send(const SegmentFile& file, Life& life, uint32_t number) {
  const auto sender = file.Sender();
  if (!sender) return 1;
  for (uint32_t seq = 0; seq < kSeqs;) {
    life.begun.store(seq + 1, std::memory_order_relaxed);
    const SlotRun run = sender->Claim(1);
    if (run.count == 0) {
      sched_yield();
      continue;
    }
    auto& message = *reinterpret_cast<Message*>(run.first);
    message.life = number;
    message.seq = seq;
    message.check = message.Sum();
    Linger(seq);
    message.check_again = message.check;
    sender->Commit(1);
    life.done.store(++seq, std::memory_order_relaxed);
  }
  for (;;) pause();
}

bool ReceiveOne(ReceiverEnd& receiver, Log& log) {
  const SlotRun run = receiver.Peek(1);
  if (run.count == 0) return false;
  const auto& message = *reinterpret_cast<const Message*>(run.first);
  const bool whole = message.life < log.count && message.seq < kSeqs &&
                     message.check == message.Sum() && message.check_again == message.check;
  if (message.seq % 64 != 0) Linger(message.seq);
  if (whole) {
    log.lives[message.life].received[message.seq].fetch_add(1, std::memory_order_relaxed);
  } else {
    log.torn.fetch_add(1, std::memory_order_relaxed);
  }
  if (message.seq % 64 == 0) Linger(message.seq);
  receiver.Release(1);
  return true;
}

int Receive(const SegmentFile& file, Log& log) {
  const auto receiver = file.Receiver();
  if (!receiver) return 1;
  for (;;) {
    if (!ReceiveOne(*receiver, log)) sched_yield();
  }
}

uint32_t FromEnvironment(const char* name, uint32_t otherwise) {
  const char* const text = getenv(name);
  return text == nullptr ? otherwise : static_cast<uint32_t>(strtoul(text, nullptr, 10));
}

class ProcessKillTest : public testing::TestWithParam<ChannelKind> {};

TEST_P(ProcessKillTest, LosesNothingUnsaid) {
  const uint32_t kills = FromEnvironment("MOIRAI_KILLS", 60);
  const uint32_t seed = FromEnvironment("MOIRAI_SEED", std::random_device()());
  printf("seed %u, %u kills: MOIRAI_SEED and MOIRAI_KILLS set them\n", seed, kills);
  std::mt19937 random(seed);
  const SegmentFile file({GetParam(), 16, sizeof(Message)});
  const std::size_t bytes = sizeof(Log) + (kills + 2) * sizeof(Life);
  auto* const log = static_cast<Log*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                           MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  ASSERT_NE(log, MAP_FAILED);
  log->count = kills + 2;
  const uint32_t pairs = GetParam() == ChannelKind::kSpsc ? 1 : 2;
  struct Child {
    pid_t process;
    bool sends;
  };
  std::vector<Child> children;
  uint32_t lives = 0;
  uint32_t receivers_killed = 0;
  const auto start = [&](bool sends) {
    const uint32_t life = lives;
    if (sends) lives++;
    children.push_back(
        {Fork([&] { return sends ? Send(file, log->lives[life], life) : Receive(file, *log); }),
         sends});
  };
  for (uint32_t i = 0; i < pairs; i++) {
    start(true);
    start(false);
  }
  for (uint32_t i = 0; i < kills; i++) {
    usleep(500 + random() % 4000);
    Child& victim = children[random() % children.size()];
    Kill(victim.process);
    const bool sends = victim.sends;
    if (!sends) receivers_killed++;
    victim = children.back();
    children.pop_back();
    start(sends);
  }
  for (const Child& child : children) {
    Kill(child.process);
    if (!child.sends) receivers_killed++;
  }
  const auto rest = file.Receiver();
  ASSERT_NE(rest, nullptr);
  uint64_t received = 0;
  for (int idle = 0; idle < 20;) {
    if (ReceiveOne(*rest, *log)) {
      idle = 0;
    } else {
      usleep(10'000);
      idle++;
    }
  }
  const Losses losses = Participants::Total(file.control());
  uint32_t missing = 0;
  uint32_t twice = 0;
  uint32_t unsent = 0;
  for (uint32_t l = 0; l < lives; l++) {
    const Life& life = log->lives[l];
    for (uint32_t seq = 0; seq < kSeqs; seq++) {
      const uint32_t count = life.received[seq].load(std::memory_order_relaxed);
      received += count;
      if (count > 1) twice++;
      if (count == 0 && seq < life.done.load(std::memory_order_relaxed)) missing++;
      if (count > 0 && seq >= life.begun.load(std::memory_order_relaxed)) unsent++;
    }
  }
  printf("%llu messages, %u receivers killed, %u messages missing, %u reported lost\n",
         static_cast<unsigned long long>(received), receivers_killed, missing, losses.messages);
  EXPECT_GT(received, 0U);
  EXPECT_EQ(log->torn.load(), 0U);
  EXPECT_EQ(twice, 0U);
  EXPECT_EQ(unsent, 0U);
  // One may be killed after it has noted a message and before it has released it.
  EXPECT_LE(missing, losses.messages);
  EXPECT_LE(losses.messages, missing + receivers_killed);
  // A child may be killed before it has joined.
  EXPECT_LE(losses.receivers, receivers_killed);
  EXPECT_LE(losses.senders, lives);
  munmap(log, bytes);
}

INSTANTIATE_TEST_SUITE_P(Kinds, ProcessKillTest,
                         testing::Values(ChannelKind::kSpsc, ChannelKind::kMpmc),
                         [](const auto& kind) {
                           return kind.param == ChannelKind::kSpsc ? "Spsc" : "Mpmc";
                         });

}  // namespace
}  // namespace moirai
