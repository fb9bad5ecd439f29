// The border for handles on their way to another thread: each is for one of those who hold it.
#include "core/sync/tickets.h"

#include "addon/args.h"
#include "addon/module.h"

namespace moirai::addon {
namespace {

constinit Tickets tickets;

// issueTicket(): a number that can be redeemed once in this process.
napi_value IssueTicket(napi_env env, napi_callback_info) {
  return Number(env, static_cast<double>(tickets.Issue()));
}

// redeemTicket(number): whether this is the first time.
napi_value RedeemTicket(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  const double ticket = args.Double(0);
  const bool whole = ticket >= 1 && ticket < 9007199254740992.0;
  return Boolean(env, whole && tickets.Redeem(static_cast<uint64_t>(ticket)));
}

}  // namespace

void InitTickets(napi_env env, napi_value exports) {
  SetFunction(env, exports, "issueTicket", IssueTicket);
  SetFunction(env, exports, "redeemTicket", RedeemTicket);
}

}  // namespace moirai::addon
