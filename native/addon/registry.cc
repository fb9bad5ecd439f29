#include "addon/registry.h"

#include <sched.h>

#include <atomic>
#include <new>

namespace moirai::addon {

namespace {

struct Entry {
  uint32_t id;
  Ref<Scheduler> scheduler;
  Entry* next;
};

// Held for a few instructions when an executor opens or closes or a worker is born. Acquire pairs
// with the release in Unlock.
constinit std::atomic<bool> locked{false};
constinit Entry* entries = nullptr;
constinit uint32_t last_id = 0;

void Lock() {
  while (locked.exchange(true, std::memory_order_acquire)) sched_yield();
}
void Unlock() { locked.store(false, std::memory_order_release); }

}  // namespace

uint32_t RegisterScheduler(const Ref<Scheduler>& scheduler) {
  auto* const entry = new Entry{0, scheduler, nullptr};
  Lock();
  entry->id = ++last_id;
  entry->next = entries;
  entries = entry;
  const uint32_t id = entry->id;
  Unlock();
  return id;
}

Ref<Scheduler> FindScheduler(uint32_t id) {
  Lock();
  Ref<Scheduler> found;
  for (Entry* entry = entries; entry != nullptr; entry = entry->next) {
    if (entry->id == id) found = entry->scheduler;
  }
  Unlock();
  return found;
}

void UnregisterScheduler(uint32_t id) {
  Lock();
  Entry* removed = nullptr;
  for (Entry** link = &entries; *link != nullptr; link = &(*link)->next) {
    if ((*link)->id == id) {
      removed = *link;
      *link = removed->next;
      break;
    }
  }
  Unlock();
  delete removed;
}

}  // namespace moirai::addon
