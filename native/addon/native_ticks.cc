#include "addon/native_ticks.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <uv.h>

#include <cstddef>
#include <new>

#include "addon/args.h"
#include "addon/channel_side.h"
#include "addon/module.h"
#include "addon/tick_numbers.h"
#include "core/realtime/native_loop.h"

namespace moirai::addon {
namespace {

constexpr std::size_t kWishes = 8;
constexpr uint64_t kGraceNs = 1'000'000'000;

const moirai_tick_definition* DefinitionOf(napi_env env, napi_value value) {
  constexpr napi_type_tag kTag = {MOIRAI_TICK_TAG_LOWER, MOIRAI_TICK_TAG_UPPER};
  napi_valuetype type = napi_undefined;
  bool is_tick = false;
  void* definition = nullptr;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_external ||
      napi_check_object_type_tag(env, value, &kTag, &is_tick) != napi_ok || !is_tick ||
      napi_get_value_external(env, value, &definition) != napi_ok) {
    return nullptr;
  }
  return static_cast<const moirai_tick_definition*>(definition);
}

bool IsUsable(const moirai_tick_definition& definition) {
  return definition.abi == MOIRAI_ABI && definition.size >= sizeof(moirai_tick_definition) &&
         definition.function != nullptr;
}

// An addon that only a Worker has loaded is unmapped with it; a function that may still run must
// not be.
void KeepLoaded(moirai_tick_function function) {
  Dl_info info = {};
  if (dladdr(reinterpret_cast<void*>(function), &info) != 0 && info.dli_fname != nullptr) {
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

// Belongs to the environment of its owner, until that ends.
class NativeTicks {
 public:
  static napi_value Open(napi_env env, TickRecord* record, napi_value memory, bool by_period,
                         const double* wishes) {
    NativeLoop::Wishes wanted;
    wanted.policy.policy = static_cast<uint32_t>(wishes[0]);
    wanted.policy.priority = static_cast<uint32_t>(wishes[1]);
    wanted.policy.runtime = static_cast<uint64_t>(wishes[2]);
    wanted.policy.deadline = static_cast<uint64_t>(wishes[3]);
    wanted.policy.period = static_cast<uint64_t>(wishes[4]);
    wanted.cpu = static_cast<int>(wishes[5]);
    wanted.lock_stack = static_cast<std::size_t>(wishes[6]);
    wanted.spin_ns = static_cast<uint64_t>(wishes[7]);
    const auto order = by_period ? TickSchedule::Order::kPeriod : TickSchedule::Order::kDeadline;
    auto* const self = new (std::nothrow) NativeTicks(env);
    if (self == nullptr) return Integer(env, ENOMEM);
    self->loop_ = Ref<NativeLoop>(new (std::nothrow) NativeLoop(*record, order, wanted));
    if (!self->loop_ || !self->Start()) {
      delete self;
      return Integer(env, EAGAIN);
    }
    napi_create_reference(env, memory, 1, &self->record_);
    napi_add_env_cleanup_hook(env, OnCleanup, self);
    napi_value object;
    napi_create_object(env, &object);
    SetFunction(env, object, "asked", Asked, self);
    SetFunction(env, object, "give", Give, self);
    SetFunction(env, object, "knock", Knock, self);
    SetFunction(env, object, "setCpuWindow", SetCpuWindow, self);
    SetFunction(env, object, "takeBack", TakeBack, self);
    SetFunction(env, object, "end", End, self);
    SetFunction(env, object, "isOver", IsOver, self);
    SetFunction(env, object, "abandon", Abandon, self);
    return object;
  }

 private:
  // The ends of channels that a task has, to be closed by this thread.
  struct Ends {
    struct End {
      uint32_t id = 0;
      std::unique_ptr<SenderEnd> sender;
      std::unique_ptr<ReceiverEnd> receiver;
    };
    End ends[NativeTask::kMaxPorts];

    void Close() {
      for (End& end : ends) {
        if (end.sender) CloseOne(*end.sender, end.id);
        if (end.receiver) CloseOne(*end.receiver, end.id);
        end.sender.reset();
        end.receiver.reset();
      }
    }
    template <typename E>
    static void CloseOne(E& end, uint32_t id) {
      end.Close();
      end.channel().Salvage();
      RemoveIfUnused(id, end.channel());
    }
  };

  explicit NativeTicks(napi_env env) : env_(env) {}

  static NativeTicks* This(void* data) { return static_cast<NativeTicks*>(data); }

  bool Start() {
    loop_->AddRef();  // the thread's
    const auto run = [](void* argument) {
      auto* const loop = static_cast<NativeLoop*>(argument);
      loop->Run();
      loop->Release();
    };
    if (uv_thread_create(&thread_, run, loop_.get()) != 0) {
      loop_->Release();
      return false;
    }
    if (loop_->WaitUntilReady()) return true;
    pthread_detach(thread_);
    return false;
  }

  // asked(out): [thread, errno of the CPU, of the policy, of the lock, timer slack in ns]
  static napi_value Asked(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    std::size_t length = 0;
    auto* const out = args.Elements<double>(0, &length);
    if (out == nullptr || length < 5) return nullptr;
    const NativeLoop::Asked& asked = This(args.data)->loop_->asked();
    out[0] = asked.thread;
    out[1] = asked.cpu_error;
    out[2] = asked.policy_error;
    out[3] = asked.lock_error;
    out[4] = static_cast<double>(asked.timer_slack);
    return nullptr;
  }

  // give(slot, tick, numbers, memory or undefined, ends, memories): false: one of them cannot be.
  // `ends`: for each channel its number and whether the tick sends; `memories`: theirs.
  static napi_value Give(napi_env env, napi_callback_info info) {
    const Args<6> args(env, info);
    NativeTicks* const self = This(args.data);
    const uint32_t slot = args.Uint32(0);
    const moirai_tick_definition* const definition = DefinitionOf(env, args.values[1]);
    std::size_t length = 0;
    const auto* const numbers = args.Elements<double>(2, &length);
    if (slot >= TickSchedule::kMaxTasks || self->keep_[slot] != nullptr || self->ended_ ||
        definition == nullptr || !IsUsable(*definition) || numbers == nullptr ||
        length < kTaskNumbers || numbers[0] < 1) {
      return Boolean(env, false);
    }
    NativeTask task;
    task.schedule = TaskOf(numbers);
    task.phase = static_cast<uint64_t>(numbers[1]);
    task.function = definition->function;
    task.data = definition->data;
    std::size_t bytes = 0;
    task.memory = args.Elements<uint8_t>(3, &bytes);
    task.memory_bytes = bytes;
    if (!self->TakeEnds(args, slot, &task)) {
      self->ends_[slot].Close();
      return Boolean(env, false);
    }
    KeepLoaded(definition->function);
    // What the tick reads and writes stays as long as the task.
    napi_value keep;
    napi_create_array_with_length(env, 3, &keep);
    for (uint32_t i = 0; i < 3; i++) {
      constexpr uint32_t kKept[] = {1, 3, 5};
      napi_set_element(env, keep, i, args.values[kKept[i]]);
    }
    napi_create_reference(env, keep, 1, &self->keep_[slot]);
    self->loop_->Give(slot, static_cast<NativeTask&&>(task));
    return Boolean(env, true);
  }

  bool TakeEnds(const Args<6>& args, uint32_t slot, NativeTask* task) {
    std::size_t count = 0;
    const auto* const ends = args.Elements<uint32_t>(4, &count);
    for (std::size_t i = 0; ends != nullptr && 2 * i + 1 < count && i < NativeTask::kMaxPorts;
         i++) {
      napi_value memory;
      if (napi_get_element(env_, args.values[5], static_cast<uint32_t>(i), &memory) != napi_ok)
        return false;
      const bool sends = ends[2 * i + 1] != 0;
      Ends::End& end = ends_[slot].ends[i];
      end.id = ends[2 * i];
      const Ref<Channel> channel = ChannelOf(env_, end.id, memory, sends);
      if (!channel) return false;
      if (sends) {
        end.sender = channel->OpenSender();
      } else {
        end.receiver = channel->OpenReceiver();
      }
      // Of this kind there are channels between processes, too, which are no SpscChannel.
      if (!channel->IsRingOfScripts()) return false;
      task->ports[i].reset(new (std::nothrow) RingPort(
          Ref<SpscChannel>(static_cast<SpscChannel*>(channel.get())), sends));
      if (!task->ports[i]) return false;
    }
    return true;
  }

  static napi_value Knock(napi_env env, napi_callback_info info) {
    const Args<0> args(env, info);
    This(args.data)->loop_->Knock();
    return nullptr;
  }

  // setCpuWindow(ns): as that of a RealtimeLoop.
  static napi_value SetCpuWindow(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    This(args.data)->loop_->SetCpuWindow(static_cast<uint64_t>(args.Double(0)));
    return nullptr;
  }

  // takeBack(slot): the function's result once the task is over; undefined before.
  static napi_value TakeBack(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    NativeTicks* const self = This(args.data);
    const uint32_t slot = args.Uint32(0);
    int result = 0;
    if (slot >= TickSchedule::kMaxTasks || !self->loop_->TakeBack(slot, &result)) return nullptr;
    self->ends_[slot].Close();
    // A tick that was left alone may still write to its memory.
    if (!self->let_go_ || self->loop_->IsOver()) {
      napi_delete_reference(env, self->keep_[slot]);
      self->keep_[slot] = nullptr;
    }
    return Integer(env, result);
  }

  static napi_value End(napi_env env, napi_callback_info info) {
    const Args<0> args(env, info);
    NativeTicks* const self = This(args.data);
    self->ended_ = true;
    self->loop_->End();
    return nullptr;
  }
  static napi_value IsOver(napi_env env, napi_callback_info info) {
    const Args<0> args(env, info);
    NativeTicks* const self = This(args.data);
    if (!self->loop_->IsOver()) return Boolean(env, false);
    self->LetGo();
    return Boolean(env, true);
  }
  // abandon(): a tick does not return. False: it has.
  static napi_value Abandon(napi_env env, napi_callback_info info) {
    const Args<0> args(env, info);
    NativeTicks* const self = This(args.data);
    if (!self->loop_->Abandon()) return Boolean(env, false);
    self->LetGo();
    return Boolean(env, true);
  }

  // Of the thread, which is over or abandoned, and writes to the record no more.
  void LetGo() {
    if (let_go_) return;
    let_go_ = true;
    if (loop_->IsOver()) {
      uv_thread_join(&thread_);
    } else {
      pthread_detach(thread_);
    }
    napi_delete_reference(env_, record_);
  }

  // Before the memory that the thread writes to goes. Waits for a tick that runs, but not for ever.
  static void OnCleanup(void* data) {
    NativeTicks* const self = This(data);
    self->loop_->End();
    while (!self->let_go_ && !self->loop_->WaitUntilOver(kGraceNs) && !self->loop_->Abandon()) {
    }
    self->LetGo();
    for (uint32_t slot = 0; slot < TickSchedule::kMaxTasks; slot++) {
      int result = 0;
      if (self->loop_->TakeBack(slot, &result)) self->ends_[slot].Close();
    }
    delete self;
  }

  napi_env env_;
  Ref<NativeLoop> loop_;
  uv_thread_t thread_ = {};
  bool let_go_ = false;
  bool ended_ = false;
  napi_ref record_ = nullptr;
  napi_ref keep_[TickSchedule::kMaxTasks] = {};
  Ends ends_[TickSchedule::kMaxTasks];
};

}  // namespace

napi_value OpenNativeLoop(napi_env env, napi_callback_info info) {
  const Args<3> args(env, info);
  std::size_t bytes = 0;
  std::size_t count = 0;
  auto* const memory = args.Elements<uint8_t>(0, &bytes);
  const auto* const wishes = args.Elements<double>(2, &count);
  if (memory == nullptr || bytes < sizeof(TickRecord) || wishes == nullptr || count < kWishes ||
      reinterpret_cast<uintptr_t>(memory) % alignof(TickRecord) != 0) {
    return Integer(env, EINVAL);
  }
  return NativeTicks::Open(env, reinterpret_cast<TickRecord*>(memory), args.values[0], args.Bool(1),
                           wishes);
}

napi_value NativeTickName(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  const moirai_tick_definition* const definition = DefinitionOf(env, args.values[0]);
  napi_value result = nullptr;
  if (definition == nullptr) return nullptr;
  if (!IsUsable(*definition)) {
    napi_get_null(env, &result);
  } else {
    const char* const name = definition->name == nullptr ? "" : definition->name;
    napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &result);
  }
  return result;
}

}  // namespace moirai::addon
