// The executor's shared state: queues, who sleeps, who searches.
//
// One owner (the thread that created the executor) submits and reaps. Each worker sits in a seat;
// when its thread ends another may take the seat. Tasks are slot indices; slots and payloads lie in
// memory that the owner brought and that outlives every attached thread.
//
// The parking protocol and why no task is left lying is argued in docs/architecture/parking.md.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"
#include "core/base/ref.h"
#include "core/executor/arena.h"
#include "core/executor/band_queue.h"
#include "core/executor/completion_ring.h"
#include "core/executor/deque.h"
#include "core/executor/history.h"
#include "core/executor/search_order.h"
#include "core/executor/seat_group.h"
#include "core/executor/slot.h"
#include "core/executor/steal_policy.h"
#include "core/executor/task_times.h"
#include "core/sync/cpu_share.h"
#include "core/sync/parker.h"

namespace moirai {

struct SchedulerConfig {
  uint8_t* memory;        // slots from offset 0, payload blocks behind them
  uint64_t memory_bytes;  // readable and writable now
  uint64_t max_bytes;     // what it may grow to in place
  uint32_t slots;
  uint32_t seats;  // how many there can be
  uint32_t nodes;
  Steal steal = Steal::kAdaptive;
  bool statistics = true;  // times are taken
  uint32_t retain = 0;     // finished tasks that are remembered
  // Linux's numbers of the nodes on which payloads are: the queues' first; with one, or none, no
  // difference is made. And which of them is the owner's, by index.
  const int32_t* payload_nodes = nullptr;
  uint32_t payload_node_count = 0;
  uint32_t owner_node = 0;
};

struct SeatStats {
  std::atomic<uint64_t> started{0};
  std::atomic<uint64_t> stolen{0};
  std::atomic<uint64_t> stolen_from[SearchStep::kDistances] = {};  // `stolen` by distance
  // Of the tasks with a hint that were begun here: it named this seat's node, or another.
  std::atomic<uint64_t> hints_honoured{0};
  std::atomic<uint64_t> hints_missed{0};
  std::atomic<int32_t> thread{0};  // Linux thread id of the worker, 0: nobody sits here
  std::atomic<int32_t> cpu{-1};    // where it last looked for work
  // Of those who sat here before:
  std::atomic<uint64_t> past_cpu_ns{0};
  std::atomic<uint64_t> past_preemptions{0};
  // What the worker has last told of its heap, and when (CLOCK_MONOTONIC); 0: nothing yet.
  std::atomic<uint64_t> heap_bytes{0};
  std::atomic<uint64_t> heap_at_ns{0};
  std::atomic<uint32_t> running{0xffffffffU};  // the slot that keeps the thread busy, or kNoSlot
  std::atomic<uint64_t> asleep_since{0};       // ns; 0: awake
};

class Scheduler : public RefCounted<Scheduler> {
 public:
  static constexpr uint32_t kMaxSeats = SeatGroup::kMaxSeats;

  // Null when memory is short. No seat exists until SetSeat.
  static Ref<Scheduler> Create(const SchedulerConfig& config, Ref<Parker> owner);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Makes a seat, or moves it, also while its worker runs: the queue it belongs to, its CPU
  // (negative: not pinned), and where it looks for work, nearest first; its own deque is not part
  // of that order, seats that do not exist are passed over. A seat of a node searches the queues of
  // all nodes, one of the blocking queue that alone; neither searches seats of the other kind, and
  // a seat becomes one of the other kind only while nobody sits there. False: that does not hold,
  // or memory is short. The owner's thread.
  bool SetSeat(uint32_t seat, uint32_t queue, int32_t cpu, const uint32_t* order, uint32_t steps);

