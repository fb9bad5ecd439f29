// Included before everything else in the simulator's build of native/core: what the scheduler's
// code asks of processor and kernel, it asks of the simulated machine. The code itself is
// unchanged, and production has no hooks.
//
// Names are looked up from the inside out: in namespace moirai, `std::atomic` is
// moirai::std::atomic if there is one, and `write` is moirai::write. Both are declared here. Each
// atomic operation tells the machine what it is about to do to its cache line, and is then done on
// a plain value: there is one thread of the operating system, and a simulated one gives way only
// inside the call before.
#pragma once

#include <sched.h>
#include <sys/eventfd.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace moirai::sim {

void OnLoad(const void* address);
void OnStore(const void* address);   // ordered before what follows only by a later OnUpdate
void OnUpdate(const void* address);  // read-modify-write, or a seq_cst store: a full barrier
void OnPrefetch(const void* address, int to_write = 0);
int ThisCpu();
// Numbers of events are such as no file has.
inline constexpr int kFirstEvent = 1 << 24;
int NewEvent();
void Signal(int event);
void Drain(int event);

}  // namespace moirai::sim

namespace moirai::std {

using namespace ::std;  // NOLINT(google-build-using-namespace): what is not declared here is as it
                        // was

template <typename T>
class atomic {
 public:
  static constexpr bool is_always_lock_free = ::std::atomic<T>::is_always_lock_free;

  constexpr atomic() = default;
  constexpr atomic(T value)
      : value_(value) {}  // NOLINT(google-explicit-constructor): as std has it
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(memory_order) const {
    sim::OnLoad(this);
    return value_;
  }
  void store(T value, memory_order order) {
    order == memory_order_seq_cst ? sim::OnUpdate(this) : sim::OnStore(this);
    value_ = value;
  }
  T exchange(T value, memory_order) {
    sim::OnUpdate(this);
    const T before = value_;
    value_ = value;
    return before;
  }
  bool compare_exchange_strong(T& expected, T desired, memory_order, memory_order) {
    sim::OnUpdate(this);
    if (value_ != expected) {
      expected = value_;
      return false;
    }
    value_ = desired;
    return true;
  }
  bool compare_exchange_strong(T& expected, T desired, memory_order order) {
    return compare_exchange_strong(expected, desired, order, order);
  }
  bool compare_exchange_weak(T& expected, T desired, memory_order success, memory_order failure) {
    return compare_exchange_strong(expected, desired, success, failure);
  }
  bool compare_exchange_weak(T& expected, T desired, memory_order order) {
    return compare_exchange_strong(expected, desired, order, order);
  }
  T fetch_add(T by, memory_order) {
    sim::OnUpdate(this);
    const T before = value_;
    value_ = static_cast<T>(value_ + by);
    return before;
  }
  T fetch_sub(T by, memory_order) {
    sim::OnUpdate(this);
    const T before = value_;
    value_ = static_cast<T>(value_ - by);
    return before;
  }
  T fetch_and(T bits, memory_order) {
    sim::OnUpdate(this);
    const T before = value_;
    value_ = before & bits;
    return before;
  }
  T fetch_or(T bits, memory_order) {
    sim::OnUpdate(this);
    const T before = value_;
    value_ = before | bits;
    return before;
  }

 private:
  T value_{};
};

}  // namespace moirai::std

namespace moirai {

inline int sched_getcpu() { return sim::ThisCpu(); }
inline int eventfd(unsigned, int) { return sim::NewEvent(); }
inline ssize_t write(int file, const void* data, ::std::size_t bytes) {
  if (file < sim::kFirstEvent) return ::write(file, data, bytes);
  sim::Signal(file);
  return static_cast<ssize_t>(bytes);
}
inline ssize_t read(int file, void* data, ::std::size_t bytes) {
  if (file < sim::kFirstEvent) return ::read(file, data, bytes);
  sim::Drain(file);
  return static_cast<ssize_t>(bytes);
}
inline int close(int file) { return file < sim::kFirstEvent ? ::close(file) : 0; }

}  // namespace moirai

// NOLINTNEXTLINE(bugprone-reserved-identifier): a builtin can be replaced in no other way
#define __builtin_prefetch(...) ::moirai::sim::OnPrefetch(__VA_ARGS__)
