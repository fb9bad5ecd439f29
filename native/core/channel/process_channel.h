// One end of a channel between processes: the segment mapped for this end alone, its place among
// the participants, and its side of the ring.
//
// Both kinds use the ring of many: that a slot always says whose it is, is what recovery rests on
// (mpmc_ring.h). A channel of one sender and one receiver has just two places.
//
// That a peer died is found out by whoever waits or finds nothing to do: at most every kLookNs it
// looks whether the others live (Participants::RecoverTheDead). Nothing here trusts the memory: see
// process_segment.h. Memory that was cut off under this end (guarded_memory.h) is corrupt.
//
// Threads: the end's own, as for every end.
#pragma once

#include "core/base/clock.h"
#include "core/channel/channel.h"
#include "core/channel/mpmc_channel.h"
#include "core/channel/participants.h"
#include "core/channel/process_segment.h"
#include "core/channel/process_wait.h"
#include "core/memory/region.h"
#include "core/sync/guarded_memory.h"

namespace moirai {

class ProcessChannel final : public Channel {
 public:
  static constexpr uint64_t kLookNs = 50'000'000;
  // Who marks places as in use that nobody holds makes work for the others, each time they look: a
  // look begins nothing more after so long, and the next one waits until this one was 5 % of the
  // time.
  static constexpr uint64_t kLookForNs = 10'000'000;
  static constexpr uint64_t kRestForOne = 20;

  // Maps `file`, an open file description of its own, and joins. The file is closed with the end,
  // at once if this fails: `*status` says why, where it is kGood `*error` does.
  static Ref<ProcessChannel> Open(int file, bool sends, const Segment& expected,
                                  SegmentStatus* status, int* error);

  std::unique_ptr<SenderEnd> OpenSender() override;
  std::unique_ptr<ReceiverEnd> OpenReceiver() override;

  const Ref<RegionMapping>& mapping() const { return mapping_; }
  // `path`: the segment's name, which goes when the last end of the channel has closed.
  void UnlinkWithTheLastEnd(const char* path);
  MpmcRing Ring() const { return segment_.RingIn(memory); }
  uint64_t Length() override { return IsLost() ? 0 : Ring().Length(); }
  uint32_t owner() const { return participants_.number(); }
  bool IsLost() const { return GuardedMemory::IsLost(guard_); }

  uint32_t Senders() const { return Count(control_.senders); }
  uint32_t Receivers() const { return Count(control_.receivers); }
  // There have been some, and there are none.
  bool NoSenders() const { return Are(1) && Senders() == 0; }
  bool NoReceivers() const { return Are(2) && Receivers() == 0; }

  // Looks for the dead, unless that was done just now; true: some were recovered.
  bool Look();
  // Who died since the last time; looks now and then, also where there is enough to do.
  Losses News();
  // True: the channel has ended with this end, its name may go.
  bool Leave();
  // Every end of this process, when exit(3) is called: Node runs no cleanup hooks of the main
  // thread in process.exit(). What they had claimed is aborted, what they had taken counts as
  // received.
  static void LeaveAtExit();

  ~ProcessChannel() override;

 private:
  ProcessChannel(const Segment& segment, Ref<RegionMapping> mapping, int file, int guard);
  static uint32_t Count(const std::atomic<uint64_t>& bits);
  bool Are(uint32_t direction) const {
    return (control_.joined.load(std::memory_order_acquire) & direction) != 0;
  }

  const Segment segment_;
  const Ref<RegionMapping> mapping_;
  const int file_;  // the mapping's own, until Leave
  const int guard_;
  SegmentControl& control_;
  EndCounts own_counts_;
  ProcessWaitList room_;
  ProcessWaitList messages_;
  Participants participants_;
  uint64_t look_again_at_ = 0;
  uint64_t news_at_ = 0;
  bool left_ = false;
  char* path_ = nullptr;
  ProcessChannel* next_ = nullptr;  // of those that have joined
};

class ProcessSenderEnd final : public SenderEnd {
 public:
  explicit ProcessSenderEnd(ProcessChannel& channel)
      : SenderEnd(channel), process_(channel), ring_(channel.Ring()), owner_(channel.owner()) {}

  SlotRun Claim(uint32_t wanted) override;
  void Commit(uint32_t count) override;
  // False: the memory was cut off, and what was written went nowhere.
  bool TryCommit(uint32_t count) override;
  void Abort() override;
  bool HasRoom() override;
  void Close() override;
  uint32_t Peers() const override { return process_.Receivers(); }
  bool IsDeserted() const override { return process_.NoReceivers(); }
  Losses News() override { return process_.News(); }

 private:
  ProcessChannel& process_;
  MpmcRing ring_;
  const uint32_t owner_;
  MpmcRing::Slot claimed_;
};

class ProcessReceiverEnd final : public ReceiverEnd {
 public:
  explicit ProcessReceiverEnd(ProcessChannel& channel)
      : ReceiverEnd(channel), process_(channel), ring_(channel.Ring()), owner_(channel.owner()) {}

  SlotRun Peek(uint32_t wanted) override;
  void Release(uint32_t count) override;
  bool HasMessage() override;
  void Close() override;
  uint32_t Peers() const override { return process_.Senders(); }
  bool IsDeserted() const override { return process_.NoSenders(); }
  Losses News() override { return process_.News(); }

 protected:
  void ReleaseHeld() override { Release(1); }

 private:
  ProcessChannel& process_;
  MpmcRing ring_;
  const uint32_t owner_;
  MpmcRing::Slot taken_;
};

}  // namespace moirai