  uint32_t slots() const { return slots_; }
  uint32_t seats() const { return seat_capacity_; }
  bool HasSeat(uint32_t seat) const { return seat < seat_capacity_ && SeatAt(seat) != nullptr; }
  uint32_t nodes() const { return node_count_; }
  // One for each node, and the one of tasks that block their thread.
  uint32_t queues() const { return node_count_ + 1; }
  uint32_t blocking_queue() const { return node_count_; }
  Slot& slot(uint32_t index) { return reinterpret_cast<Slot*>(memory_)[index]; }
  Arena& arena() { return arena_; }
  // Where payloads are that the owner reads; those that a queue's workers read are on its node.
  uint32_t owner_node() const { return owner_node_; }
  // The worker's thread is in this slot's task, or in none that it knows of.
  void SetRunning(uint32_t seat, uint32_t slot) {
    SeatAt(seat)->stats.running.store(slot, std::memory_order_relaxed);
  }
  const SeatStats& stats(uint32_t seat) const { return SeatAt(seat)->stats; }
  TaskTimes& times() { return times_; }
  History& history() { return history_; }  // the owner's

  // --- the owner's thread ---

  // Publishes a queued slot in a queue, by its priority, and wakes a worker if one is needed.
  void Submit(uint32_t index, uint32_t queue);
  // The same for a task that is to run before others of its priority, the earliest deadline first.
  // `deadline`: ns on CLOCK_MONOTONIC, not 0.
  void SubmitBefore(uint32_t index, uint32_t queue, uint64_t deadline);
  // Takes a queued task out of the order; false: it has started or is finished. The slot comes back
  // through Reap as cancelled.
  bool Cancel(uint32_t index);
  // Asks a task that has begun to stop; false: it has not begun, or is finished.
  bool RequestCancel(uint32_t index);
  // The worker that has begun the task begins no other until somebody sits down in its seat anew;
  // false: the task is with it no longer, and nothing has changed.
  bool BarSeatOf(uint32_t index);
  // What a worker that is gone had claimed and not begun waits in its seat's queue again; how many.
  uint32_t Requeue(uint32_t seat);
  // Takes cancelled tasks out of the queues, at most `max`, which must be 256 or more; the
  // others stay in their order. Their slots are the owner's again.
  uint32_t Sweep(uint32_t* out, uint32_t max);
  // Finished slots, oldest first per worker; at most `max`.
  uint32_t Reap(uint32_t* out, uint32_t max);
  bool HasCompletions() const;
  // Of the finished tasks that had a deadline, how many were in time, and how many were not.
  uint64_t deadlines_met() const { return deadlines_met_; }
  uint64_t deadlines_missed() const { return deadlines_missed_; }
  // Tasks that are not back yet; of those that workers have spawned, as of the last CountSpawned.
  uint32_t outstanding() const { return outstanding_ + spawned_; }
  // Counts anew the tasks that workers have spawned and not ended. WakeForBacklog does it, too.
  void CountSpawned();
  // Tasks that no worker has begun, as an estimate.
  uint64_t Backlog() const;
  // Of these, the ones in a queue, which nobody has claimed.
  uint64_t BacklogOf(uint32_t queue) const { return queues_[queue].Size(); }
  // Workers that sleep and would serve the queue.
  uint32_t IdleSeats(uint32_t queue) const;
  // A task has been waiting longer than a busy worker should need while others sleep: wakes one.
  // True while this has to be asked again, after about a millisecond.
  bool WakeForBacklog();
  // So much waits while workers sleep that this thread should not spin on the CPU they could use.
  bool SleepersCouldHelp() const {
    const SeatGroup& group = groups_[SeatGroup::kNodes];
    return group.parked_count.load(std::memory_order_relaxed) > 0 && HelpPays();
  }
  // The slots that seat `seat` had started and not finished, after its thread is gone.
  uint32_t StartedBy(uint32_t seat, uint32_t* out, uint32_t max);
  // A lost slot is the owner's again, as if it had been reaped.
  void Reclaim(uint32_t index);

  // --- a worker's thread ---

