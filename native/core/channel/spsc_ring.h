// A bounded ring between one sender and one receiver, over memory that both see: slots of a fixed
// size, and two positions that only grow and wrap at 2^32.
//
// states of slot (p mod capacity)       who may touch it
// receiver's position <= p < sender's   the receiver, or nobody; holds message p
// else                                  the sender; what it holds means nothing
//
// Requires: one SpscSender and one SpscReceiver at a time on a control block; a capacity that is a
// power of two, at most kMaxCapacity. Guarantees: messages in order, each once; a message that was
// not committed is never seen, whatever becomes of its sender. Wait-free.
// The other side's position is read from shared memory, which may be anybody's: one that is out of
// bounds gives kCorrupt, and nothing outside of the ring is ever touched.
//
// JavaScript works the same ring with Atomics (src/channel/spsc-side.ts), which have 32 bits; a
// side belongs to one of the two at a time, and Resume takes it over.
//
// Memory ordering: Commit's release store of the sender's position is acquired by the receiver, so
// the slots' contents are seen; Release's release store of the receiver's position is acquired by
// the sender, so what is read is read before it is overwritten. Each side keeps the other's
// position as of its last look, and looks again only when that is too little for what it wants (the
// cached indices of Lee, Bu and Chandranmenon, "MCRingBuffer", 2010), and then with Patience.
// Looks are seq_cst for the sake of who waits: see spsc_channel.h.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/base/cpu.h"
#include "core/channel/patience.h"
#include "core/channel/slot_run.h"

namespace moirai {

// In shared memory, all zero at first. Each side's position, and beside it, where this side finds
// it without another line, what the other side lets it know (SpscNotice).
struct SpscControl {
  alignas(kFalseSharingBytes) std::atomic<uint32_t> sent{0};
  std::atomic<uint32_t> to_sender{0};
  alignas(kFalseSharingBytes) std::atomic<uint32_t> received{0};
  std::atomic<uint32_t> to_receiver{0};
};

class SpscSide {
 public:
  static constexpr uint32_t kMaxCapacity = 1U << 30;

  bool corrupt() const { return corrupt_; }
  uint32_t capacity() const { return mask_ + 1; }

 protected:
  SpscSide(SpscControl& control, uint8_t* slots, uint32_t capacity, uint32_t slot_bytes)
      : control_(&control), slots_(slots), mask_(capacity - 1), slot_bytes_(slot_bytes) {}

  // At most `wanted` of the `usable` slots from `position` on, as far as they lie in a row.
  SlotRun RunAt(uint32_t position, uint32_t usable, uint32_t wanted) const {
    const uint32_t index = position & mask_;
    const uint32_t to_end = capacity() - index;
    uint32_t count = usable < wanted ? usable : wanted;
    if (count > to_end) count = to_end;
    return {slots_ + uint64_t{index} * slot_bytes_, count};
  }

  SpscControl* control_;
  uint8_t* slots_;
  uint32_t mask_;
  uint32_t slot_bytes_;
  Patience patience_;
  bool corrupt_ = false;
};

class SpscSender : public SpscSide {
 public:
  SpscSender(SpscControl& control, uint8_t* slots, uint32_t capacity, uint32_t slot_bytes)
      : SpscSide(control, slots, capacity, slot_bytes) {
    Resume();
  }

  // Takes the sender's position as the memory has it.
  void Resume() {
    sent_ = control_->sent.load(std::memory_order_relaxed);
    Look();
  }

  // Up to `wanted` slots to write; they are the sender's until Commit. None: full, or corrupt.
  SlotRun Claim(uint32_t wanted) {
    if (Room() < wanted) LookPatiently();
    return RunAt(sent_, Room(), wanted);
  }

  // The first `count` of the claimed slots are messages.
  void Commit(uint32_t count) {
    sent_ += count;
    control_->sent.store(sent_, std::memory_order_release);
  }

 private:
  uint32_t Room() const { return capacity() - (sent_ - received_); }
  void Look() {
    received_ = control_->received.load(std::memory_order_seq_cst);
    if (sent_ - received_ <= capacity()) return;
    received_ = sent_ - capacity();  // full for ever
    corrupt_ = true;
  }
  // Out of line: the path where nothing must be looked up stays short.
  [[gnu::noinline]] void LookPatiently() {
    Look();
    const uint32_t found = Room();
    if (!patience_.Wait(found, capacity())) return;
    Look();
    patience_.Learn(Room() - found);
  }

  uint32_t sent_ = 0;
  uint32_t received_ = 0;
};

class SpscReceiver : public SpscSide {
 public:
  SpscReceiver(SpscControl& control, uint8_t* slots, uint32_t capacity, uint32_t slot_bytes)
      : SpscSide(control, slots, capacity, slot_bytes) {
    Resume();
  }

  // Takes the receiver's position as the memory has it.
  void Resume() {
    received_ = control_->received.load(std::memory_order_relaxed);
    Look();
  }

  // Up to `wanted` of the oldest messages; they stay where they are until Release. None: empty, or
  // corrupt.
  SlotRun Peek(uint32_t wanted) {
    if (sent_ - received_ < wanted) LookPatiently();
    return RunAt(received_, sent_ - received_, wanted);
  }

  void Release(uint32_t count) {
    received_ += count;
    control_->received.store(received_, std::memory_order_release);
  }

 private:
  void Look() {
    sent_ = control_->sent.load(std::memory_order_seq_cst);
    if (sent_ - received_ <= capacity()) return;
    sent_ = received_;  // empty for ever
    corrupt_ = true;
  }
  [[gnu::noinline]] void LookPatiently() {
    Look();
    const uint32_t found = sent_ - received_;
    if (!patience_.Wait(found, capacity())) return;
    Look();
    patience_.Learn(sent_ - received_ - found);
  }

  uint32_t received_ = 0;
  uint32_t sent_ = 0;
};

}  // namespace moirai
