// A change of a word is always told, whoever makes it and whenever; what is over is never told, and
// takes no wake away from others. All of it with futex_waitv and with slices.
#include "core/sync/futex_watcher.h"

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <deque>
#include <thread>
#include <vector>

namespace moirai {
namespace {

constexpr int kLongMs = 20'000;  // for what must come
constexpr int kShortMs = 30;     // for what must not

bool StartDetached(void (*run)(void*), void* argument) {
  std::thread(run, argument).detach();
  return true;
}

class FutexWatcherTest : public testing::TestWithParam<bool> {
 protected:
  FutexWatcherTest() : watch_{Ref<Parker>(new Parker)}, watcher_(WatcherOf(GetParam())) {}
  ~FutexWatcherTest() override { watcher_.Disarm(watch_); }

  // Its threads never end, so it lives for ever.
  static FutexWatcher& WatcherOf(bool slices) {
    static FutexWatcher* const watchers[] = {Made(false), Made(true)};
    return *watchers[slices ? 1 : 0];
  }
  static FutexWatcher* Made(bool slices) {
    auto* const watcher = new FutexWatcher;
    watcher->Use(StartDetached, slices);
    return watcher;
  }

  static void Change(std::atomic<uint32_t>& word) {
    word.fetch_add(1, std::memory_order_release);
    FutexWatcher::Wake(word, 1);
  }
  bool Told(int milliseconds) {
    const bool told = watch_.parker->Wait(milliseconds);
    if (told) watch_.parker->Drain();
    return told;
  }

  std::atomic<uint32_t> word_{0};
  FutexWatcher::Watch watch_;
  FutexWatcher& watcher_;
};

TEST_P(FutexWatcherTest, TellsOnceOfAChange) {
  ASSERT_TRUE(watcher_.Arm(watch_, word_, 0));
  EXPECT_FALSE(Told(kShortMs));
  Change(word_);
  EXPECT_TRUE(Told(kLongMs));
  EXPECT_FALSE(watcher_.Disarm(watch_));
  Change(word_);
  EXPECT_FALSE(Told(kShortMs));
}

TEST_P(FutexWatcherTest, TellsOfAChangeThatCameBeforeItWasArmed) {
  Change(word_);
  ASSERT_TRUE(watcher_.Arm(watch_, word_, 0));
  EXPECT_TRUE(Told(kLongMs));
}

TEST_P(FutexWatcherTest, DoesNotTellOfWhatIsOver) {
  ASSERT_TRUE(watcher_.Arm(watch_, word_, 0));
  EXPECT_TRUE(watcher_.Disarm(watch_));
  Change(word_);
  EXPECT_FALSE(Told(kShortMs));
  EXPECT_FALSE(watcher_.Disarm(watch_));
}

// More than one thread can wait on.
TEST_P(FutexWatcherTest, TellsEachOfManyWords) {
  constexpr uint32_t kWords = 300;
  std::deque<std::atomic<uint32_t>> words(kWords);
  std::deque<FutexWatcher::Watch> watches(kWords);
  for (uint32_t i = 0; i < kWords; i++) {
    watches[i].parker = Ref<Parker>(new Parker);
    ASSERT_TRUE(watcher_.Arm(watches[i], words[i], 0));
  }
  for (uint32_t i = 0; i < kWords; i++) {
    Change(words[(i * 7) % kWords]);
    EXPECT_TRUE(watches[(i * 7) % kWords].parker->Wait(kLongMs));
  }
  for (FutexWatcher::Watch& watch : watches) EXPECT_FALSE(watcher_.Disarm(watch));
}

// The change comes at any instant of arming and of the watcher's own loop.
TEST_P(FutexWatcherTest, MissesNoChange) {
  constexpr uint32_t kRounds = 500;
  std::atomic<uint32_t> wanted{0};
  std::thread changer([&] {
    for (uint32_t i = 1; i <= kRounds; i++) {
      while (wanted.load(std::memory_order_acquire) < i) std::this_thread::yield();
      Change(word_);
    }
  });
  for (uint32_t i = 0; i < kRounds; i++) {
    wanted.store(i + 1, std::memory_order_release);
    ASSERT_TRUE(watcher_.Arm(watch_, word_, i));
    EXPECT_TRUE(Told(kLongMs)) << "round " << i;
  }
  changer.join();
}

TEST_P(FutexWatcherTest, HandsOnAWakeThatMetAWatchWhichIsOver) {
  ASSERT_TRUE(watcher_.Arm(watch_, word_, 0));
  EXPECT_FALSE(Told(kShortMs));  // the watcher sleeps now, the first in the line
  watcher_.Disarm(watch_);
  std::atomic<bool> done{false};
  std::thread other([&] {
    syscall(SYS_futex, &word_, FUTEX_WAIT, 0, nullptr, nullptr, 0);
    done.store(true, std::memory_order_release);
  });
  EXPECT_FALSE(Told(kShortMs));
  FutexWatcher::Wake(word_, 1);
  for (int i = 0; i < 5000 && !done.load(std::memory_order_acquire); i++) usleep(1000);
  EXPECT_TRUE(done.load(std::memory_order_acquire));
  Change(word_);
  other.join();
}

TEST_P(FutexWatcherTest, TellsOfAChangeByAnotherProcess) {
  void* const page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  auto& word = *new (page) std::atomic<uint32_t>{0};
  ASSERT_TRUE(watcher_.Arm(watch_, word, 0));
  const pid_t child = fork();
  if (child == 0) {
    Change(word);
    _exit(0);
  }
  EXPECT_TRUE(Told(kLongMs));
  waitpid(child, nullptr, 0);
  watcher_.Disarm(watch_);
  munmap(page, 4096);
}

TEST_P(FutexWatcherTest, TellsOfAWordThatCannotBeReadAnyMore) {
  const int file = static_cast<int>(syscall(SYS_memfd_create, "words", 0));
  ASSERT_EQ(ftruncate(file, 8192), 0);
  void* const pages = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ASSERT_NE(pages, MAP_FAILED);
  auto& gone = *new (static_cast<uint8_t*>(pages) + 4096) std::atomic<uint32_t>{0};
  ASSERT_EQ(ftruncate(file, 4096), 0);
  ASSERT_TRUE(watcher_.Arm(watch_, gone, 0));
  EXPECT_TRUE(Told(kLongMs));
  close(file);
  munmap(pages, 8192);
}

INSTANTIATE_TEST_SUITE_P(Ways, FutexWatcherTest, testing::Bool(),
                         [](const auto& way) { return way.param ? "InSlices" : "ByFutexWaitv"; });

TEST(FutexWatcher, SaysSoWhenThereIsNoThreadToBeHad) {
  FutexWatcher watcher;
  FutexWatcher::Watch watch{Ref<Parker>(new Parker)};
  const std::atomic<uint32_t> word{0};
  EXPECT_FALSE(watcher.Arm(watch, word, 0));
  watcher.Use([](void (*)(void*), void*) { return false; });
  EXPECT_FALSE(watcher.Arm(watch, word, 0));
  EXPECT_FALSE(watcher.Disarm(watch));
}

}  // namespace
}  // namespace moirai