  // Only on a seat that exists, as all that follows. False: taken.
  bool Sit(uint32_t seat);
  Ref<Parker> parker(uint32_t seat) const { return SeatAt(seat)->parker; }
  // Undoes whatever the seat had announced; its deque stays, for the others and its successor.
  void Leave(uint32_t seat);
  // The seat searches no more, without having found anything or going to sleep: another takes over.
  void StandAside(uint32_t seat);
  // Whether this seat takes tasks; if not, what waits is for another.
  void SetAvailable(uint32_t seat, bool available);
  // A seat for tasks that block their thread.
  bool IsBlocking(uint32_t seat) const { return GroupOf(*SeatAt(seat)) == SeatGroup::kBlocking; }
  // The next task to run, now in phase running, or kNoSlot. Looks everywhere in the seat's order.
  uint32_t Next(uint32_t seat);
  // The time, where the worker looks at the clock anyway: notices a claim that takes too long.
  void NoteTime(uint32_t seat, uint64_t now);
  // By when a slot that this worker runs is to be done, ns on CLOCK_MONOTONIC; 0: no deadline.
  uint64_t DeadlineOf(uint32_t index) const { return deadlines_[index]; }
  // About how many of the tasks it runs take 50 us.
  uint32_t TasksPerClaim(uint32_t seat) const { return SeatAt(seat)->claim; }
  // Something is in the own deque after looking everywhere.
  bool FindWork(uint32_t seat);
  // Hands a slot back to the owner, whose phase the worker has set.
  void Complete(uint32_t seat, uint32_t index);
  // Makes a task of a slot that was lent to the workers and is in this one's hands (slot.h), for
  // whoever comes first: this worker when it is done with what it runs, the newest first, or a
  // thief, the oldest first. False: the deque is full, or nobody could steal it from a blocking
  // seat; nothing has changed, and the worker runs the task by itself.
  bool Spawn(uint32_t seat, uint32_t index);
  // The end of a spawned task, in place of Complete: the slot stays in this worker's hands.
  void EndSpawned(uint32_t seat, uint32_t index);
  void TellHeap(uint32_t seat, uint64_t bytes);
  // Not too many of its node are spinning for work. Who may not, sleeps.
  bool MaySpin(uint32_t seat) const;
  void BeginSearch(uint32_t seat);
  void EndSearch(uint32_t seat, bool found);
  // Announces that the seat sleeps; false: there is work, go on searching.
  bool Park(uint32_t seat);
  // Awake again, for whatever reason; true: somebody woke the seat to search.
  bool Unpark(uint32_t seat);

 private:
  friend class SchedulerOrderTest;  // sets a seat's claim, which else follows the machine's pace
  friend class SchedulerNodesTest;  // sets when a task was last taken

  struct alignas(kFalseSharingBytes) Seat {
    Deque deque;
    CompletionRing completions;
    alignas(kFalseSharingBytes) Ref<Parker> parker;  // the seat's for good: a late waker may signal
                                                     // it after a worker has left
    std::atomic<uint32_t> queue{0};
    std::atomic<uint32_t> home{0};  // the queue by which the worker is counted; follows `queue`
    std::atomic<int32_t> cpu{-1};
    SearchOrder order;
    StealPolicy steal;
    std::atomic<uint32_t> taken{0};
    std::atomic<uint64_t> called_at{0};  // ns; by whoever cleared its bit, with several nodes
    std::atomic<bool> barred{false};     // the owner's: no task may be begun here
    alignas(kFalseSharingBytes) SeatStats stats;
    // The sitting worker's own:
    bool searching = false;   // counted in its group's searching
    bool parked = false;      // has announced that it sleeps
    bool available = false;   // counted in its group's available
    uint64_t claimed_at = 0;  // ns; 0: idle since
    uint32_t run_since_claim = 0;
    uint32_t claim = 1;     // how many tasks take about kClaimNs
    uint32_t distance = 0;  // of the seat it is looking at
    bool overdue = false;   // what is in the deque was claimed long ago
    bool leaves = false;    // saw work of another node that has idle workers, in this look
    uint64_t left_at = 0;   // ns; since when it does at every look; 0: it does not
    uint32_t gave_way = 0;  // counts the times that something more urgent waited then
    uint32_t told = 0;      // how many ended ones the owner was told of
    // Written by the sitting worker, counted by the owner; they wrap.
    std::atomic<uint32_t> spawned{0};
    std::atomic<uint32_t> ended{0};
  };

