// Properties: whatever the drift, the jitter and the phase at first, the releases lock and stay.
#include "core/realtime/phase_lock.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "core/realtime/tick_schedule.h"

namespace moirai {
namespace {

constexpr uint64_t kPeriod = 1'000'000;
constexpr uint32_t kSettle = 32;

// An outside clock, and the schedule of one task that follows it.
class Pair {
 public:
  Pair(double ppm, double jitter, double phase, uint64_t seed)
      : ppm_(ppm), jitter_(jitter), phase_(phase), random_(seed) {
    TickSchedule::Task task;
    task.period = kPeriod;
    task.deadline = kPeriod;
    task.first = kPeriod;
    task.phase_lock.settle = kSettle;
    task.phase_lock.max_step = kMaxStep;
    task.phase_lock.max_rate = kPeriod / 1000;
    task.phase_lock.tolerance = kPeriod / 100;
    EXPECT_TRUE(schedule.Add(0, task));
  }

  // How late the release is against the outside clock's grid, which has a period of its own.
  double Error() const {
    const double period = kPeriod * (1 + ppm_ * 1e-6);
    const double late = static_cast<double>(schedule.release(0)) - phase_;
    double rest = late - period * static_cast<double>(static_cast<int64_t>(late / period));
    if (rest > period / 2) rest -= period;
    if (rest < -period / 2) rest += period;
    return rest;
  }

  // One tick that takes `took`; false: the next release is out of its bounds.
  bool Tick(bool measures = true, uint64_t took = 1000) {
    const uint64_t release = schedule.release(0);
    std::normal_distribution<double> noise(0, jitter_ > 0 ? jitter_ : 1);
    const double seen = Error() + (jitter_ > 0 ? noise(random_) : 0);
    if (measures) schedule.Measure(0, static_cast<int64_t>(seen));
    const uint64_t periods = schedule.Finish(0, release + took).skipped + 1;
    const auto step = static_cast<int64_t>(schedule.release(0) - release - periods * kPeriod);
    const auto most = static_cast<int64_t>(periods * kMaxStep);
    return step <= most && step >= -most;
  }

  TickSchedule schedule{TickSchedule::Order::kDeadline};
  static constexpr uint64_t kMaxStep = kPeriod / 100;

