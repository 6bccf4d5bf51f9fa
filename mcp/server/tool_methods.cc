// tools/list and tools/call.
#include <utility>

#include "base/text.h"
#include "mcp/protocol/wire.h"
#include "mcp/server/call_scope.h"
#include "mcp/server/errors.h"
#include "mcp/server/methods.h"
#include "mcp/server/params.h"
#include "mcp/server/server.h"
#include "mcp/server/session.h"
#include "mcp/server/tasks.h"

namespace casemate::mcp {

using jsonrpc::RpcError;
using nlohmann::json;

namespace {

RpcError UnknownTool(const Error& error) {
  const std::string remedy = error.remedy.empty() ? "" : "; " + error.remedy;
  return {jsonrpc::kInvalidParams,
          "Invalid params: params.name: " + error.message + remedy,
          {{"field", "params.name"}}};
}

// The structured error if the tool refused its arguments; null otherwise.
const json* BadArguments(const tools::ToolResult& result) {
  if (!result.is_error || !result.structured.is_object()) {
    return nullptr;
  }
  const json* problem = FindParam(result.structured, "error");
  if (problem == nullptr || !problem->is_object()) {
    return nullptr;
  }
  const json* kind = FindParam(*problem, "kind");
  return kind != nullptr && *kind == "invalid_arguments" ? problem : nullptr;
}

Outcome ResultOutcome(const Exchange& exchange, const tools::ToolResult& result) {
  if (HasCrashed(result)) {  // a defect of ours, which no model can do anything about
    return RpcError{jsonrpc::kInternalError, "Internal error: " + result.text, result.structured};
  }
  const json* problem = exchange.edition.bad_args_are_results ? nullptr : BadArguments(result);
  if (problem != nullptr) {
    return RpcError{jsonrpc::kInvalidParams, "Invalid params: " + result.text, *problem};
  }
  return Complete(exchange.edition, exchange.server().options().identity,
                  CallToolResult(exchange.edition, result));
}

}  // namespace

Outcome ListTools(Exchange& exchange) {
  Server& server = exchange.server();
  const auto specs = server.backends().executor.List(exchange.session->principal());
  const auto page = [&] {
    json tools = json::array();
    for (const tools::ToolSpec* spec : specs) {
      tools.push_back(ToolJson(exchange.edition, *spec));
    }
    return Page(exchange, "tools", std::move(tools), kListTtlMs);
  };
  if (FindParam(exchange.params(), "cursor") != nullptr) {
    return page();
  }
  std::string key = "tools ";
  key += exchange.edition.version;
  for (const tools::ToolSpec* spec : specs) {  // they live and stay the same as long as the server
    key += ' ' + std::to_string(reinterpret_cast<std::uintptr_t>(spec));
  }
  return server.rendered().Get(key, [&] { return std::get<json>(page()); });
}

Outcome CallTool(Exchange& exchange) {
  const auto name = TextParam(exchange.params(), "name", "the name of a tool as a string");
  if (const auto* error = std::get_if<RpcError>(&name)) {
    return *error;
  }
  static const json no_args = json::object();
  const json* args = FindParam(exchange.params(), "arguments");
  if (args != nullptr && !args->is_object()) {
    return InvalidParams("params.arguments", "an object", args);
  }
  auto scope = CallScope::Open(exchange);
  if (!scope) {
    return FromError(scope.error());
  }
  const ToolRequest request{std::get<std::string>(name), args == nullptr ? no_args : *args};
  auto called = CallOrDefer(exchange, request, **scope);
  if (!std::holds_alternative<tools::ToolResult>(called)) {
    (*scope)->Close(false);
    if (auto* task = std::get_if<json>(&called)) {
      return std::move(*task);
    }
    if (auto* error = std::get_if<RpcError>(&called)) {
      return std::move(*error);
    }
    return UnknownTool(std::get<Error>(called));
  }
  const auto& result = std::get<tools::ToolResult>(called);
  if (auto instead = (*scope)->Close(result.is_error)) {
    return *std::move(instead);
  }
  return ResultOutcome(exchange, result);
}

}  // namespace casemate::mcp
