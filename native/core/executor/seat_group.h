// Seats that serve the same queues, and the counts by which one of them is woken. A sleeper that
// cannot serve a queue must never be counted as one that could, so each group has its own.
//
// Every seat of a group searches all queues of its group and none of the other's.
//
// On a machine of several nodes the nodes' group is also counted node by node (NodeSeats), so that
// what waits in a node's queue is found by a seat of that node while there is one to find it. A
// seat is counted where it is at home, which only its own worker changes, and not while it is
// parked.
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
  std::atomic<int32_t> available{0};  // seats that take tasks, asleep or awake
  // Apart from the counts, which every submission reads, and written only where they change.
  alignas(kFalseSharingBytes) std::atomic<uint64_t> last_progress{0};
  std::atomic<uint32_t> tasks_per_claim{1};  // the last claimant's estimate
  alignas(kFalseSharingBytes) std::atomic<uint64_t> parked[kWords] = {};  // by seat
};

// The seats of one node where they are counted apart; the counts mean what the group's do. The bits
// of those that are parked are here and not in the group: who clears one knows where it was
// counted, whatever has become of the seat since.
struct NodeSeats {
  alignas(kFalseSharingBytes) std::atomic<int32_t> searching{0};
  std::atomic<int32_t> parked_count{0};
  std::atomic<int32_t> available{0};
  // ns; when there was last a sign of those that are idle: one was called, came, began to search or
  // found something; or anybody found something while none is counted as a searcher.
  alignas(kFalseSharingBytes) std::atomic<uint64_t> last_progress{0};
  std::atomic<uint64_t> filled_at{0};  // ns; when the owner last put something into an empty queue
  alignas(kFalseSharingBytes) std::atomic<uint64_t> parked[SeatGroup::kWords] = {};
};

}  // namespace moirai
