// Circles of locks are found, of any length, and nothing else is.
#include "core/sync/lock_order.h"

#include <gtest/gtest.h>

#include <string>

namespace moirai {
namespace {

TEST(LockOrder, TwoWaysRoundAreACircle) {
  LockOrder order;
  EXPECT_EQ(order.Add("a", "b", "first"), nullptr);
  EXPECT_EQ(order.Add("a", "b", "again"), nullptr);
  const LockOrder::Edge* const circle = order.Add("b", "a", "second");
  ASSERT_NE(circle, nullptr);
  EXPECT_EQ(std::string(circle->stack), "first");
  // What was refused is not part of the order.
  EXPECT_EQ(order.Add("a", "b", "first"), nullptr);
}

TEST(LockOrder, ALongCircleIsToldEdgeByEdge) {
  LockOrder order;
  EXPECT_EQ(order.Add("a", "b", "ab"), nullptr);
  EXPECT_EQ(order.Add("c", "d", "cd"), nullptr);
  EXPECT_EQ(order.Add("b", "c", "bc"), nullptr);
  EXPECT_EQ(order.Add("a", "d", "ad"), nullptr);
  std::string way;
  for (const LockOrder::Edge* edge = order.Add("d", "b", "db"); edge != nullptr;
       edge = edge->before) {
    way = std::string(edge->stack) + " " + way;
  }
  EXPECT_EQ(way, "bc cd ");
}

}  // namespace
}  // namespace moirai
