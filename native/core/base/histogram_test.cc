// Buckets cover every value once and are as narrow as promised; sums are of what was recorded.
#include "core/base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace moirai {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using HistogramPtr = std::unique_ptr<Histogram, Free>;
HistogramPtr NewHistogram() {
  return HistogramPtr(static_cast<Histogram*>(std::calloc(1, sizeof(Histogram))));
}

// As Write gives it, with names.
struct Bucket {
  double lower;
  double upper;
  double count;
};
std::vector<Bucket> BucketsOf(const HistogramSum& sum, double header[4]) {
  std::vector<double> out(HistogramSum::kDoubles);
  const uint32_t written = sum.Write(out.data());
  std::copy_n(out.begin(), 4, header);
  std::vector<Bucket> buckets;
  for (uint32_t i = 4; i < written; i += 3) buckets.push_back({out[i], out[i + 1], out[i + 2]});
  return buckets;
}

TEST(Histogram, BucketsFollowOneAnotherWithoutGapAndAreAtMostOneThirtySecondWide) {
  EXPECT_EQ(Histogram::LowerBound(0), 0U);
  for (uint32_t bucket = 0; bucket < Histogram::kBuckets; bucket++) {
    const uint64_t lower = Histogram::LowerBound(bucket);
    const uint64_t upper = Histogram::LowerBound(bucket + 1);
    ASSERT_LT(lower, upper);
    ASSERT_EQ(Histogram::BucketOf(lower), bucket);
    ASSERT_EQ(Histogram::BucketOf(upper - 1), bucket);
    if (upper - lower > 1) {
      ASSERT_LE((upper - lower) * Histogram::kPerDoubling, lower);
    }
  }
  EXPECT_EQ(Histogram::LowerBound(Histogram::kBuckets), Histogram::kMax + 1);
}

TEST(Histogram, WhatIsTooLongIsInTheLastBucketAndWholeInSumAndMaximum) {
  const HistogramPtr histogram = NewHistogram();
  histogram->Record(Histogram::kMax + 1000);
  EXPECT_EQ(histogram->count(Histogram::kBuckets - 1), 1U);
  EXPECT_EQ(histogram->max(), Histogram::kMax + 1000);
  EXPECT_EQ(histogram->sum(), Histogram::kMax + 1000);
}

TEST(Histogram, AnEmptyOneHasNothing) {
  const HistogramPtr histogram = NewHistogram();
  HistogramSum sum;
  sum.Add(*histogram);
  double header[4];
  EXPECT_TRUE(BucketsOf(sum, header).empty());
  for (const double value : header) EXPECT_EQ(value, 0);
}

TEST(Histogram, TheSumOfSeveralHoldsEachValueInABucketAroundIt) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  std::vector<uint64_t> values;
  HistogramSum sum;
  for (int part = 0; part < 3; part++) {
    const HistogramPtr histogram = NewHistogram();
    for (int i = 0; i < 2000; i++) {
      values.push_back(random() >> (22 + random() % 42));
      histogram->Record(values.back());
    }
    sum.Add(*histogram);
  }
  std::sort(values.begin(), values.end());
  double header[4];
  const std::vector<Bucket> buckets = BucketsOf(sum, header);
  EXPECT_EQ(header[0], static_cast<double>(values.front()));
  EXPECT_EQ(header[1], static_cast<double>(values.back()));
  double exact = 0;
  for (const uint64_t value : values) exact += static_cast<double>(value);
  EXPECT_NEAR(header[2], exact, exact * 1e-9);
  EXPECT_EQ(header[3], static_cast<double>(buckets.size()));
  std::size_t rank = 0;
  for (const Bucket& bucket : buckets) {
    const std::size_t end = rank + static_cast<std::size_t>(bucket.count);
    for (; rank < end; rank++) {
      ASSERT_LT(rank, values.size());
      EXPECT_GE(static_cast<double>(values[rank]), bucket.lower);
      EXPECT_LT(static_cast<double>(values[rank]), bucket.upper);
    }
  }
  EXPECT_EQ(rank, values.size());
}

TEST(Histogram, AReaderBesideTheWriterSeesNoMoreThanWasRecorded) {
  constexpr uint64_t kValues = 20'000;
  const HistogramPtr histogram = NewHistogram();
  std::thread writer([&] {
    for (uint64_t i = 0; i < kValues; i++) histogram->Record(i);
  });
  for (int i = 0; i < 20; i++) {
    HistogramSum sum;
    sum.Add(*histogram);
    double header[4];
    double count = 0;
    for (const Bucket& bucket : BucketsOf(sum, header)) count += bucket.count;
    EXPECT_LE(count, static_cast<double>(kValues));
  }
  writer.join();
  EXPECT_EQ(histogram->min(), 0U);
  EXPECT_EQ(histogram->max(), kValues - 1);
  EXPECT_EQ(histogram->sum(), kValues * (kValues - 1) / 2);
}

}  // namespace
}  // namespace moirai
