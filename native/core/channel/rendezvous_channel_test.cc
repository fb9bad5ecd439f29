#include "core/channel/rendezvous_channel.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace moirai {
namespace {

class RendezvousTest : public testing::Test {
 protected:
  void Make(uint32_t ends) {
    const ChannelShape shape{ChannelKind::kRendezvous, ends, 8};
    memory_.assign(ChannelMemoryBytes(shape) / 8, 0);
    channel_ = MakeChannel(shape, reinterpret_cast<uint8_t*>(memory_.data()));
  }
  static void Write(SenderEnd& sender, uint64_t value) {
    const SlotRun run = sender.Claim(1);
    ASSERT_EQ(run.count, 1U);
    std::memcpy(run.first, &value, sizeof(value));
  }
  static bool TrySend(SenderEnd& sender, uint64_t value) {
    Write(sender, value);
    return sender.TryCommit(1);
  }
  static bool OfferToSend(SenderEnd& sender, uint64_t value) {
    Write(sender, value);
    return sender.Offer();
  }
  static bool TryReceive(ReceiverEnd& receiver, uint64_t* value) {
    const SlotRun run = receiver.Peek(1);
    if (run.count == 0) return false;
    std::memcpy(value, run.first, sizeof(*value));
    receiver.Release(1);
    return true;
  }

  std::vector<uint64_t> memory_;
  Ref<Channel> channel_;
};

TEST_F(RendezvousTest, NothingGoesWithoutSomebodyWhoWaits) {
  Make(2);
  const auto sender = channel_->OpenSender();
  const auto receiver = channel_->OpenReceiver();
  uint64_t value = 0;
  EXPECT_FALSE(TrySend(*sender, 1));
  EXPECT_FALSE(TryReceive(*receiver, &value));
  EXPECT_FALSE(receiver->Offer());
  EXPECT_TRUE(TrySend(*sender, 2));
  EXPECT_FALSE(TrySend(*sender, 3)) << "one wait is met by one message";
  EXPECT_TRUE(TryReceive(*receiver, &value));
  EXPECT_EQ(value, 2U);
  EXPECT_FALSE(OfferToSend(*sender, 4));
  EXPECT_TRUE(receiver->HasMessage());
  EXPECT_TRUE(TryReceive(*receiver, &value));
  EXPECT_EQ(value, 4U);
  EXPECT_TRUE(sender->HasRoom());
  EXPECT_TRUE(sender->Offer()) << "and it was told";
}

TEST_F(RendezvousTest, AnOfferThatIsRetractedIsMetByNobody) {
  Make(2);
  const auto sender = channel_->OpenSender();
  const auto receiver = channel_->OpenReceiver();
  uint64_t value = 0;
  EXPECT_FALSE(OfferToSend(*sender, 1));
  EXPECT_TRUE(sender->Retract());
  EXPECT_FALSE(TryReceive(*receiver, &value));
  EXPECT_FALSE(receiver->Offer());
  EXPECT_TRUE(receiver->Retract());
  EXPECT_FALSE(TrySend(*sender, 2));
  EXPECT_FALSE(OfferToSend(*sender, 3));
  EXPECT_TRUE(TryReceive(*receiver, &value));
  EXPECT_FALSE(sender->Retract()) << "it was taken before";
  EXPECT_FALSE(receiver->Offer());
  EXPECT_TRUE(TrySend(*sender, 4));
  EXPECT_FALSE(receiver->Retract()) << "it has come before";
  EXPECT_TRUE(TryReceive(*receiver, &value));
  EXPECT_EQ(value, 4U);
}

TEST_F(RendezvousTest, OffersAreMetInTheirOrder) {
  Make(4);
  const std::unique_ptr<SenderEnd> senders[] = {channel_->OpenSender(), channel_->OpenSender(),
                                                channel_->OpenSender()};
  const auto receiver = channel_->OpenReceiver();
  for (uint64_t i = 0; i < 3; i++) EXPECT_FALSE(OfferToSend(*senders[i], i));
  EXPECT_TRUE(senders[1]->Retract());
  EXPECT_FALSE(OfferToSend(*senders[1], 1));
  uint64_t value = 0;
  for (const uint64_t expected : {0, 2, 1}) {
    ASSERT_TRUE(TryReceive(*receiver, &value));
    EXPECT_EQ(value, expected);
  }
}

TEST_F(RendezvousTest, AnEndThatClosesTakesItsOfferAlong) {
  Make(2);
  auto sender = channel_->OpenSender();
  const auto receiver = channel_->OpenReceiver();
  EXPECT_FALSE(OfferToSend(*sender, 1));
  EXPECT_EQ(channel_->OpenReceiver(), nullptr) << "as many ends as were asked for";
  sender->Close();
  uint64_t value = 0;
  EXPECT_FALSE(TryReceive(*receiver, &value));
  EXPECT_NE(channel_->OpenReceiver(), nullptr);
}

// Each send that was met is received once, each that was retracted never.
TEST_F(RendezvousTest, ThreadsThatRetractLoseNothing) {
  constexpr uint64_t kEach = 30'000;
  constexpr uint64_t kThreads = 2;
  Make(2 * kThreads);
  channel_->counts.senders.store(kThreads, std::memory_order_relaxed);
  std::atomic<uint64_t> sent{0};
  std::atomic<uint64_t> received{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      const auto sender = channel_->OpenSender();
      for (uint64_t i = 0; i < kEach; i++) {
        const uint64_t value = i * kThreads + t + 1;
        bool met = OfferToSend(*sender, value);
        for (int patience = static_cast<int>(i % 50); !met && patience > 0; patience--) {
          std::this_thread::yield();
          met = sender->HasRoom() && sender->Offer();
        }
        if (met || !sender->Retract()) sent.fetch_add(value, std::memory_order_relaxed);
      }
      sender->Close();
    });
    threads.emplace_back([&] {
      const auto receiver = channel_->OpenReceiver();
      uint64_t value = 0;
      for (uint64_t i = 0;; i++) {
        const bool last = channel_->counts.senders.load(std::memory_order_acquire) == 0;
        if (i % 3 == 0) receiver->Offer();
        if (i % 9 == 0) receiver->Retract();
        if (TryReceive(*receiver, &value)) {
          received.fetch_add(value, std::memory_order_relaxed);
        } else if (last) {
          if (receiver->Retract()) break;
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sent.load(std::memory_order_relaxed), received.load(std::memory_order_relaxed));
  EXPECT_GT(received.load(std::memory_order_relaxed), 0U);
}

}  // namespace
}  // namespace moirai
