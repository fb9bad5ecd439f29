// What threads of a process share, by number, so that one finds what another has made for it. The
// only mutable state of the process beside CpuShare.
#pragma once

#include <cstdint>
#include <new>

#include "core/base/ref.h"
#include "core/sync/futex_lock.h"

namespace moirai::addon {

template <typename T>
class Registry {
 public:
  // The object's number; never 0.
  uint32_t Add(const Ref<T>& object) {
    auto* const entry = new Entry{0, object, nullptr};
    const FutexLockGuard guard(lock_);
    entry->id = ++last_id_;
    entry->next = entries_;
    entries_ = entry;
    return entry->id;
  }

  // Empty when it was removed.
  Ref<T> Find(uint32_t id) {
    const FutexLockGuard guard(lock_);
    for (const Entry* entry = entries_; entry != nullptr; entry = entry->next) {
      if (entry->id == id) return entry->object;
    }
    return {};
  }

  void Remove(uint32_t id) {
    Entry* removed = nullptr;
    {
      const FutexLockGuard guard(lock_);
      for (Entry** link = &entries_; *link != nullptr; link = &(*link)->next) {
        if ((*link)->id == id) {
          removed = *link;
          *link = removed->next;
          break;
        }
      }
    }
    delete removed;
  }

 private:
  struct Entry {
    uint32_t id;
    Ref<T> object;
    Entry* next;
  };

  // Held for a few instructions when something is opened, closed or found. Who waits sleeps: a
  // real-time thread that spun would keep the holder, on the same CPU, from going on.
  FutexLock lock_;
  Entry* entries_ = nullptr;
  uint32_t last_id_ = 0;
};

}  // namespace moirai::addon
