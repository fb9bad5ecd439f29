#include "core/sync/shared_map.h"

#include <sys/random.h>

#include <cstring>
#include <memory>
#include <new>

namespace moirai {
namespace {

constexpr uint32_t kLost = ~uint32_t{0};

constexpr uint64_t RoundUp(uint64_t bytes, uint64_t to) { return (bytes + to - 1) / to * to; }

constexpr uint32_t WordsOf(uint32_t bytes) { return (bytes + 7) / 8; }

// What `found` must be from now on: chosen by the first, the same for all others.
bool Agree(std::atomic<uint64_t>& word, uint64_t wanted) {
  uint64_t found = 0;
  return word.compare_exchange_strong(found, wanted, std::memory_order_acq_rel,
                                      std::memory_order_acquire) ||
         found == wanted;
}

void StoreBytes(std::atomic<uint64_t>* to, const uint8_t* from, uint32_t bytes) {
  for (uint32_t at = 0; at < bytes; at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, from + at, bytes - at < 8 ? bytes - at : 8);
    to[at / 8].store(word, std::memory_order_release);
  }
}

// Whole words.
void LoadBytes(uint8_t* to, const std::atomic<uint64_t>* from, uint32_t bytes) {
  for (uint32_t at = 0; at < bytes; at += 8) {
    const uint64_t word = from[at / 8].load(std::memory_order_acquire);
    std::memcpy(to + at, &word, 8);
  }
}

uint64_t LengthsOf(uint32_t type, uint32_t key_bytes, uint32_t value_bytes) {
  return uint64_t{type} << 62 | uint64_t{key_bytes} << 32 | value_bytes;
}
uint32_t TypeOf(uint64_t lengths) { return static_cast<uint32_t>(lengths >> 62); }
uint32_t KeyBytesOf(uint64_t lengths) {
  return static_cast<uint32_t>(lengths >> 32) & 0x3fff'ffffU;
}
uint32_t ValueBytesOf(uint64_t lengths) { return static_cast<uint32_t>(lengths); }

}  // namespace

void SharedMap::Key::Set(uint32_t key_type, const void* from, uint32_t length) {
  type = key_type;
  bytes = length;
  if (length % 8 != 0) words[length / 8] = 0;
  std::memcpy(words, from, length);
}

bool SharedMap::LayoutOf(const Shape& shape, Layout* layout) {
  if (shape.capacity == 0 || shape.capacity > kMaxCapacity || shape.key_bytes < 8 ||
      shape.key_bytes > kMaxKeyBytes || shape.value_bytes > kMaxValueBytes) {
    return false;
  }
  uint32_t buckets = 1;
  while (buckets < shape.capacity) buckets *= 2;
  layout->buckets = buckets;
  layout->stripes = buckets < kMaxStripes ? buckets : kMaxStripes;
  layout->slots = shape.capacity + layout->stripes;
  layout->stride =
      sizeof(Slot) + 8 * (uint64_t{WordsOf(shape.key_bytes)} + WordsOf(shape.value_bytes));
  layout->stripes_at = RoundUp(sizeof(Header), 64);
  layout->buckets_at = layout->stripes_at + layout->stripes * sizeof(Stripe);
  layout->links_at = RoundUp(layout->buckets_at + uint64_t{buckets} * sizeof(Link), 64);
  layout->slots_at =
      RoundUp(layout->links_at + uint64_t{layout->slots} * sizeof(FreeList::Link), 64);
  layout->bytes = layout->slots_at + layout->slots * layout->stride;
  return true;
}

uint64_t SharedMap::BytesFor(const Shape& shape) {
  Layout layout;
  return LayoutOf(shape, &layout) ? layout.bytes : 0;
}

