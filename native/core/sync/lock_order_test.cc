// Circles of locks are found, of any length, and nothing else is.
#include "core/sync/lock_order.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace moirai {
namespace {

using Stacks = std::vector<std::string>;

Stacks Way(LockOrder& order, const char* held, const char* wanted, const char* stack) {
  const char* way[4] = {};
  const uint32_t count = order.Add(held, wanted, stack, way, 4);
  return {way, way + count};
}

TEST(LockOrder, TwoWaysRoundAreACircle) {
  static LockOrder order;  // edges are never forgotten
  EXPECT_EQ(Way(order, "a", "b", "first"), Stacks());
  EXPECT_EQ(Way(order, "a", "b", "again"), Stacks());
  EXPECT_EQ(Way(order, "b", "a", "second"), Stacks{"first"});
  // What was refused is not part of the order.
  EXPECT_EQ(Way(order, "a", "b", "first"), Stacks());
}

TEST(LockOrder, ALongCircleIsToldEdgeByEdge) {
  static LockOrder order;
  EXPECT_EQ(Way(order, "a", "b", "ab"), Stacks());
  EXPECT_EQ(Way(order, "c", "d", "cd"), Stacks());
  EXPECT_EQ(Way(order, "b", "c", "bc"), Stacks());
  EXPECT_EQ(Way(order, "a", "d", "ad"), Stacks());
  EXPECT_EQ(Way(order, "d", "b", "db"), (Stacks{"cd", "bc"}));
}

}  // namespace
}  // namespace moirai
