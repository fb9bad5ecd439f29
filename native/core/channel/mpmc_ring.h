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
// not say whose: what a dead owner holds can always be found and set right (Recover). Where to
// begin, each side knows for itself: every position before the one it has last claimed, taken or
// passed over has been claimed or taken, by somebody, and the words of the slots from there on lead
// to the first that has not. So two senders meet at the slots only. The two positions in the
// control block say where to begin to whoever is new, or has been idle; they are moved on now and
// then, and may lag as far as they like. That is Michael and Scott's lagging tail (PODC 1996) on
// Vyukov's bounded ring.
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

// One of these is one side's: its places to begin are its own.
class MpmcRing {
 public:
  static constexpr uint32_t kOwners = 1U << 11;
  static constexpr uint32_t kWordBytes = 8;  // at the head of a slot, before the message

  struct Slot {
    uint8_t* message = nullptr;  // null: there is none to be had
    uint64_t position = 0;
  };

  MpmcRing(MpmcControl& control, uint8_t* slots, uint32_t capacity, uint32_t slot_bytes)
      : control_(&control),
        slots_(slots),
        mask_(capacity - 1),
        slot_bytes_(slot_bytes),
        claim_from_(control.sent.load(std::memory_order_relaxed)),
        take_from_(control.received.load(std::memory_order_relaxed)) {}

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
    uint64_t seen = 0;
    while (FindFree(&seen)) {
      const uint64_t position = claim_from_;
      if (Word(position).compare_exchange_strong(seen, Encode(position, owner, Phase::kClaimed),
                                                 std::memory_order_acquire,
                                                 std::memory_order_relaxed)) {
        claim_from_ = position + 1;
        Publish(control_->sent, claim_from_);
        return {MessageAt(position), position};
      }
    }
    return {};
  }

  // A claim would find a slot, or something wrong, as of some instant during the call.
  bool HasRoom() {
    uint64_t seen = 0;
    return FindFree(&seen) || corrupt_;
  }

  // Taking would find a message, something aborted or something wrong, as of some instant during
  // the call.
  bool HasMessage() {
    uint64_t seen = 0;
    return FindSent(&seen) || corrupt_;
  }

  // How many slots hold messages or are being written, about; aborted ones count until they are
  // passed over. Claims and takes are each made in order, so the first position of which there was
  // none is found by halves: some dozen words are read.
  uint64_t Length() const {
    const auto first = [this](uint64_t from, auto was) {
      uint64_t count = capacity();
      while (count > 0) {
        const uint64_t half = count / 2;
        if (was(Word(from + half).load(std::memory_order_acquire), from + half)) {
          from += half + 1;
          count -= half + 1;
        } else {
          count = half;
        }
      }
      return from;
    };
    const auto taken = [](uint64_t word, uint64_t position) {
      return !IsUnsent(word, position) && word != Encode(position, 0, Phase::kReady) &&
             word != Encode(position, 0, Phase::kAborted);
    };
    const auto claimed = [](uint64_t word, uint64_t position) {
      return !IsBefore(PositionOf(word), position) && word != Encode(position, 0, Phase::kFree);
    };
    uint64_t begin = take_from_;
    // The position in the control block may lag by laps; not by many, or something is wrong.
    for (int lap = 0; lap < 64; lap++) {
      const uint64_t next = first(begin, taken);
      const bool whole = next == begin + capacity();
      begin = next;
      if (!whole) break;
    }
    return first(begin, claimed) - begin;
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
    uint64_t seen = 0;
    while (FindSent(&seen)) {
      const uint64_t position = take_from_;
      const bool ready = PhaseOf(seen) == Phase::kReady;
      const uint64_t next = ready ? Encode(position, owner, Phase::kTaken)
                                  : Encode(position + capacity(), 0, Phase::kFree);
      // Release: an aborted slot is passed on to its next sender.
      if (!Word(position).compare_exchange_strong(seen, next, std::memory_order_acq_rel,
                                                  std::memory_order_relaxed)) {
        continue;
      }
      take_from_ = position + 1;
      Publish(control_->received, take_from_);
      if (ready) return {MessageAt(position), position};
      ++*freed;
    }
    return {};
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
  // The positions in the control block are moved on once in so many, and asked after so many slots.
  static constexpr uint64_t kPublishEach = 64;
  static constexpr uint32_t kStepsAlone = 16;
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
  // Moves claim_from_ on to the first position that nobody has claimed; false: its slot is still
  // held from the lap before, or something is wrong.
  bool FindFree(uint64_t* seen) {
    const uint64_t start = claim_from_;
    for (uint32_t steps = 0;; steps++) {
      *seen = Word(claim_from_).load(std::memory_order_relaxed);
      if (*seen == Encode(claim_from_, 0, Phase::kFree)) return true;
      if (IsBefore(PositionOf(*seen), claim_from_)) return NotYet(*seen, claim_from_);
      // Whoever has freed this slot for a later lap had claimed, and taken, the lap before.
      if (!Pass(*seen, PhaseOf(*seen) != Phase::kFree, start, &claim_from_)) return false;
      if (steps == kStepsAlone) Skip(control_->sent, &claim_from_);
    }
  }

  // Moves take_from_ on to the first position that nobody has taken; false: it is not sent yet, or
  // something is wrong.
  bool FindSent(uint64_t* seen) {
    const uint64_t start = take_from_;
    for (uint32_t steps = 0;; steps++) {
      *seen = Word(take_from_).load(std::memory_order_relaxed);
      if (*seen == Encode(take_from_, 0, Phase::kReady)) return true;
      if (*seen == Encode(take_from_, 0, Phase::kAborted)) return true;
      if (IsUnsent(*seen, take_from_)) return NotYet(*seen, take_from_);
      if (!Pass(*seen, PhaseOf(*seen) == Phase::kTaken, start, &take_from_)) return false;
      if (steps == kStepsAlone) Skip(control_->received, &take_from_);
    }
  }

  // The word of the slot of `*from` is past it: goes on to the first position that this does not
  // rule out. `itself`: the word's own position is ruled out, not only the one a lap before.
  // `start`: where the search began. Words that each lead on to the next lap for ever lead around
  // all positions, and nobody is so far behind.
  bool Pass(uint64_t seen, bool itself, uint64_t start, uint64_t* from) {
    const uint64_t ahead = (PositionOf(seen) - *from) & kPositionMask;
    if ((ahead & mask_) != 0 || PhaseOf(seen) > Phase::kTaken) return Wrong();
    if (ahead == 0) {
      ++*from;
    } else {
      *from += ahead - (itself ? 0 : capacity()) + 1;
    }
    return *from - start <= kPositionMask / 2 || Wrong();
  }

  // False: the slot is a lap behind at most, as it may be.
  bool NotYet(uint64_t seen, uint64_t from) {
    const uint64_t behind = (from - PositionOf(seen)) & kPositionMask;
    if (behind != 0 && behind != capacity()) return Wrong();
    return false;
  }
  bool Wrong() {
    corrupt_ = true;
    return false;
  }

  // For whoever is far behind.
  static void Skip(const std::atomic<uint64_t>& counter, uint64_t* from) {
    const uint64_t reached = counter.load(std::memory_order_relaxed);
    if (IsBefore(*from, reached)) *from += (reached - *from) & kPositionMask;
  }
  static void Publish(std::atomic<uint64_t>& counter, uint64_t reached) {
    if (reached % kPublishEach != 0) return;
    uint64_t seen = counter.load(std::memory_order_relaxed);
    while (IsBefore(seen, reached) &&
           !counter.compare_exchange_weak(seen, reached, std::memory_order_relaxed)) {
    }
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
  // Every position before these has been claimed, and taken.
  uint64_t claim_from_;
  uint64_t take_from_;
  bool corrupt_ = false;
};

}  // namespace moirai
