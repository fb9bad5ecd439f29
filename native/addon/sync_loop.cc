#include "addon/sync_loop.h"

namespace moirai::addon {

SyncLoop* SyncLoop::Open(napi_env env, napi_value on_change) {
  EventLoop* const loop = EventLoop::Get(env);
  if (loop == nullptr) return nullptr;
  auto* const self = new SyncLoop(loop);
  napi_create_reference(env, on_change, 1, &self->on_change_);
  loop->Add(self);
  return self;
}

uint32_t SyncLoop::Add(Word first, Word second, napi_value memory, bool hold) {
  if (loop_ == nullptr) return 0;
  loop_->Rouse();
  auto* const wait = new Wait{++last_number_, {first, second}, {}, nullptr, hold, waits_};
  for (FutexWatcher::Watch& watch : wait->watches) watch.parker = loop_->parker();
  napi_create_reference(env_, memory, 1, &wait->memory);
  if (hold) loop_->Hold();
  waits_ = wait;
  return wait->number;
}

void SyncLoop::End(Wait* wait) {
  for (FutexWatcher::Watch& watch : wait->watches) FutexWatcher::Process().Disarm(watch);
  napi_delete_reference(env_, wait->memory);
  if (wait->hold) loop_->Unhold();
  delete wait;
}

void SyncLoop::Remove(uint32_t number) {
  for (Wait** link = &waits_; *link != nullptr; link = &(*link)->next) {
    Wait* const wait = *link;
    if (wait->number != number) continue;
    *link = wait->next;
    End(wait);
    return;
  }
}

// The one that waits longest first; the list has the youngest in front.
uint32_t SyncLoop::Next() {
  Wait** found = nullptr;
  for (Wait** link = &waits_; *link != nullptr; link = &(*link)->next) {
    if ((*link)->Over()) found = link;
  }
  if (found == nullptr) return 0;
  Wait* const wait = *found;
  const uint32_t number = wait->number;
  *found = wait->next;
  End(wait);
  return number;
}

bool SyncLoop::Ready() {
  for (const Wait* wait = waits_; wait != nullptr; wait = wait->next) {
    if (wait->Over()) return true;
  }
  return false;
}

bool SyncLoop::Park(int* again_ms) {
  for (Wait* wait = waits_; wait != nullptr; wait = wait->next) {
    for (int i = 0; i < 2; i++) {
      const Word& word = wait->words[i];
      if (word.word == nullptr) continue;
      if (!FutexWatcher::Process().Arm(wait->watches[i], *word.word, word.expected)) {
        *again_ms = FutexWatcher::kSliceMs;
      }
    }
  }
  return !Ready();
}

void SyncLoop::Close() {
  if (loop_ == nullptr) return;
  while (Wait* const wait = waits_) {
    waits_ = wait->next;
    End(wait);
  }
  napi_delete_reference(env_, on_change_);
  loop_->Remove(this);
  loop_ = nullptr;
}

}  // namespace moirai::addon
