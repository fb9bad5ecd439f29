#include "core/channel/broadcast_channel.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace moirai {
namespace {

class BroadcastTest : public testing::TestWithParam<ChannelKind> {
 protected:
  void Make(uint32_t capacity, ChannelKind kind = GetParam(), uint32_t bytes = 32) {
    const ChannelShape shape{kind, capacity, bytes};
    memory_.assign(ChannelMemoryBytes(shape) / 8 + kFalseSharingBytes, 0);
    auto address = reinterpret_cast<uintptr_t>(memory_.data());
    address = (address + kFalseSharingBytes - 1) / kFalseSharingBytes * kFalseSharingBytes;
    channel_ = MakeChannel(shape, reinterpret_cast<uint8_t*>(address));
  }
  // Every word of the message is the value, so that a torn one is found out.
  bool Send(SenderEnd& sender, uint64_t value) const {
    const SlotRun run = sender.Claim(1);
    if (run.count == 0) return false;
    for (uint32_t at = 0; at < channel_->shape.message_bytes; at += 8) {
      std::memcpy(run.first + at, &value, sizeof(value));
    }
    sender.Commit(1);
    return true;
  }
  bool Receive(ReceiverEnd& receiver, uint64_t* value) const {
    const SlotRun run = receiver.Peek(1);
    if (run.count == 0) return false;
    std::memcpy(value, run.first, sizeof(*value));
    for (uint32_t at = 8; at < channel_->shape.message_bytes; at += 8) {
      uint64_t other = 0;
      std::memcpy(&other, run.first + at, sizeof(other));
      EXPECT_EQ(other, *value) << "torn";
    }
    receiver.Release(1);
    return true;
  }
  static void Join(std::vector<std::thread>& threads) {
    for (std::thread& thread : threads) thread.join();
  }

