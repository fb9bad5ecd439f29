#include "core/channel/process_channel.h"

#include <errno.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "core/sync/futex_lock.h"

namespace moirai {
namespace {

// The ends that have joined, in this process.
constinit FutexLock joined_lock;
constinit ProcessChannel* joined = nullptr;
constinit int joined_in = 0;

[[gnu::destructor]] void AtExit() { ProcessChannel::LeaveAtExit(); }

}  // namespace

Ref<ProcessChannel> ProcessChannel::Open(int file, bool sends, const Segment& expected,
                                         SegmentStatus* status, int* error) {
  *status = SegmentStatus::kGood;
  RegionFacts facts;
  *error = InspectRegion(file, &facts);
  if (*error == 0 && facts.bytes < sizeof(SegmentHead)) *status = SegmentStatus::kNoSegment;
  if (*error != 0 || *status != SegmentStatus::kGood) {
    CloseRegionFile(file);
    return {};
  }
  Ref<RegionMapping> mapping;
  *error = MapRegion(file, facts.bytes, &mapping);
  if (*error != 0) return {};
  auto* const memory = static_cast<uint8_t*>(mapping->start());
  const int guard = GuardedMemory::Add(memory, mapping->bytes());
  if (guard < 0) {
    *error = EMFILE;
    return {};
  }
  Segment segment;
  uint32_t version = 0;
  *status = Segment::Read(memory, mapping->bytes(), &segment, &version);
  const bool same = segment.shape.kind == expected.shape.kind &&
                    segment.shape.capacity == expected.shape.capacity &&
                    segment.shape.message_bytes == expected.shape.message_bytes &&
                    segment.description_bytes == expected.description_bytes;
  if (*status == SegmentStatus::kGood && !same) *status = SegmentStatus::kOtherChannel;
  if (*status != SegmentStatus::kGood) {
    GuardedMemory::Remove(guard);
    return {};
  }
  Ref<ProcessChannel> channel(new ProcessChannel(segment, mapping, file, guard));
  *status = channel->participants_.Join(sends);
  if (*status != SegmentStatus::kGood) {
    channel->left_ = true;
    return {};
  }
  {
    const FutexLockGuard guard_of_list(joined_lock);
    // A fork leaves the ends to the parent.
    if (joined_in != getpid()) joined = nullptr;
    joined_in = getpid();
    channel->next_ = joined;
    joined = channel.get();
  }
  channel->room_.SetBit(channel->participants_.bit());
  channel->messages_.SetBit(channel->participants_.bit());
  (sends ? channel->counts.receivers : channel->counts.senders).store(0, std::memory_order_relaxed);
  (sends ? channel->counts.loose_receivers : channel->counts.loose_senders)
      .store(0, std::memory_order_relaxed);
  return channel;
}

ProcessChannel::ProcessChannel(const Segment& segment, Ref<RegionMapping> mapping, int file,
                               int guard)
    : Channel(segment.shape, static_cast<uint8_t*>(mapping->start()), own_counts_, room_,
              messages_),
      segment_(segment),
      mapping_(static_cast<Ref<RegionMapping>&&>(mapping)),
      file_(file),
      guard_(guard),
      control_(segment_.ControlIn(memory)),
      room_(control_.room),
      messages_(control_.messages),
      participants_(control_, segment_.RingIn(memory), segment.shape.kind, file) {}

ProcessChannel::~ProcessChannel() {
  Leave();
  GuardedMemory::Remove(guard_);
  free(path_);
}

void ProcessChannel::UnlinkWithTheLastEnd(const char* path) {
  const std::size_t bytes = strlen(path) + 1;
  path_ = static_cast<char*>(malloc(bytes));
  if (path_ != nullptr) memcpy(path_, path, bytes);
}

bool ProcessChannel::Leave() {
  if (left_) return false;
  left_ = true;
  {
    const FutexLockGuard guard_of_list(joined_lock);
    for (ProcessChannel** link = &joined; *link != nullptr; link = &(*link)->next_) {
      if (*link != this) continue;
      *link = next_;
      break;
    }
  }
  room_.Stop();
  messages_.Stop();
  const bool last = participants_.Leave();
  if (last && path_ != nullptr) UnlinkRegion(file_, path_);
  mapping_->CloseFile();
  return last;
}

void ProcessChannel::LeaveAtExit() {
  if (joined_in != getpid()) return;
  while (joined != nullptr) {
    joined->Ring().Recover(joined->owner());
    joined->Leave();
  }
}

uint32_t ProcessChannel::Count(const std::atomic<uint64_t>& bits) {
  uint32_t count = 0;
  for (uint64_t left = bits.load(std::memory_order_acquire); left != 0; left &= left - 1) count++;
  return count;
}

bool ProcessChannel::Look() {
  if (left_) return false;
  const uint64_t now = NowNs();
  if (now < look_again_at_) return false;
  const bool found = participants_.RecoverTheDead(kLookForNs);
  const uint64_t end = NowNs();
  const uint64_t rest = (end - now) * kRestForOne;
  look_again_at_ = end + (rest > kLookNs ? rest : kLookNs);
  return found;
}

Losses ProcessChannel::News() {
  const uint64_t now = NowNs();
  if (left_ || now - news_at_ < kLookNs) return {};
  news_at_ = now;
  Look();
  return participants_.News();
}

std::unique_ptr<SenderEnd> ProcessChannel::OpenSender() {
  return std::unique_ptr<SenderEnd>(new ProcessSenderEnd(*this));
}
std::unique_ptr<ReceiverEnd> ProcessChannel::OpenReceiver() {
  return std::unique_ptr<ReceiverEnd>(new ProcessReceiverEnd(*this));
}

SlotRun ProcessSenderEnd::Claim(uint32_t) {
  if (process_.IsLost()) corrupt_ = true;
  if (corrupt_) return {};
  if (claimed_.message == nullptr) claimed_ = ring_.Claim(owner_);
  if (claimed_.message == nullptr && !ring_.corrupt() && process_.Look()) {
    claimed_ = ring_.Claim(owner_);
  }
  corrupt_ = ring_.corrupt() || process_.IsLost();
  if (corrupt_) claimed_ = {};
  return {claimed_.message, claimed_.message == nullptr ? 0U : 1U};
}

void ProcessSenderEnd::Commit(uint32_t count) {
  if (claimed_.message == nullptr) return;
  ring_.Commit(claimed_.position);
  claimed_ = {};
  channel_->receivers_waiting.Call(count);
}

bool ProcessSenderEnd::TryCommit(uint32_t count) {
  Commit(count);
  // After the commit: what is cut off later could have been received before.
  if (process_.IsLost()) corrupt_ = true;
  return !corrupt_;
}

void ProcessSenderEnd::Abort() {
  if (claimed_.message == nullptr) return;
  ring_.Abort(claimed_.position);
  claimed_ = {};
  channel_->receivers_waiting.Call(1);
}

bool ProcessSenderEnd::HasRoom() {
  if (process_.IsLost()) corrupt_ = true;
  if (corrupt_) return false;
  if (claimed_.message != nullptr || ring_.HasRoom()) return true;
  return process_.Look() && ring_.HasRoom();
}

void ProcessSenderEnd::Close() {
  Abort();
  process_.Leave();
  process_.counts.senders.store(0, std::memory_order_seq_cst);
}

SlotRun ProcessReceiverEnd::Peek(uint32_t) {
  if (process_.IsLost()) corrupt_ = true;
  if (corrupt_) return {};
  uint32_t freed = 0;
  if (taken_.message == nullptr) taken_ = ring_.Take(owner_, &freed);
  if (taken_.message == nullptr && !ring_.corrupt() && process_.Look()) {
    taken_ = ring_.Take(owner_, &freed);
  }
  corrupt_ = ring_.corrupt() || process_.IsLost();
  if (corrupt_) taken_ = {};
  if (freed > 0) channel_->senders_waiting.Call(freed);
  return {taken_.message, taken_.message == nullptr ? 0U : 1U};
}

void ProcessReceiverEnd::Release(uint32_t count) {
  if (taken_.message == nullptr) return;
  ring_.Release(taken_.position);
  taken_ = {};
  if (process_.IsLost()) corrupt_ = true;  // and what was read may have been zeros
  channel_->senders_waiting.Call(count);
}

bool ProcessReceiverEnd::HasMessage() {
  if (process_.IsLost()) corrupt_ = true;
  if (corrupt_) return false;
  if (taken_.message != nullptr || ring_.HasMessage()) return true;
  return process_.Look() && ring_.HasMessage();
}

void ProcessReceiverEnd::Close() {
  ReleaseHeld();
  process_.Leave();
  process_.counts.receivers.store(0, std::memory_order_seq_cst);
}

}  // namespace moirai
