// The border for handles on their way to another thread: each is for one of those who hold it.
#include "core/sync/tickets.h"

#include "addon/args.h"
#include "addon/module.h"

namespace moirai::addon {
namespace {

constinit Tickets tickets;

bool IsWhole(double ticket) { return ticket >= 1 && ticket < 9007199254740992.0; }

// issueTicket(): a number that can be redeemed once in this process.
napi_value IssueTicket(napi_env env, napi_callback_info) {
  return Number(env, static_cast<double>(tickets.Issue()));
}

// redeemTicket(number): whether this is the first time.
napi_value RedeemTicket(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  const double ticket = args.Double(0);
  return Boolean(env, IsWhole(ticket) && tickets.Redeem(static_cast<uint64_t>(ticket)));
}

// holdTicket(number): whether the caller may try to redeem it; settleTicket follows.
napi_value HoldTicket(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  const double ticket = args.Double(0);
  return Boolean(env, IsWhole(ticket) && tickets.Hold(static_cast<uint64_t>(ticket)));
}

// settleTicket(number, redeemed)
napi_value SettleTicket(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  const double ticket = args.Double(0);
  if (IsWhole(ticket)) tickets.Settle(static_cast<uint64_t>(ticket), args.Bool(1));
  return nullptr;
}

}  // namespace

void InitTickets(napi_env env, napi_value exports) {
  SetFunction(env, exports, "issueTicket", IssueTicket);
  SetFunction(env, exports, "redeemTicket", RedeemTicket);
  SetFunction(env, exports, "holdTicket", HoldTicket);
  SetFunction(env, exports, "settleTicket", SettleTicket);
}

}  // namespace moirai::addon