bool SharedMap::Open(uint8_t* memory, uint64_t bytes, const Shape& shape, ThreadToken self) {
  Layout layout;
  if (!LayoutOf(shape, &layout) || bytes < layout.bytes ||
      reinterpret_cast<uintptr_t>(memory) % 64 != 0) {
    return false;
  }
  header_ = reinterpret_cast<Header*>(memory);
  if (!Agree(header_->kind, kKind) ||
      !Agree(header_->shape, uint64_t{shape.capacity} << 32 | shape.value_bytes) ||
      !Agree(header_->key_bytes, shape.key_bytes)) {
    return false;
  }
  seed_ = header_->seed.load(std::memory_order_acquire);
  if (seed_ == 0) {
    // Keys may come from a stranger, who should not be able to choose ones of a single bucket.
    uint64_t random = 0;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0) random = self;
    random |= 1;
    seed_ = header_->seed.compare_exchange_strong(seed_, random, std::memory_order_acq_rel,
                                                  std::memory_order_acquire)
                ? random
                : seed_;
  }
  stripes_ = reinterpret_cast<Stripe*>(memory + layout.stripes_at);
  heads_ = reinterpret_cast<Link*>(memory + layout.buckets_at);
  slots_ = memory + layout.slots_at;
  free_ = FreeList(&header_->free, reinterpret_cast<FreeList::Link*>(memory + layout.links_at),
                   layout.slots);
  shape_ = shape;
  self_ = self;
  stride_ = layout.stride;
  slot_count_ = layout.slots;
  bucket_mask_ = layout.buckets - 1;
  stripe_mask_ = layout.stripes - 1;
  key_words_ = WordsOf(shape.key_bytes);
  value_words_ = WordsOf(shape.value_bytes);
  return true;
}

// A multiply and fold a word, as in wyhash (Wang Yi, 2019); not for cryptography.
uint64_t SharedMap::HashOf(const Key& key) const {
  constexpr uint64_t kFactor = 0x9e37'79b9'7f4a'7c15;
  uint64_t hash = seed_ ^ (uint64_t{key.type} << 32 | key.bytes);
  for (uint32_t i = 0; i < WordsOf(key.bytes); i++) {
    __extension__ typedef unsigned __int128 Wide;  // NOLINT(modernize-use-using): cannot say so
    const Wide product = static_cast<Wide>(key.words[i] ^ hash ^ kFactor) * (seed_ ^ kFactor);
    hash = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64) ^
           (hash << 23 | hash >> 41);
  }
  hash = (hash ^ hash >> 32) * kFactor;
  return hash ^ hash >> 29;
}

bool SharedMap::Fits(uint64_t lengths) const {
  return KeyBytesOf(lengths) <= shape_.key_bytes && ValueBytesOf(lengths) <= shape_.value_bytes;
}

bool SharedMap::Matches(Slot* slot, const Key& key, uint32_t hash, uint64_t lengths) const {
  if (slot->hash.load(std::memory_order_acquire) != hash || TypeOf(lengths) != key.type ||
      KeyBytesOf(lengths) != key.bytes) {
    return false;
  }
  const Word* const words = KeyOf(slot);
  for (uint32_t i = 0; i < WordsOf(key.bytes); i++) {
    if (words[i].load(std::memory_order_acquire) != key.words[i]) return false;
  }
  return true;
}

uint32_t SharedMap::Find(const Key& key, uint64_t hash, Link** link) const {
  *link = &heads_[hash & bucket_mask_];
  for (uint32_t steps = 0; steps <= slot_count_; steps++) {
    const uint32_t number = (*link)->load(std::memory_order_acquire);
    if (number == 0) return 0;
    if (number > slot_count_) return kLost;
    Slot* const slot = SlotAt(number);
    const uint64_t lengths = slot->lengths.load(std::memory_order_acquire);
    if (!Fits(lengths)) return kLost;
    if (Matches(slot, key, static_cast<uint32_t>(hash >> 32), lengths)) return number;
    *link = &slot->next;
  }
  return kLost;
}

template <typename F>
SharedMap::Result SharedMap::Read(Stripe& stripe, F read) {
  for (int i = 0; i < kTries; i++) {
    const uint64_t version = stripe.version.load(std::memory_order_acquire);
    const Result result = read();
    // Not before the loads in `read`: all of them acquire.
    if (stripe.version.load(std::memory_order_relaxed) == version) return result;
    CpuRelax();
  }
  const RobustGuard::Taken taken = Lock(stripe);
  if (taken == RobustGuard::Taken::kBusy) return Result::kBusy;
  const Result result = read();
  stripe.guard.Unlock();
  if (taken == RobustGuard::Taken::kAfterDeath) Sweep();
  return result;
}

SharedMap::Result SharedMap::Get(const Key& key, uint8_t* out, uint32_t* bytes) {
  const uint64_t hash = HashOf(key);
  return Read(StripeOf(hash & bucket_mask_), [&] {
    Link* link;
    const uint32_t number = Find(key, hash, &link);
    if (number == 0) return Result::kAbsent;
    if (number == kLost) return Result::kCorrupt;
    Slot* const slot = SlotAt(number);
    const uint64_t lengths = slot->lengths.load(std::memory_order_acquire);
    if (!Fits(lengths)) return Result::kCorrupt;
    *bytes = ValueBytesOf(lengths);
    LoadBytes(out, ValueOf(slot), *bytes);
    return Result::kDone;
  });
}

