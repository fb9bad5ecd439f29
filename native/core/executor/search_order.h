// Where a seat looks for work, nearest first, and how its worker gets a new order while it runs.
//
// The owner gives an order, the worker takes it at its next look; one that was given and not taken
// when the next is given is the owner's again, who frees it. So each order has one holder at any
// time, and none has to be kept for somebody who may still read it.
//
// Requires: Give by the owner's thread; Take and the iteration by the sitting worker's.
// Memory ordering: Give's exchange releases the order and acquires nothing it needs, for only the
// owner makes orders; Take's exchange acquires it. A successor in the seat has the order of the
// one before by way of Leave and Sit.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace moirai {

// One step of a search for work: another seat's deque and how far away it is, or a queue.
struct SearchStep {
  static constexpr uint32_t kInjector = 0x80000000U;
  static constexpr uint32_t kDistanceShift = 24;
  static constexpr uint32_t kDistances = 4;  // same core, shared cache, same node, another node
  uint32_t value;
  bool is_injector() const { return (value & kInjector) != 0; }
  uint32_t index() const { return value & ((1U << kDistanceShift) - 1); }
  uint32_t distance() const { return value >> kDistanceShift & (kDistances - 1); }
};

class SearchOrder {
 public:
  SearchOrder() = default;
  SearchOrder(const SearchOrder&) = delete;
  SearchOrder& operator=(const SearchOrder&) = delete;
  ~SearchOrder() {
    std::free(given_.load(std::memory_order_relaxed));
    std::free(taken_);
  }

  // False: memory is short, and the order is what it was.
  bool Give(const uint32_t* steps, uint32_t count) {
    auto* const list = static_cast<SearchStep*>(std::malloc((count + 1) * sizeof(SearchStep)));
    if (list == nullptr) return false;
    list[0].value = count;
    for (uint32_t i = 0; i < count; i++) list[i + 1].value = steps[i];
    std::free(given_.exchange(list, std::memory_order_acq_rel));
    return true;
  }

  void Take() {
    if (given_.load(std::memory_order_relaxed) == nullptr) return;
    std::free(taken_);
    taken_ = given_.exchange(nullptr, std::memory_order_acq_rel);
  }

  const SearchStep* begin() const { return taken_ == nullptr ? nullptr : taken_ + 1; }
  const SearchStep* end() const { return taken_ == nullptr ? nullptr : begin() + taken_->value; }

 private:
  std::atomic<SearchStep*> given_{nullptr};
  SearchStep* taken_ = nullptr;  // the first entry is the number of those that follow
};

}  // namespace moirai
