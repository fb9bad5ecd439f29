// How a channel between processes lies in its file. Everything that one process writes for another
// is here, and whatever is changed in it, or in MpmcRing's memory, needs a new kSegmentVersion.
//
//   0            SegmentHead: written once, before the file can be opened by others
//   64           what the messages are, `description_bytes` of JSON (src/channel/messages.ts)
//   control_at   SegmentControl: who takes part, who waits; a page of its own
//   ring_at      an MpmcRing's control and slots, in which a participant's number is the owner
//
// Whoever opens a segment copies the head and validates the copy (Segment::Read): from then on only
// the copy counts. What is read from SegmentControl are bit sets and counters, of which any value
// is safe; positions and slot words are checked by the ring.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/channel/channel.h"
#include "core/channel/mpmc_ring.h"

namespace moirai {

inline constexpr uint64_t kSegmentMagic = 0x6c6e'6843'6169'724dU;  // "MriaChnl"
inline constexpr uint32_t kSegmentVersion = 1;
inline constexpr uint32_t kParticipants = 64;  // one bit each

struct SegmentHead {
  // These two are the same in every version.
  uint64_t magic;
  uint32_t version;
  uint32_t kind;
  uint32_t capacity;
  uint32_t message_bytes;
  uint32_t description_bytes;
  uint32_t reserved;
  uint64_t bytes;
  uint64_t more[3];
};
static_assert(sizeof(SegmentHead) == 64);

// Those who wait at one side; see process_wait.h.
struct alignas(128) SharedWaiters {
  std::atomic<uint64_t> waiting;   // a bit for each participant that sleeps, or is about to
  std::atomic<uint32_t> sequence;  // the futex: counts calls
};

// One end; see participants.h.
struct alignas(64) Participant {
  std::atomic<uint64_t> state;
  std::atomic<uint32_t> found;  // messages lost, as far as whoever recovers it has seen
  std::atomic<uint32_t> process;
  std::atomic<uint32_t> thread;
};

struct alignas(128) SegmentControl {
  std::atomic<uint64_t> senders;  // a bit for each participant of the direction
  std::atomic<uint64_t> receivers;
  std::atomic<uint32_t> joined;  // bit 0: there has been a sender, 1: a receiver
  // 1: its last end has closed, nobody joins any more; 2 and four times a number: that one asks.
  std::atomic<uint32_t> gone;
  SharedWaiters room;      // senders wait here
  SharedWaiters messages;  // receivers wait here
  Participant participants[kParticipants];
};

enum class SegmentStatus : int32_t {
  kGood = 0,
  kNoSegment = 1,     // no magic number, or too short to have one
  kOtherVersion = 2,  // SegmentHead::version says which
  kCorrupt = 3,       // a head that none of us has written
  kOccupied = 4,      // no participant can be added
  kGone = 5,          // closed for good
  kOtherChannel = 6,  // not what the caller expects
  kNoLocks = 7,       // the kernel, or a sandbox, has no F_OFD_SETLK
};

// The geometry of a segment, checked.
struct Segment {
  static constexpr uint32_t kMaxCapacity = 1U << 24;
  static constexpr uint32_t kMaxMessageBytes = (1U << 26) + 4;
  static constexpr uint32_t kMaxDescriptionBytes = 1U << 16;
  static constexpr uint32_t kDescriptionAt = sizeof(SegmentHead);

  ChannelShape shape;
  uint32_t description_bytes = 0;

  uint64_t control_at() const;
  uint64_t ring_at() const;
  uint64_t bytes() const;

  // Writes a new segment into zeroed memory of bytes() bytes.
  void Format(uint8_t* memory, const uint8_t* description) const;
  // What is in `bytes` bytes of memory, which others may be changing. `*version`: what it says.
  static SegmentStatus Read(const uint8_t* memory, std::size_t bytes, Segment* segment,
                            uint32_t* version);

  SegmentControl& ControlIn(uint8_t* memory) const {
    return *reinterpret_cast<SegmentControl*>(memory + control_at());
  }
  MpmcRing RingIn(uint8_t* memory) const;
};

}  // namespace moirai
