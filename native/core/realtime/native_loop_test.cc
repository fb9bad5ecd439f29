// Threads that call C functions: nothing here asserts a time, only what was called and what was
// told.
#include "core/realtime/native_loop.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "core/base/clock.h"

namespace moirai {
namespace {

constexpr uint64_t kPeriod = 200'000;

template <typename Condition>
void Until(const Condition& condition) {
  while (!condition()) std::this_thread::sleep_for(std::chrono::microseconds(100));
}

struct Runner {
  Runner() {
    std::memset(static_cast<void*>(record.get()), 0, sizeof(TickRecord));
    loop = Ref<NativeLoop>(
        new NativeLoop(*record, TickSchedule::Order::kDeadline, NativeLoop::Wishes{}));
    thread = std::thread([held = loop] { held->Run(); });
    EXPECT_TRUE(loop->WaitUntilReady());
  }
  ~Runner() {
    loop->End();
    thread.join();
  }

  void Start(uint32_t slot, moirai_tick_function function, void* data) {
    NativeTask task;
    task.schedule.period = task.schedule.deadline = kPeriod;
    task.function = function;
    task.data = data;
    loop->Give(slot, static_cast<NativeTask&&>(task));
  }
  uint64_t ticks(uint32_t slot) const { return record->tasks[slot].ticks.load(); }
  uint32_t state(uint32_t slot) const { return record->tasks[slot].state.load(); }

