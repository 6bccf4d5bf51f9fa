// subscriptions/listen (MCP 2026-07-28).
#include <utility>

#include "mcp/protocol/wire.h"
#include "mcp/server/call_scope.h"
#include "mcp/server/errors.h"
#include "mcp/server/methods.h"
#include "mcp/server/params.h"
#include "mcp/server/server.h"
#include "mcp/server/session.h"
#include "tools/job_runner.h"
#include "tools/resource_reader.h"

namespace casemate::mcp {

using jsonrpc::RpcError;
using nlohmann::json;

namespace {

std::string FieldOf(std::string_view name) {
  std::string field = "params.notifications.";
  field += name;
  return field;
}

struct Wanted {
  ListenFilter filter;
  json honoured = json::object();
};

std::optional<RpcError> ReadFlag(const json& wanted, const char* name, bool is_offered, bool& flag,
                                 json& honoured) {
  const json* given = FindParam(wanted, name);
  if (given == nullptr) {
    return std::nullopt;
  }
  if (!given->is_boolean()) {
    return InvalidParams(FieldOf(name), "a boolean", given);
  }
  flag = given->get<bool>() && is_offered;
  if (flag) {
    honoured[name] = true;
  }
  return std::nullopt;
}

// The strings of a list, of which `may_have` tells which are honoured.
template <typename May>
std::optional<RpcError> ReadList(const json& wanted, const char* name, std::size_t max,
                                 const May& may_have, std::set<std::string>& target,
                                 json& honoured) {
  const json* given = FindParam(wanted, name);
  if (given == nullptr) {
    return std::nullopt;
  }
  const std::string field = FieldOf(name);
  if (!given->is_array() || given->size() > max) {
    return InvalidParams(field, "a list of at most " + std::to_string(max) + " strings", given);
  }
  for (const json& item : *given) {
    if (!item.is_string()) {
      return InvalidParams(field, "a list of strings", &item);
    }
    auto text = item.get<std::string>();
    if (may_have(text)) {
      honoured[name].push_back(text);
      target.insert(std::move(text));
    }
  }
  return std::nullopt;
}

std::optional<RpcError> ReadFilter(Exchange& exchange, const json& wanted, Wanted& into) {
  const Backends& backends = exchange.server().backends();
  const std::size_t max = exchange.server().options().max_subscriptions;
  const tools::CallContext context = ContextOf(exchange);
  const auto may_watch = [&](const std::string& uri) {
    return backends.resources != nullptr && backends.resources->Watchable(uri, context).ok();
  };
  // As tasks/get: what will be shown passes policy and is on record before it is.
  const auto may_follow = [&](const std::string& id) {
    if (backends.jobs == nullptr) {
      return false;
    }
    const auto job = backends.jobs->Get(id, context.principal);
    return job && backends.gate
                      .Pass({"job_status",
                             context.principal,
                             context.channel,
                             context.session,
                             {{"job_id", id}},
                             tools::FactsOf(*job)})
                      .ok();
  };
  if (FindParam(wanted, "taskIds") != nullptr && !exchange.client.Declares(kTasksExtension)) {
    return MissingCapability({{"extensions", {{kTasksExtension, json::object()}}}});
  }
  auto& [filter, honoured] = into;
  if (auto error = ReadFlag(wanted, "toolsListChanged", true, filter.tools, honoured)) {
    return error;
  }
  if (auto error = ReadFlag(wanted, "promptsListChanged", backends.prompts != nullptr,
                            filter.prompts, honoured)) {
    return error;
  }
  if (auto error = ReadFlag(wanted, "resourcesListChanged", backends.resources != nullptr,
                            filter.resources, honoured)) {
    return error;
  }
  if (auto error =
          ReadList(wanted, "resourceSubscriptions", max, may_watch, filter.uris, honoured)) {
    return error;
  }
  return ReadList(wanted, "taskIds", max, may_follow, filter.tasks, honoured);
}

}  // namespace

Outcome Listen(Exchange& exchange) {
  const json* wanted = FindParam(exchange.params(), "notifications");
  if (wanted == nullptr || !wanted->is_object()) {
    return InvalidParams("params.notifications", "an object", wanted);
  }
  Wanted read;
  if (auto error = ReadFilter(exchange, *wanted, read)) {
    return *std::move(error);
  }
  const jsonrpc::RequestId id = exchange.request.id;
  const std::set<std::string> tasks = read.filter.tasks;
  Listens& listens = exchange.session->listens();
  if (!listens.Open(id, std::move(read.filter), read.honoured, exchange.sink,
                    std::move(exchange.reply))) {
    return Deferred{};
  }
  // One that ended before this was open told nobody here.
  for (const std::string& task : tasks) {
    exchange.session->OnChange({tools::Change::Kind::kJob, task});
  }
  // From call to listening: a cancellation may have hit either.
  if (exchange.entry.has_value()) {
    CallsInFlight::Entry& entry = *exchange.entry;
    entry.Remove();
    if (entry.cancelled()) {
      listens.Cancel(id);
    }
  }
  return Deferred{};
}

}  // namespace casemate::mcp
