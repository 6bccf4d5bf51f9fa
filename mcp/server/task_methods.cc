// tasks/get, tasks/update, tasks/cancel.
#include <utility>

#include "mcp/protocol/wire.h"
#include "mcp/server/call_scope.h"
#include "mcp/server/errors.h"
#include "mcp/server/methods.h"
#include "mcp/server/params.h"
#include "mcp/server/server.h"
#include "mcp/server/session.h"
#include "mcp/server/tasks.h"
#include "tools/gate.h"
#include "tools/job_runner.h"

namespace casemate::mcp {

using jsonrpc::RpcError;
using nlohmann::json;

namespace {

// The task's id, if the client may do `action` with it.
std::variant<std::string, RpcError> Admitted(Exchange& exchange, const char* action) {
  if (!exchange.client.Declares(kTasksExtension)) {
    return MissingCapability({{"extensions", {{kTasksExtension, json::object()}}}});
  }
  auto id = TextParam(exchange.params(), "taskId", "the id of a task as a string");
  if (std::holds_alternative<RpcError>(id)) {
    return id;
  }
  const policies::Principal& principal = exchange.session->principal();
  const auto& text = std::get<std::string>(id);
  const auto known = exchange.server().backends().jobs->Get(text, principal);
  if (!known) {
    return FromError(known.error());
  }
  const json args = {{"job_id", text}};
  const json context = tools::FactsOf(*known);
  auto passed = exchange.server().backends().gate.Pass(
      {action, principal, exchange.session->channel(), ContextOf(exchange).session, args, context});
  if (!passed) {
    return FromError(passed.error());
  }
  return id;
}

Outcome Acknowledged(const Exchange& exchange, const Result<void>& done) {
  if (!done) {
    return FromError(done.error());
  }
  return Complete(exchange.edition, exchange.server().options().identity, json::object());
}

}  // namespace

Outcome GetTask(Exchange& exchange) {
  const auto id = Admitted(exchange, "job_status");
  if (const auto* error = std::get_if<RpcError>(&id)) {
    return *error;
  }
  const auto job = exchange.server().backends().jobs->Get(std::get<std::string>(id),
                                                          exchange.session->principal());
  if (!job) {
    return FromError(job.error());
  }
  const ServerIdentity& identity = exchange.server().options().identity;
  return Complete(exchange.edition, identity, DetailedTaskJson(exchange.edition, identity, *job));
}

Outcome UpdateTask(Exchange& exchange) {
  const json* responses = FindParam(exchange.params(), "inputResponses");
  if (responses == nullptr || !responses->is_object()) {
    // What the client lacks is said first, for without it the rest is not ours to judge.
    if (!exchange.client.Declares(kTasksExtension)) {
      return MissingCapability({{"extensions", {{kTasksExtension, json::object()}}}});
    }
    return InvalidParams("params.inputResponses", "an object", responses);
  }
  const auto id = Admitted(exchange, "job_update");
  if (const auto* error = std::get_if<RpcError>(&id)) {
    return *error;
  }
  return Acknowledged(exchange,
                      exchange.server().backends().jobs->Update(
                          std::get<std::string>(id), exchange.session->principal(), *responses));
}

Outcome CancelTask(Exchange& exchange) {
  const auto id = Admitted(exchange, "job_cancel");
  if (const auto* error = std::get_if<RpcError>(&id)) {
    return *error;
  }
  return Acknowledged(exchange, exchange.server().backends().jobs->Cancel(
                                    std::get<std::string>(id), exchange.session->principal()));
}

}  // namespace casemate::mcp
