// How much CPU time a thread has used in the last stretch of time of a given length: what it is
// held against when the kernel gives it so much a period and no more. Samples are taken at the ends
// of ticks, so that the stretch is up to a sixteenth of it, or one tick, too long.
//
// Threads: one.
#pragma once

#include <cstdint>

namespace moirai {

class CpuWindow {
 public:
  static constexpr uint32_t kSamples = 32;

  // 0: nothing is sampled.
  void SetLength(uint64_t ns) {
    length_ = ns;
    count_ = 0;
  }

  // `cpu`: the thread's clock at `now`; both must not decrease.
  void Note(uint64_t now, uint64_t cpu) {
    if (length_ == 0) return;
    if (count_ > 0 && now - samples_[(count_ - 1) % kSamples].at < length_ / 16) return;
    samples_[count_++ % kSamples] = {now, cpu};
  }

  // Since the last sample that is at least the length old, or since the first; 0 without samples.
  uint64_t Used(uint64_t now, uint64_t cpu) const {
    uint64_t from = cpu;
    const uint64_t kept = count_ < kSamples ? count_ : kSamples;
    for (uint64_t i = 1; i <= kept; i++) {
      const Sample& sample = samples_[(count_ - i) % kSamples];
      from = sample.cpu;
      if (now - sample.at >= length_) break;
    }
    return cpu - from;
  }

 private:
  struct Sample {
    uint64_t at;
    uint64_t cpu;
  };
  uint64_t length_ = 0;
  uint64_t count_ = 0;
  Sample samples_[kSamples] = {};
};

}  // namespace moirai
