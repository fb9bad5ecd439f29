// What a channel of one sender and one receiver promises to sides that work the ring themselves, as
// JavaScript does (src/channel/spsc-side.ts): here they do it by hand, with the same orders.
#include "core/channel/spsc_channel.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

namespace moirai {
namespace {

class SpscChannelTest : public testing::Test {
 protected:
  static constexpr uint32_t kCapacity = 4;
  const Ref<SpscChannel> channel_{
      new SpscChannel({ChannelKind::kSpsc, kCapacity, sizeof(uint64_t)}, memory_)};

  uint64_t* Number(uint32_t position) {
    return reinterpret_cast<uint64_t*>(channel_->slots()) + position % kCapacity;
  }

 private:
  alignas(kFalseSharingBytes) uint8_t memory_[512] = {};
};

// A side that works the ring, and sleeps when it cannot go on.
class Script {
 public:
  Script(std::atomic<uint32_t>& mine, std::atomic<uint32_t>& theirs, std::atomic<uint32_t>& notice,
         WaitList& own_list, WaitList& other_list)
      : mine_(mine), theirs_(theirs), notice_(notice), own_(own_list), other_(other_list) {}

  uint32_t position() const { return mine_.load(std::memory_order_relaxed); }
  uint32_t theirs() const { return theirs_.load(std::memory_order_seq_cst); }
  void Advance() {
    mine_.store(position() + 1, std::memory_order_seq_cst);
    if ((notice_.load(std::memory_order_seq_cst) & kSpscWaits) != 0) other_.Call(1);
  }
  // `possible`: by the end of native code that stands for this side while it waits.
  template <typename Possible>
  void Await(Possible possible) {
    own_.Enroll(waiter_);
    if (!possible()) {
      ASSERT_TRUE(waiter_.parker->Wait(20'000)) << "nobody called";
    }
    own_.Withdraw(waiter_);
    waiter_.parker->Drain();
  }

 private:
  std::atomic<uint32_t>& mine_;
  std::atomic<uint32_t>& theirs_;
  std::atomic<uint32_t>& notice_;
  WaitList& own_;
  WaitList& other_;
  WaitList::Waiter waiter_{Ref<Parker>(new Parker)};
};

TEST_F(SpscChannelTest, SidesThatWorkTheRingThemselvesAreCalledWhenTheySleep) {
  constexpr uint64_t kMessages = 20'000;
  SpscControl& control = channel_->control();
  std::thread thread([&] {
    const std::unique_ptr<SenderEnd> end = channel_->OpenSender();
    Script sender(control.sent, control.received, control.to_sender, channel_->senders_waiting,
                  channel_->receivers_waiting);
    for (uint64_t i = 0; i < kMessages; i++) {
      while (sender.position() - sender.theirs() == kCapacity) {
        sender.Await([&] { return end->HasRoom(); });
        if (testing::Test::HasFatalFailure()) return;
      }
      *Number(sender.position()) = i;
      sender.Advance();
    }
  });
  const std::unique_ptr<ReceiverEnd> end = channel_->OpenReceiver();
  Script receiver(control.received, control.sent, control.to_receiver, channel_->receivers_waiting,
                  channel_->senders_waiting);
  uint64_t wrong = 0;
  for (uint64_t next = 0; next < kMessages && !HasFatalFailure();) {
    if (receiver.position() == receiver.theirs()) {
      receiver.Await([&] { return end->HasMessage(); });
      continue;
    }
    if (*Number(receiver.position()) != next++) wrong++;
    receiver.Advance();
  }
  thread.join();
  EXPECT_EQ(wrong, 0U);
}

TEST_F(SpscChannelTest, EndsSeeWhatWasDoneToTheRingWithoutThem) {
  const std::unique_ptr<SenderEnd> sender = channel_->OpenSender();
  const std::unique_ptr<ReceiverEnd> receiver = channel_->OpenReceiver();
  SpscControl& control = channel_->control();
  // Further than a lap, as seen by ends that were not asked in between.
  for (const uint32_t position : {40U, 3'000'000'000U, 7U}) {
    control.sent.store(position + kCapacity, std::memory_order_relaxed);
    control.received.store(position, std::memory_order_relaxed);
    EXPECT_FALSE(sender->HasRoom());
    EXPECT_TRUE(receiver->HasMessage());
    control.received.store(position + kCapacity, std::memory_order_relaxed);
    EXPECT_TRUE(sender->HasRoom());
    EXPECT_FALSE(receiver->HasMessage());
  }
  EXPECT_FALSE(sender->corrupt());
  EXPECT_FALSE(receiver->corrupt());
}

TEST_F(SpscChannelTest, TheOtherSideIsToldOfWaitsAndOfTheEnd) {
  const std::unique_ptr<SenderEnd> sender = channel_->OpenSender();
  const std::unique_ptr<ReceiverEnd> receiver = channel_->OpenReceiver();
  SpscControl& control = channel_->control();
  WaitList::Waiter waiter{Ref<Parker>(new Parker)};
  channel_->receivers_waiting.Enroll(waiter);
  EXPECT_EQ(control.to_sender.load(std::memory_order_relaxed), uint32_t{kSpscWaits});
  EXPECT_EQ(control.to_receiver.load(std::memory_order_relaxed), 0U);
  channel_->receivers_waiting.Withdraw(waiter);
  EXPECT_EQ(control.to_sender.load(std::memory_order_relaxed), 0U);
  channel_->senders_waiting.Enroll(waiter);
  EXPECT_EQ(control.to_receiver.load(std::memory_order_relaxed), uint32_t{kSpscWaits});
  channel_->senders_waiting.Withdraw(waiter);
  receiver->LetGo();
  EXPECT_EQ(control.to_sender.load(std::memory_order_relaxed), 0U) << "it goes on elsewhere";
  receiver->Close();
  sender->Close();
  EXPECT_EQ(control.to_sender.load(std::memory_order_relaxed), uint32_t{kSpscGone});
  EXPECT_EQ(control.to_receiver.load(std::memory_order_relaxed), uint32_t{kSpscGone});
}

}  // namespace
}  // namespace moirai
