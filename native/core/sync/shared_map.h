// A map from keys to bytes, in memory that threads or processes share. Its size is fixed when it is
// made: `capacity` entries of up to `key_bytes` and `value_bytes`.
//
//   header | stripes | buckets | links of free slots | slots
//
// A bucket is a chain of slots; a stripe is the lock and the version of every 64th bucket. Writers
// hold the stripe's lock, readers hold nothing.
//
// *Nothing is changed in place.* A writer fills a slot that nobody can reach, and one store of a
// link puts it into the chain, in the place of the old one where there is one. That store is the
// instant at which the change happens: a writer that is killed before it changed nothing, one
// killed after it has changed all. Readers never see half a value, since reachable slots do not
// change.
//
// A slot that was unlinked is used again, perhaps while a slow reader is in it. So the writer
// raises the stripe's version after it has unlinked and before it frees; a reader whose version is
// another one at the end reads again, and after kTries takes the lock. Inserting raises nothing: it
// unlinks nothing.
//
// Invariants: chains are whole at every instant. A slot is in one chain, or free, or in the hands
// of a writer that holds a stripe; there is one slot more than `capacity` for each stripe, so that
// a full map can still replace. `live` is at least the number of linked slots: it is raised before
// one is linked and lowered after one is unlinked.
//
// A writer killed while it held a stripe leaves at most a slot that nobody has, and `live` one too
// high. The next one to lock the stripe is told (robust_guard.h), raises the version, and has Sweep
// find both, with all stripes locked: whatever is in no chain becomes free. Who finds the map full
// looks at all stripes first. `unswept` stays set until a sweep has come to its end, for the case
// that the one who sweeps dies as well.
//
// Memory ordering: slots are written with release stores and read with acquire loads, word by word,
// and so are links. If a reader sees a word of the slot's next life, then also the version that was
// raised before: unlink, raise, Give (release) → Take (acquire), write (release) → the reader's
// load (acquire), its second load of the version.
//
// Everything from shared memory is bounded before it is used: numbers of slots, lengths, the length
// of a chain. What does not fit and stays so is kCorrupt.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"
#include "core/memory/free_list.h"
#include "core/sync/robust_guard.h"

namespace moirai {

class SharedMap {
 public:
  enum class Result : uint8_t {
    kDone,
    kAbsent,   // no such key
    kDiffers,  // the present value is not the expected one
    kFull,
    kBusy,  // the holder of the lock is stopped; nothing has changed
    kCorrupt,
    kNoRoom,  // for the entries of a bucket
  };
  static constexpr uint32_t kMaxCapacity = FreeList::kMaxBlocks - 64;
  static constexpr uint32_t kMaxKeyBytes = 1024;
  static constexpr uint32_t kMaxValueBytes = 1 << 20;

  struct Shape {
    uint32_t capacity;
    uint32_t key_bytes;
    uint32_t value_bytes;
  };

  // `type` tells keys of equal bytes apart, 0 to 3. `words` are the bytes, then zeros.
  struct Key {
    void Set(uint32_t key_type, const void* from, uint32_t length);
    uint32_t type;
    uint32_t bytes;
    uint64_t words[kMaxKeyBytes / 8];
  };

  struct Value {
    const uint8_t* data;
    uint32_t bytes;
  };

  // Of the memory; 0 for what cannot be.
  static uint64_t BytesFor(const Shape& shape);

  // Zeros are an empty map. `memory` is 64-byte aligned. False: too small, or no such map.
  bool Open(uint8_t* memory, uint64_t bytes, const Shape& shape, ThreadToken self);

  const Shape& shape() const { return shape_; }
  // Of a value as `Get` copies it: whole words.
  uint32_t room() const { return value_words_ * 8; }

  // `out` has `room()` bytes.
  Result Get(const Key& key, uint8_t* out, uint32_t* bytes);
  Result Has(const Key& key);
  Result Set(const Key& key, Value value) { return Change(key, nullptr, false, &value); }
  Result Delete(const Key& key) { return Change(key, nullptr, false, nullptr); }
  // Null stands for no entry, on both sides.
  Result CompareAndSet(const Key& key, const Value* expected, const Value* value) {
    return Change(key, expected, true, value);
  }
  uint32_t Size() const;

