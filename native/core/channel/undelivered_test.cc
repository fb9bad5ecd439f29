#include "core/channel/undelivered.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "core/channel/channel.h"

namespace moirai {
namespace {

class Discarded final : public Undelivered {
 public:
  explicit Discarded(std::vector<uint64_t>& values) : values_(values) {}
  void Discard(const uint8_t* message) override {
    uint64_t value = 0;
    std::memcpy(&value, message, sizeof(value));
    values_.push_back(value);
  }

 private:
  std::vector<uint64_t>& values_;
};

class UndeliveredTest : public testing::TestWithParam<ChannelKind> {
 protected:
  void SetUp() override {
    const ChannelShape shape{GetParam(), 8, 8};
    memory_.assign(ChannelMemoryBytes(shape) / 8 + kFalseSharingBytes, 0);
    auto address = reinterpret_cast<uintptr_t>(memory_.data());
    address = (address + kFalseSharingBytes - 1) / kFalseSharingBytes * kFalseSharingBytes;
    channel_ = MakeChannel(shape, reinterpret_cast<uint8_t*>(address));
    channel_->undelivered = std::make_unique<Discarded>(discarded_);
  }
  static void Send(SenderEnd& sender, uint64_t value) {
    const SlotRun run = sender.Claim(1);
    ASSERT_EQ(run.count, 1U);
    std::memcpy(run.first, &value, sizeof(value));
    sender.Commit(1);
  }

  std::vector<uint64_t> memory_;
  std::vector<uint64_t> discarded_;
  Ref<Channel> channel_;
};

TEST_P(UndeliveredTest, WhatNobodyCanReceiveIsDiscardedOnceAllReceiversHaveClosed) {
  const auto sender = channel_->OpenSender();
  const auto receiver = channel_->OpenReceiver();
  for (uint64_t i = 0; i < 4; i++) Send(*sender, i);
  ASSERT_EQ(receiver->Peek(1).count, 1U);
  receiver->Release(1);
  channel_->Salvage();
  EXPECT_TRUE(discarded_.empty()) << "there is a receiver";
  receiver->Close();
  channel_->Salvage();
  EXPECT_EQ(discarded_, (std::vector<uint64_t>{1, 2, 3}));
  Send(*sender, 4);  // it had looked for receivers before
  sender->Close();
  channel_->Salvage();
  EXPECT_EQ(discarded_, (std::vector<uint64_t>{1, 2, 3, 4}));
}

TEST_P(UndeliveredTest, ThreadsThatCloseAtOnceDiscardEachMessageOnce) {
  constexpr uint64_t kSent = 8;
  const auto receiver = channel_->OpenReceiver();
  std::thread thread([this] {
    const auto sender = channel_->OpenSender();
    for (uint64_t i = 0; i < kSent; i++) Send(*sender, i);
    sender->Close();
    channel_->Salvage();
  });
  receiver->Close();
  channel_->Salvage();
  thread.join();
  channel_->Salvage();
  std::vector<uint64_t> all(kSent);
  for (uint64_t i = 0; i < kSent; i++) all[i] = i;
  EXPECT_EQ(discarded_, all);
}

INSTANTIATE_TEST_SUITE_P(Kinds, UndeliveredTest,
                         testing::Values(ChannelKind::kSpsc, ChannelKind::kMpmc,
                                         ChannelKind::kUnbounded));

}  // namespace
}  // namespace moirai
