// The calling thread's list of robust futexes, as libc has registered it with the kernel.
//
// libc owns the list; we only hang nodes into it in libc's own form. glibc (nptl/descr.h) and musl
// (pthread_mutex_trylock.c) agree on it on 64-bit machines: a ring of nodes, where what a pointer
// points to is `next`, `previous` stands directly before it, and the head is a node, too. They
// differ in the distance from a node to its futex, which get_robust_list(2) tells. Pointers may
// have their lowest bit set, for futexes with priority inheritance.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace moirai {

class RobustList {
 public:
  // False: the kernel, or this C library so far, has no list for this thread.
  bool Open() {
    std::size_t bytes = 0;
    head_ = nullptr;
    return sizeof(void*) == 8 && syscall(SYS_get_robust_list, 0, &head_, &bytes) == 0 &&
           head_ != nullptr && bytes == sizeof(robust_list_head);
  }

  // Which of the 32-bit words at `words` belongs to a node whose `next` is at `next`.
  uint32_t WordPlace(std::size_t next, std::size_t words) const {
    return static_cast<uint32_t>(
        (static_cast<int64_t>(next) + head_->futex_offset - static_cast<int64_t>(words)) / 4);
  }

  // From here on the kernel looks at this node, too, should the thread die; null: no longer. The
  // signal fence keeps the compiler from moving it: the kernel sees this thread's own order.
  void Announce(void** next) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    head_->list_op_pending = reinterpret_cast<robust_list*>(next);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  void Link(void** next) {
    void** const first = Plain(Head()[0]);
    next[0] = Head()[0];
    next[-1] = Head();
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (first != Head()) first[-1] = next;
    Head()[0] = next;
  }

  void Unlink(void** next) {
    void** const after = Plain(next[0]);
    void** const before = Plain(next[-1]);
    before[0] = next[0];
    if (after != Head()) after[-1] = before;
    next[0] = next[-1] = nullptr;
  }

 private:
  void** Head() const { return reinterpret_cast<void**>(&head_->list.next); }
  static void** Plain(void* pointer) {
    return reinterpret_cast<void**>(reinterpret_cast<uintptr_t>(pointer) & ~uintptr_t{1});
  }

  robust_list_head* head_ = nullptr;
};

}  // namespace moirai