  static constexpr uint64_t kClaimNs = 50'000;
  static constexpr uint32_t kMaxClaim = 256;
  static constexpr int32_t kSpinnersOfNode = 2;
  static constexpr int64_t kStalledNs = 200'000;
  static constexpr int64_t kNoteNs = 10'000;
  static constexpr int64_t kOverdueNs = 200'000;
  static constexpr int64_t kLeaveNs = 1'000'000;  // at least, and at most:
  static constexpr int64_t kMaxLeaveNs = 200'000'000;
  static constexpr int32_t kAnyCpu = -2;

  explicit Scheduler(const SchedulerConfig& config, Ref<Parker> owner);
  bool Init(const SchedulerConfig& config);
  Seat* SeatAt(uint32_t seat) const { return seats_[seat].load(std::memory_order_acquire); }
  // Calls `visit` with each seat that exists, until it returns false.
  template <typename Visit>
  void ForEachSeat(Visit visit) const {
    const uint32_t end = seat_end_.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < end; i++) {
      Seat* const seat = SeatAt(i);
      if (seat != nullptr && !visit(*seat)) return;
    }
  }
  Seat* MakeSeat();
  bool IsOrderOf(uint32_t group, const uint32_t* order, uint32_t steps) const;
  uint32_t GroupOf(uint32_t queue) const {
    return queue == blocking_queue() ? SeatGroup::kBlocking : SeatGroup::kNodes;
  }
  uint32_t GroupOf(const Seat& seat) const {
    return GroupOf(seat.queue.load(std::memory_order_relaxed));
  }
  SeatGroup& Group(const Seat& seat) { return groups_[GroupOf(seat)]; }
  bool Spread() const { return node_count_ > 1; }
  // The node's counts, or null where only the group's are kept.
  NodeSeats* NodeOf(uint32_t queue) const {
    return Spread() && queue < node_count_ ? &nodes_[queue] : nullptr;
  }
  NodeSeats* NodeOf(const Seat& seat) const {
    return NodeOf(seat.home.load(std::memory_order_relaxed));
  }
  // The k-th nearest node to a node: itself first.
  uint32_t Near(uint32_t node, uint32_t k) const {
    return near_[node * node_count_ + k].load(std::memory_order_relaxed);
  }
  void SetNear(uint32_t node, const uint32_t* order, uint32_t steps);
  void GoHome(Seat& self);
  void CountHint(Seat& self, uint32_t asked_for);
  bool Search(Seat& self);
  bool SearchNodes(Seat& self);
  bool SearchByNode(Seat& self);
  struct Longest {
    int64_t size = 0;
    Seat* seat = nullptr;
    uint32_t node = 0;
    uint32_t distance = 0;
  };
  const SearchStep* LookAtNode(const SearchStep* step, const SearchStep* end,
                               Longest* longest) const;
  bool HasRoom(uint32_t node) const;
  bool IsLeftTo(Seat& self, uint32_t node, bool queued);
  void CallSleeperOf(uint32_t node);  // if none of the node searches
  void NoteArrival(const Seat& self);
  uint64_t NoteFirst(uint32_t queue);
  void FetchFor(uint32_t queue) const;
  // How long a thief waits for another node's workers: eight times what they take to come.
  int64_t LeaveNs() const {
    const int64_t ns = 8 * coming_ns_.load(std::memory_order_relaxed);
    return ns < kLeaveNs ? kLeaveNs : ns < kMaxLeaveNs ? ns : kMaxLeaveNs;
  }
  // All claimants write the same word: only who finds it old does, so that the others' looks at it,
  // and at what lies beside it, cost nothing.
  static void Note(std::atomic<uint64_t>& last, uint64_t now) {
    const uint64_t before = last.load(std::memory_order_relaxed);
    if (static_cast<int64_t>(now - before) > kNoteNs) last.store(now, std::memory_order_relaxed);
  }
  void CountDeadline(uint32_t index, Phase phase);
  bool ClaimFrom(Seat& self, uint32_t queue);
  void PushClaimed(Seat& self, const uint32_t* claimed, uint32_t count);
  bool GiveWay(Seat& self, uint32_t index);
  bool StealFrom(Seat& self, Seat& victim);
  void Publish(uint32_t index, uint32_t queue);
  uint32_t ClassOf(uint32_t index) {
    return BandQueue::ClassOf(slot(index).priority(), deadlines_[index] != 0);
  }
  void AdaptClaim(Seat& self);
  bool VisibleWork(Seat& seat);
  // Something waits that a sleeper of the group could take, and about how much; counted up to
  // `enough`.
  bool HasWorkFor(uint32_t group) const;
  uint64_t WorkFor(uint32_t group, uint64_t enough) const;
  // Whether a sleeper should be called for what waits in a queue, or was claimed from it.
  bool ShouldWake(uint32_t queue, uint64_t now = 0) const;
  bool ShouldWakeNode(uint32_t queue) const;
  bool NodeNeedsMore(uint32_t queue, uint64_t now) const;
  // Nobody who searches has yet to look at the queue of a node.
  bool NeedsSearcher(uint32_t queue) const;
  bool AllAsleep(uint32_t queue) const;
  // A queue in which something waits, from this one on; this one if there is none.
  uint32_t WaitingQueue(uint32_t from) const;
  // The tasks that wait are more than those who are awake can do in the time a wake-up takes.
  bool HelpPays() const {
    const uint64_t enough =
        groups_[SeatGroup::kNodes].tasks_per_claim.load(std::memory_order_relaxed);
    return WorkFor(SeatGroup::kNodes, enough) >= enough;
  }
  // The same where it waits in a node's queue; in none, it was spawned or claimed.
  bool HelpPaysOn(uint32_t queue) const {
    const uint64_t waits = Spread() ? queues_[queue].Size() : 0;
    if (waits == 0) return HelpPays();
    return waits >= groups_[SeatGroup::kNodes].tasks_per_claim.load(std::memory_order_relaxed);
  }
  bool Stalled(uint32_t group) const;
  void PassOn(uint32_t queue);
  void CallNext(const Seat& self, bool last_of_all);
  void AskOwner(const Seat& self, int64_t left_over);
  void TellEnded(Seat& self);
  void WakeOne(uint32_t queue);
  bool WakeOneOf(SeatGroup& group, NodeSeats* node, int32_t not_on_cpu);
  static std::atomic<uint64_t>* ParkedIn(SeatGroup& group, NodeSeats* node) {
    return node == nullptr ? group.parked : node->parked;
  }
  static bool ClearParked(SeatGroup& group, NodeSeats* node, uint32_t seat);

