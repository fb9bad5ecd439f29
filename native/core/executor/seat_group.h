// Seats that serve the same queues, and the counts by which one of them is woken. A sleeper that
// cannot serve a queue must never be counted as one that could, so each group has its own.
//
// Every seat of a group searches all queues of its group and none of the other's.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"

namespace moirai {

struct SeatGroup {
  static constexpr uint32_t kNodes = 0;     // the nodes' queues
  static constexpr uint32_t kBlocking = 1;  // the queue of tasks that block their thread
  static constexpr uint32_t kGroups = 2;
  static constexpr uint32_t kMaxSeats = 1024;
  static constexpr uint32_t kWords = kMaxSeats / 64;

  alignas(kFalseSharingBytes) std::atomic<int32_t> searching{0};
  std::atomic<int32_t> parked_count{0};
  std::atomic<int32_t> available{0};         // seats that take tasks, asleep or awake
  std::atomic<uint32_t> tasks_per_claim{1};  // the last claimant's estimate
  alignas(kFalseSharingBytes) std::atomic<uint64_t> last_progress{0};
  alignas(kFalseSharingBytes) std::atomic<uint64_t> parked[kWords] = {};  // by seat
};

}  // namespace moirai
