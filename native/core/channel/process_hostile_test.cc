// Whatever is in a segment, and whoever changes it meanwhile: a typed status, never a crash.
#include <atomic>
#include <cstdio>
#include <random>
#include <vector>

#include "core/channel/process_fixture_test.h"

namespace moirai {
namespace {

constexpr ChannelShape kShape = {ChannelKind::kMpmc, 16, 8};

TEST(ProcessSegment, RefusesAHeadThatNobodyHasWritten) {
  const SegmentFile file(kShape);
  Segment segment;
  uint32_t version = 0;
  const auto read = [&](auto change) {
    std::vector<uint8_t> copy(file.memory, file.memory + file.segment.bytes());
    change(*reinterpret_cast<SegmentHead*>(copy.data()));
    return Segment::Read(copy.data(), copy.size(), &segment, &version);
  };
  EXPECT_EQ(read([](SegmentHead&) {}), SegmentStatus::kGood);
  EXPECT_EQ(segment.bytes(), file.segment.bytes());
  EXPECT_EQ(read([](SegmentHead& head) { head.magic++; }), SegmentStatus::kNoSegment);
  EXPECT_EQ(read([](SegmentHead& head) { head.version = 7; }), SegmentStatus::kOtherVersion);
  EXPECT_EQ(version, 7U);
  using Change = void (*)(SegmentHead&);
  const Change changes[] = {
      [](SegmentHead& head) { head.kind = 2; },
      [](SegmentHead& head) { head.capacity = 0; },
      [](SegmentHead& head) { head.capacity = 17; },
      [](SegmentHead& head) { head.capacity = 1024; },
      [](SegmentHead& head) { head.capacity = 1U << 31; },
      [](SegmentHead& head) { head.message_bytes = 0; },
      [](SegmentHead& head) { head.message_bytes = ~0U; },
      [](SegmentHead& head) { head.description_bytes = ~0U; },
      [](SegmentHead& head) { head.description_bytes = 5000; },
      [](SegmentHead& head) { head.bytes++; },
      [](SegmentHead& head) { head.reserved = 1; },
  };
  for (const Change change : changes) EXPECT_EQ(read(change), SegmentStatus::kCorrupt);
}

TEST(ProcessSegment, RefusesAFileThatIsTooShort) {
  const SegmentFile file(kShape);
  Segment segment;
  uint32_t version = 0;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{63}}) {
    EXPECT_EQ(Segment::Read(file.memory, bytes, &segment, &version), SegmentStatus::kNoSegment);
  }
  EXPECT_EQ(Segment::Read(file.memory, file.segment.bytes() - 1, &segment, &version),
            SegmentStatus::kCorrupt);
}

// Does everything that an end can do, whatever comes of it.
void Use(SenderEnd& sender, ReceiverEnd& receiver, uint32_t rounds) {
  for (uint32_t i = 0; i < rounds; i++) {
    TrySend(sender, i);
    sender.Claim(1);
    sender.Abort();
    sender.HasRoom();
    sender.IsDeserted();
    uint64_t value = 0;
    TryReceive(receiver, &value);
    receiver.HasMessage();
    receiver.Peers();
  }
}

void Scribble(const SegmentFile& file, std::mt19937_64& random, int round) {
  uint8_t* const from = file.memory + file.segment.control_at();
  const uint64_t bytes = file.segment.bytes() - file.segment.control_at();
  for (uint64_t i = 0; i + 8 <= bytes; i += 8) {
    // Everywhere, or here and there.
    if (round % 3 > 0 && random() % 16 > 0) continue;
    const uint64_t value = round % 2 == 0 ? random() : random() % 64;
    std::memcpy(from + i, &value, sizeof(value));
  }
}

TEST(ProcessSegment, SurvivesRandomBytes) {
  const uint32_t seed = std::random_device()();
  printf("seed %u\n", seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; round++) {
    const SegmentFile file(kShape);
    {
      const auto sender = file.Sender();
      const auto receiver = file.Receiver();
      Scribble(file, random, round);
      Use(*sender, *receiver, 20);
      usleep(round % 10 == 0 ? 51'000 : 0);  // it looks for the dead
      Use(*sender, *receiver, 20);
      sender->Close();
      receiver->Close();
    }
    // And who comes later.
    Scribble(file, random, round);
    file.control().gone.store(0);
    const auto sender = file.Sender();
    const auto receiver = file.Receiver();
    ASSERT_TRUE(sender && receiver);
    Use(*sender, *receiver, 20);
  }
}

// Another process that marks all places, of which nobody holds any: what that costs is bounded.
TEST(ProcessSegment, ALookRecoversNoMoreThanItHasTimeFor) {
  const SegmentFile file(kShape);
  Participants end(file.control(), file.segment.RingIn(file.memory), kShape.kind, file.file);
  ASSERT_EQ(end.Join(true), SegmentStatus::kGood);
  for (uint32_t i = 0; i < kParticipants; i++) {
    if (i != end.number()) file.control().participants[i].state.store(1);
  }
  for (uint32_t found = 1; found < kParticipants; found++) {
    EXPECT_TRUE(end.RecoverTheDead(0));
    EXPECT_EQ(Participants::Total(file.control()).senders, found);
  }
  EXPECT_FALSE(end.RecoverTheDead(0));
}

// Another process that never stops writing.
TEST(ProcessSegment, SurvivesBytesThatChange) {
  for (uint64_t seed = 1; seed <= 5; seed++) {
    const SegmentFile file(kShape);
    const auto sender = file.Sender();
    const auto receiver = file.Receiver();
    const pid_t child = Fork([&] {
      std::mt19937_64 random(seed);
      uint8_t* const from = file.memory + file.segment.control_at();
      const uint64_t words = (file.segment.bytes() - file.segment.control_at()) / 8;
      for (;;) {
        auto& word = *reinterpret_cast<std::atomic<uint64_t>*>(from + random() % words * 8);
        word.store(random() % 4096, std::memory_order_relaxed);
      }
      return 0;
    });
    for (int i = 0; i < 20; i++) {
      Use(*sender, *receiver, 500);
      usleep(3000);
    }
    sender->Close();
    receiver->Close();
    Kill(child);
  }
}

}  // namespace
}  // namespace moirai