  uint8_t* const memory_;
  const uint32_t slots_;
  const uint32_t seat_capacity_;
  const uint32_t node_count_;
  const uint32_t owner_node_;
  const Steal steal_;
  Ref<Parker> owner_;
  Arena arena_;
  TaskTimes times_;
  History history_;
  // A seat that exists stays; each is published by a release store, and so is the end of them.
  std::atomic<Seat*>* seats_ = nullptr;
  std::atomic<uint32_t> seat_end_{0};
  BandQueue* queues_ = nullptr;
  uint64_t* deadlines_ = nullptr;  // by slot; published with it, 0: none
  bool any_deadlines_ = false;     // the owner's alone: deadlines_ was ever written
  uint64_t deadlines_met_ = 0;     // the owner's alone
  uint64_t deadlines_missed_ = 0;
  uint32_t outstanding_ = 0;  // the owner's alone, with spawned ones that came back to it instead
  uint32_t spawned_ = 0;      // the owner's alone
  uint32_t reap_from_ = 0;    // the owner's alone: where the next Reap begins, so that none starves
  SeatGroup groups_[SeatGroup::kGroups];
  NodeSeats* nodes_ = nullptr;             // with more than one node
  std::atomic<uint32_t>* near_ = nullptr;  // by node: all nodes, nearest first
  // From a call to the worker's coming, an average; patient until it is known.
  std::atomic<int64_t> coming_ns_{kMaxLeaveNs / 16};
  // The owner sleeps and will not ask about a backlog by itself.
  alignas(kFalseSharingBytes) std::atomic<uint32_t> unasked_{0};
  // A worker has ever spawned a task: others need not count any.
  std::atomic<bool> spawns_{false};
};

}  // namespace moirai
