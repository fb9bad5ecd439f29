// What the operations cost that the simulator counts, on this machine: costs CPU CPU. Prints a JSON
// object of ns; medians, since others may use the machine. Two threads, each on its CPU.
// costs CPU: what else has that CPU, within a tenth of a second.
#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/cpu.h"
#include "core/executor/deque.h"
#include "core/executor/injector.h"
#include "core/sync/parker.h"

namespace moirai::bench {
namespace {

struct alignas(kFalseSharingBytes) Line {
  std::atomic<uint64_t> value{0};
};

int own_cpu = 0;
int other_cpu = 1;

void PinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) == 0) return;
  std::perror("sched_setaffinity");
  std::exit(1);
}

void SetPriority(int priority) {
  const sched_param param{priority};
  sched_setscheduler(0, SCHED_FIFO, &param);
}

// Born there: a thread that runs in real time gives none that waits behind it a turn to move away.
template <typename Body>
std::thread StartOn(int cpu, Body body) {
  PinTo(cpu);
  std::thread thread(body);
  PinTo(own_cpu);
  return thread;
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// ns of one of `count` operations, which `body` does in a row.
template <typename Body>
double Each(uint32_t count, Body body) {
  std::vector<double> samples;
  for (uint32_t i = 0; i < 101; i++) {
    const uint64_t start = NowNs();
    body();
    samples.push_back(static_cast<double>(NowNs() - start) / count);
  }
  return Median(samples);
}

void Print(const char* name, double ns) {
  static bool first = true;
  std::printf("%s\"%s\":%.3f", first ? "{" : ",", name, ns);
  first = false;
}

// Does `theirs` on the other CPU, then `ours` here, timed, in turns.
template <typename Theirs, typename Ours>
double InTurns(uint32_t rounds, uint32_t operations, Theirs theirs, Ours ours) {
  Line turn;
  std::vector<double> samples;
  std::thread other = StartOn(other_cpu, [&] {
    for (uint32_t round = 0; round < rounds; round++) {
      while (turn.value.load(std::memory_order_acquire) != 2 * round) CpuRelax();
      theirs();
      turn.value.store(2 * round + 1, std::memory_order_release);
    }
  });
  for (uint32_t round = 0; round < rounds; round++) {
    while (turn.value.load(std::memory_order_acquire) != 2 * round + 1) CpuRelax();
    const uint64_t start = NowNs();
    ours();
    samples.push_back(static_cast<double>(NowNs() - start) / operations);
    turn.value.store(2 * round + 2, std::memory_order_release);
  }
  other.join();
  return Median(samples);
}

void OneThread() {
  constexpr uint32_t kMany = 4096;
  std::vector<Line> lines(16);
  uint64_t sum = 0;
  Print("hit", Each(kMany, [&] {
          for (uint32_t i = 0; i < kMany; i++)
            sum += lines[i % 16].value.load(std::memory_order_seq_cst);
        }));
  Print("update", Each(kMany, [&] {
          for (uint32_t i = 0; i < kMany; i++)
            lines[i % 16].value.fetch_add(1, std::memory_order_seq_cst);
        }));
  Print("clock", Each(kMany, [&] {
          for (uint32_t i = 0; i < kMany; i++) sum += NowNs();
        }));
  Print("get_cpu", Each(kMany, [&] {
          for (uint32_t i = 0; i < kMany; i++) sum += static_cast<uint64_t>(sched_getcpu());
        }));
  Print("relax", Each(kMany, [&] {
          for (uint32_t i = 0; i < kMany; i++) CpuRelax();
        }));
  Print("yield", Each(256, [&] {
          for (uint32_t i = 0; i < 256; i++) sched_yield();
        }));
  Parker parker;
  Print("poll", Each(256, [&] {
          for (uint32_t i = 0; i < 256; i++) parker.Wait(0);
        }));
  // A write and the read that empties it.
  Print("signal", Each(256, [&] {
                    for (uint32_t i = 0; i < 256; i++) {
                      parker.Signal();
                      parker.Drain();
                    }
                  }) / 2);
  // Each from the rest of the way through the scheduler, to see what the counted steps leave out.
  auto deque = std::make_unique<Deque>();
  Print("deque_push_pop", Each(512, [&] {
          uint32_t slot = 0;
          for (uint32_t i = 0; i < 512; i++) {
            deque->Push(i);
            deque->Pop(&slot);
          }
          sum += slot;
        }));
  Injector injector;
  injector.Init(1024);
  Print("injector_push_claim", Each(512, [&] {
          uint32_t slot = 0;
          for (uint32_t i = 0; i < 512; i++) {
            injector.Push(i);
            injector.Claim(&slot, 1);
          }
          sum += slot;
        }));
  if (sum == 42) std::puts("");
}

void RoundTrip() {
  constexpr uint64_t kTrips = 20'000;
  std::vector<double> samples;
  for (int i = 0; i < 15; i++) {
    Line line;
    std::thread other = StartOn(other_cpu, [&] {
      for (uint64_t trip = 0; trip < kTrips; trip++) {
        while (line.value.load(std::memory_order_acquire) != 2 * trip + 1) continue;
        line.value.store(2 * trip + 2, std::memory_order_release);
      }
    });
    const uint64_t start = NowNs();
    for (uint64_t trip = 0; trip < kTrips; trip++) {
      line.value.store(2 * trip + 1, std::memory_order_release);
      while (line.value.load(std::memory_order_acquire) != 2 * trip + 2) continue;
    }
    samples.push_back(static_cast<double>(NowNs() - start) / static_cast<double>(kTrips));
    other.join();
  }
  Print("round_trip", Median(samples));
}

void TwoThreads() {
  constexpr uint32_t kLines = 256;
  std::vector<Line> lines(kLines);
  const auto dirty = [&] {
    for (Line& line : lines) line.value.fetch_add(1, std::memory_order_seq_cst);
  };
  // In no order that a prefetcher could know, as deques lie.
  std::vector<uint32_t> order(kLines);
  for (uint32_t i = 0; i < kLines; i++) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::minstd_rand(1));
  // Each load's address depends on the value before: one after the other.
  const double one = InTurns(2001, kLines, dirty, [&] {
    uint64_t nothing = 0;
    for (uint32_t i = 0; i < kLines; i++) {
      nothing = lines[order[i] + nothing].value.load(std::memory_order_acquire);
      asm volatile("" : "+r"(nothing));
      nothing >>= 32;  // the processor does not know that these bits are 0
    }
  });
  uint64_t sum = 0;
  const double in_a_row = InTurns(2001, kLines, dirty, [&] {
    for (const uint32_t i : order) sum += lines[i].value.load(std::memory_order_acquire);
  });
  Print("load_remote", one);
  Print("load_remote_in_a_row", in_a_row);
  Print("update_remote", InTurns(2001, kLines, dirty, [&] {
          for (const uint32_t i : order) lines[i].value.fetch_add(1, std::memory_order_seq_cst);
        }));
  auto deque = std::make_unique<Deque>();
  uint32_t taken = static_cast<uint32_t>(sum);
  Print("steal_remote", InTurns(
                            2001, 64,
                            [&] {
                              for (uint32_t i = 0; i < 64; i++) deque->Push(i);
                            },
                            [&] {
                              for (uint32_t i = 0; i < 64; i++) deque->Steal(&taken);
                            }));
  std::vector<std::unique_ptr<Deque>> empty(64);
  for (auto& each : empty) each = std::make_unique<Deque>();
  Print("look_at_empty_deque_remote", InTurns(
                                          1001, 64,
                                          [&] {
                                            uint32_t slot = 0;
                                            for (auto& each : empty) {
                                              each->Push(1);
                                              each->Publish();
                                              each->Steal(&slot);
                                            }
                                          },
                                          [&] {
                                            for (auto& each : empty)
                                              taken += each->Size() > 0 ? 1 : 0;
                                          }));
}

