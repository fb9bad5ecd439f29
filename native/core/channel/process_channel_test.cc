// Channels between processes: real children, that end in every way.
#include "core/channel/process_channel.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/channel/process_fixture_test.h"

namespace moirai {
namespace {

constexpr ChannelShape kMany = {ChannelKind::kMpmc, 64, 8};
constexpr ChannelShape kSingle = {ChannelKind::kSpsc, 64, 8};

// Waits as a blocking call does, for at most a minute.
bool ReceiveBlocking(ReceiverEnd& receiver, uint64_t* value) {
  WaitList& list = receiver.channel().receivers_waiting;
  WaitList::Waiter waiter;
  for (int i = 0; i < 1200; i++) {
    list.Enroll(waiter);
    const bool received = TryReceive(receiver, value);
    if (!received && !receiver.IsDeserted()) list.Sleep(waiter, 50);
    list.Withdraw(waiter);
    if (received) return true;
    if (receiver.IsDeserted()) return TryReceive(receiver, value);
  }
  return false;
}

// What has become known, within a minute.
Losses NewsOf(ChannelEnd& end) {
  for (int i = 0; i < 6000; i++) {
    const Losses news = end.News();
    if (news.any()) return news;
    usleep(10'000);
  }
  return {};
}

class ProcessChannelTest : public testing::TestWithParam<ChannelKind> {
 protected:
  ProcessChannelTest() : file_({GetParam(), 64, 8}) {}
  SegmentFile file_;
};

TEST_P(ProcessChannelTest, CarriesMessagesInOrder) {
  constexpr uint64_t kMessages = 20'000;
  const auto receiver = file_.Receiver();
  const pid_t child = Fork([&] {
    const auto sender = file_.Sender();
    for (uint64_t i = 1; i <= kMessages;) {
      if (TrySend(*sender, i)) {
        i++;
      } else {
        usleep(50);
      }
    }
    sender->Close();
    return 0;
  });
  uint64_t value = 0;
  for (uint64_t i = 1; i <= kMessages; i++) {
    ASSERT_TRUE(ReceiveBlocking(*receiver, &value));
    ASSERT_EQ(value, i);
  }
  EXPECT_FALSE(ReceiveBlocking(*receiver, &value));
  EXPECT_TRUE(receiver->IsDeserted());
  EXPECT_EQ(ExitOf(child), 0);
}

TEST_P(ProcessChannelTest, AClaimOfTheDeadIsNoMessageAndIsReportedOnce) {
  const auto receiver = file_.Receiver();
  const pid_t child = Fork([&] {
    const auto sender = file_.Sender();
    TrySend(*sender, 1);
    const SlotRun run = sender->Claim(1);
    std::memset(run.first, 0xff, 8);
    pause();
    return 0;
  });
  uint64_t value = 0;
  ASSERT_TRUE(ReceiveBlocking(*receiver, &value));
  EXPECT_EQ(value, 1U);
  Kill(child);
  const Losses news = NewsOf(*receiver);
  EXPECT_EQ(news.senders, 1U);
  EXPECT_EQ(news.receivers, 0U);
  EXPECT_EQ(news.messages, 0U);
  EXPECT_FALSE(TryReceive(*receiver, &value));
  EXPECT_TRUE(receiver->IsDeserted());
  // Its place can be taken again, and the ring goes on.
  const auto next = file_.Sender();
  ASSERT_NE(next, nullptr);
  EXPECT_TRUE(TrySend(*next, 2));
  EXPECT_TRUE(TryReceive(*receiver, &value));
  EXPECT_EQ(value, 2U);
  usleep(60'000);
  EXPECT_FALSE(receiver->News().any());
}

TEST_P(ProcessChannelTest, AMessageInTheHandsOfTheDeadIsReportedLost) {
  const auto sender = file_.Sender();
  for (uint64_t i = 1; i <= 3; i++) EXPECT_TRUE(TrySend(*sender, i));
  const pid_t child = Fork([&] {
    const auto receiver = file_.Receiver();
    uint64_t value = 0;
    TryReceive(*receiver, &value);
    receiver->Peek(1);
    pause();
    return 0;
  });
  while (sender->Peers() == 0) usleep(1000);
  // Until it has taken the second: the ring says so.
  while (file_.segment.RingIn(file_.memory).CountTaken(0) +
             file_.segment.RingIn(file_.memory).CountTaken(1) ==
         0) {
    usleep(1000);
  }
  Kill(child);
  const Losses news = NewsOf(*sender);
  EXPECT_EQ(news.receivers, 1U);
  EXPECT_EQ(news.messages, 1U);
  const auto next = file_.Receiver();
  uint64_t value = 0;
  ASSERT_TRUE(TryReceive(*next, &value));
  EXPECT_EQ(value, 3U);
  EXPECT_FALSE(TryReceive(*next, &value));
}

TEST_P(ProcessChannelTest, AStoppedPeerIsNotDead) {
  const auto sender = file_.Sender();
  const pid_t child = Fork([&] {
    const auto receiver = file_.Receiver();
    uint64_t value = 0;
    return ReceiveBlocking(*receiver, &value) ? static_cast<int>(value) : 100;
  });
  while (sender->Peers() == 0) usleep(1000);
  kill(child, SIGSTOP);
  usleep(200'000);
  EXPECT_FALSE(sender->News().any());
  EXPECT_FALSE(sender->IsDeserted());
  EXPECT_TRUE(TrySend(*sender, 7));
  kill(child, SIGCONT);
  EXPECT_EQ(ExitOf(child), 7);
}

// Where only the receiver's end of the loop waits, by the watcher's thread.
TEST_P(ProcessChannelTest, SignalsTheParkerOfWhoeverWaits) {
  FutexWatcher::Process().Use([](void (*run)(void*), void* argument) {
    pthread_t thread;
    static void (*body)(void*) = run;
    return pthread_create(
               &thread, nullptr,
               [](void* data) -> void* {
                 body(data);
                 return nullptr;
               },
               argument) == 0;
  });
  // Before there is a watcher's thread: a child of several threads may have a lock that one of them
  // held.
  int now[2];
  ASSERT_EQ(pipe(now), 0);
  const pid_t child = Fork([&] {
    char word;
    if (read(now[0], &word, 1) != 1) return 2;
    const auto sender = file_.Sender();
    return TrySend(*sender, 1) ? 0 : 1;
  });
  const auto receiver = file_.Receiver();
  WaitList& list = receiver->channel().receivers_waiting;
  WaitList::Waiter waiter{Ref<Parker>(new Parker)};
  list.Enroll(waiter);
  EXPECT_FALSE(receiver->HasMessage());
  int again_ms = 0;
  list.Watch(waiter, &again_ms);
  EXPECT_EQ(again_ms, ProcessWaitList::kSliceMs);
  EXPECT_EQ(write(now[1], "!", 1), 1);
  EXPECT_TRUE(waiter.parker->Wait(20'000));
  EXPECT_FALSE(list.Withdraw(waiter));
  EXPECT_TRUE(receiver->HasMessage());
  EXPECT_EQ(ExitOf(child), 0);
  close(now[0]);
  close(now[1]);
}

TEST_P(ProcessChannelTest, IsGoneWhenTheLastEndHasClosed) {
  SegmentStatus status;
  Ref<ProcessChannel> sends = file_.Open(true, &status);
  Ref<ProcessChannel> receives = file_.Open(false, &status);
  EXPECT_FALSE(sends->Leave());
  EXPECT_TRUE(receives->Leave());
  EXPECT_FALSE(file_.Open(true, &status));
  EXPECT_EQ(status, SegmentStatus::kGone);
}

// One end closes while another joins, over and over.
TEST_P(ProcessChannelTest, WhoeverHasJoinedIsInAChannelThatIsNotGone) {
  for (int round = 0; round < 200; round++) {
    const SegmentFile file({GetParam(), 2, 8});
    SegmentStatus status;
    file.Open(true, &status)->Leave();
    const Ref<ProcessChannel> last = file.Open(false, &status);
    std::atomic<int> ready{0};
    const auto meet = [&] {
      ready.fetch_add(1);
      while (ready.load() < 2) CpuRelax();
    };
    bool ended = false;
    std::thread leaves([&] {
      meet();
      ended = last->Leave();
    });
    meet();
    const Ref<ProcessChannel> joins = file.Open(true, &status);
    leaves.join();
    ASSERT_EQ(file.control().gone.load(), ended ? 1U : 0U) << round;
    ASSERT_EQ(status, ended ? SegmentStatus::kGone : SegmentStatus::kGood) << round;
    if (joins) {
      EXPECT_TRUE(joins->Leave());
    }
  }
}

TEST_P(ProcessChannelTest, WhoJoinsTakesTheMarkOfOneThatDiedAskingAway) {
  file_.control().gone.store(2 + 4 * 63);
  SegmentStatus status;
  const Ref<ProcessChannel> receives = file_.Open(false, &status);
  ASSERT_EQ(status, SegmentStatus::kGood);
  EXPECT_EQ(file_.control().gone.load(), 0U);
  const Ref<ProcessChannel> sends = file_.Open(true, &status);
  file_.control().gone.store(2);
  EXPECT_FALSE(sends->Leave());
  EXPECT_EQ(file_.control().gone.load(), 0U);
  EXPECT_TRUE(receives->Leave());
}

INSTANTIATE_TEST_SUITE_P(Kinds, ProcessChannelTest,
                         testing::Values(ChannelKind::kSpsc, ChannelKind::kMpmc),
                         [](const auto& kind) {
                           return kind.param == ChannelKind::kSpsc ? "Spsc" : "Mpmc";
                         });

TEST(ProcessChannel, HasOnePlaceForEachSideOfASingle) {
  const SegmentFile file(kSingle);
  SegmentStatus status;
  const Ref<ProcessChannel> sender = file.Open(true, &status);
  EXPECT_TRUE(sender);
  EXPECT_FALSE(file.Open(true, &status));
  EXPECT_EQ(status, SegmentStatus::kOccupied);
  EXPECT_TRUE(file.Open(false, &status));
}

TEST(ProcessChannel, HasPlacesForSixtyFourOfMany) {
  const SegmentFile file(kMany);
  std::vector<Ref<ProcessChannel>> ends;
  SegmentStatus status = SegmentStatus::kGood;
  for (uint32_t i = 0; i < kParticipants; i++) ends.push_back(file.Open(i % 2 == 0, &status));
  EXPECT_EQ(status, SegmentStatus::kGood);
  EXPECT_EQ(ends[0]->Senders(), 32U);
  EXPECT_EQ(ends[0]->Receivers(), 32U);
  EXPECT_FALSE(file.Open(true, &status));
  EXPECT_EQ(status, SegmentStatus::kOccupied);
}

TEST(ProcessChannel, MemoryThatIsCutOffIsCorruptAndNoSignal) {
  const SegmentFile file(kMany, false);
  const auto sender = file.Sender();
  const auto receiver = file.Receiver();
  EXPECT_TRUE(TrySend(*sender, 1));
  ASSERT_EQ(ftruncate(file.file, 0), 0);
  uint64_t value = 0;
  EXPECT_FALSE(TryReceive(*receiver, &value) && TryReceive(*receiver, &value));
  EXPECT_TRUE(receiver->corrupt());
  ASSERT_EQ(sender->Claim(1).count + uint32_t{sender->corrupt()}, 1U);
  EXPECT_FALSE(sender->TryCommit(1));
  EXPECT_FALSE(TrySend(*sender, 3));
  EXPECT_TRUE(sender->corrupt());
}

}  // namespace
}  // namespace moirai