  uint32_t buckets() const { return bucket_mask_ + 1; }
  // All entries of a bucket, as they were at one instant: for each [type, key bytes, value bytes,
  // 0] as 32-bit numbers, key, value, both rounded up to 8. kNoRoom: `used` is what is needed.
  Result Bucket(uint32_t bucket, uint8_t* out, uint64_t room, uint64_t* used);

 private:
  struct Header {
    std::atomic<uint64_t> kind;
    std::atomic<uint64_t> shape;  // capacity << 32 | bytes of a value
    std::atomic<uint64_t> key_bytes;
    std::atomic<uint64_t> seed;  // 0: nobody has chosen one yet
    std::atomic<uint32_t> unswept;
    alignas(64) FreeList::Head free;
    alignas(64) std::atomic<int32_t> live;
  };
  struct Stripe {
    RobustGuard guard;
    std::atomic<uint64_t> version;
    uint64_t unused[5];
  };
  static_assert(sizeof(Stripe) == 64);
  using Word = std::atomic<uint64_t>;
  using Link = std::atomic<uint32_t>;
  struct Slot {
    Link next;
    std::atomic<uint32_t> hash;
    Word lengths;  // type << 62 | bytes of the key << 32 | bytes of the value
  };

  static constexpr uint64_t kKind = 0x31'70'61'6d'72'69'6f'6d;  // "moirmap1"
  static constexpr uint32_t kMaxStripes = 64;
  static constexpr int kTries = 64;

  struct Layout {
    uint64_t bytes, stripes_at, buckets_at, links_at, slots_at, stride;
    uint32_t stripes, buckets, slots;
  };
  static bool LayoutOf(const Shape& shape, Layout* layout);

  uint64_t HashOf(const Key& key) const;
  Stripe& StripeOf(uint32_t bucket) const { return stripes_[bucket & stripe_mask_]; }
  Slot* SlotAt(uint32_t number) const {
    return reinterpret_cast<Slot*>(slots_ + uint64_t{number - 1} * stride_);
  }
  Word* KeyOf(Slot* slot) const { return reinterpret_cast<Word*>(slot + 1); }
  Word* ValueOf(Slot* slot) const { return KeyOf(slot) + key_words_; }
  bool Fits(uint64_t lengths) const;

  // The slot of the key, 0 for none, ~0 where the chain is corrupt or changes; `link` leads to it.
  uint32_t Find(const Key& key, uint64_t hash, Link** link) const;
  bool Matches(Slot* slot, const Key& key, uint32_t hash, uint64_t lengths) const;

  Result Change(const Key& key, const Value* expected, bool compare, const Value* value);
  Result ChangeLocked(const Key& key, uint64_t hash, Stripe& stripe, const Value* expected,
                      bool compare, const Value* value);
  bool Equals(Slot* slot, const Value& value) const;
  // Runs `read` until the stripe has not changed meanwhile; then what it gave.
  template <typename F>
  Result Read(Stripe& stripe, F read);
  Result ReadBucket(uint32_t bucket, uint8_t* out, uint64_t room, uint64_t* used) const;

  RobustGuard::Taken Lock(Stripe& stripe);
  // Looks whether any stripe is held by a dead writer, which nobody has noticed so far.
  void FindDead();
  // Frees what killed writers have left.
  Result Sweep();
  bool MarkAndFree();

  Header* header_ = nullptr;
  Stripe* stripes_ = nullptr;
  Link* heads_ = nullptr;
  uint8_t* slots_ = nullptr;
  FreeList free_;
  Shape shape_{};
  ThreadToken self_ = 0;
  uint64_t stride_ = 0;
  uint64_t seed_ = 0;
  uint32_t slot_count_ = 0;
  uint32_t bucket_mask_ = 0;
  uint32_t stripe_mask_ = 0;
  uint32_t key_words_ = 0;
  uint32_t value_words_ = 0;
};

}  // namespace moirai