  const std::unique_ptr<TickRecord> record{new TickRecord};
  Ref<NativeLoop> loop;
  std::thread thread;
};

int Count(const moirai_tick* tick, void* data) {
  auto& last = *static_cast<std::atomic<uint64_t>*>(data);
  if (tick->number != last.load() + 1 || tick->actual_ns < tick->expected_ns) return 99;
  last.store(tick->number);
  return 0;
}

TEST(NativeLoop, CallsAtEachReleaseUntilItIsStopped) {
  std::atomic<uint64_t> last{0};
  Runner runner;
  runner.Start(2, Count, &last);
  Until([&] { return runner.ticks(2) >= 50; });
  int result = -1;
  EXPECT_FALSE(runner.loop->TakeBack(2, &result));
  runner.record->tasks[2].stop.store(1);
  runner.loop->Knock();
  Until([&] { return runner.loop->TakeBack(2, &result); });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(last.load(), runner.ticks(2));
  EXPECT_EQ(runner.state(2), static_cast<uint32_t>(TickState::kStopped));
  EXPECT_FALSE(runner.loop->TakeBack(2, &result));
}

TEST(NativeLoop, IsStoppedBetweenTicksThatAreFarApart) {
  std::atomic<uint64_t> last{0};
  Runner runner;
  NativeTask task;
  task.schedule.period = task.schedule.deadline = uint64_t{1} << 62;  // years
  task.function = Count;
  task.data = &last;
  runner.loop->Give(1, static_cast<NativeTask&&>(task));
  Until([&] { return runner.state(1) == static_cast<uint32_t>(TickState::kRunning); });
  runner.record->tasks[1].stop.store(1);
  runner.loop->Knock();
  int result = -1;
  Until([&] { return runner.loop->TakeBack(1, &result); });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(last.load(), 0U);
}

TEST(NativeLoop, AThreadThatComesTooLateLeavesTheRecordAlone) {
  const std::unique_ptr<TickRecord> record(new TickRecord);
  record->gone.store(7);
  Ref<NativeLoop> loop(
      new NativeLoop(*record, TickSchedule::Order::kDeadline, NativeLoop::Wishes{}));
  EXPECT_FALSE(loop->WaitUntilReady(1));
  std::thread thread([&] { loop->Run(); });
  thread.join();
  EXPECT_EQ(record->gone.load(), 7U);
  EXPECT_FALSE(loop->IsOver());
}

TEST(NativeLoop, ATickEndsItsTaskAndNoOther) {
  std::atomic<uint64_t> last{0};
  Runner runner;
  runner.Start(0, Count, &last);
  runner.Start(
      1, [](const moirai_tick* tick, void*) { return tick->number == 10 ? -7 : 0; }, nullptr);
  int result = 0;
  Until([&] { return runner.loop->TakeBack(1, &result); });
  EXPECT_EQ(result, -7);
  EXPECT_EQ(runner.ticks(1), 10U);
  EXPECT_EQ(runner.state(1), static_cast<uint32_t>(TickState::kThrew));
  const uint64_t before = runner.ticks(0);
  Until([&] { return runner.ticks(0) > before + 5; });
}

TEST(NativeLoop, MissesHaveTheCpuTimeOfTheWindow) {
  Runner runner;
  runner.loop->SetCpuWindow(1'000'000'000);
  // Computes until its deadline is over.
  const auto late = [](const moirai_tick* tick, void*) {
    while (NowNs() < tick->expected_ns + 2 * kPeriod) {
    }
    return 0;
  };
  runner.Start(0, late, nullptr);
  Until([&] { return runner.record->tasks[0].misses.load() >= 20; });
  uint64_t miss[MissRecord::kNumbers];
  ASSERT_TRUE(runner.record->misses.Read(15, miss));
  EXPECT_GT(miss[MissRecord::kWindowCpuNs], miss[MissRecord::kCpuNs]);
}

TEST(NativeLoop, MessagesGoBothWays) {
  const ChannelShape shape{ChannelKind::kSpsc, 8, sizeof(uint64_t)};
  struct alignas(128) Memory {
    uint8_t bytes[4096] = {};
  } in, out;
  ASSERT_LE(ChannelMemoryBytes(shape), sizeof(Memory));
  const Ref<Channel> to_tick = MakeChannel(shape, in.bytes);
  const Ref<Channel> from_tick = MakeChannel(shape, out.bytes);
  const std::unique_ptr<SenderEnd> sender = to_tick->OpenSender();
  const std::unique_ptr<ReceiverEnd> receiver = from_tick->OpenReceiver();

  Runner runner;
  NativeTask task;
  task.schedule.period = task.schedule.deadline = kPeriod;
  task.ports[0].reset(
      new RingPort(Ref<SpscChannel>(static_cast<SpscChannel*>(to_tick.get())), false));
  task.ports[3].reset(
      new RingPort(Ref<SpscChannel>(static_cast<SpscChannel*>(from_tick.get())), true));
  task.function = [](const moirai_tick* tick, void*) {
    uint64_t value = 0;
    if (tick->try_receive(tick, 3, &value, 8) != MOIRAI_MISUSE) return 1;
    if (tick->try_receive(tick, 0, &value, 4) != MOIRAI_MISUSE) return 2;
    if (tick->try_send(tick, 1, &value, 8) != MOIRAI_MISUSE) return 3;
    if (tick->try_send(tick, 99, &value, 8) != MOIRAI_MISUSE) return 4;
    const int received = tick->try_receive(tick, 0, &value, 8);
    if (received == MOIRAI_DISCONNECTED) return 5;
    if (received == MOIRAI_DONE) {
      value *= 2;
      if (tick->try_send(tick, 3, &value, 8) != MOIRAI_DONE) return 6;
    }
    return 0;
  };
  runner.loop->Give(0, static_cast<NativeTask&&>(task));
  for (uint64_t value = 1; value <= 100; value++) {
    Until([&] { return sender->HasRoom(); });
    std::memcpy(sender->Claim(1).first, &value, sizeof(value));
    sender->Commit(1);
    Until([&] { return receiver->HasMessage(); });
    uint64_t answer = 0;
    std::memcpy(&answer, receiver->Peek(1).first, sizeof(answer));
    receiver->Release(1);
    ASSERT_EQ(answer, 2 * value);
  }
  sender->Close();
  int result = 0;
  Until([&] { return runner.loop->TakeBack(0, &result); });
  EXPECT_EQ(result, 5);
}

TEST(NativeLoop, ATickThatDoesNotReturnCanBeAbandoned) {
  struct Hang {
    std::atomic<int> inside{0};
    std::atomic<int> leave{0};
    std::atomic<int> sent{1};
  } hang;
  Runner runner;
  runner.Start(
      0,
      [](const moirai_tick* tick, void* data) {
        auto& told = *static_cast<Hang*>(data);
        told.inside.store(1);
        while (told.leave.load() == 0) sched_yield();
        uint64_t value = 0;
        told.sent.store(tick->try_send(tick, 0, &value, 8));
        return 0;
      },
      &hang);
  Until([&] { return hang.inside.load() != 0; });
  runner.loop->End();
  EXPECT_FALSE(runner.loop->WaitUntilOver(1'000'000));
  EXPECT_TRUE(runner.loop->Abandon());
  EXPECT_TRUE(runner.loop->Abandon());  // else its environment would wait for it when it ends
  int result = 0;
  EXPECT_TRUE(runner.loop->TakeBack(0, &result));
  const uint64_t ticks = runner.ticks(0);
  hang.leave.store(1);
  runner.thread.join();
  EXPECT_EQ(hang.sent.load(), MOIRAI_DISCONNECTED);
  EXPECT_EQ(runner.ticks(0), ticks);  // nothing was written any more
  EXPECT_FALSE(runner.loop->IsOver());
  EXPECT_TRUE(runner.loop->Abandon());
  runner.thread = std::thread([] {});
}

TEST(NativeLoop, EndsWithTasksThatRunAndSomeNotBegun) {
  for (int i = 0; i < 50; i++) {
    std::atomic<uint64_t> last[3] = {};
    Runner runner;
    for (uint32_t slot = 0; slot < 3; slot++) runner.Start(slot, Count, &last[slot]);
    if (i % 2 == 0) Until([&] { return runner.ticks(1) > 0; });
    runner.loop->End();
    Until([&] { return runner.loop->IsOver(); });
    EXPECT_FALSE(runner.loop->Abandon());
    int result = 0;
    for (uint32_t slot = 0; slot < 3; slot++) EXPECT_TRUE(runner.loop->TakeBack(slot, &result));
    EXPECT_EQ(runner.record->gone.load(), 1U);
  }
}

TEST(NativeLoop, SaysWhatWasRefused) {
  const std::unique_ptr<TickRecord> record(new TickRecord);
  NativeLoop::Wishes wishes;
  wishes.cpu = 8000;  // there is none
  wishes.policy.policy = 77;
  Ref<NativeLoop> loop(new NativeLoop(*record, TickSchedule::Order::kPeriod, wishes));
  std::thread thread([&] { loop->Run(); });
  ASSERT_TRUE(loop->WaitUntilReady());
  EXPECT_EQ(loop->asked().cpu_error, EINVAL);
  EXPECT_EQ(loop->asked().policy_error, EINVAL);
  EXPECT_GT(loop->asked().thread, 0);
  loop->End();
  thread.join();
}

}  // namespace
}  // namespace moirai
