// How much a thief takes, and what it learns from how that went.
#include "core/executor/steal_policy.h"

#include <gtest/gtest.h>

namespace moirai {
namespace {

constexpr uint64_t kSoon = 1'000;
constexpr uint64_t kMedium = 100'000;
constexpr uint64_t kLong = 1'000'000;

TEST(StealPolicy, TakesTheShareOfItsNameAndNeverMoreThanAClaim) {
  EXPECT_EQ(StealPolicy(Steal::kOne).Wanted(100, 50), 1U);
  EXPECT_EQ(StealPolicy(Steal::kHalf).Wanted(100, 256), 50U);
  EXPECT_EQ(StealPolicy(Steal::kHalf).Wanted(101, 256), 51U);
  EXPECT_EQ(StealPolicy(Steal::kHalf).Wanted(100, 20), 20U);
  EXPECT_EQ(StealPolicy(Steal::kQuarter).Wanted(100, 256), 25U);
  EXPECT_EQ(StealPolicy(Steal::kQuarter).Wanted(5, 256), 2U);
  for (const Steal strategy : {Steal::kOne, Steal::kHalf, Steal::kQuarter, Steal::kAdaptive}) {
    EXPECT_EQ(StealPolicy(strategy).Wanted(1, 256), 1U);
  }
}

TEST(StealPolicy, AdaptiveTakesMoreWhenItWasTooLittleAndLessWhenItWasTooMuch) {
  StealPolicy policy(Steal::kAdaptive);
  EXPECT_EQ(policy.Wanted(100, 256), 1U);
  for (const uint32_t expected : {2U, 4U, 8U}) {
    policy.Took(policy.Wanted(100, 256));
    policy.Returned(expected / 2, kSoon);
    EXPECT_EQ(policy.Wanted(100, 256), expected);
  }
  policy.Took(8);
  policy.Returned(8, kMedium);
  EXPECT_EQ(policy.Wanted(100, 256), 8U);
  policy.Took(8);
  policy.Returned(5, kSoon);  // others stole three of them
  EXPECT_EQ(policy.Wanted(100, 256), 4U);
  policy.Took(4);
  policy.Returned(4, kLong);
  EXPECT_EQ(policy.Wanted(100, 256), 2U);
  EXPECT_EQ(policy.Wanted(2, 256), 1U);  // never more than half
}

TEST(StealPolicy, AdaptiveLearnsNothingFromIdlenessOrClaims) {
  StealPolicy policy(Steal::kAdaptive);
  policy.Took(1);
  policy.Idle();
  policy.Returned(1, kSoon);
  policy.Returned(20, kSoon);
  EXPECT_EQ(policy.Wanted(100, 256), 1U);
  for (uint32_t i = 0; i < 100; i++) {
    policy.Took(1);
    policy.Returned(1, kSoon);
  }
  EXPECT_EQ(policy.Wanted(100'000, UINT32_MAX), 256U);
}

}  // namespace
}  // namespace moirai