 private:
  double ppm_;
  double jitter_;
  double phase_;
  std::mt19937_64 random_;
};

TEST(PhaseLock, LocksAndStaysForAnyDriftPhaseAndJitter) {
  const uint64_t seed = std::random_device{}();
  std::printf("SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> drift(-200, 200);
  std::uniform_real_distribution<double> jitter(0, 10'000);
  std::uniform_real_distribution<double> phase(0, kPeriod);
  // Half a period at the largest step takes 50 ticks; from there 20 time constants are e^-20.
  constexpr int kLockedBy = 50 + 20 * kSettle;
  for (int run = 0; run < 1000; run++) {
    const double ppm = drift(random);
    const double sigma = jitter(random);
    Pair pair(ppm, sigma, phase(random), random());
    for (int i = 0; i < kLockedBy; i++) ASSERT_TRUE(pair.Tick()) << ppm << " ppm, tick " << i;
    EXPECT_TRUE(pair.schedule.phase_lock(0).locked()) << ppm << " ppm, jitter " << sigma;
    // What the controller lets through of the jitter: sqrt(5 / (4 N)) of it for a double pole at
    // 1 - 1/N. Of eight times that a million ticks see nothing.
    const double most = 100 + 8 * sigma * 0.22;
    for (int i = 0; i < 1000; i++) {
      ASSERT_TRUE(pair.Tick());
      ASSERT_LT(pair.Error(), most) << ppm << " ppm, jitter " << sigma << ", tick " << i;
      ASSERT_GT(pair.Error(), -most) << ppm << " ppm, jitter " << sigma << ", tick " << i;
    }
    EXPECT_TRUE(pair.schedule.phase_lock(0).locked());
  }
}

TEST(PhaseLock, LearnsTheRateAndGoesOnWithoutMeasurements) {
  for (const double ppm : {-200.0, -0.5, 0.0, 3.0, 200.0}) {
    Pair pair(ppm, 0, 300'000, 1);
    for (int i = 0; i < 2000; i++) ASSERT_TRUE(pair.Tick());
    EXPECT_NEAR(pair.schedule.phase_lock(0).rate(), ppm * kPeriod * 1e-6, 0.1);
    // A thousand periods of 200 ppm would be 200 us.
    for (int i = 0; i < 1000; i++) ASSERT_TRUE(pair.Tick(false));
    EXPECT_NEAR(pair.Error(), 0, 200);
    EXPECT_FALSE(pair.schedule.phase_lock(0).locked());  // nobody knows
    for (uint32_t i = 0; i < 20 * kSettle; i++) ASSERT_TRUE(pair.Tick());
    EXPECT_TRUE(pair.schedule.phase_lock(0).locked());
  }
}

TEST(PhaseLock, SkippedReleasesDriftToo) {
  Pair pair(150, 0, 0, 1);
  for (int i = 0; i < 1500; i++) ASSERT_TRUE(pair.Tick());
  // Twenty periods late, again and again: 150 ppm of them are 3 us.
  for (int i = 0; i < 50; i++) ASSERT_TRUE(pair.Tick(false, 20 * kPeriod + 5));
  EXPECT_NEAR(pair.Error(), 0, 200);
}

TEST(PhaseLock, RareMeasurementsLockToo) {
  for (const int every : {2, 7, 50}) {
    Pair pair(-170, 0, 400'000, 1);
    for (int i = 0; i < every * 30 * static_cast<int>(kSettle); i++) {
      ASSERT_TRUE(pair.Tick(i % every == 0));
    }
    EXPECT_NEAR(pair.Error(), 0, 100) << every;
    EXPECT_NEAR(pair.schedule.phase_lock(0).rate(), -170, 1) << every;
    EXPECT_TRUE(pair.schedule.phase_lock(0).locked()) << every;
  }
}

TEST(PhaseLock, ADriftBeyondItsBoundIsNotLocked) {
  Pair pair(5000, 0, 0, 1);  // the rate may be 1000 ppm
  bool always = true;
  for (int i = 0; i < 3000; i++) {
    ASSERT_TRUE(pair.Tick());
    always = always && pair.schedule.phase_lock(0).locked();
  }
  EXPECT_FALSE(always);
  EXPECT_LE(pair.schedule.phase_lock(0).rate(), 1000);
}

TEST(PhaseLock, OnlyThePhaseCounts) {
  PhaseLock::Options options;
  options.settle = 4;
  options.max_step = 100;
  options.max_rate = 100;
  options.tolerance = 10;
  for (const int64_t late : {12, 1012, -988, 7'000'012}) {
    PhaseLock lock(options, 1000);
    lock.Measure(late);
    EXPECT_EQ(lock.error(), 12);
    EXPECT_EQ(lock.Advance(1), -6);
  }
  EXPECT_TRUE(PhaseLock::IsPossible(options, 1000));
  EXPECT_FALSE(PhaseLock::IsPossible(options, 200));
  options.settle = 1;
  EXPECT_FALSE(PhaseLock::IsPossible(options, 1000));
}

TEST(PhaseLock, WithoutOneTheGridStays) {
  TickSchedule schedule(TickSchedule::Order::kDeadline);
  TickSchedule::Task task;
  task.period = task.deadline = task.first = kPeriod;
  ASSERT_TRUE(schedule.Add(0, task));
  schedule.Measure(0, 12'345);
  schedule.Finish(0, kPeriod + 1);
  EXPECT_EQ(schedule.release(0), 2 * kPeriod);
}

}  // namespace
}  // namespace moirai
