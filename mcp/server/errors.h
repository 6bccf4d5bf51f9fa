// The JSON-RPC errors that the dispatcher answers with; docs/protocol.md lists them. Each names the
// field, what was expected and what was got. Pure functions; thread-safe.
#pragma once

#include <string>

#include "mcp/jsonrpc/message.h"

namespace casemate::mcp {

// Of our own: outside the range that JSON-RPC and MCP reserve (-32768 to -32000).
inline constexpr int kServerBusy = 1001;
inline constexpr int kRefused = 1002;      // by policy; data: {remedy}
inline constexpr int kUnavailable = 1003;  // could not be done now; data: {remedy}

// `got` null: nothing was given. Only its type is shown, never its content. data: {field}.
jsonrpc::RpcError InvalidParams(const std::string& field, const std::string& expected,
                                const nlohmann::json* got);
jsonrpc::RpcError InvalidRequest(const std::string& what);
jsonrpc::RpcError MethodNotFound(const std::string& method);
// `requested`: the string that the client sent. data: {supported, requested}.
jsonrpc::RpcError UnsupportedVersion(const nlohmann::json& requested);
jsonrpc::RpcError HeaderMismatch(const std::string& what);
// `capabilities`: what the client would have to declare, as in ClientCapabilities.
jsonrpc::RpcError MissingCapability(const nlohmann::json& capabilities);
// What a layer below reports, for a method that has no other way to say it. `not_found`: the code
// for things that do not exist.
jsonrpc::RpcError FromError(const Error& error, int not_found = jsonrpc::kInvalidParams);
jsonrpc::RpcError ServerBusy();
jsonrpc::RpcError InternalError(const std::string& what);

}  // namespace casemate::mcp
