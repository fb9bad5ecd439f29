// A bounded ring between any number of senders and receivers, over memory that all of them see, one
// that survives the end of any of them at any instruction.
//
// Each slot has a word that says which position (message number) it is at, in which phase, and
// whose it is: [position : 50 | owner : 11 | phase : 3]. Slot i serves the positions i, i +
// capacity, ...
//
// phase      meaning                          leaves by                          done by
// free       may be claimed                   CAS to claimed                     a sender
// claimed    its owner writes                 store: ready | aborted             the owner
// ready      holds a message                  CAS to taken                       a receiver
// aborted    its sender gave up or died       CAS to free at the next lap        a receiver
// taken      its owner reads                  store: free at the next lap        the owner
//
// A claim is made in the slot itself, so there is no instant at which a slot is somebody's and does
// not say whose: what a dead owner holds can always be found and set right (Recover). The two
// positions in the control block say where to begin; they follow the slots, and whoever finds one
// behind moves it on. That is Michael and Scott's lagging tail (PODC 1996) on Vyukov's bounded
// ring.
//
// Requires: a capacity that is a power of two; owners below kOwners, one for each side that can die
// by itself. Guarantees: messages in the order of their claims, each taken once. Lock-free but for
// this: a claim that is neither committed nor aborted holds up the receivers behind it.
//
// Memory ordering: the store to ready releases the message, the CAS to taken acquires it; the store
// to free releases the last read, the CAS to claimed acquires it. The positions carry nothing and
// are relaxed.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"

namespace moirai {

struct MpmcControl {
  alignas(kFalseSharingBytes) std::atomic<uint64_t> sent{0};
  alignas(kFalseSharingBytes) std::atomic<uint64_t> received{0};
};

class MpmcRing {
 public:
  static constexpr uint32_t kOwners = 1U << 11;
  static constexpr uint32_t kWordBytes = 8;  // at the head of a slot, before the message

  struct Slot {
    uint8_t* message = nullptr;  // null: there is none to be had
    uint64_t position = 0;
  };

  MpmcRing(MpmcControl& control, uint8_t* slots, uint32_t capacity, uint32_t slot_bytes)
      : control_(&control), slots_(slots), mask_(capacity - 1), slot_bytes_(slot_bytes) {}

  // Once, before anybody else sees the memory.
  void Format() {
    for (uint64_t i = 0; i <= mask_; i++) {
      Word(i).store(Encode(i, 0, Phase::kFree), std::memory_order_relaxed);
    }
  }

  uint32_t capacity() const { return mask_ + 1; }
  // The memory holds what no sender or receiver could have written.
  bool corrupt() const { return corrupt_; }

  // A slot to write, in the order of the messages to come. None: full, or corrupt.
  Slot Claim(uint32_t owner) {
    uint64_t position = control_->sent.load(std::memory_order_relaxed);
    for (;;) {
      std::atomic<uint64_t>& word = Word(position);
      uint64_t seen = word.load(std::memory_order_relaxed);
      if (seen == Encode(position, 0, Phase::kFree) &&
          word.compare_exchange_strong(seen, Encode(position, owner, Phase::kClaimed),
                                       std::memory_order_acquire, std::memory_order_relaxed)) {
        Advance(control_->sent, position);
        return {MessageAt(position), position};
      }
      // Of the lap before: full, unless others have gone on since.
      if (IsBefore(PositionOf(seen), position)) {
        const uint64_t again = control_->sent.load(std::memory_order_relaxed);
        if (again == position) return {};
        position = again;
      } else if (!MoveOn(control_->sent, &position, seen)) {
        return {};
      }
    }
  }

  // A claim would find a slot, as of some instant during the call.
  bool HasRoom() const {
    uint64_t position = control_->sent.load(std::memory_order_relaxed);
    for (;;) {
      const uint64_t seen = Word(position).load(std::memory_order_relaxed);
      if (!IsBefore(PositionOf(seen), position)) return true;
      const uint64_t again = control_->sent.load(std::memory_order_relaxed);
      if (again == position) return false;
      position = again;
    }
  }

  // Taking would find a message or something aborted, as of some instant during the call.
  bool HasMessage() const {
    uint64_t position = control_->received.load(std::memory_order_relaxed);
    for (;;) {
      const uint64_t seen = Word(position).load(std::memory_order_relaxed);
      if (!IsUnsent(seen, position)) return true;
      const uint64_t again = control_->received.load(std::memory_order_relaxed);
      if (again == position) return false;
      position = again;
    }
  }

  void Commit(uint64_t position) {
    Word(position).store(Encode(position, 0, Phase::kReady), std::memory_order_release);
  }

  void Abort(uint64_t position) {
    Word(position).store(Encode(position, 0, Phase::kAborted), std::memory_order_release);
  }

