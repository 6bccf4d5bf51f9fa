// The JSON-RPC errors that the dispatcher answers with; docs/protocol.md lists them. Each names the
// field, what was expected and what was got. Pure functions; thread-safe.
#pragma once

#include <string>

#include "mcp/jsonrpc/message.h"

namespace casemate::mcp {

// Of our own: outside the range that JSON-RPC and MCP reserve (-32768 to -32000).
inline constexpr int kServerBusy = 1001;

// `got` null: nothing was given. Only its type is shown, never its content. data: {field}.
jsonrpc::RpcError InvalidParams(const std::string& field, const std::string& expected,
                                const nlohmann::json* got);
jsonrpc::RpcError InvalidRequest(const std::string& what);
jsonrpc::RpcError MethodNotFound(const std::string& method);
// `requested`: the string that the client sent. data: {supported, requested}.
jsonrpc::RpcError UnsupportedVersion(const nlohmann::json& requested);
jsonrpc::RpcError ServerBusy();
jsonrpc::RpcError InternalError(const std::string& what);

}  // namespace casemate::mcp
