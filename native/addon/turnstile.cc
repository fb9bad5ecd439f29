// The border of Turnstile: one thread's seat at a semaphore or a read-write lock.
#include "core/sync/turnstile.h"

#include "addon/module.h"
#include "addon/shared_access.h"
#include "core/base/clock.h"
#include "core/sync/futex.h"

namespace moirai::addon {
namespace {

using Want = Turnstile::Want;

class Seat final : public SharedAccess {
 public:
  static napi_value Open(napi_env env, napi_callback_info info);

 private:
  using SharedAccess::SharedAccess;

  void Leave() override {
    if (seated_) turnstile_.Leave();
  }

  // Answers are Turnstile::Answer, or kClosed.
  template <std::size_t N, typename F>
  static napi_value Call(napi_env env, napi_callback_info info, F call) {
    const Args<N> args(env, info);
    Seat* const self = static_cast<Seat*>(args.data);
    if (self->closed()) return Integer(env, kClosed);
    return Integer(env, static_cast<int32_t>(call(self->turnstile_, args)));
  }
  template <std::size_t N>
  static Want WantOf(const Args<N>& args) {
    return args.Uint32(0) == 1 ? Want::kExclusive : Want::kShared;
  }

  // try(want, amount, pass), enter(want, amount, ticket), release(want, amount)
  static napi_value Try(napi_env env, napi_callback_info info) {
    return Call<3>(env, info, [](Turnstile& turnstile, const Args<3>& args) {
      return turnstile.Try(WantOf(args), args.Uint32(1), args.Bool(2));
    });
  }
  static napi_value Enter(napi_env env, napi_callback_info info) {
    return Call<3>(env, info, [](Turnstile& turnstile, const Args<3>& args) {
      return turnstile.Enter(WantOf(args), args.Uint32(1), static_cast<uint64_t>(args.Double(2)));
    });
  }
  static napi_value GiveBack(napi_env env, napi_callback_info info) {
    return Call<2>(env, info, [](Turnstile& turnstile, const Args<2>& args) {
      return turnstile.Release(WantOf(args), args.Uint32(1));
    });
  }
  static napi_value Collect(napi_env env, napi_callback_info info) {
    return Call<1>(env, info,
                   [](Turnstile& turnstile, const Args<1>&) { return turnstile.Collect(); });
  }
  static napi_value Withdraw(napi_env env, napi_callback_info info) {
    return Call<1>(env, info,
                   [](Turnstile& turnstile, const Args<1>&) { return turnstile.Withdraw(); });
  }
  static napi_value MarkConsistent(napi_env env, napi_callback_info info) {
    return Call<1>(env, info,
                   [](Turnstile& turnstile, const Args<1>&) { return turnstile.MarkConsistent(); });
  }
  static napi_value Audit(napi_env env, napi_callback_info info) {
    return Call<1>(env, info, [](Turnstile& turnstile, const Args<1>&) {
      turnstile.Audit(NowNs());
      return 0;
    });
  }
  // wait(milliseconds): blocks until what was entered for is granted, at most for a slice; whether
  // it is.
  static napi_value Wait(napi_env env, napi_callback_info info) {
    return Call<1>(env, info, [](Turnstile& turnstile, const Args<1>& args) {
      const double milliseconds = args.Double(0);
      const auto limit =
          static_cast<uint64_t>((milliseconds < kSliceMs ? milliseconds : kSliceMs) * 1e6);
      const uint64_t start = NowNs();
      for (uint64_t spent = 0; spent < kSpinNs; spent = NowNs() - start) {
        for (int i = 0; i < 16; i++) {
          if (turnstile.IsGranted()) return 1;
          CpuRelax();
        }
      }
      // A grant after the first load has raised the signal, or will.
      const uint32_t signal = turnstile.signal().load(std::memory_order_acquire);
      if (!turnstile.IsGranted()) FutexWait(turnstile.signal(), signal, limit, false);
      if (!turnstile.IsGranted()) turnstile.Audit(NowNs());
      return turnstile.IsGranted() ? 1 : 0;
    });
  }
  static napi_value IsGranted(napi_env env, napi_callback_info info) {
    return Call<1>(env, info, [](Turnstile& turnstile, const Args<1>&) {
      return turnstile.IsGranted() ? 1 : 0;
    });
  }
  // Bit 0: it writes; above: how many times it reads.
  static napi_value Holds(napi_env env, napi_callback_info info) {
    return Call<1>(env, info, [](Turnstile& turnstile, const Args<1>&) {
      return static_cast<int32_t>(turnstile.reads() << 1 | (turnstile.writes() ? 1 : 0));
    });
  }
  // ticket(), count(), state(): [waiting, written]
  static napi_value Ticket(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    Seat* const self = static_cast<Seat*>(args.data);
    return Number(env, self->closed() ? 0 : static_cast<double>(self->turnstile_.ticket()));
  }
  static napi_value Count(napi_env env, napi_callback_info info) {
    const Args<1> args(env, info);
    Seat* const self = static_cast<Seat*>(args.data);
    return Number(env, self->closed() ? 0 : static_cast<double>(self->turnstile_.Count()));
  }
  static napi_value IsWritten(napi_env env, napi_callback_info info) {
    return Call<1>(env, info, [](Turnstile& turnstile, const Args<1>&) {
      return turnstile.IsWritten() ? 1 : 0;
    });
  }

