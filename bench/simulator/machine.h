// The machine that is simulated: CPUs with caches that keep each other's lines coherent, threads
// that are pinned to CPUs, a clock.
//
// Each simulated thread is a coroutine with a clock of its own; the one whose clock is least runs.
// It gives way before it touches a line that is not in its CPU's cache, so accesses to shared lines
// happen in the order of time, and the races of the real code happen here, too. What is in the own
// cache costs little and nobody else can have changed it, so there it runs on: clocks of threads
// are apart by no more than the time between two such accesses.
//
// A line is in one cache to be written, or in several to be read, as in MESI. To get it costs the
// way from whoever has it, by the distance between the two CPUs; who wants it meanwhile waits.
// Loads that miss one after the other overlap; plain stores go on in the background until a barrier
// waits for them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moirai::sim {

// Picoseconds.
using Time = uint64_t;

constexpr Time FromNs(double ns) { return static_cast<Time>(ns * 1000 + 0.5); }
constexpr double ToNs(Time time) { return static_cast<double>(time) / 1000; }

// In ns; bench/simulator/costs.mjs measures them.
struct Costs {
  double hit = 0.3;              // an access to a line in the own cache
  double update = 5;             // a read-modify-write there
  double transfer = 60;          // a line from another core of the node
  double overlap = 0.3;          // what of it a further load costs that misses right after another
  double sibling = 5;            // a line from the core's other hardware thread
  double clock = 20;             // clock_gettime
  double get_cpu = 5;            // sched_getcpu
  double relax = 40;             // a pause in a spin
  double yield = 300;            // sched_yield with nobody to yield to
  double poll = 1000;            // a turn of the event loop that does not block
  double signal = 300;           // write to an eventfd that nobody waits for
  double wake = 2000;            // the same when a thread has to be woken, for who does it
  double wake_latency = 50000;   // until the woken thread runs, on an idle CPU
  double wake_latency_cold = 0;  // the same if the CPU was idle for kColdMs; 0: no difference
  double code = 0;               // instructions for each task that none of the others counts
  double wake_busy = 50000;      // on a CPU that runs another thread, which is put off
  double displaced = 0;          // what that one loses beside: to the other thread, and back
  // What the kernel and the host take from each CPU: how often, 0 for never, and how long, of
  // which each tenth is as frequent. For predictions of what is measured where that happens.
  double interrupt_every = 0;
  double interrupts[10] = {};
};

struct Cpu {
  uint32_t node;
  int64_t core;  // CPUs of the same one share its caches
};

// There is one at a time.
class Machine {
 public:
  // Distances as in ACPI's SLIT: 10 is local; from node a to node b at a * nodes + b.
  Machine(const Costs& costs, std::vector<Cpu> cpus, const std::vector<uint32_t>& distances,
          uint32_t nodes, uint32_t seed);

  // A thread that begins at `start`. Before Run. A woken thread puts off who has its CPU, but not
  // one that is of a higher rank: for that it waits until it sleeps.
  template <typename Body>
  void Start(uint32_t cpu, Time start, Body* body, uint32_t rank = 0) {
    AddThread(
        cpu, start, [](void* self) { (*static_cast<Body*>(self))(); }, body, rank);
  }
  // Until a thread calls Stop, or all sleep for ever.
  void Run();
  [[noreturn]] void Stop();

  // --- the thread that runs ---
  static Time now();
  static uint32_t cpu();
  static uint64_t misses();      // how often this thread needed a line that its CPU did not have
  static void Spend(Time time);  // at work that nobody else sees
  // Until the event is signalled, or for that long (0: for ever); true: signalled.
  static bool Wait(int event, Time at_most);

  struct Counts {
    uint64_t wakes = 0;          // threads that were woken by a signal
    uint64_t transfers = 0;      // lines that went from one CPU to another
    uint64_t far_transfers = 0;  // of these, from one node to another
  };
  static const Counts& counts();

 private:
  static void AddThread(uint32_t cpu, Time start, void (*body)(void*), void* self, uint32_t rank);
  bool stopped_ = false;
};

}  // namespace moirai::sim
