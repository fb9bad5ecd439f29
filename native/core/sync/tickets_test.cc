// A number is good once, whoever comes with it and however often, and never after its place went to
// another.
#include "core/sync/tickets.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace moirai {
namespace {

TEST(Tickets, AreGoodOnce) {
  static Tickets tickets;
  const uint64_t ticket = tickets.Issue();
  EXPECT_NE(ticket, 0U);
  EXPECT_TRUE(tickets.Redeem(ticket));
  EXPECT_FALSE(tickets.Redeem(ticket));
  const uint64_t next = tickets.Issue();
  EXPECT_NE(next, ticket);
  EXPECT_FALSE(tickets.Redeem(ticket));
  EXPECT_TRUE(tickets.Redeem(next));
}

TEST(Tickets, AreHeldByOneAndGoodAgainIfThatWasInVain) {
  static Tickets tickets;
  const uint64_t ticket = tickets.Issue();
  EXPECT_TRUE(tickets.Hold(ticket));
  EXPECT_FALSE(tickets.Hold(ticket));
  EXPECT_FALSE(tickets.Redeem(ticket));
  tickets.Settle(ticket, false);
  EXPECT_TRUE(tickets.Hold(ticket));
  tickets.Settle(ticket, true);
  EXPECT_FALSE(tickets.Hold(ticket));
  EXPECT_FALSE(tickets.Redeem(ticket));
  EXPECT_NE(tickets.Issue(), ticket);
}

TEST(Tickets, AreAllDifferentWhileTheyAreOut) {
  static Tickets tickets;
  std::set<uint64_t> out;
  for (int i = 0; i < 1000; i++) EXPECT_TRUE(out.insert(tickets.Issue()).second);
  for (const uint64_t ticket : out) EXPECT_TRUE(tickets.Redeem(ticket));
}

TEST(Tickets, AreOfOneTable) {
  static Tickets ours;
  static Tickets theirs;
  std::vector<uint64_t> out;
  for (int i = 0; i < 100; i++) {
    out.push_back(ours.Issue());
    theirs.Issue();
  }
  for (const uint64_t ticket : out) EXPECT_FALSE(theirs.Redeem(ticket)) << ticket;
}

TEST(Tickets, RefuseWhatWasNeverIssued) {
  static Tickets tickets;
  const uint64_t ticket = tickets.Issue();
  for (const uint64_t other : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, ticket + 1,
                               ticket + (uint64_t{1} << 31), ticket + (uint64_t{2} << 31)}) {
    EXPECT_FALSE(tickets.Redeem(other)) << other;
  }
  EXPECT_TRUE(tickets.Redeem(ticket));
}

TEST(Tickets, GoToOneOfThreadsThatRace) {
  constexpr int kRounds = 5'000;
  static Tickets tickets;
  std::vector<uint64_t> given(kRounds);
  for (uint64_t& ticket : given) ticket = tickets.Issue();
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  threads.reserve(3);
  for (int t = 0; t < 3; t++) {
    threads.emplace_back([&] {
      for (const uint64_t ticket : given) {
        if (tickets.Redeem(ticket)) taken.fetch_add(1, std::memory_order_relaxed);
        tickets.Redeem(tickets.Issue());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken.load(std::memory_order_relaxed), kRounds);
}

}  // namespace
}  // namespace moirai