  static constexpr double kSliceMs = 50;
  static constexpr uint64_t kSpinNs = 10'000;

  Turnstile turnstile_;
  bool seated_ = false;
};

// open(memory, kind, permits, owned): undefined where the memory holds no such thing; a number: no
// seat is free, or the guard is busy.
napi_value Seat::Open(napi_env env, napi_callback_info info) {
  const Args<4> args(env, info);
  const Ref<Seat> self(new Seat(env));
  std::size_t bytes = 0;
  uint8_t* const memory = self->Keep(args.values[0], &bytes);
  const auto kind =
      args.Uint32(1) == 1 ? Turnstile::Kind::kReadWriteLock : Turnstile::Kind::kSemaphore;
  if (!self->turnstile_.Open(memory, bytes, {kind, args.Uint32(2), args.Bool(3)})) {
    self->Close();
    return nullptr;
  }
  const Turnstile::Answer joined = self->turnstile_.Join(CurrentThreadToken());
  if (joined != Turnstile::Answer::kGranted) {
    self->Close();
    return Integer(env, static_cast<int32_t>(joined));
  }
  self->seated_ = true;
  napi_value object;
  napi_create_object(env, &object);
  const auto* const signal = reinterpret_cast<uint8_t*>(&self->turnstile_.signal());
  napi_set_named_property(env, object, "signalIndex",
                          Integer(env, static_cast<int32_t>((signal - memory) / 4)));
  self->AddFunction(object, "try", Try);
  self->AddFunction(object, "enter", Enter);
  self->AddFunction(object, "collect", Collect);
  self->AddFunction(object, "withdraw", Withdraw);
  self->AddFunction(object, "release", GiveBack);
  self->AddFunction(object, "markConsistent", MarkConsistent);
  self->AddFunction(object, "audit", Audit);
  self->AddFunction(object, "wait", Wait);
  self->AddFunction(object, "isGranted", IsGranted);
  self->AddFunction(object, "holds", Holds);
  self->AddFunction(object, "ticket", Ticket);
  self->AddFunction(object, "count", Count);
  self->AddFunction(object, "isWritten", IsWritten);
  self->AddClose(object);
  return object;
}

}  // namespace

void InitTurnstile(napi_env env, napi_value exports) {
  napi_value section;
  if (napi_create_object(env, &section) != napi_ok) return;
  SetFunction(env, section, "open", Seat::Open);
  napi_value bytes;
  napi_create_uint32(env, Turnstile::kBytes, &bytes);
  napi_set_named_property(env, section, "bytes", bytes);
  napi_set_named_property(env, exports, "turnstile", section);
}

}  // namespace moirai::addon
