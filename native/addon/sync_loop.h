// Waits of JavaScript in its event loop: for words of shared memory, told of by FutexWatcher.
#pragma once

#include <node_api.h>

#include "addon/event_loop.h"
#include "core/sync/futex.h"
#include "core/sync/futex_watcher.h"

namespace moirai::addon {

// All of one environment's. Each wait has a number, which `onChange` of JavaScript asks for (Next)
// when the word has another value than expected, or the second one has.
class SyncLoop final : public LoopClient {
 public:
  struct Word {
    const FutexWord* word;  // null: none
    uint32_t expected;
  };

  // Null: an exception was thrown.
  static SyncLoop* Open(napi_env env, napi_value on_change);

  // Keeps `memory`, which the first word is in, and, with `hold`, the process alive.
  uint32_t Add(Word first, Word second, napi_value memory, bool hold);
  void Remove(uint32_t number);
  // One that is over, or 0.
  uint32_t Next();

  bool Ready() override;
  bool Deliver(uint64_t) override { return EventLoop::Call(env_, on_change_); }
  bool Expecting(uint64_t) override { return waits_ != nullptr; }
  bool Park(int* again_ms) override;
  // By the event loop, or by whoever is about to delete it; again does nothing.
  void Close() override;

 private:
  struct Wait {
    uint32_t number;
    Word words[2];
    FutexWatcher::Watch watches[2];
    napi_ref memory;
    bool hold;
    Wait* next;

    bool Over() const {
      for (const Word& each : words) {
        if (each.word != nullptr && each.word->load(std::memory_order_acquire) != each.expected) {
          return true;
        }
      }
      return false;
    }
  };

  explicit SyncLoop(EventLoop* loop) : env_(loop->env()), loop_(loop) {}
  void End(Wait* wait);

  napi_env env_;
  EventLoop* loop_;  // null once closed
  napi_ref on_change_ = nullptr;
  Wait* waits_ = nullptr;
  uint32_t last_number_ = 0;
};

}  // namespace moirai::addon
