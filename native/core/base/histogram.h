// Durations in buckets whose width grows with the value: 32 to each doubling, as in
// HdrHistogram. A value is known to within its bucket, at most 1/32 (3.2 %) wide, so that a
// bucket's middle is at most 1.6 % off; values up to 63 ns are exact. 0 ns to 73 minutes; what is
// longer counts as 73 minutes (and in full in the sum and as the maximum).
//
// Threads: Record by one thread at a time, its writer; reading by any. Everything is relaxed: a
// reader may see a value in one field and not yet in another.
//
// Zeroed memory is an empty histogram: of 10 kB only the pages with values in them are touched.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

namespace moirai {

class Histogram {
 public:
  static constexpr uint32_t kSubBits = 5;
  static constexpr uint32_t kPerDoubling = 1U << kSubBits;
  static constexpr uint32_t kValueBits = 42;
  static constexpr uint64_t kMax = (uint64_t{1} << kValueBits) - 1;
  static constexpr uint32_t kBuckets = (kValueBits - kSubBits + 1) * kPerDoubling;

  static constexpr uint32_t BucketOf(uint64_t ns) {
    if (ns > kMax) ns = kMax;
    if (ns < kPerDoubling) return static_cast<uint32_t>(ns);
    const auto shift = static_cast<uint32_t>(std::bit_width(ns)) - 1 - kSubBits;
    return shift * kPerDoubling + static_cast<uint32_t>(ns >> shift);
  }
  // The smallest value of a bucket; of the one past the last, what no value reaches.
  static constexpr uint64_t LowerBound(uint32_t bucket) {
    if (bucket < 2 * kPerDoubling) return bucket;
    const uint32_t shift = bucket / kPerDoubling - 1;
    return uint64_t{bucket % kPerDoubling + kPerDoubling} << shift;
  }

  void Record(uint64_t ns) {
    Raise(counts_[BucketOf(ns)], 1);
    Raise(sum_, ns);
    if (ns > max_.load(std::memory_order_relaxed)) max_.store(ns, std::memory_order_relaxed);
    if (~ns > inverse_min_.load(std::memory_order_relaxed)) {
      inverse_min_.store(~ns, std::memory_order_relaxed);
    }
  }

  uint64_t count(uint32_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }
  uint64_t max() const { return max_.load(std::memory_order_relaxed); }
  // UINT64_MAX while it is empty.
  uint64_t min() const { return ~inverse_min_.load(std::memory_order_relaxed); }

 private:
  static void Raise(std::atomic<uint64_t>& value, uint64_t by) {
    value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  std::atomic<uint64_t> sum_;
  std::atomic<uint64_t> max_;
  std::atomic<uint64_t> inverse_min_;  // so that zero means: none yet
  std::atomic<uint64_t> counts_[kBuckets];
};

// What several histograms hold together, for one reader.
class HistogramSum {
 public:
  void Add(const Histogram& histogram) {
    const uint64_t least = histogram.min();
    if (least == UINT64_MAX) return;
    const uint32_t last = Histogram::BucketOf(histogram.max());
    for (uint32_t bucket = Histogram::BucketOf(least); bucket <= last; bucket++) {
      counts_[bucket] += histogram.count(bucket);
    }
    sum_ += static_cast<double>(histogram.sum());
    if (least < min_) min_ = least;
    if (histogram.max() > max_) max_ = histogram.max();
  }

  // Doubles that `Write` may need.
  static constexpr uint32_t kDoubles = 4 + 3 * Histogram::kBuckets;

  // [least, greatest, sum, buckets], then for each bucket that is not empty, smallest first:
  // [lower bound, upper bound, values]; how many doubles that are.
  uint32_t Write(double* out) const {
    uint32_t written = 4;
    uint32_t buckets = 0;
    for (uint32_t bucket = 0; bucket < Histogram::kBuckets; bucket++) {
      if (counts_[bucket] == 0) continue;
      out[written++] = static_cast<double>(Histogram::LowerBound(bucket));
      out[written++] = static_cast<double>(Histogram::LowerBound(bucket + 1));
      out[written++] = static_cast<double>(counts_[bucket]);
      buckets++;
    }
    out[0] = buckets == 0 ? 0 : static_cast<double>(min_);
    out[1] = static_cast<double>(max_);
    out[2] = sum_;
    out[3] = buckets;
    return written;
  }

 private:
  uint64_t counts_[Histogram::kBuckets] = {};
  double sum_ = 0;
  uint64_t min_ = UINT64_MAX;
  uint64_t max_ = 0;
};

}  // namespace moirai
