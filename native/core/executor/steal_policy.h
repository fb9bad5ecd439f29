// How much a thief takes of what a victim's deque holds. One per seat; the sitting worker's alone.
//
// In any case at most as many as take about 50 us by the thief's own estimate, at least one, and
// with all but `none` at most half: the victim has most reason to keep its tasks.
//
// adaptive: half spreads tasks over many workers in the fewest steps, but what is not run soon is
// stolen again, and each task pays for the second journey. So a thief keeps a limit of its own:
// doubled when it comes back at once with all it took run by itself (it could have used more),
// halved when some of it was stolen again or took long (others could have used it). A search that
// found nothing anywhere teaches nothing.
#pragma once

#include <cstdint>

namespace moirai {

enum class Steal : uint32_t { kNone, kOne, kHalf, kQuarter, kAdaptive };
inline constexpr uint32_t kStealStrategies = 5;

class StealPolicy {
 public:
  explicit StealPolicy(Steal strategy = Steal::kAdaptive) : strategy_(strategy) {}

  // `size` is what the victim has, above 0.
  uint32_t Wanted(int64_t size, uint32_t claim) const {
    const int64_t share = strategy_ == Steal::kOne       ? 1
                          : strategy_ == Steal::kQuarter ? (size + 3) / 4
                                                         : (size + 1) / 2;
    const uint32_t most = strategy_ == Steal::kAdaptive && limit_ < claim ? limit_ : claim;
    return share < int64_t{most} ? static_cast<uint32_t>(share) : most;
  }

  void Took(uint32_t count) { took_ = count; }

  // The thief takes again, from anywhere, `ns` after the last time; it has run `ran` tasks since.
  void Returned(uint32_t ran, uint64_t ns) {
    if (took_ == 0) return;
    if (ran < took_ || ns > kLongNs) {
      limit_ = limit_ > 1 ? limit_ / 2 : 1;
    } else if (ns < kSoonNs && limit_ < kMaxLimit) {
      limit_ *= 2;
    }
    took_ = 0;
  }
  // It found nothing anywhere.
  void Idle() { took_ = 0; }

 private:
  static constexpr uint64_t kSoonNs = 50'000;
  static constexpr uint64_t kLongNs = 200'000;
  static constexpr uint32_t kMaxLimit = 256;

  Steal strategy_;
  uint32_t limit_ = 1;
  uint32_t took_ = 0;  // by the last steal, if nothing was taken since
};

}  // namespace moirai
