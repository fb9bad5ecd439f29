// In which order the threads of this process have taken their locks, for those who debug: an edge
// from each lock that was held to the one that was then waited for, with the stack of the first
// time. A lock that would close a circle of edges can deadlock, also when this time it would not
// have (lockdep, Documentation/locking/lockdep-design.rst).
//
// Locks and stacks are texts. Threads: any; all under one lock, and slow: each new edge walks the
// graph. Edges are never forgotten.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/sync/futex_lock.h"

namespace moirai {

class LockOrder {
 public:
  constexpr LockOrder() = default;
  LockOrder(const LockOrder&) = delete;
  LockOrder& operator=(const LockOrder&) = delete;

  // `wanted` is locked while `held` is. 0: that is in order. Else how many edges lead from `wanted`
  // to `held`; the stacks of the last of them, backwards, are in `way` and stay.
  uint32_t Add(const char* held, const char* wanted, const char* stack, const char** way,
               uint32_t most) {
    const FutexLockGuard guard(lock_);
    for (const Edge* edge = edges_; edge != nullptr; edge = edge->next) {
      if (Same(edge->held, held) && Same(edge->wanted, wanted)) return 0;
    }
    uint32_t count = 0;
    for (const Edge* edge = Search(wanted, held); edge != nullptr; edge = edge->before) {
      if (count < most) way[count] = edge->stack;
      count++;
    }
    if (count == 0) {
      edges_ = new Edge{Copy(held), Copy(wanted), Copy(stack), edges_, nullptr, false};
    }
    return count;
  }

 private:
  struct Edge {
    char* held;
    char* wanted;
    char* stack;
    Edge* next;
    const Edge* before;  // on the way of the last search
    bool seen;
  };

  static bool Same(const char* a, const char* b) { return std::strcmp(a, b) == 0; }
  static char* Copy(const char* text) {
    const std::size_t bytes = std::strlen(text) + 1;
    auto* const copy = new char[bytes];
    std::memcpy(copy, text, bytes);
    return copy;
  }

  // The last edge of a way from one lock to another.
  const Edge* Search(const char* from, const char* to) {
    for (Edge* edge = edges_; edge != nullptr; edge = edge->next) {
      edge->seen = Same(edge->held, from);
      edge->before = nullptr;
    }
    for (bool grows = true; grows;) {
      grows = false;
      for (const Edge* edge = edges_; edge != nullptr; edge = edge->next) {
        if (!edge->seen) continue;
        if (Same(edge->wanted, to)) return edge;
        for (Edge* next = edges_; next != nullptr; next = next->next) {
          if (next->seen || !Same(next->held, edge->wanted)) continue;
          next->seen = true;
          next->before = edge;
          grows = true;
        }
      }
    }
    return nullptr;
  }

  FutexLock lock_;
  Edge* edges_ = nullptr;
};

}  // namespace moirai
