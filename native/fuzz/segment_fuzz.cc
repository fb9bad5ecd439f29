// What another process may have written into a channel's segment, and does write while we use it: a
// program of writes and calls. Nothing may crash, hang, or point outside of the ring.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/channel/process_channel.h"

namespace moirai {
namespace {

class Input {
 public:
  Input(const uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  template <typename T>
  T Take() {
    T value{};
    const std::size_t bytes = size_ < sizeof(T) ? size_ : sizeof(T);
    std::memcpy(&value, data_, bytes);
    data_ += bytes;
    size_ -= bytes;
    return value;
  }

 private:
  const uint8_t* data_;
  std::size_t size_;
};

void Require(bool holds) {
  if (!holds) abort();
}

// One file for all inputs, made anew for each.
struct File {
  File() {
    segment.description_bytes = 3;
    Require(CreateRegionFile("/dev/shm", segment.bytes(), &file) == 0);
    Map();
  }
  void Map() {
    int own = -1;
    Require(ftruncate(file, 0) == 0 && ftruncate(file, static_cast<off_t>(segment.bytes())) == 0);
    Require(ReopenRegionFile(file, &own) == 0);
    Require(MapRegion(own, segment.bytes(), &mapping) == 0);
    memory = static_cast<uint8_t*>(mapping->start());
    segment.Format(memory, reinterpret_cast<const uint8_t*>("f64"));
  }
  Ref<ProcessChannel> Open(bool sends) const {
    int own = -1;
    int error = ReopenRegionFile(file, &own);
    Require(error == 0);
    SegmentStatus status = SegmentStatus::kGood;
    return ProcessChannel::Open(own, sends, segment, &status, &error);
  }

  Segment segment{{ChannelKind::kMpmc, 8, 8}, 3};
  int file = -1;
  uint8_t* memory = nullptr;
  Ref<RegionMapping> mapping;
};

void Check(const ChannelEnd& end, const Segment& segment, const SlotRun& run) {
  Require(run.count <= 1);
  if (run.count == 0) return;
  const auto at = static_cast<uint64_t>(run.first - end.channel().memory);
  Require(at >= segment.ring_at() && at + segment.shape.message_bytes <= segment.bytes());
}

void RunProgram(File& file, Input input) {
  std::unique_ptr<SenderEnd> sender;
  std::unique_ptr<ReceiverEnd> receiver;
  const auto open = [&](bool sends) {
    const Ref<ProcessChannel> channel = file.Open(sends);
    if (!channel) return;
    if (sends) {
      sender = channel->OpenSender();
    } else {
      receiver = channel->OpenReceiver();
    }
  };
  open(true);
  open(false);
  bool cut = false;
  for (int steps = 0; !input.empty() && steps < 200; steps++) {
    switch (input.Take<uint8_t>() % 14) {
      case 0:
      case 1: {  // anywhere
        const uint64_t at = input.Take<uint16_t>() % (file.segment.bytes() / 8) * 8;
        const auto value = input.Take<uint64_t>();
        if (!cut) std::memcpy(file.memory + at, &value, 8);
        break;
      }
      case 2: {  // a slot's word, near what is right
        const uint64_t slot = input.Take<uint8_t>() % file.segment.shape.capacity;
        const uint64_t at = file.segment.ring_at() + MpmcChannel::kSlotsAt +
                            slot * MpmcChannel::SlotBytes(file.segment.shape);
        const uint64_t word = uint64_t{input.Take<uint8_t>()} << 14 | input.Take<uint16_t>();
        if (!cut) std::memcpy(file.memory + at, &word, 8);
        break;
      }
      case 3:
        if (sender) Check(*sender, file.segment, sender->Claim(1));
        break;
      case 4:
        if (sender) sender->Commit(1);
        break;
      case 5:
        if (sender) sender->Abort();
        break;
      case 6:
        if (receiver) Check(*receiver, file.segment, receiver->Peek(1));
        break;
      case 7:
        if (receiver) receiver->Release(1);
        break;
      case 8:
        if (sender) sender->HasRoom();
        if (receiver) receiver->HasMessage();
        break;
      case 9:
        if (sender) sender->IsDeserted();
        if (receiver) Require(receiver->Peers() <= 64);
        break;
      case 10:
        if (sender) sender->News();
        if (receiver) receiver->News();
        break;
      case 11:
        if (sender) sender->Close();
        sender.reset();
        open(true);
        break;
      case 12:
        if (receiver) receiver->Close();
        receiver.reset();
        open(false);
        break;
      case 13:
        if (input.Take<uint8_t>() % 8 == 0) {
          cut = true;
          const auto bytes = static_cast<off_t>(input.Take<uint8_t>()) * 64;
          Require(ftruncate(file.file, bytes) == 0);
        }
        break;
      default:
        break;
    }
  }
}

}  // namespace
}  // namespace moirai

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static moirai::File& file = *new moirai::File;
  moirai::Segment segment;
  uint32_t version = 0;
  moirai::Segment::Read(data, size, &segment, &version);
  moirai::RunProgram(file, moirai::Input(data, size));
  file.Map();
  return 0;
}
