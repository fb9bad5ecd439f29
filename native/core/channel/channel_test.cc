#include "core/channel/channel.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace moirai {
namespace {

class ChannelTest : public testing::TestWithParam<ChannelKind> {
 protected:
  Ref<Channel> Make(uint32_t capacity) {
    const ChannelShape shape{GetParam(), capacity, sizeof(uint64_t)};
    memory_.assign(ChannelMemoryBytes(shape) / sizeof(uint64_t) + kFalseSharingBytes, 0);
    auto address = reinterpret_cast<uintptr_t>(memory_.data());
    address = (address + kFalseSharingBytes - 1) / kFalseSharingBytes * kFalseSharingBytes;
    return MakeChannel(shape, reinterpret_cast<uint8_t*>(address));
  }

  static bool Send(SenderEnd& sender, uint64_t value) {
    const SlotRun run = sender.Claim(1);
    if (run.count == 0) return false;
    std::memcpy(run.first, &value, sizeof(value));
    sender.Commit(1);
    return true;
  }
  static bool Receive(ReceiverEnd& receiver, uint64_t* value) {
    const SlotRun run = receiver.Peek(1);
    if (run.count == 0) return false;
    std::memcpy(value, run.first, sizeof(*value));
    receiver.Release(1);
    return true;
  }

