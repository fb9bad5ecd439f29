#include "core/sync/life_table.h"

#include <signal.h>

#include <cstddef>

#include "core/sync/robust_list.h"

namespace moirai {
namespace {

constexpr uint32_t kProcessEntries = 1023;
constinit LifeTable::Entry process_entries[kProcessEntries] = {};

uint32_t ThreadId() { return static_cast<uint32_t>(syscall(SYS_gettid)); }

}  // namespace

LifeTable& LifeTable::Process() {
  static constinit LifeTable table(process_entries, kProcessEntries, true);
  return table;
}

FutexWord* LifeTable::WordOf(LifeId id) const {
  const uint32_t index = (id & kIndexMask) - 1;
  if (index >= count_) return nullptr;
  Entry& entry = EntryOf(id);
  if (entry.generation.load(std::memory_order_acquire) != id >> kIndexBits) return nullptr;
  const uint32_t place = (entry.place.load(std::memory_order_relaxed) & ~kUnlinked) - 1;
  return place < 6 ? &entry.words[place] : nullptr;
}

bool LifeTable::Dead(const Entry& entry, uint32_t word) const {
  const uint32_t tid = word & FUTEX_TID_MASK;
  if (tid == 0) return true;
  // Nobody will write OWNER_DIED for this one.
  return !in_process_ && (entry.place.load(std::memory_order_relaxed) & kUnlinked) != 0 &&
         kill(static_cast<pid_t>(tid), 0) != 0 && errno == ESRCH;
}

bool LifeTable::Alive(LifeId id) const {
  const FutexWord* const word = WordOf(id & kLifeIdMask);
  return word != nullptr && !Dead(EntryOf(id), word->load(std::memory_order_acquire));
}

bool LifeTable::AliveThread(uint32_t tid) const {
  for (uint32_t i = 0; i < count_; i++) {
    for (const FutexWord& word : entries_[i].words) {
      const uint32_t seen = word.load(std::memory_order_acquire);
      if ((seen & FUTEX_TID_MASK) == tid && !Dead(entries_[i], seen)) return true;
    }
  }
  return false;
}

const FutexWord* LifeTable::Watch(LifeId id, uint32_t* expected) const {
  FutexWord* const word = WordOf(id & kLifeIdMask);
  if (word == nullptr) return nullptr;
  uint32_t seen = word->load(std::memory_order_acquire);
  while (!Dead(EntryOf(id), seen)) {
    *expected = seen | FUTEX_WAITERS;
    // Without this bit the kernel wakes nobody.
    if (seen == *expected || word->compare_exchange_weak(seen, *expected, std::memory_order_acquire,
                                                         std::memory_order_acquire)) {
      return word;
    }
  }
  return nullptr;
}

LifeId LifeTable::Sit() {
  const uint32_t tid = ThreadId();
  RobustList list;
  const bool linked = !in_process_ && list.Open();
  for (uint32_t i = 0; i < count_; i++) {
    Entry& entry = entries_[i];
    const uint32_t place =
        linked ? list.WordPlace(offsetof(Entry, next), offsetof(Entry, words)) : 0;
    if (place >= 6) return 0;
    if (linked) list.Announce(&entry.next);
    uint32_t seen = entry.words[place].load(std::memory_order_relaxed);
    if (!Dead(entry, seen) ||
        !entry.words[place].compare_exchange_strong(seen, tid, std::memory_order_acq_rel)) {
      continue;
    }
    // A process with another C library may have taken the entry by another word.
    bool alone = true;
    for (uint32_t other = 0; other < 6; other++) {
      alone &= other == place || Dead(entry, entry.words[other].load(std::memory_order_seq_cst));
    }
    if (!alone) {
      entry.words[place].store(0, std::memory_order_release);
      continue;
    }
    uint32_t generation = (entry.generation.load(std::memory_order_relaxed) + 1) & kGenerationMask;
    if (generation == 0) generation = 1;
    entry.place.store((place + 1) | (linked ? 0 : kUnlinked), std::memory_order_relaxed);
    entry.generation.store(generation, std::memory_order_release);
    if (linked) list.Link(&entry.next);
    if (linked) list.Announce(nullptr);
    return generation << kIndexBits | (i + 1);
  }
  if (linked) list.Announce(nullptr);
  return 0;
}

void LifeTable::Leave(LifeId id) {
  FutexWord* const word = WordOf(id);
  if (word == nullptr) return;
  Entry& entry = EntryOf(id);
  RobustList list;
  const bool linked = !in_process_ && list.Open();
  if (linked) {
    list.Announce(&entry.next);
    list.Unlink(&entry.next);
  }
  const uint32_t was = word->exchange(0, std::memory_order_acq_rel);
  if (linked) list.Announce(nullptr);
  if ((was & FUTEX_WAITERS) != 0) FutexWake(*word, INT32_MAX, false);
}

}  // namespace moirai
