// What a thread is to the locks it uses: its entry in the table of lives of a domain, which is this
// process or one named region.
#pragma once

#include <node_api.h>

#include "addon/args.h"
#include "addon/event_loop.h"
#include "addon/sync_loop.h"
#include "core/base/clock.h"
#include "core/sync/cpu_share.h"
#include "core/sync/life_table.h"
#include "core/sync/spin_budget.h"

namespace moirai::addon {

// A region begins with a page and more for its table; src/sync/place.ts knows these numbers, too.
inline constexpr std::size_t kRegionHeadBytes = 1024;
inline constexpr uint32_t kRegionLives = 240;
inline constexpr std::size_t kRegionTableBytes =
    kRegionHeadBytes + kRegionLives * sizeof(LifeTable::Entry);

// One environment's share in a domain, until it leaves or the environment ends.
struct Membership {
  uint32_t number;
  LifeTable lives;
  LifeId self;
  void* mapping;  // its own of the region's table: the kernel writes to it when the thread ends
  Membership* next;
};

// All of one environment's.
struct ThreadSync {
  napi_env env;
  Membership* memberships = nullptr;
  uint32_t last_number = 0;
  SpinBudget budget;
  SyncLoop* loop = nullptr;  // once something waits in the event loop

  Membership* Find(uint32_t number) const {
    for (Membership* each = memberships; each != nullptr; each = each->next) {
      if (each->number == number) return each;
    }
    return nullptr;
  }
};

// A call (domain, words, …) on words of shared memory in a domain that this thread has joined.
template <std::size_t N>
struct SyncCall : Args<N> {
  SyncCall(napi_env env, napi_callback_info info, std::size_t words_needed)
      : Args<N>(env, info), thread(static_cast<ThreadSync*>(this->data)) {
    member = thread->Find(this->Uint32(0));
    words = this->template Elements<uint32_t>(1, &length);
    const bool aligned = reinterpret_cast<uintptr_t>(words) % sizeof(uint64_t) == 0;
    ok = member != nullptr && words != nullptr && aligned && length >= words_needed;
    if (!ok) napi_throw_error(env, "ERR_MOIRAI_CLOSED", "the object was closed");
  }

  ThreadSync* thread;
  Membership* member;
  uint32_t* words;
  std::size_t length;
  bool ok;
};

// How a JavaScript thread waits: it spins only while that pays and no other thread wants the CPU,
// and is counted as asleep while it sleeps.
class ThreadWaiter {
 public:
  explicit ThreadWaiter(ThreadSync& thread)
      : loop_(EventLoop::Get(thread.env)), budget_(thread.budget) {
    if (loop_ == nullptr) return;
    loop_->RouseToBlock();
    loop_->presence().Refresh(CpuShare::Process());
  }
  ThreadWaiter(const ThreadWaiter&) = delete;
  ThreadWaiter& operator=(const ThreadWaiter&) = delete;
  ~ThreadWaiter() {
    if (spun_) slept_ ? budget_.Miss() : budget_.Hit();
  }

  bool ok() const { return loop_ != nullptr; }

  bool Spin(uint64_t ns) {
    spun_ = true;
    const bool preempted = ns - last_ > SpinBudget::kPreemptedNs;
    last_ = ns;
    return ns < budget_.nanoseconds() && !preempted &&
           loop_->presence().MaySpin(CpuShare::Process());
  }
  void Asleep() {
    slept_ = true;
    since_ = NowNs();
    loop_->presence().Leave(CpuShare::Process());
  }
  void Awake() {
    loop_->presence().Enter(CpuShare::Process());
    last_ = 0;  // if it spins again, from the start
    budget_.ParkedFor(NowNs() - since_);
  }

 private:
  EventLoop* const loop_;
  SpinBudget& budget_;
  uint64_t last_ = 0;
  uint64_t since_ = 0;
  bool spun_ = false;
  bool slept_ = false;
};

// Native waits are cut into slices, so that worker.terminate(), process.exit() and signals get in.
inline constexpr double kSliceMs = 50;

inline uint64_t Nanoseconds(double milliseconds) {
  return milliseconds < 1e9 ? static_cast<uint64_t>(milliseconds * 1e6)
                            : uint64_t{1'000'000'000'000'000};
}

// Adds the mutex's functions to the section `sync` of the border.
void AddMutexFunctions(napi_env env, napi_value section, ThreadSync* thread);

}  // namespace moirai::addon