  // The oldest message. None: empty, or corrupt, or what comes next is still being written.
  // `*freed` is raised by each aborted slot on the way, which a sender may have now.
  Slot Take(uint32_t owner, uint32_t* freed) {
    uint64_t position = control_->received.load(std::memory_order_relaxed);
    for (;;) {
      std::atomic<uint64_t>& word = Word(position);
      uint64_t seen = word.load(std::memory_order_relaxed);
      if (seen == Encode(position, 0, Phase::kReady) &&
          word.compare_exchange_strong(seen, Encode(position, owner, Phase::kTaken),
                                       std::memory_order_acquire, std::memory_order_relaxed)) {
        Advance(control_->received, position);
        return {MessageAt(position), position};
      }
      if (seen == Encode(position, 0, Phase::kAborted) &&
          word.compare_exchange_strong(seen, Encode(position + capacity(), 0, Phase::kFree),
                                       std::memory_order_acq_rel, std::memory_order_relaxed)) {
        Advance(control_->received, position);
        ++*freed;
        position = control_->received.load(std::memory_order_relaxed);
        continue;
      }
      // Nobody has sent it yet, unless others have gone on since.
      if (IsUnsent(seen, position)) {
        const uint64_t again = control_->received.load(std::memory_order_relaxed);
        if (again == position) return {};
        position = again;
      } else if (!MoveOn(control_->received, &position, seen)) {
        return {};
      }
    }
  }

  // The message's slot may be written again.
  void Release(uint64_t position) {
    Word(position).store(Encode(position + capacity(), 0, Phase::kFree), std::memory_order_release);
  }

  // How many messages the owner has taken and not released.
  uint32_t CountTaken(uint32_t owner) const {
    uint32_t count = 0;
    for (uint64_t i = 0; i <= mask_; i++) {
      const uint64_t seen = Word(i).load(std::memory_order_acquire);
      if (seen == Encode(PositionOf(seen), owner, Phase::kTaken)) count++;
    }
    return count;
  }

  struct Recovered {
    uint32_t aborted = 0;  // claims that were never committed
    uint32_t lost = 0;     // messages that were taken and not released
  };
  // Sets right what an owner that is gone has left. Nobody may use the owner's number meanwhile.
  Recovered Recover(uint32_t owner) {
    Recovered result;
    for (uint64_t i = 0; i <= mask_; i++) {
      std::atomic<uint64_t>& word = Word(i);
      uint64_t seen = word.load(std::memory_order_acquire);
      const uint64_t position = PositionOf(seen);
      // By compare-exchange: another may be doing the same, and be done, and the slot in use again.
      if (seen == Encode(position, owner, Phase::kClaimed)) {
        result.aborted += Set(word, seen, Encode(position, 0, Phase::kAborted));
      } else if (seen == Encode(position, owner, Phase::kTaken)) {
        result.lost += Set(word, seen, Encode(position + capacity(), 0, Phase::kFree));
      }
    }
    return result;
  }

 private:
  enum class Phase : uint64_t { kFree, kClaimed, kReady, kAborted, kTaken };
  static constexpr uint32_t kPhaseBits = 3;
  static constexpr uint32_t kOwnerBits = 11;
  static constexpr uint32_t kPositionShift = kPhaseBits + kOwnerBits;
  static constexpr uint64_t kPositionMask = ~uint64_t{0} >> kPositionShift;

  static uint64_t Encode(uint64_t position, uint32_t owner, Phase phase) {
    return position << kPositionShift | uint64_t{owner} << kPhaseBits |
           static_cast<uint64_t>(phase);
  }
  static uint64_t PositionOf(uint64_t word) { return word >> kPositionShift; }
  static Phase PhaseOf(uint64_t word) { return static_cast<Phase>(word & 7U); }
  static bool IsBefore(uint64_t a, uint64_t b) {
    return ((a - b) & kPositionMask) > kPositionMask / 2;
  }
  // The word of a slot whose message at this position is not there yet.
  static bool IsUnsent(uint64_t word, uint64_t position) {
    return IsBefore(PositionOf(word), position) ||
           (PositionOf(word) == (position & kPositionMask) && PhaseOf(word) <= Phase::kClaimed);
  }
  static uint32_t Set(std::atomic<uint64_t>& word, uint64_t seen, uint64_t wanted) {
    return word.compare_exchange_strong(seen, wanted, std::memory_order_acq_rel,
                                        std::memory_order_relaxed)
               ? 1
               : 0;
  }
  static bool Advance(std::atomic<uint64_t>& counter, uint64_t from) {
    return counter.compare_exchange_strong(from, from + 1, std::memory_order_relaxed);
  }
  // The slot of this position is past what the counter says: the counter goes on by one. False: as
  // far past as no slot can be.
  bool MoveOn(std::atomic<uint64_t>& counter, uint64_t* position, uint64_t seen) {
    const uint64_t ahead = (PositionOf(seen) - *position) & kPositionMask;
    if (Advance(counter, *position) && (ahead > capacity() || PhaseOf(seen) > Phase::kTaken)) {
      corrupt_ = true;
      return false;
    }
    *position = counter.load(std::memory_order_relaxed);
    return true;
  }

  uint8_t* SlotAt(uint64_t position) const {
    return slots_ + (position & mask_) * uint64_t{slot_bytes_};
  }
  std::atomic<uint64_t>& Word(uint64_t position) const {
    return *reinterpret_cast<std::atomic<uint64_t>*>(SlotAt(position));
  }
  uint8_t* MessageAt(uint64_t position) const { return SlotAt(position) + kWordBytes; }

  MpmcControl* control_;
  uint8_t* slots_;
  uint32_t mask_;
  uint32_t slot_bytes_;
  bool corrupt_ = false;
};

}  // namespace moirai
