// What threads of a process share, by number, so that one finds what another has made for it. The
// only mutable state of the process beside CpuShare.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <new>

#include "core/base/ref.h"

namespace moirai::addon {

template <typename T>
class Registry {
 public:
  // The object's number; never 0.
  uint32_t Add(const Ref<T>& object) {
    auto* const entry = new Entry{0, object, nullptr};
    Lock();
    entry->id = ++last_id_;
    entry->next = entries_;
    entries_ = entry;
    const uint32_t id = entry->id;
    Unlock();
    return id;
  }

  // Empty when it was removed.
  Ref<T> Find(uint32_t id) {
    Lock();
    Ref<T> found;
    for (const Entry* entry = entries_; entry != nullptr; entry = entry->next) {
      if (entry->id == id) found = entry->object;
    }
    Unlock();
    return found;
  }

  void Remove(uint32_t id) {
    Lock();
    Entry* removed = nullptr;
    for (Entry** link = &entries_; *link != nullptr; link = &(*link)->next) {
      if ((*link)->id == id) {
        removed = *link;
        *link = removed->next;
        break;
      }
    }
    Unlock();
    delete removed;
  }

 private:
  struct Entry {
    uint32_t id;
    Ref<T> object;
    Entry* next;
  };

  // Held for a few instructions when something is opened, closed or found. Acquire pairs with the
  // release in Unlock.
  void Lock() {
    while (locked_.exchange(true, std::memory_order_acquire)) sched_yield();
  }
  void Unlock() { locked_.store(false, std::memory_order_release); }

  std::atomic<bool> locked_{false};
  Entry* entries_ = nullptr;
  uint32_t last_id_ = 0;
};

}  // namespace moirai::addon