SharedMap::Result SharedMap::Has(const Key& key) {
  const uint64_t hash = HashOf(key);
  return Read(StripeOf(hash & bucket_mask_), [&] {
    Link* link;
    const uint32_t number = Find(key, hash, &link);
    if (number == kLost) return Result::kCorrupt;
    return number == 0 ? Result::kAbsent : Result::kDone;
  });
}

uint32_t SharedMap::Size() const {
  const int32_t live = header_->live.load(std::memory_order_relaxed);
  if (live < 0) return 0;
  const auto size = static_cast<uint32_t>(live);
  return size < shape_.capacity ? size : shape_.capacity;
}

RobustGuard::Taken SharedMap::Lock(Stripe& stripe) {
  const RobustGuard::Taken taken = stripe.guard.Lock(self_);
  if (taken == RobustGuard::Taken::kAfterDeath) {
    // It may have unlinked without coming to this.
    stripe.version.fetch_add(1, std::memory_order_acq_rel);
    header_->unswept.store(1, std::memory_order_release);
  }
  return taken;
}

SharedMap::Result SharedMap::Change(const Key& key, const Value* expected, bool compare,
                                    const Value* value) {
  const uint64_t hash = HashOf(key);
  Stripe& stripe = StripeOf(hash & bucket_mask_);
  for (bool again = true;; again = false) {
    const RobustGuard::Taken taken = Lock(stripe);
    if (taken == RobustGuard::Taken::kBusy) return Result::kBusy;
    const Result result = ChangeLocked(key, hash, stripe, expected, compare, value);
    stripe.guard.Unlock();
    if (result == Result::kFull) FindDead();
    const bool unswept = (result == Result::kFull || taken == RobustGuard::Taken::kAfterDeath) &&
                         header_->unswept.load(std::memory_order_acquire) != 0;
    if (!unswept || !again) return result;
    const Result swept = Sweep();
    if (result != Result::kFull) return result;
    if (swept != Result::kDone) return swept;
  }
}

SharedMap::Result SharedMap::ChangeLocked(const Key& key, uint64_t hash, Stripe& stripe,
                                          const Value* expected, bool compare, const Value* value) {
  Link* link;
  const uint32_t old = Find(key, hash, &link);
  if (old == kLost) return Result::kCorrupt;
  if (compare) {
    const bool same = expected == nullptr ? old == 0 : old != 0 && Equals(SlotAt(old), *expected);
    if (!same) return Result::kDiffers;
  }
  if (value == nullptr) {
    if (old == 0) return Result::kAbsent;
    link->store(SlotAt(old)->next.load(std::memory_order_acquire), std::memory_order_release);
    stripe.version.fetch_add(1, std::memory_order_acq_rel);
    free_.Give(&old, 1);
    header_->live.fetch_sub(1, std::memory_order_relaxed);
    return Result::kDone;
  }
  if (old == 0 && header_->live.fetch_add(1, std::memory_order_relaxed) >=
                      static_cast<int32_t>(shape_.capacity)) {
    header_->live.fetch_sub(1, std::memory_order_relaxed);
    return Result::kFull;
  }
  uint32_t number = 0;
  const uint32_t taken = free_.Take(&number, 1);
  if (taken != 1) {
    if (old == 0) header_->live.fetch_sub(1, std::memory_order_relaxed);
    return taken == 0 ? Result::kFull : Result::kCorrupt;
  }
  Slot* const slot = SlotAt(number);
  slot->hash.store(static_cast<uint32_t>(hash >> 32), std::memory_order_release);
  slot->lengths.store(LengthsOf(key.type, key.bytes, value->bytes), std::memory_order_release);
  Word* const words = KeyOf(slot);
  for (uint32_t i = 0; i < WordsOf(key.bytes); i++) {
    words[i].store(key.words[i], std::memory_order_release);
  }
  StoreBytes(ValueOf(slot), value->data, value->bytes);
  if (old == 0) {
    Link& head = heads_[hash & bucket_mask_];
    slot->next.store(head.load(std::memory_order_relaxed), std::memory_order_release);
    head.store(number, std::memory_order_release);
    return Result::kDone;
  }
  slot->next.store(SlotAt(old)->next.load(std::memory_order_acquire), std::memory_order_release);
  link->store(number, std::memory_order_release);
  stripe.version.fetch_add(1, std::memory_order_acq_rel);
  free_.Give(&old, 1);
  return Result::kDone;
}

