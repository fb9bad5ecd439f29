// A set of NUMA nodes as the kernel's memory calls take it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace moirai {

class NodeSet {
 public:
  static constexpr unsigned kCapacity = 1024;  // The largest MAX_NUMNODES that Linux can have.

  void Add(unsigned node) {
    if (node < kCapacity) words_[node / kBits] |= 1UL << (node % kBits);
  }
  bool Contains(unsigned node) const {
    return node < kCapacity && ((words_[node / kBits] >> (node % kBits)) & 1) != 0;
  }
  bool Empty() const {
    for (const unsigned long word : words_) {
      if (word != 0) return false;
    }
    return true;
  }

  unsigned long* data() { return words_; }
  const unsigned long* data() const { return words_; }
  // The kernel reads one bit less than it is told.
  static constexpr unsigned long MaxNode() { return kCapacity + 1; }

 private:
  static constexpr unsigned kBits = 8 * sizeof(unsigned long);
  unsigned long words_[kCapacity / kBits] = {};
};

}  // namespace moirai
