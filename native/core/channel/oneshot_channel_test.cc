#include "core/channel/oneshot_channel.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace moirai {
namespace {

constexpr ChannelShape kShape{ChannelKind::kOneshot, 1, 64};

class OneshotTest : public testing::Test {
 protected:
  void Make() {
    memory_.assign(ChannelMemoryBytes(kShape) / 8, 0);
    channel_ = MakeChannel(kShape, reinterpret_cast<uint8_t*>(memory_.data()));
  }

  std::vector<uint64_t> memory_;
  Ref<Channel> channel_;
};

TEST_F(OneshotTest, CarriesOneMessageAndThenNothingMore) {
  Make();
  const auto sender = channel_->OpenSender();
  const auto receiver = channel_->OpenReceiver();
  EXPECT_EQ(receiver->Peek(1).count, 0U);
  ASSERT_EQ(sender->Claim(1).count, 1U);
  sender->Abort();
  EXPECT_FALSE(receiver->HasMessage());
  ASSERT_EQ(sender->Claim(1).count, 1U) << "what was aborted can be claimed again";
  sender->Commit(1);
  EXPECT_EQ(sender->Claim(1).count, 0U);
  EXPECT_FALSE(sender->HasRoom());
  EXPECT_FALSE(receiver->Over());
  ASSERT_EQ(receiver->Peek(1).count, 1U);
  receiver->Release(1);
  EXPECT_TRUE(receiver->Over());
  EXPECT_EQ(receiver->Peek(1).count, 0U);
  EXPECT_TRUE(channel_->OpenReceiver()->Over()) << "also for an end that came later";
}

TEST_F(OneshotTest, WakesTheThreadThatWaits) {
  for (uint64_t i = 0; i < 500; i++) {
    Make();
    std::thread thread([this, i] {
      const auto sender = channel_->OpenSender();
      const SlotRun run = sender->Claim(1);
      for (uint32_t at = 0; at < kShape.message_bytes; at += 8) std::memcpy(run.first + at, &i, 8);
      sender->Commit(1);
      sender->Close();
    });
    const auto receiver = channel_->OpenReceiver();
    WaitSet::Waiter waiter{Ref<Parker>(new Parker)};
    while (!receiver->HasMessage()) {
      channel_->receivers_waiting.Enroll(waiter);
      if (!receiver->HasMessage()) {
        ASSERT_TRUE(waiter.parker->Wait(20'000)) << "nobody called";
      }
      channel_->receivers_waiting.Withdraw(waiter);
      waiter.parker->Drain();
    }
    const SlotRun run = receiver->Peek(1);
    for (uint32_t at = 0; at < kShape.message_bytes; at += 8) {
      uint64_t value = 0;
      std::memcpy(&value, run.first + at, 8);
      EXPECT_EQ(value, i);
    }
    receiver->Release(1);
    receiver->Close();
    thread.join();
  }
}

}  // namespace
}  // namespace moirai