bool SharedMap::Equals(Slot* slot, const Value& value) const {
  if (ValueBytesOf(slot->lengths.load(std::memory_order_acquire)) != value.bytes) return false;
  const Word* const words = ValueOf(slot);
  for (uint32_t at = 0; at < value.bytes; at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, value.data + at, value.bytes - at < 8 ? value.bytes - at : 8);
    if (words[at / 8].load(std::memory_order_acquire) != word) return false;
  }
  return true;
}

SharedMap::Result SharedMap::Bucket(uint32_t bucket, uint8_t* out, uint64_t room, uint64_t* used) {
  if (bucket > bucket_mask_) return Result::kAbsent;
  return Read(StripeOf(bucket), [&] { return ReadBucket(bucket, out, room, used); });
}

SharedMap::Result SharedMap::ReadBucket(uint32_t bucket, uint8_t* out, uint64_t room,
                                        uint64_t* used) const {
  *used = 0;
  uint32_t number = heads_[bucket].load(std::memory_order_acquire);
  for (uint32_t steps = 0; number != 0; steps++) {
    if (number > slot_count_ || steps > slot_count_) return Result::kCorrupt;
    Slot* const slot = SlotAt(number);
    const uint64_t lengths = slot->lengths.load(std::memory_order_acquire);
    if (!Fits(lengths)) return Result::kCorrupt;
    const uint32_t key = KeyBytesOf(lengths);
    const uint32_t value = ValueBytesOf(lengths);
    const uint64_t needed = 16 + 8 * (uint64_t{WordsOf(key)} + WordsOf(value));
    if (*used + needed <= room) {
      const uint32_t head[] = {TypeOf(lengths), key, value, 0};
      std::memcpy(out + *used, head, sizeof(head));
      LoadBytes(out + *used + 16, KeyOf(slot), key);
      LoadBytes(out + *used + 16 + 8 * uint64_t{WordsOf(key)}, ValueOf(slot), value);
    }
    *used += needed;
    number = slot->next.load(std::memory_order_acquire);
  }
  return *used <= room ? Result::kDone : Result::kNoRoom;
}

void SharedMap::FindDead() {
  for (uint32_t i = 0; i <= stripe_mask_; i++) {
    Stripe& stripe = stripes_[i];
    if (stripe.guard.IsHeld() && Lock(stripe) != RobustGuard::Taken::kBusy) stripe.guard.Unlock();
  }
}

SharedMap::Result SharedMap::Sweep() {
  const uint32_t count = stripe_mask_ + 1;
  uint32_t locked = 0;
  // In order, so that two who sweep do not wait for each other.
  while (locked < count && Lock(stripes_[locked]) != RobustGuard::Taken::kBusy) locked++;
  Result result = Result::kBusy;
  if (locked == count) {
    const bool swept = header_->unswept.load(std::memory_order_acquire) == 0 || MarkAndFree();
    if (swept) header_->unswept.store(0, std::memory_order_release);
    result = swept ? Result::kDone : Result::kCorrupt;
  }
  while (locked > 0) stripes_[--locked].guard.Unlock();
  return result;
}

// With every stripe locked nobody else takes or gives. Dying in here leaves fewer free slots than
// there are, and `unswept` set; chains do not change.
bool SharedMap::MarkAndFree() {
  const std::unique_ptr<bool[]> linked(new (std::nothrow) bool[slot_count_ + 1]{});
  if (linked == nullptr) return false;
  int32_t live = 0;
  for (uint32_t bucket = 0; bucket <= bucket_mask_; bucket++) {
    uint32_t number = heads_[bucket].load(std::memory_order_acquire);
    while (number != 0) {
      if (number > slot_count_ || linked[number]) return false;  // corrupt: leave it as it is
      linked[number] = true;
      live++;
      number = SlotAt(number)->next.load(std::memory_order_acquire);
    }
  }
  uint32_t number = 0;
  for (uint32_t i = 0; i <= 2 * slot_count_; i++) {
    if (free_.Take(&number, 1) != 1) break;
  }
  for (number = 1; number <= slot_count_; number++) {
    if (!linked[number]) free_.Give(&number, 1);
  }
  header_->live.store(live, std::memory_order_relaxed);
  return true;
}

}  // namespace moirai
