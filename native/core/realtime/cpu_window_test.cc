#include "core/realtime/cpu_window.h"

#include <gtest/gtest.h>

namespace moirai {
namespace {

TEST(CpuWindow, WithoutALengthOrSamplesNothingWasUsed) {
  CpuWindow window;
  window.Note(10, 5);
  EXPECT_EQ(window.Used(20, 9), 0U);
  window.SetLength(100);
  EXPECT_EQ(window.Used(20, 9), 0U);
}

TEST(CpuWindow, CountsFromTheLastSampleThatIsOldEnough) {
  CpuWindow window;
  window.SetLength(1000);
  for (uint64_t at = 0; at <= 2000; at += 200) window.Note(at, at / 4);
  EXPECT_EQ(window.Used(2200, 550), 250U);
  EXPECT_EQ(window.Used(2300, 575), 275U);  // since 1200, the one at 1400 is too young
}

TEST(CpuWindow, CountsFromTheFirstWhereNoneIsOldEnough) {
  CpuWindow window;
  window.SetLength(1000);
  window.Note(100, 7);
  window.Note(300, 9);
  EXPECT_EQ(window.Used(400, 17), 10U);
}

TEST(CpuWindow, KeepsEnoughOfManySamples) {
  CpuWindow window;
  window.SetLength(1600);
  for (uint64_t at = 0; at < 100'000; at++) window.Note(at, at / 2);
  const uint64_t used = window.Used(100'000, 50'000);
  EXPECT_GE(used, 800U);
  EXPECT_LE(used, 851U);
}

TEST(CpuWindow, ANewLengthBeginsAnew) {
  CpuWindow window;
  window.SetLength(1000);
  window.Note(100, 50);
  window.SetLength(2000);
  EXPECT_EQ(window.Used(400, 90), 0U);
}

}  // namespace
}  // namespace moirai
