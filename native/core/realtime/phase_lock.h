// Keeps the releases of a task at the beat of an outside clock, of which it hears by measurements:
// so many nanoseconds is this release late. A calculation, without clock and thread.
//
// A proportional-integral controller, as EtherCAT masters have it for distributed clocks (SOEM's
// ec_sync) and PTP's servos: of an error e the next release takes back e/N twice, and the rate
// learns e/N^2. With these two gains both poles of the loop lie at 1 - 1/N: it does not swing, and
// what is left of a step of the phase or of the rate shrinks by e in N measurements. N is the only
// knob: a large one filters more of their jitter, a small one follows a drift sooner.
//
// Bounds: a period never differs from the nominal one by more than max_step, and the learned rate
// not by more than max_rate; while a bound holds the controller back, the rate learns nothing
// (conditional integration, K. Astrom and T. Hagglund, "PID Controllers", 1995).
// Without measurements the rate that was learned goes on.
#pragma once

#include <cstdint>

namespace moirai {

class PhaseLock {
 public:
  struct Options {
    uint32_t settle = 0;     // N, in ticks; 0: there is no lock
    uint64_t max_step = 0;   // ns a period, at most half of one
    uint64_t max_rate = 0;   // ns a period
    uint64_t tolerance = 0;  // ns: locked while the mean error is within it
  };

  PhaseLock() = default;
  PhaseLock(const Options& options, uint64_t period) : options_(options), period_(period) {}

  // The gains above are stable from 1 on; 2 leaves room for a measurement that is one tick old.
  static bool IsPossible(const Options& options, uint64_t period) {
    return options.settle != 1 && options.max_step < period / 2;
  }
  bool active() const { return options_.settle > 0; }

  // The release of the tick that runs, or ran last, is late by so much against the reference: of
  // any period, since only the phase counts. The last one before Advance is used.
  void Measure(int64_t late) {
    error_ = Folded(late);
    fresh_ = true;
  }

  // What is added to the release that comes `periods` later.
  int64_t Advance(uint64_t periods) {
    if (!active()) return 0;
    const double n = options_.settle;
    double pull = 0;
    if (fresh_) {
      pull = 2 * static_cast<double>(error_) / n;
      Judge();
    } else if (silent_ < kSilent * options_.settle && ++silent_ == kSilent * options_.settle) {
      locked_ = false;
      inside_ = 0;
    }
    const auto times = static_cast<double>(periods);
    since_ += times;
    const double wanted = -(pull + rate_ * times) + rest_;
    const double most = static_cast<double>(options_.max_step) * times;
    const double step = Bounded(wanted, most);
    if (fresh_ && step == wanted) {
      // An error that has grown over several periods was a smaller one in each.
      rate_ = Bounded(rate_ + static_cast<double>(error_) / (n * n * since_),
                      static_cast<double>(options_.max_rate));
    }
    if (fresh_) since_ = 0;
    fresh_ = false;
    const auto whole = static_cast<int64_t>(step);
    // A drift of less than a nanosecond a period counts too.
    rest_ = step == wanted ? step - static_cast<double>(whole) : 0;
    return whole;
  }

  bool locked() const { return locked_; }
  int64_t error() const { return error_; }  // the last one, ns
  uint64_t measured() const { return measured_; }
  // By how many ns the reference's period is longer than the nominal one, as far as is known.
  double rate() const { return -rate_; }

 private:
  static constexpr uint32_t kSilent = 8;  // times N ticks without a measurement: the lock is lost

  static double Bounded(double value, double most) {
    return value > most ? most : value < -most ? -most : value;
  }

  int64_t Folded(int64_t late) const {
    const auto period = static_cast<int64_t>(period_);
    int64_t rest = late % period;
    if (rest > period / 2) rest -= period;
    if (rest < -(period / 2)) rest += period;
    return rest;
  }

  // By the mean of the errors over N ticks, in which most of the measurements' jitter cancels out.
  void Judge() {
    const auto error = static_cast<double>(error_);
    mean_ += measured_++ == 0 ? error : (error - mean_) / options_.settle;
    silent_ = 0;
    // It is lost later than it is found, so that it does not come and go.
    const double most = static_cast<double>(options_.tolerance) * (locked_ ? 2 : 1);
    if (mean_ > most || mean_ < -most) {
      inside_ = 0;
      locked_ = false;
    } else if (++inside_ >= options_.settle) {
      locked_ = true;
    }
  }

  Options options_;
  uint64_t period_ = 0;
  int64_t error_ = 0;
  bool fresh_ = false;
  double rate_ = 0;      // ns that each period is too long
  double since_ = 0;     // periods since the last measurement
  double rest_ = 0;      // of a nanosecond
  double mean_ = 0;      // error
  uint32_t inside_ = 0;  // measurements since the mean is within the tolerance
  uint32_t silent_ = 0;
  uint64_t measured_ = 0;
  bool locked_ = false;
};

}  // namespace moirai
