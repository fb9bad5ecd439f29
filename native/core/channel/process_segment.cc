#include "core/channel/process_segment.h"

#include <cstring>

#include "core/channel/mpmc_channel.h"

namespace moirai {
namespace {

constexpr uint64_t kPage = 4096;

uint64_t AlignToPage(uint64_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

bool IsPossible(const SegmentHead& head) {
  const bool power = head.capacity != 0 && (head.capacity & (head.capacity - 1)) == 0;
  return power && head.kind <= static_cast<uint32_t>(ChannelKind::kMpmc) &&
         head.capacity <= Segment::kMaxCapacity && head.message_bytes != 0 &&
         head.message_bytes <= Segment::kMaxMessageBytes &&
         head.description_bytes <= Segment::kMaxDescriptionBytes && head.reserved == 0;
}

}  // namespace

uint64_t Segment::control_at() const {
  return AlignToPage(uint64_t{kDescriptionAt} + description_bytes);
}
uint64_t Segment::ring_at() const { return control_at() + AlignToPage(sizeof(SegmentControl)); }
uint64_t Segment::bytes() const { return AlignToPage(ring_at() + MpmcChannel::MemoryBytes(shape)); }

MpmcRing Segment::RingIn(uint8_t* memory) const {
  uint8_t* const ring = memory + ring_at();
  return {*reinterpret_cast<MpmcControl*>(ring), ring + MpmcChannel::kSlotsAt, shape.capacity,
          MpmcChannel::SlotBytes(shape)};
}

void Segment::Format(uint8_t* memory, const uint8_t* description) const {
  SegmentHead head = {};
  head.magic = kSegmentMagic;
  head.version = kSegmentVersion;
  head.kind = static_cast<uint32_t>(shape.kind);
  head.capacity = shape.capacity;
  head.message_bytes = shape.message_bytes;
  head.description_bytes = description_bytes;
  head.bytes = bytes();
  if (description_bytes > 0) std::memcpy(memory + kDescriptionAt, description, description_bytes);
  RingIn(memory).Format();
  std::memcpy(memory, &head, sizeof(head));
}

SegmentStatus Segment::Read(const uint8_t* memory, std::size_t bytes, Segment* segment,
                            uint32_t* version) {
  *version = 0;
  SegmentHead head;
  if (bytes < sizeof(head)) return SegmentStatus::kNoSegment;
  // Once: another process may be writing to it.
  std::memcpy(&head, memory, sizeof(head));
  asm volatile("" ::"r"(&head) : "memory");
  if (head.magic != kSegmentMagic) return SegmentStatus::kNoSegment;
  *version = head.version;
  if (head.version != kSegmentVersion) return SegmentStatus::kOtherVersion;
  if (!IsPossible(head)) return SegmentStatus::kCorrupt;
  segment->shape = {static_cast<ChannelKind>(head.kind), head.capacity, head.message_bytes};
  segment->description_bytes = head.description_bytes;
  const bool whole = segment->bytes() == head.bytes && head.bytes <= bytes;
  return whole ? SegmentStatus::kGood : SegmentStatus::kCorrupt;
}

}  // namespace moirai