  std::vector<uint64_t> memory_;
  Ref<Channel> channel_;
};

TEST_P(BroadcastTest, EachMessageGoesToEachReceiver) {
  Make(4);
  const auto sender = channel_->OpenSender();
  const auto first = channel_->OpenReceiver();
  uint64_t value = 0;
  for (uint64_t i = 0; i < 10; i++) {
    EXPECT_TRUE(Send(*sender, i));
    EXPECT_TRUE(Receive(*first, &value));
    EXPECT_EQ(value, i);
  }
  EXPECT_TRUE(Send(*sender, 10));
  const auto second = channel_->OpenReceiverAt(first->Another());
  EXPECT_TRUE(Send(*sender, 11));
  for (const auto* receiver : {&first, &second}) {
    for (const uint64_t expected : {10, 11}) {
      ASSERT_TRUE(Receive(**receiver, &value)) << "a clone begins where the other stands";
      EXPECT_EQ(value, expected);
    }
    EXPECT_FALSE(Receive(**receiver, &value));
  }
  first->Close();
  second->Close();
}

TEST_P(BroadcastTest, WhatIsNotCommittedIsNotThereAndHoldsUpNobody) {
  Make(4);
  const auto slow = channel_->OpenSender();
  const auto fast = channel_->OpenSender();
  const auto receiver = channel_->OpenReceiver();
  ASSERT_EQ(slow->Claim(1).count, 1U);
  EXPECT_TRUE(Send(*fast, 1));
  uint64_t value = 0;
  EXPECT_TRUE(Receive(*receiver, &value));
  EXPECT_EQ(value, 1U);
  slow->Abort();
  EXPECT_FALSE(receiver->HasMessage());
  EXPECT_TRUE(Send(*slow, 2));
  EXPECT_TRUE(Receive(*receiver, &value));
  EXPECT_EQ(value, 2U);
  receiver->Close();
}

TEST_P(BroadcastTest, ReceiversOnTheirWayAreFoundByTheirNumbers) {
  Make(8);
  const auto sender = channel_->OpenSender();
  const auto first = channel_->OpenReceiver();
  EXPECT_TRUE(Send(*sender, 1));
  const uint32_t early = first->Another();
  uint64_t value = 0;
  EXPECT_TRUE(Receive(*first, &value));
  const uint32_t late = first->Another();
  EXPECT_TRUE(Send(*sender, 2));
  const auto later = channel_->OpenReceiverAt(late);
  const auto earlier = channel_->OpenReceiverAt(early);
  EXPECT_TRUE(Receive(*later, &value));
  EXPECT_EQ(value, 2U);
  EXPECT_TRUE(Receive(*earlier, &value));
  EXPECT_EQ(value, 1U);
  EXPECT_EQ(channel_->OpenReceiver(), nullptr) << "none is on its way";
  uint32_t more = 0;
  while (first->Another() != ReceiverEnd::kNoMoreEnds) more++;
  EXPECT_EQ(more, BroadcastChannel::kMaxEnds - 3);
}

INSTANTIATE_TEST_SUITE_P(Policies, BroadcastTest,
                         testing::Values(ChannelKind::kBroadcastWait, ChannelKind::kBroadcastDrop));

TEST_F(BroadcastTest, WaitLeavesRoomForTheSlowest) {
  Make(2, ChannelKind::kBroadcastWait);
  const auto sender = channel_->OpenSender();
  const auto other = channel_->OpenSender();
  const auto fast = channel_->OpenReceiver();
  const auto slow = channel_->OpenReceiverAt(fast->Another());
  uint64_t value = 0;
  EXPECT_TRUE(Send(*sender, 0));
  ASSERT_EQ(other->Claim(1).count, 1U);
  EXPECT_FALSE(Send(*sender, 1)) << "the room was promised to the other sender";
  other->Abort();
  EXPECT_TRUE(Send(*sender, 1));
  while (Receive(*fast, &value)) continue;
  EXPECT_FALSE(Send(*sender, 2));
  EXPECT_FALSE(sender->HasRoom());
  ASSERT_EQ(slow->Peek(1).count, 1U);
  EXPECT_FALSE(Send(*sender, 2)) << "it is still being read";
  slow->Release(1);
  EXPECT_TRUE(Send(*sender, 2));
  EXPECT_FALSE(Send(*sender, 3));
  slow->Close();
  EXPECT_TRUE(Send(*sender, 3)) << "who has closed is waited for no more";
  fast->Close();
}

TEST_F(BroadcastTest, DropSaysOnceHowManyWereMissed) {
  Make(4, ChannelKind::kBroadcastDrop);
  const auto sender = channel_->OpenSender();
  const auto receiver = channel_->OpenReceiver();
  for (uint64_t i = 0; i < 10; i++) EXPECT_TRUE(Send(*sender, i));
  uint64_t value = 0;
  EXPECT_FALSE(Receive(*receiver, &value));
  EXPECT_TRUE(receiver->HasMissed());
  EXPECT_TRUE(receiver->HasMessage());
  EXPECT_FALSE(Receive(*receiver, &value)) << "not before it was asked how many";
  EXPECT_EQ(receiver->TakeMissed(), 6U);
  EXPECT_EQ(receiver->TakeMissed(), 0U);
  for (uint64_t i = 6; i < 10; i++) {
    ASSERT_TRUE(Receive(*receiver, &value));
    EXPECT_EQ(value, i);
  }
  EXPECT_FALSE(receiver->HasMessage());
  receiver->Close();
}

// What was looked at stays as it is while others overwrite its slot.
TEST_F(BroadcastTest, DropLeavesAMessageThatIsReadAsItIs) {
  Make(1, ChannelKind::kBroadcastDrop);
  const auto sender = channel_->OpenSender();
  const auto receiver = channel_->OpenReceiver();
  EXPECT_TRUE(Send(*sender, 1));
  const SlotRun run = receiver->Peek(1);
  ASSERT_EQ(run.count, 1U);
  for (uint64_t i = 2; i < 5; i++) EXPECT_TRUE(Send(*sender, i));
  uint64_t value = 0;
  std::memcpy(&value, run.first, sizeof(value));
  EXPECT_EQ(value, 1U);
  receiver->Release(1);
  EXPECT_FALSE(Receive(*receiver, &value));
  EXPECT_EQ(receiver->TakeMissed(), 2U);
  EXPECT_TRUE(Receive(*receiver, &value));
  EXPECT_EQ(value, 4U);
  receiver->Close();
}

// Each receiver gets all, or says how many it did not; none is torn; each sender's are in order.
TEST_P(BroadcastTest, ThreadsGetOrMissEachMessage) {
  constexpr uint64_t kEach = 40'000;
  constexpr uint64_t kSenders = 2;
  constexpr int kReceivers = 2;
  Make(8);
  channel_->counts.senders.store(kSenders, std::memory_order_relaxed);
  std::vector<std::unique_ptr<ReceiverEnd>> receivers;
  receivers.push_back(channel_->OpenReceiver());
  for (int i = 1; i < kReceivers; i++) {
    receivers.push_back(channel_->OpenReceiverAt(receivers[0]->Another()));
  }
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kSenders; t++) {
    threads.emplace_back([this, t] {
      const auto sender = channel_->OpenSender();
      for (uint64_t i = 0; i < kEach;) {
        if (Send(*sender, i * kSenders + t)) {
          i++;
        } else {
          std::this_thread::yield();
        }
      }
      sender->Close();
    });
  }
  for (auto& receiver : receivers) {
    threads.emplace_back([this, &receiver] {
      uint64_t got = 0;
      uint64_t missed = 0;
      uint64_t next[kSenders] = {};
      for (;;) {
        const bool last = channel_->counts.senders.load(std::memory_order_acquire) == 0;
        uint64_t value = 0;
        if (Receive(*receiver, &value)) {
          got++;
          EXPECT_GE(value / kSenders, next[value % kSenders]);
          next[value % kSenders] = value / kSenders + 1;
        } else if (receiver->HasMissed()) {
          missed += receiver->TakeMissed();
        } else if (last) {
          break;
        } else {
          std::this_thread::yield();
        }
      }
      EXPECT_EQ(got + missed, kEach * kSenders);
      EXPECT_TRUE(missed == 0 || channel_->shape.kind == ChannelKind::kBroadcastDrop);
      receiver->Close();
    });
  }
  Join(threads);
}

}  // namespace
}  // namespace moirai
