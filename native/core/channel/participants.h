// Who takes part in a channel between processes, and what becomes of what the dead have left.
//
// Each end is a participant: a number below kParticipants, a bit in the bit sets of SegmentControl,
// the owner of its slots in the ring, and a lock on one byte of the file, far behind its end, that
// only this end's own open file description holds (F_OFD_SETLK, fcntl(2)). The kernel gives the
// lock up when the last thread of the process is gone, and no earlier: so whoever's lock is free
// does nothing to the memory any more, and whoever's is not may be stopped (SIGSTOP) or slow, but
// lives. There is no process id to be used again, no /proc to be read, and no clock.
//
// state    lock     meaning                         leaves by                       done by
// free     free     nobody                          lock                            who joins
// free     held     somebody joins or leaves        store: sender | receiver        its holder
// in use   held     an end, alive                   store: free, then unlock        its holder
// in use   free     an end that died                lock                            any participant
// in use   held*    being recovered (*by another)   store: free, then unlock        who recovers
//
// The lock is also what makes recovery happen once: only its holder recovers, and one that dies in
// the midst gives it up and the next does it again. Each step can be done twice: bits are cleared,
// slots leave their state by compare-exchange, what was found lost is remembered as a maximum, and
// the last step, one store of `state`, frees the place and counts the death and the loss together.
//
// Threads: a Participants belongs to its end's. Memory ordering: what the dead wrote is visible to
// whoever has seen its lock free, by the kernel's own locks; the store of `state` releases, and
// news acquire.
//
// The end of a channel. Who leaves last asks whether it is: it marks the channel (kAsking), looks
// whether anybody is there, and only then makes the mark final (kGone). Who joins enters itself,
// looks at the mark, and takes one that asks away. All of it is seq_cst, so of the two who are at
// it at once either the one that leaves sees the other, or the other sees the mark: then it has
// taken it away before it was final, or is told that the channel is gone. Of several who leave,
// each puts its own mark in the place of whatever mark is there, and makes no other's final: who
// joined after that other had looked would be overlooked. A mark has the number of the one that
// asks, which nobody else is given before that one's lock is free.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/channel/losses.h"
#include "core/channel/process_segment.h"

namespace moirai {

class Participants {
 public:
  static constexpr uint32_t kNone = ~0U;

  // `file`: an open file description of its own, the caller's.
  Participants(SegmentControl& control, const MpmcRing& ring, ChannelKind kind, int file)
      : control_(control), ring_(ring), kind_(kind), file_(file) {}

  // Takes a place; what a dead end has left in it is set right first.
  SegmentStatus Join(bool sends);
  // Frees the place. True: the last end of a channel that both sides have used has closed.
  bool Leave();

  uint32_t number() const { return number_; }
  uint64_t bit() const { return uint64_t{1} << number_; }

  // Recovers those who died, one at least if there are some; begins no other after `ns`, and goes
  // on there at the next call. True: there were some. A system call for each other end.
  bool RecoverTheDead(uint64_t ns);

  // All that was lost at any time.
  static Losses Total(const SegmentControl& control);
  // What was lost since the last call, or since this end joined.
  Losses News();

 private:
  static constexpr uint64_t kFree = 0;
  static constexpr uint64_t kSender = 1;
  static constexpr uint64_t kReceiver = 2;
  // SegmentControl::gone
  static constexpr uint32_t kOpen = 0;
  static constexpr uint32_t kGone = 1;
  static constexpr uint32_t kAsking = 2;  // and who
  static bool IsAsking(uint32_t mark) { return (mark & 3) == kAsking; }

  Participant& At(uint32_t number) const { return control_.participants[number]; }
  bool TryPlace(uint32_t number, bool sends);
  void Recover(uint32_t number);
  bool IsGone();
  bool CloseForGood();

  SegmentControl& control_;
  MpmcRing ring_;
  const ChannelKind kind_;
  const int file_;
  uint32_t number_ = kNone;
  uint32_t next_ = 0;     // the first to be looked after
  bool refused_ = false;  // a lock, for another reason than that somebody has it
  Losses seen_;
};

}  // namespace moirai