  // Sleeps until `done`; fails the test when nobody calls.
  template <typename Done>
  static void Await(WaitList& set, WaitSet::Waiter& waiter, Done done) {
    while (!done()) {
      set.Enroll(waiter);
      if (!done()) {
        ASSERT_TRUE(waiter.parker->Wait(20'000)) << "nobody called";
      }
      set.Withdraw(waiter);
      waiter.parker->Drain();
    }
  }

  std::vector<uint64_t> memory_;
};

TEST_P(ChannelTest, ThreadsThatSleepAreCalled) {
  constexpr uint64_t kMessages = 20'000;
  const Ref<Channel> channel = Make(4);
  std::thread thread([&channel] {
    const std::unique_ptr<SenderEnd> sender = channel->OpenSender();
    WaitSet::Waiter waiter{Ref<Parker>(new Parker)};
    for (uint64_t i = 0; i < kMessages; i++) {
      Await(channel->senders_waiting, waiter, [&sender] { return sender->HasRoom(); });
      Send(*sender, i);
    }
    sender->Close();
  });
  const std::unique_ptr<ReceiverEnd> receiver = channel->OpenReceiver();
  WaitSet::Waiter waiter{Ref<Parker>(new Parker)};
  uint64_t next = 0;
  for (bool open = true; open;) {
    Await(channel->receivers_waiting, waiter, [&] {
      open = channel->counts.senders.load(std::memory_order_acquire) > 0;
      return receiver->HasMessage() || !open;
    });
    for (uint64_t value = 0; Receive(*receiver, &value);) EXPECT_EQ(value, next++);
  }
  EXPECT_EQ(next, kMessages);
  thread.join();
}

TEST_P(ChannelTest, TheLastSenderThatClosesCallsEveryReceiver) {
  const Ref<Channel> channel = Make(4);
  const std::unique_ptr<SenderEnd> sender = channel->OpenSender();
  WaitSet::Waiter waiters[2] = {{Ref<Parker>(new Parker)}, {Ref<Parker>(new Parker)}};
  for (WaitSet::Waiter& waiter : waiters) channel->receivers_waiting.Enroll(waiter);
  sender->Close();
  for (WaitSet::Waiter& waiter : waiters) {
    EXPECT_TRUE(waiter.parker->Wait(0));
    EXPECT_FALSE(channel->receivers_waiting.Withdraw(waiter));
  }
  EXPECT_EQ(channel->counts.senders.load(std::memory_order_relaxed), 0U);
}

TEST_P(ChannelTest, TheLongestWaitingIsCalledFirst) {
  const Ref<Channel> channel = Make(4);
  const std::unique_ptr<SenderEnd> sender = channel->OpenSender();
  WaitSet::Waiter waiters[3] = {
      {Ref<Parker>(new Parker)}, {Ref<Parker>(new Parker)}, {Ref<Parker>(new Parker)}};
  for (WaitSet::Waiter& waiter : waiters) channel->receivers_waiting.Enroll(waiter);
  EXPECT_TRUE(channel->receivers_waiting.Withdraw(waiters[1]));
  Send(*sender, 1);
  EXPECT_TRUE(waiters[0].parker->Wait(0));
  EXPECT_FALSE(waiters[2].parker->Wait(0));
  channel->receivers_waiting.Enroll(waiters[1]);
  Send(*sender, 2);
  EXPECT_TRUE(waiters[2].parker->Wait(0));
  EXPECT_FALSE(waiters[1].parker->Wait(0));
  channel->receivers_waiting.Withdraw(waiters[1]);
}

INSTANTIATE_TEST_SUITE_P(Kinds, ChannelTest,
                         testing::Values(ChannelKind::kSpsc, ChannelKind::kMpmc));

class MpmcChannelTest : public testing::Test {
 protected:
  Ref<Channel> Make(uint32_t capacity) {
    const ChannelShape shape{ChannelKind::kMpmc, capacity, 8};
    Ref<Channel> channel = MakeChannel(shape, memory_);
    channel->counts.senders.store(2, std::memory_order_relaxed);
    channel->counts.receivers.store(2, std::memory_order_relaxed);
    return channel;
  }
  alignas(kFalseSharingBytes) uint8_t memory_[512] = {};
};

// Slots that are held up become room several at a time, and each release calls one sender.
TEST_F(MpmcChannelTest, ASenderThatLeavesRoomBehindCallsTheNext) {
  const Ref<Channel> channel = Make(2);
  const std::unique_ptr<SenderEnd> sender = channel->OpenSender();
  const std::unique_ptr<ReceiverEnd> slow = channel->OpenReceiver();
  const std::unique_ptr<ReceiverEnd> fast = channel->OpenReceiver();
  for (int i = 0; i < 2; i++) {
    ASSERT_EQ(sender->Claim(1).count, 1U);
    sender->Commit(1);
  }
  ASSERT_EQ(slow->Peek(1).count, 1U);
  ASSERT_EQ(fast->Peek(1).count, 1U);
  WaitSet::Waiter waiters[2] = {{Ref<Parker>(new Parker)}, {Ref<Parker>(new Parker)}};
  fast->Release(1);
  for (WaitSet::Waiter& waiter : waiters) channel->senders_waiting.Enroll(waiter);
  EXPECT_FALSE(sender->HasRoom());
  slow->Release(1);
  ASSERT_TRUE(waiters[0].parker->Wait(0));
  ASSERT_FALSE(waiters[1].parker->Wait(0));
  ASSERT_EQ(sender->Claim(1).count, 1U);
  EXPECT_TRUE(waiters[1].parker->Wait(0));
}

// An aborted slot calls a receiver; what that makes of it is room.
TEST_F(MpmcChannelTest, AnAbortedClaimIsRoomForASenderThatSleeps) {
  const Ref<Channel> channel = Make(1);
  const std::unique_ptr<SenderEnd> gone = channel->OpenSender();
  const std::unique_ptr<ReceiverEnd> receiver = channel->OpenReceiver();
  ASSERT_EQ(gone->Claim(1).count, 1U);
  WaitSet::Waiter sends{Ref<Parker>(new Parker)};
  WaitSet::Waiter receives{Ref<Parker>(new Parker)};
  channel->senders_waiting.Enroll(sends);
  channel->receivers_waiting.Enroll(receives);
  gone->Abort();
  ASSERT_TRUE(receives.parker->Wait(0));
  EXPECT_EQ(receiver->Peek(1).count, 0U);
  EXPECT_TRUE(sends.parker->Wait(0));
}

// A commit makes all takable that was held up behind it, but calls one receiver.
TEST_F(MpmcChannelTest, AReceiverThatLeavesMessagesBehindCallsTheNext) {
  const Ref<Channel> channel = Make(4);
  const std::unique_ptr<SenderEnd> slow = channel->OpenSender();
  const std::unique_ptr<SenderEnd> fast = channel->OpenSender();
  const std::unique_ptr<ReceiverEnd> receiver = channel->OpenReceiver();
  ASSERT_EQ(slow->Claim(1).count, 1U);
  ASSERT_EQ(fast->Claim(1).count, 1U);
  fast->Commit(1);
  EXPECT_FALSE(receiver->HasMessage());
  WaitSet::Waiter waiters[2] = {{Ref<Parker>(new Parker)}, {Ref<Parker>(new Parker)}};
  for (WaitSet::Waiter& waiter : waiters) channel->receivers_waiting.Enroll(waiter);
  slow->Commit(1);
  ASSERT_TRUE(waiters[0].parker->Wait(0));
  ASSERT_FALSE(waiters[1].parker->Wait(0));
  ASSERT_EQ(receiver->Peek(1).count, 1U);
  EXPECT_TRUE(waiters[1].parker->Wait(0)) << "before the first is released";
}

}  // namespace
}  // namespace moirai