// Both add to one counter as fast as they can: ns between two additions of anybody.
void Contended() {
  std::vector<double> samples;
  for (int i = 0; i < 15; i++) {
    Line line;
    Line begin;
    constexpr uint64_t kTimes = 100'000;
    const auto add = [&] {
      begin.value.fetch_add(1, std::memory_order_seq_cst);
      while (begin.value.load(std::memory_order_acquire) < 2) continue;
      for (uint64_t n = 0; n < kTimes; n++) line.value.fetch_add(1, std::memory_order_seq_cst);
    };
    std::thread other = StartOn(other_cpu, [&] { add(); });
    const uint64_t start = NowNs();
    add();
    other.join();
    samples.push_back(static_cast<double>(NowNs() - start) / (2.0 * kTimes));
  }
  Print("contended_update", Median(samples));
}

// A thread sleeps on `cpu` and is woken by this one; what that costs here and how long until it
// runs. If another has that CPU, also how long it has to do without, each time.
void Wake(int cpu, bool busy, const char* latency_name, const char* cost_name, uint32_t times = 301,
          uint32_t asleep_us = 500) {
  Parker parker;
  Line stop;
  Line woken_at;
  std::thread hog;
  std::vector<double> gaps;
  if (busy) {
    hog = StartOn(cpu, [&] {
      uint64_t last = NowNs();
      while (stop.value.load(std::memory_order_relaxed) == 0) {
        const uint64_t now = NowNs();
        // Longer than a look at the clock, shorter than what is not of this program.
        if (now - last > 1'000 && now - last < 100'000) {
          gaps.push_back(static_cast<double>(now - last));
        }
        last = now;
      }
    });
  }
  // Else it would never come before the other: it is born with this thread's priority.
  SetPriority(busy ? 2 : 1);
  std::thread sleeper = StartOn(cpu, [&] {
    for (;;) {
      parker.Wait(-1);
      const uint64_t now = NowNs();
      parker.Drain();
      if (stop.value.load(std::memory_order_relaxed) != 0) return;
      woken_at.value.store(now, std::memory_order_release);
    }
  });
  SetPriority(1);
  std::vector<double> latencies;
  std::vector<double> costs;
  for (uint32_t i = 0; i < times; i++) {
    std::this_thread::sleep_for(std::chrono::microseconds(asleep_us));
    // This CPU is at work when it wakes somebody.
    for (const uint64_t from = NowNs(); NowNs() - from < 50'000;) continue;
    woken_at.value.store(0, std::memory_order_relaxed);
    const uint64_t start = NowNs();
    parker.Signal();
    const uint64_t after = NowNs();
    uint64_t at = 0;
    while ((at = woken_at.value.load(std::memory_order_acquire)) == 0) CpuRelax();
    latencies.push_back(static_cast<double>(at - start));
    costs.push_back(static_cast<double>(after - start));
  }
  stop.value.store(1, std::memory_order_relaxed);
  parker.Signal();
  sleeper.join();
  if (hog.joinable()) hog.join();
  Print(latency_name, Median(latencies));
  if (cost_name != nullptr) Print(cost_name, Median(costs));
  if (!gaps.empty()) Print("put_off", Median(gaps));
}

// When something else had this CPU, how long: [gap, ...] within so many ns. By a thread that does
// nothing but look at the clock.
void Interruptions() {
  constexpr uint64_t kForNs = 100'000'000;
  constexpr uint64_t kLeastNs = 1'000;
  std::vector<uint64_t> gaps;
  const uint64_t start = NowNs();
  uint64_t last = start;
  while (last - start < kForNs) {
    const uint64_t now = NowNs();
    if (now - last > kLeastNs) gaps.push_back(now - last);
    last = now;
  }
  std::printf("{\"ns\":%llu,\"gaps\":[", static_cast<unsigned long long>(last - start));
  for (std::size_t i = 0; i < gaps.size(); i++) {
    std::printf("%s%llu", i == 0 ? "" : ",", static_cast<unsigned long long>(gaps[i]));
  }
  std::puts("]}");
}

}  // namespace
}  // namespace moirai::bench

int main(int argc, char** argv) {
  using namespace moirai::bench;  // NOLINT(google-build-using-namespace)
  if (argc > 1) own_cpu = std::atoi(argv[1]);
  if (argc > 2) other_cpu = std::atoi(argv[2]);
  PinTo(own_cpu);
  // So that nothing else takes the CPU meanwhile, if that is allowed; its threads inherit it.
  SetPriority(1);
  if (argc == 2) {
    Interruptions();
    return 0;
  }
  OneThread();
  RoundTrip();
  TwoThreads();
  Contended();
  Wake(other_cpu, false, "wake_latency", "wake");
  // The CPU and what the sleeper needs have gone cold.
  Wake(other_cpu, false, "wake_latency_cold", nullptr, 41, 20'000);
  Wake(other_cpu, true, "wake_busy", nullptr);
  std::puts("}");
}
