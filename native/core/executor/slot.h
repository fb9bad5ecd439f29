// A task's slot: one cache line that holds all that crosses threads for one task.
//
// Life (phase, low byte of `state`):
//
//   phase          who may write the slot          leaves by
//   free           owner                           owner: store queued (published by the injector)
//   queued         nobody but by CAS on state      worker: CAS running | owner: CAS cancelled
//   running        the worker in `worker`          worker: store done, failed or awaitingPort
//   awaitingPort   owner reads, worker writes      worker: store running when the message is there
//   done, failed   owner                           owner: store free
//   cancelled      nobody                          worker that meets it hands it back; owner: free
//
// Invariants: a slot index is in exactly one place: the owner's free list, one injector, one deque,
// in the hands of one worker, or one completion ring. Only the CAS from queued decides between
// running and cancelled, so a task is started once or never. A worker's thread that ends leaves its
// slots in `running`; the owner looks for them only after the thread is gone.
//
// The owner may lend slots that have no deadline to the workers (out of its free list for as long).
// A lent slot goes from hand to hand: its holder spawns a task in it (`queued`), and the worker
// that ran the task has it afterwards, unless it hands it back to the owner (Complete).
//
// `generation` is the low half of the task's id, another one each time the owner takes the slot:
// with the index it names one task. In `running` the owner may set kCancelRequested by a CAS, which
// loses against the worker's store of what comes after; the worker reads it where its task asks
// (checkpoint).
//
// `times` is the owner's until the task is queued (when that was, in ticks) and the worker's from
// `running` on: how long the task waited and ran, in ns.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/executor/layout.h"

namespace moirai {

enum class Phase : uint32_t {
  kFree = layout::kPhaseFree,
  kQueued = layout::kPhaseQueued,
  kRunning = layout::kPhaseRunning,
  kAwaitingPort = layout::kPhaseAwaitingPort,
  kDone = layout::kPhaseDone,
  kFailed = layout::kPhaseFailed,
  kCancelled = layout::kPhaseCancelled,
};

struct alignas(64) Slot {
  std::atomic<uint32_t> state;
  uint32_t task;    // low half: index into the task module's functions; priority and flags above
  uint16_t worker;  // seat that started it; until then, the queue that it was submitted to
  uint8_t kind;     // how the payload is encoded
  uint8_t id_high;  // of the task's id, above `generation`
  uint32_t length;  // bytes of payload
  uint32_t block;   // payload's block in the arena, in units of 64 bytes; 0: inline
  uint32_t generation;
  uint64_t times;  // ticks while queued, then two floats (task_times.h)
  uint8_t inline_payload[layout::kInlineBytes];

  static constexpr uint32_t kCancelRequested = 1U << layout::kCancelRequestedBit;
  uint32_t priority() const { return task >> layout::kPriorityBit & 7U; }
  static constexpr uint32_t With(uint32_t state, Phase phase) {
    return (state & ~0xffU) | static_cast<uint32_t>(phase);
  }
  static constexpr Phase PhaseOf(uint32_t state) { return static_cast<Phase>(state & 0xffU); }
};

static_assert(sizeof(Slot) == layout::kSlotBytes);
static_assert(offsetof(Slot, state) == layout::kStateOffset);
static_assert(offsetof(Slot, task) == layout::kTaskOffset);
static_assert(offsetof(Slot, worker) == layout::kWorkerOffset);
static_assert(offsetof(Slot, length) == layout::kLengthOffset);
static_assert(offsetof(Slot, block) == layout::kBlockOffset);
static_assert(offsetof(Slot, kind) == layout::kKindOffset);
static_assert(offsetof(Slot, id_high) == layout::kIdHighOffset);
static_assert(offsetof(Slot, generation) == layout::kGenerationOffset);
static_assert(offsetof(Slot, times) == layout::kTimesOffset);
static_assert(offsetof(Slot, inline_payload) == layout::kInlineOffset);

inline constexpr uint32_t kNoSlot = 0xffffffffU;

}  // namespace moirai
