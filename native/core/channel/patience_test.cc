#include "core/channel/patience.h"

#include <gtest/gtest.h>

namespace moirai {
namespace {

constexpr uint32_t kCapacity = 1024;

TEST(Patience, WaitsOnlyWhereThereIsLittle) {
  Patience patience;
  EXPECT_FALSE(patience.Wait(0, kCapacity)) << "then there is nothing to be done meanwhile";
  EXPECT_FALSE(patience.Wait(Patience::kEnough, kCapacity));
  EXPECT_FALSE(patience.Wait(3, 4)) << "a small ring will not have more";
  EXPECT_FALSE(patience.Wait(1, 1));
  EXPECT_TRUE(patience.Wait(1, kCapacity));
  EXPECT_TRUE(patience.Wait(2, 4));
}

TEST(Patience, RestsWhereWaitingDoesNotPay) {
  Patience patience;
  int waits = 0;
  for (int look = 0; look < 10'000; look++) {
    if (!patience.Wait(1, kCapacity)) continue;
    waits++;
    patience.Learn(1);
  }
  EXPECT_GT(waits, 5) << "it tries again now and then";
  EXPECT_LT(waits, 50);
  while (!patience.Wait(1, kCapacity)) {
  }
  patience.Learn(50);
  EXPECT_TRUE(patience.Wait(1, kCapacity)) << "it pays again";
}

TEST(Patience, GoesOnWhereItPays) {
  Patience patience;
  for (int look = 0; look < 1000; look++) {
    ASSERT_TRUE(patience.Wait(1, kCapacity));
    // Once in vain is nothing yet.
    patience.Learn(look % 2 == 0 ? 50 : 0);
  }
}

}  // namespace
}  // namespace moirai
