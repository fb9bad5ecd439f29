#include "machine.h"

#include <ucontext.h>

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <queue>
#include <random>

#include "seams.h"

namespace moirai::sim {

namespace {

constexpr uint32_t kMaxCpus = 1024;
constexpr std::size_t kStackBytes = 128U << 10;
constexpr uint32_t kNobody = UINT32_MAX;
// Between the half and the twenty milliseconds after which it was measured.
constexpr Time kCold = 3'000'000'000;

struct Line {
  uint64_t address = 0;      // of 64 bytes
  Time busy_until = 0;       // on its way to a cache until then
  uint32_t owner = kNobody;  // who wrote it last
  uint32_t count = 0;        // of the caches that have it
  uint64_t caches[kMaxCpus / 64] = {};

  bool In(uint32_t cpu) const { return (caches[cpu / 64] >> (cpu % 64) & 1U) != 0; }
  void Add(uint32_t cpu) {
    if (In(cpu)) return;
    caches[cpu / 64] |= uint64_t{1} << (cpu % 64);
    count++;
  }
  void MakeExclusive(uint32_t cpu) {
    for (uint64_t& word : caches) word = 0;
    caches[cpu / 64] = uint64_t{1} << (cpu % 64);
    count = 1;
    owner = cpu;
  }
};

// Lines by address: open addressing; lines stay where they are.
class Lines {
 public:
  Lines() : table_(1U << 16) {}
  Line& At(const void* address) {
    const uint64_t key = reinterpret_cast<uintptr_t>(address) >> 6;
    if (last_ != nullptr && last_->address == key) return *last_;
    for (uint64_t at = Hash(key);; at++) {
      Line*& entry = table_[at & (table_.size() - 1)];
      if (entry == nullptr) {
        if (lines_.size() * 2 > table_.size()) {
          Grow();
          return At(address);
        }
        lines_.push_back(std::make_unique<Line>());
        entry = lines_.back().get();
        entry->address = key;
      }
      if (entry->address == key) return *(last_ = entry);
    }
  }

 private:
  static uint64_t Hash(uint64_t key) { return key * 0x9E3779B97F4A7C15U >> 24; }
  void Grow() {
    table_.assign(table_.size() * 4, nullptr);
    for (const auto& line : lines_) {
      uint64_t at = Hash(line->address);
      while (table_[at & (table_.size() - 1)] != nullptr) at++;
      table_[at & (table_.size() - 1)] = line.get();
    }
  }

  std::vector<Line*> table_;
  std::vector<std::unique_ptr<Line>> lines_;
  Line* last_ = nullptr;
};

struct Thread {
  uint32_t cpu;
  Time time;
  void (*body)(void*);
  void* self;
  uint32_t rank;
  bool begun = false;
  uint64_t misses = 0;
  bool loading = false;  // the last access was a load that missed
  Time stores_done = 0;  // when the plain stores so far are in the cache
  // Lines that were asked for ahead of their use, the last ones, and when they are there.
  struct Prefetch {
    const Line* line = nullptr;
    Time done = 0;
  };
  Prefetch prefetches[16];
  uint32_t prefetched = 0;
  Time prefetches_done = 0;
  int waits_for = -1;  // an event
  uint64_t wait = 0;   // counts waits, so that an old timer is known
  bool signalled = false;
  bool runnable = true;
  bool held = false;    // its turn came while another had the CPU
  Time stolen = 0;      // by others on its CPU, to be added to its time
  Time took_cpu = 0;    // since when it has the CPU from another
  bool behind = false;  // woken, while one of a higher rank has the CPU
  jmp_buf context;
  ucontext_t first;
  std::unique_ptr<char[]> stack;
};

struct Entry {
  Time time;
  uint64_t number;  // the order among equals
  Thread* thread;
  uint64_t wait;  // a timer of this wait; 0: the thread's turn
  bool operator>(const Entry& other) const {
    return time != other.time ? time > other.time : number > other.number;
  }
};

struct CpuState {
  std::vector<Thread*> threads;
  Thread* active = nullptr;          // has put off the others
  Time interrupted_at = UINT64_MAX;  // the next time
  Time idle_since = 0;
};

struct State {
  Time hit, update, overlap_percent, clock, get_cpu, signal, wake, wake_latency, wake_latency_cold,
      wake_busy, displaced;
  std::vector<Cpu> cpus;
  std::vector<Time> transfer;  // between each two CPUs
  Lines lines;
  std::vector<std::unique_ptr<Thread>> threads;
  std::vector<CpuState> on_cpu;
  std::vector<Thread*> waiting;  // by event
  std::vector<bool> signals;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> turns;
  uint64_t number = 0;
  Thread* running = nullptr;
  jmp_buf main;
  Machine::Counts counts;
  double interrupt_every = 0;
  Time interrupts[10] = {};
  std::minstd_rand random;

