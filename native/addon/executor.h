// What both sides of an executor have in common at the border: the payload functions, the memory.
#pragma once

#include <node_api.h>

#include "addon/args.h"
#include "addon/event_loop.h"
#include "addon/registry.h"
#include "core/base/ref.h"
#include "core/executor/scheduler.h"

namespace moirai::addon {

// Executors of this process, open ones.
extern Registry<Scheduler> executors;

void InitExecutorOwner(napi_env env, napi_value exports);
void InitExecutorSeat(napi_env env, napi_value exports);

// A side lives as long as any of its functions, or its place in the event loop.
class ExecutorSide : public LoopClient, public RefCounted<ExecutorSide> {
 public:
  virtual ~ExecutorSide() = default;

 protected:
  ExecutorSide(napi_env env, EventLoop* loop, Ref<Scheduler> scheduler);

  // Keeps the JavaScript objects that the side uses: the memory, the function to call, and the
  // array that carries results of more than one number.
  bool Retain(napi_value memory, napi_value callback, napi_value scratch);
  void ReleaseRetained();
  // Adds a function whose data is this side, and which keeps it alive.
  void AddFunction(napi_value object, const char* name, napi_callback callback);
  void AddPayloadFunctions(napi_value object);
  // The owner's: what it asks about times, ends and workers.
  void AddStatisticsFunctions(napi_value object);

  static napi_value Reserve(napi_env env, napi_callback_info info);
  static napi_value Discard(napi_env env, napi_callback_info info);
  static napi_value Grow(napi_env env, napi_callback_info info);
  static napi_value Samples(napi_env env, napi_callback_info info);
  static napi_value Histogram(napi_env env, napi_callback_info info);
  static napi_value Outcomes(napi_env env, napi_callback_info info);
  static napi_value Ended(napi_env env, napi_callback_info info);
  static napi_value Finished(napi_env env, napi_callback_info info);
  static napi_value OutcomeOf(napi_env env, napi_callback_info info);
  static napi_value Ages(napi_env env, napi_callback_info info);
  static napi_value Use(napi_env env, napi_callback_info info);

  template <typename Side, std::size_t N>
  static Side* This(const Args<N>& args) {
    return static_cast<Side*>(static_cast<ExecutorSide*>(args.data));
  }

  napi_env env_;
  EventLoop* loop_;  // null once closed
  Ref<Scheduler> scheduler_;
  napi_ref memory_ = nullptr;
  napi_ref callback_ = nullptr;
  napi_ref scratch_ref_ = nullptr;
  double* scratch_ = nullptr;
  // The payload nodes whose blocks this side reserves: a worker's results are for the owner.
  bool reserves_for_owner_ = false;

  friend class Ref<ExecutorSide>;
};

}  // namespace moirai::addon
