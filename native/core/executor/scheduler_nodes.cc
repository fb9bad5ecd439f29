// What is different where there are several nodes: what waits on a node is its own workers' while
// one of them is idle.
//
// A thief that comes across work of another node leaves it there while a worker of that node sleeps
// or searches, and calls a sleeper if none searches. So a worker far away takes a task only from a
// node whose workers are all busy, or after LeaveNs: nobody relies for long on a worker that was
// called but does not come, because its thread is held by something else. It is counted as a
// searcher all the while, so what its busy neighbours take meanwhile is no sign that it will come
// (`last_progress`), and until there is one, thieves take without being patient again. Why nothing
// is left lying is argued in docs/architecture/parking.md.
#include "core/base/clock.h"
#include "core/executor/scheduler.h"

namespace moirai {

// A worker of the node sleeps or searches. By the bits, not the count: who was called is no sleeper
// from the moment on that its bit is cleared.
bool Scheduler::HasRoom(uint32_t node) const {
  const NodeSeats& seats = nodes_[node];
  if (seats.searching.load(std::memory_order_seq_cst) > 0) return true;
  const uint32_t end = seat_end_.load(std::memory_order_acquire);
  for (uint32_t word = 0; word * 64 < end; word++) {
    if (seats.parked[word].load(std::memory_order_seq_cst) != 0) return true;
  }
  return false;
}

bool Scheduler::IsLeftTo(Seat& self, uint32_t node, bool queued) {
  if (!HasRoom(node)) return false;
  self.leaves = true;
  // What was claimed is about to run: for that a sleeper is called only where it pays.
  if (queued || ShouldWake(node)) CallSleeperOf(node);
  const uint64_t now = NowNs();
  if (self.left_at == 0) self.left_at = now;
  // What it saw before there was a sign of them is not what it sees now.
  const uint64_t sign = nodes_[node].last_progress.load(std::memory_order_relaxed);
  uint64_t since = sign > self.left_at ? sign : self.left_at;
  const uint64_t filled_at = nodes_[node].filled_at.load(std::memory_order_relaxed);
  if (queued && filled_at > since) since = filled_at;
  // Another thread may have stored a later time than this one reads.
  return static_cast<int64_t>(now - since) <= LeaveNs();
}

void Scheduler::CallSleeperOf(uint32_t node) {
  if (nodes_[node].searching.load(std::memory_order_seq_cst) > 0) return;
  WakeOneOf(groups_[SeatGroup::kNodes], &nodes_[node], kAnyCpu);
}

// A called worker is here. Slow ones count more than quick ones, but one that was held by something
// else for a second does not make thieves wait so long for the next.
void Scheduler::NoteArrival(const Seat& self) {
  const uint64_t called_at = self.called_at.load(std::memory_order_relaxed);
  const uint64_t now = NowNs();
  if (NodeSeats* const node = NodeOf(self)) {
    node->last_progress.store(now, std::memory_order_relaxed);
  }
  const auto took = static_cast<int64_t>(now - called_at);
  if (called_at == 0 || took < 0) return;
  const int64_t sample = took < kMaxLeaveNs / 8 ? took : kMaxLeaveNs / 8;
  const int64_t average = coming_ns_.load(std::memory_order_relaxed);
  const int64_t share = sample > average ? 4 : 16;
  coming_ns_.store(average + (sample - average) / share, std::memory_order_relaxed);
}

// The owner's thread, after a push: if it was the first, nothing in the queue has waited longer
// than from now on, whatever else a thief has left. Where nobody is idle, nothing is left to
// anybody. The time if it was needed, else 0.
uint64_t Scheduler::NoteFirst(uint32_t queue) {
  NodeSeats* const node = NodeOf(queue);
  if (node == nullptr) return 0;
  if (node->searching.load(std::memory_order_seq_cst) <= 0 &&
      node->parked_count.load(std::memory_order_seq_cst) <= 0) {
    return 0;
  }
  if (queues_[queue].Size() > 1) return 0;
  const uint64_t now = NowNs();
  node->filled_at.store(now, std::memory_order_relaxed);
  return now;
}

// The owner's thread, before a push. What is read after it comes from the node's workers, too: one
// way for all. The line of the push itself is not asked for ahead, as those who wait for the push
// would have it back at once.
void Scheduler::FetchFor(uint32_t queue) const {
  const NodeSeats* const node = NodeOf(queue);
  if (node == nullptr) return;
  __builtin_prefetch(&node->searching);
  queues_[queue].PrefetchSize();
}

// Each look of a searcher takes lines from those who submit and claim, and far away that is slow:
// with a whole node spinning, its owner's pushes are what everybody waits for.
bool Scheduler::MaySpin(uint32_t seat) const {
  const NodeSeats* const node = NodeOf(*SeatAt(seat));
  return node == nullptr || node->searching.load(std::memory_order_relaxed) <= kSpinnersOfNode;
}

// The owner has moved the seat: from now on its worker is counted on the other node.
void Scheduler::GoHome(Seat& self) {
  const uint32_t from = self.home.load(std::memory_order_relaxed);
  const uint32_t to = self.queue.load(std::memory_order_relaxed);
  if (from == to) return;
  self.home.store(to, std::memory_order_relaxed);
  // There before it is gone here, so that it is not missed in between.
  if (self.available) {
    nodes_[to].available.fetch_add(1, std::memory_order_seq_cst);
    nodes_[from].available.fetch_sub(1, std::memory_order_seq_cst);
  }
  if (self.searching) {
    nodes_[to].searching.fetch_add(1, std::memory_order_seq_cst);
    nodes_[from].searching.fetch_sub(1, std::memory_order_seq_cst);
  }
}

// The owner's thread. How near nodes are to each other is read from the order of a seat.
void Scheduler::SetNear(uint32_t node, const uint32_t* order, uint32_t steps) {
  uint32_t k = 0;
  for (uint32_t i = 0; i < steps && k < node_count_; i++) {
    const SearchStep step{order[i]};
    if (!step.is_injector()) continue;
    near_[node * node_count_ + k++].store(step.index(), std::memory_order_relaxed);
  }
}

void Scheduler::CountHint(Seat& self, uint32_t asked_for) {
  std::atomic<uint64_t>& count = asked_for == self.home.load(std::memory_order_relaxed)
                                     ? self.stats.hints_honoured
                                     : self.stats.hints_missed;
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

// What the node's own counts say about a queue, before those of all nodes are asked, which change
// with every worker of the machine. Nobody has to be called if a searcher of the node will look at
// the queue, and there was a sign of those that are idle; or if somebody of the node is awake, and
// what waits is less than a claim, or than a claim for each where none of them sleeps. In an empty
// queue nothing waits: it was spawned, or has been claimed since. `now`: 0 if it is not known.
bool Scheduler::NodeNeedsMore(uint32_t queue, uint64_t now) const {
  const NodeSeats& node = nodes_[queue];
  if (node.searching.load(std::memory_order_seq_cst) > 0) {
    const uint64_t sign = node.last_progress.load(std::memory_order_relaxed);
    if (now == 0) now = NowNs();
    return static_cast<int64_t>(now - sign) > kStalledNs;
  }
  const int32_t parked = node.parked_count.load(std::memory_order_seq_cst);
  const int32_t available = node.available.load(std::memory_order_seq_cst);
  if (parked >= available) return true;
  const uint64_t waits = queues_[queue].Size();
  if (waits == 0) return true;
  const uint64_t claim = groups_[SeatGroup::kNodes].tasks_per_claim.load(std::memory_order_relaxed);
  const uint64_t enough = claim == 1 ? 1 : claim * static_cast<uint64_t>(available - parked);
  return waits >= enough || Stalled(SeatGroup::kNodes);
}

// A searcher of the node will find it; one of another node will, too, and either take it or call a
// sleeper of the node. Only a node that is asleep as a whole does not wait for that.
bool Scheduler::NeedsSearcher(uint32_t queue) const {
  const SeatGroup& group = groups_[SeatGroup::kNodes];
  const NodeSeats* const node = NodeOf(queue);
  if (node != nullptr) {
    if (node->searching.load(std::memory_order_seq_cst) > 0) return false;
    const int32_t parked = node->parked_count.load(std::memory_order_seq_cst);
    if (parked > 0 && parked >= node->available.load(std::memory_order_seq_cst)) return true;
  }
  return group.searching.load(std::memory_order_seq_cst) <= 0;
}

// Nobody is awake who will look at the queue, once it has done what it is doing.
bool Scheduler::AllAsleep(uint32_t queue) const {
  const SeatGroup& group = groups_[SeatGroup::kNodes];
  if (const NodeSeats* const node = NodeOf(queue)) {
    const int32_t parked = node->parked_count.load(std::memory_order_seq_cst);
    if (parked > 0 && parked >= node->available.load(std::memory_order_seq_cst)) return true;
  }
  return group.parked_count.load(std::memory_order_seq_cst) >=
         group.available.load(std::memory_order_seq_cst);
}

uint32_t Scheduler::WaitingQueue(uint32_t from) const {
  if (NodeOf(from) == nullptr) return from;
  for (uint32_t k = 0; k < node_count_; k++) {
    const uint32_t queue = Near(from, k);
    if (!queues_[queue].Empty()) return queue;
  }
  return from;
}

}  // namespace moirai
