// A set of CPUs as the kernel's affinity calls take it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace moirai {

// Fixed at the largest NR_CPUS that Linux can be built with, so that no call has to retry with a
// longer mask, as cpu_set_t's 1024 would need on big machines.
class CpuSet {
 public:
  static constexpr unsigned kCapacity = 8192;

  void Add(unsigned cpu) {
    if (cpu < kCapacity) words_[cpu / 64] |= uint64_t{1} << (cpu % 64);
  }
  void AddAll() {
    for (uint64_t& word : words_) word = ~uint64_t{0};
  }
  bool Contains(unsigned cpu) const {
    return cpu < kCapacity && ((words_[cpu / 64] >> (cpu % 64)) & 1) != 0;
  }

  void* data() { return words_; }
  const void* data() const { return words_; }
  static constexpr size_t bytes() { return sizeof(words_); }

 private:
  uint64_t words_[kCapacity / 64] = {};
};

}  // namespace moirai
