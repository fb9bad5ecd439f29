// Who is alive: one entry for each thread that uses the locks of a process, or of a named region.
//
// A lock's word names its owner by the owner's entry and the entry's generation, so "the owner is
// dead" can be asked at any time, and a number that the kernel gives to a new thread misleads
// nobody. The entry holds the thread's kernel number in the form of a robust futex:
//
//   entry's word            meaning                       leaves by
//   0, or OWNER_DIED        nobody                        Sit: TID
//   TID                     a thread that is alive        Leave: 0 | death: OWNER_DIED, by the
//   kernel
//
// In a region the entry hangs in the list of robust futexes that libc has registered for the thread
// (set_robust_list(2)): whatever ends the thread, also SIGKILL, the kernel writes OWNER_DIED. Only
// this one entry is linked, and for as long as the thread uses the region, so taking a lock is one
// compare-exchange that needs no list: there is no instant at which a lock is taken and the kernel
// has not heard of it. Sit and Leave announce the entry in `list_op_pending` first, as the kernel's
// protocol asks (Documentation/locking/robust-futex-ABI.rst), so that death within them is no
// exception. In a process the threads' own cleanup calls Leave.
//
// An entry that is taken anew has the old generation for an instant: a dead owner then looks alive
// to whoever asks just then, and must be asked again, as all do who wait in slices.
//
// Threads: Sit and Leave on the thread whose entry it is; the others from any thread or process.
// Memory ordering: what a thread wrote before it died was written under locks, whose words are read
// with acquire; the entry's word orders nothing but itself and the generation, which is written
// before any id with it is published.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/sync/futex.h"

namespace moirai {

// One thread in one table: 12 bits entry, 17 bits generation. 0 is nobody.
using LifeId = uint32_t;
inline constexpr uint32_t kLifeIdMask = 0x1fffffff;

class LifeTable {
 public:
  // An entry, as it lies in memory that processes with different C libraries share: the distance
  // from a list node to its word is the C library's (glibc 32 bytes, musl 28), hence two words.
  struct Entry {
    std::atomic<uint32_t> generation;
    std::atomic<uint32_t> place;  // which of the words is the kernel's, + 1; kUnlinked: it is not
    std::atomic<uint32_t> words[6];
    void* previous;  // directly before `next`: libc unlinks its own neighbours through it
    void* next;      // what the list points to
    uint64_t unused[2];
  };
  static_assert(sizeof(Entry) == 64);

  constexpr LifeTable(Entry* entries, uint32_t count, bool in_process)
      : entries_(entries), count_(count), in_process_(in_process) {}

  // The table of this process.
  static LifeTable& Process();

  // An entry for the calling thread; 0: all are taken.
  LifeId Sit();
  // The calling thread is done with all locks that name it: it is as good as dead.
  void Leave(LifeId id);

  bool Alive(LifeId id) const;
  // Whether a thread with this kernel number is in the table.
  bool AliveThread(uint32_t tid) const;
  // The word that changes when this one dies, and what it holds while the one is alive; null: it is
  // dead. Sleepers on it are woken, one by the kernel, who calls the others.
  const FutexWord* Watch(LifeId id, uint32_t* expected) const;

  bool in_process() const { return in_process_; }

 private:
  static constexpr uint32_t kUnlinked = 1U << 8;  // the kernel of that thread has no list
  static constexpr uint32_t kIndexBits = 12;
  static constexpr uint32_t kIndexMask = (1U << kIndexBits) - 1;
  static constexpr uint32_t kGenerationMask = (1U << 17) - 1;

  Entry& EntryOf(LifeId id) const { return entries_[(id & kIndexMask) - 1]; }
  FutexWord* WordOf(LifeId id) const;  // null: of another generation
  bool Dead(const Entry& entry, uint32_t word) const;

  Entry* const entries_;
  const uint32_t count_;
  const bool in_process_;
};

}  // namespace moirai