  Time UntilInterrupt() {
    return FromNs(std::exponential_distribution<double>(1 / interrupt_every)(random));
  }

  Time Transfer(uint32_t from, uint32_t to) const { return transfer[from * cpus.size() + to]; }
};

State* state = nullptr;

void Push(Thread* thread) { state->turns.push({thread->time, state->number++, thread, 0}); }

[[noreturn]] void Begin() {
  Thread* const self = state->running;
  self->body(self->self);
  self->runnable = false;
  _longjmp(state->main, 1);
}

// On the stack of whoever gives way.
[[noreturn]] void SwitchTo(Thread* thread) {
  state->running = thread;
  if (thread->begun) _longjmp(thread->context, 1);
  thread->begun = true;
  setcontext(&thread->first);
  std::abort();
}

void Rouse(Thread* thread, Time at, bool signalled) {
  thread->waits_for = -1;
  thread->wait++;
  thread->signalled = signalled;
  thread->runnable = true;
  CpuState& cpu = state->on_cpu[thread->cpu];
  bool busy = false;
  bool behind = false;
  for (const Thread* other : cpu.threads) {
    if (other == thread || !other->runnable || other->behind) continue;
    busy = true;
    behind = behind || other->rank > thread->rank;
  }
  if (behind) {
    thread->time = at;
    thread->behind = true;
    return;
  }
  if (busy) {
    thread->time = at + state->wake_busy;
    thread->took_cpu = thread->time;
    cpu.active = thread;
  } else {
    while (cpu.interrupted_at <= at) cpu.interrupted_at += state->UntilInterrupt();
    const bool cold = state->wake_latency_cold > 0 && at - cpu.idle_since > kCold;
    thread->time = at + (cold ? state->wake_latency_cold : state->wake_latency);
    thread->took_cpu = 0;
  }
  Push(thread);
}

// The next turn; null when all sleep for ever.
Thread* Take() {
  auto& turns = state->turns;
  while (!turns.empty()) {
    const Entry entry = turns.top();
    turns.pop();
    Thread* const thread = entry.thread;
    if (entry.wait != 0) {
      if (thread->waits_for >= 0 && thread->wait == entry.wait) {
        state->waiting[static_cast<std::size_t>(thread->waits_for - kFirstEvent)] = nullptr;
        Rouse(thread, entry.time, false);
      }
      continue;
    }
    const CpuState& cpu = state->on_cpu[thread->cpu];
    if (cpu.active != nullptr && cpu.active != thread && entry.time >= cpu.active->took_cpu) {
      thread->held = true;
      continue;
    }
    CpuState& mine = state->on_cpu[thread->cpu];
    while (mine.interrupted_at <= thread->time) {
      thread->stolen += state->interrupts[state->random() % 10];
      mine.interrupted_at += state->UntilInterrupt();
    }
    if (thread->stolen > 0) {
      thread->time += thread->stolen;
      thread->stolen = 0;
      Push(thread);
      continue;
    }
    return thread;
  }
  return nullptr;
}

// The running thread's own turn, if it has one, is in the queue by now.
void GiveWay() {
  Thread* const self = state->running;
  Thread* const next = Take();
  if (next == self) return;
  if (next == nullptr) _longjmp(state->main, 1);
  if (_setjmp(self->context) == 0) SwitchTo(next);
}

// All whose time is before this thread's have done what they do before it.
void Synchronize() {
  if (state->turns.empty() || state->turns.top().time >= state->running->time) return;
  Push(state->running);
  GiveWay();
}

// The way of the line to this CPU, from whoever wrote it or the nearest that has it.
Time Way(const Line& line, uint32_t cpu, bool to_write) {
  Time way = line.owner == kNobody || line.owner == cpu ? 0 : state->Transfer(line.owner, cpu);
  if (to_write || line.owner == cpu) {
    // All other copies must be gone.
    uint32_t left = line.count;
    for (uint32_t word = 0; left > 0; word++) {
      for (uint64_t bits = line.caches[word]; bits != 0; bits &= bits - 1, left--) {
        const uint32_t other = word * 64 + static_cast<uint32_t>(__builtin_ctzll(bits));
        const Time from = other == cpu ? 0 : state->Transfer(other, cpu);
        if (from > way) way = from;
      }
    }
  }
  return way;
}

void Count(const Line& line, uint32_t cpu) {
  state->running->misses++;
  if (line.owner == kNobody || line.owner == cpu) return;
  state->counts.transfers++;
  if (state->cpus[line.owner].node != state->cpus[cpu].node) state->counts.far_transfers++;
}

bool Has(const Line& line, uint32_t cpu) { return line.count == 1 && line.In(cpu); }

// The line is in the own cache, or will be when a prefetch is done.
void Await(Thread& self, const Line& line) {
  if (self.prefetches_done <= self.time) return;
  for (const Thread::Prefetch& each : self.prefetches) {
    if (each.line == &line && each.done > self.time) self.time = each.done;
  }
}

// When the line is there to be written.
Time Fetch(Line& line, uint32_t cpu, Time from) {
  const Time begin = from > line.busy_until ? from : line.busy_until;
  const Time way = Way(line, cpu, true);
  Count(line, cpu);
  line.MakeExclusive(cpu);
  return line.busy_until = begin + way;
}

}  // namespace

// ------------------------------------------------------------------------------- what code asks

void OnLoad(const void* address) {
  if (state == nullptr || state->running == nullptr) return;
  Thread& self = *state->running;
  Line* line = &state->lines.At(address);
  if (!line->In(self.cpu)) {
    Synchronize();
    line = &state->lines.At(address);
  }
  if (line->In(self.cpu)) {
    Await(self, *line);
    self.time += state->hit;
    return;
  }
  Time way = Way(*line, self.cpu, false);
  const bool waits = line->busy_until > self.time;
  const Time begin = waits ? line->busy_until : self.time;
  if (self.loading && !waits) way = way * state->overlap_percent / 100;
  Count(*line, self.cpu);
  // The first reader of what was written has it written back; from then on many can be served.
  if (line->count == 1) line->busy_until = begin + way;
  line->Add(self.cpu);
  self.time = begin + way + state->hit;
  self.loading = true;
}

void OnStore(const void* address) {
  if (state == nullptr || state->running == nullptr) return;
  Thread& self = *state->running;
  Line* line = &state->lines.At(address);
  if (!Has(*line, self.cpu)) {
    Synchronize();
    line = &state->lines.At(address);
    if (!Has(*line, self.cpu)) {
      const Time done = Fetch(*line, self.cpu, self.time);
      if (done > self.stores_done) self.stores_done = done;
    }
  }
  self.time += state->hit;
}

void OnUpdate(const void* address) {
  if (state == nullptr || state->running == nullptr) return;
  Thread& self = *state->running;
  if (self.stores_done > self.time) self.time = self.stores_done;
  Line* line = &state->lines.At(address);
  if (!Has(*line, self.cpu)) {
    Synchronize();
    line = &state->lines.At(address);
    if (!Has(*line, self.cpu)) self.time = Fetch(*line, self.cpu, self.time);
  }
  if (line->busy_until > self.time) self.time = line->busy_until;
  self.time += state->update;
  line->busy_until = self.time;
  self.loading = false;
}

void OnPrefetch(const void* address, int to_write) {
  if (state == nullptr || state->running == nullptr) return;
  Thread& self = *state->running;
  const auto there = [&](const Line& line) {
    return to_write != 0 ? Has(line, self.cpu) : line.In(self.cpu);
  };
  self.time += state->hit;
  if (there(state->lines.At(address))) return;
  Synchronize();
  Line& line = state->lines.At(address);
  if (there(line)) return;
  // One after the other, overlapping.
  const bool more = self.prefetches_done > self.time;
  const Time way = Way(line, self.cpu, to_write != 0);
  Time begin = line.busy_until > self.time ? line.busy_until : self.time;
  Time done = begin + way;
  if (more && self.prefetches_done + way * state->overlap_percent / 100 > done) {
    done = self.prefetches_done + way * state->overlap_percent / 100;
  }
  Count(line, self.cpu);
  if (to_write != 0) {
    line.MakeExclusive(self.cpu);
    line.busy_until = done;
  } else {
    if (line.count == 1) line.busy_until = done;
    line.Add(self.cpu);
  }
  self.prefetches[self.prefetched++ % 16] = {&line, done};
  if (done > self.prefetches_done) self.prefetches_done = done;
}

uint64_t ReadClock() {
  // Before the run, code that compares two readings must see a clock that goes.
  static uint64_t readings = 0;
  if (state == nullptr || state->running == nullptr) return ++readings * 1000;
  state->running->time += state->clock;
  // Nothing happens at 0, which means never in many places.
  return state->running->time / 1000 + 1'000'000'000;
}

int ThisCpu() {
  if (state == nullptr || state->running == nullptr) return 0;
  state->running->time += state->get_cpu;
  return static_cast<int>(state->running->cpu);
}

int NewEvent() {
  state->waiting.push_back(nullptr);
  state->signals.push_back(false);
  return kFirstEvent + static_cast<int>(state->waiting.size()) - 1;
}

void Signal(int event) {
  Thread& self = *state->running;
  self.loading = false;
  Synchronize();
  const auto number = static_cast<std::size_t>(event - kFirstEvent);
  Thread* const sleeper = state->waiting[number];
  if (sleeper == nullptr) {
    state->signals[number] = true;
    self.time += state->signal;
    return;
  }
  state->waiting[number] = nullptr;
  state->counts.wakes++;
  const Time at = self.time;
  self.time += state->wake;
  Rouse(sleeper, at, true);
}

void Drain(int event) {
  state->signals[static_cast<std::size_t>(event - kFirstEvent)] = false;
  state->running->time += state->signal;
}

// ------------------------------------------------------------------------------------- machine

Machine::Machine(const Costs& costs, std::vector<Cpu> cpus, const std::vector<uint32_t>& distances,
                 uint32_t nodes, uint32_t seed) {
  state = new State;
  state->random.seed(seed);
  state->interrupt_every = costs.interrupt_every;
  for (std::size_t i = 0; i < 10; i++) state->interrupts[i] = FromNs(costs.interrupts[i]);
  state->hit = FromNs(costs.hit);
  state->update = FromNs(costs.update);
  state->overlap_percent = static_cast<Time>(costs.overlap * 100 + 0.5);
  state->clock = FromNs(costs.clock);
  state->get_cpu = FromNs(costs.get_cpu);
  state->signal = FromNs(costs.signal);
  state->wake = FromNs(costs.wake);
  state->wake_latency = FromNs(costs.wake_latency);
  state->wake_latency_cold = FromNs(costs.wake_latency_cold);
  state->wake_busy = FromNs(costs.wake_busy);
  state->displaced = FromNs(costs.displaced);
  const std::size_t count = cpus.size();
  if (count > kMaxCpus) {
    std::fprintf(stderr, "at most %u CPUs\n", kMaxCpus);
    std::exit(2);
  }
  state->transfer.resize(count * count);
  for (std::size_t a = 0; a < count; a++) {
    for (std::size_t b = 0; b < count; b++) {
      const double ns = a == b ? 0
                        : cpus[a].core == cpus[b].core
                            ? costs.sibling
                            : costs.transfer * distances[cpus[a].node * nodes + cpus[b].node] / 10;
      state->transfer[a * count + b] = FromNs(ns);
    }
  }
  state->on_cpu.resize(count);
  for (CpuState& cpu : state->on_cpu) {
    if (costs.interrupt_every > 0) cpu.interrupted_at = state->UntilInterrupt();
  }
  state->cpus = static_cast<std::vector<Cpu>&&>(cpus);
}

void Machine::AddThread(uint32_t cpu, Time start, void (*body)(void*), void* self, uint32_t rank) {
  auto thread = std::make_unique<Thread>();
  thread->cpu = cpu;
  thread->time = start;
  thread->body = body;
  thread->self = self;
  thread->rank = rank;
  thread->stack = std::make_unique<char[]>(kStackBytes);
  getcontext(&thread->first);
  thread->first.uc_stack.ss_sp = thread->stack.get();
  thread->first.uc_stack.ss_size = kStackBytes;
  thread->first.uc_link = nullptr;
  makecontext(&thread->first, reinterpret_cast<void (*)()>(Begin), 0);
  state->on_cpu[cpu].threads.push_back(thread.get());
  Push(thread.get());
  state->threads.push_back(static_cast<std::unique_ptr<Thread>&&>(thread));
}

void Machine::Run() {
  _setjmp(state->main);
  if (stopped_) {
    state->running = nullptr;
    return;
  }
  Thread* const next = Take();
  if (next == nullptr) {
    state->running = nullptr;
    return;
  }
  SwitchTo(next);
}

void Machine::Stop() {
  stopped_ = true;
  _longjmp(state->main, 1);
}

Time Machine::now() { return state->running == nullptr ? 0 : state->running->time; }
uint32_t Machine::cpu() { return state->running->cpu; }
uint64_t Machine::misses() { return state->running->misses; }
const Machine::Counts& Machine::counts() { return state->counts; }

void Machine::Spend(Time time) {
  Thread& self = *state->running;
  self.time += time;
  self.loading = false;
  Synchronize();
}

bool Machine::Wait(int event, Time at_most) {
  Thread& self = *state->running;
  Synchronize();
  const auto number = static_cast<std::size_t>(event - kFirstEvent);
  if (state->signals[number]) {
    state->signals[number] = false;
    return true;
  }
  state->waiting[number] = &self;
  self.waits_for = event;
  self.wait++;
  self.runnable = false;
  if (at_most > 0) state->turns.push({self.time + at_most, state->number++, &self, self.wait});
  CpuState& cpu = state->on_cpu[self.cpu];
  cpu.idle_since = self.time;
  if (cpu.active == &self) {
    // Whom it had put off goes on.
    cpu.active = nullptr;
    for (Thread* other : cpu.threads) {
      if (other == &self || !other->runnable || other->behind) continue;
      other->stolen += self.time - self.took_cpu + state->displaced;
      if (other->held) Push(other);
      other->held = false;
    }
  }
  for (Thread* other : cpu.threads) {
    if (!other->behind) continue;
    // One of the two ways that `displaced` is.
    const Time from = other->time > self.time ? other->time : self.time;
    other->behind = false;
    other->time = from + state->displaced / 2;
    other->took_cpu = 0;
    Push(other);
    break;
  }
  GiveWay();
  return self.signalled;
}

}  // namespace moirai::sim
