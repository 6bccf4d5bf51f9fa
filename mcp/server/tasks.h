// The tasks extension (io.modelcontextprotocol/tasks): calls that go on after their answer. The
// jobs behind it are the same ones that the job tools show. Stateless; thread-safe.
#pragma once

#include <string>
#include <variant>

#include "base/result.h"
#include "mcp/protocol/wire.h"
#include "mcp/server/call_scope.h"
#include "mcp/server/exchange.h"
#include "tools/job.h"
#include "tools/tool.h"

namespace casemate::mcp {

struct ToolRequest {
  const std::string& name;
  const nlohmann::json& args;
};

// What a tools/call came to: the tool's result; the finished result that says that it is a task
// now; an error of its own; or no such tool (kNotFound).
using Called = std::variant<tools::ToolResult, nlohmann::json, jsonrpc::RpcError, Error>;

// A call becomes a task if the client declared the extension and the tool wants it: at once, or
// when it takes long.
Called CallOrDefer(Exchange& exchange, const ToolRequest& request, CallScope& scope);

// Whether the tool failed by a defect of ours: a JSON-RPC error, as a call and as a task.
bool HasCrashed(const tools::ToolResult& result);

// {taskId, status, createdAt, lastUpdatedAt, ttlMs, pollIntervalMs, statusMessage?}
nlohmann::json TaskJson(const tools::JobView& job);
// The same with result, error or inputRequests.
nlohmann::json DetailedTaskJson(const EditionTraits& edition, const ServerIdentity& identity,
                                const tools::JobView& job);

}  // namespace casemate::mcp
