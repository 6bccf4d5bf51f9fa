#include "mcp/server/errors.h"

#include "base/text.h"
#include "mcp/protocol/wire.h"

namespace casemate::mcp {

using jsonrpc::RpcError;
using nlohmann::json;

namespace {

constexpr std::size_t kMaxQuotedBytes = 64;

// The client's own word, short and printable: a message may end up on a terminal or in a log.
std::string Quoted(const std::string& text) {
  return "`" + EscapeControls(ToValidUtf8(text.substr(0, kMaxQuotedBytes)), false) + "`";
}

}  // namespace

RpcError InvalidParams(const std::string& field, const std::string& expected, const json* got) {
  const std::string type = got == nullptr ? "nothing" : got->type_name();
  return {jsonrpc::kInvalidParams,
          "Invalid params: " + field + ": expected " + expected + ", got " + type,
          {{"field", field}}};
}

RpcError InvalidRequest(const std::string& what) {
  return {jsonrpc::kInvalidRequest, "Invalid Request: " + what, nullptr};
}

RpcError MethodNotFound(const std::string& method) {
  return {jsonrpc::kMethodNotFound, "Method not found: " + Quoted(method), nullptr};
}

RpcError UnsupportedVersion(const json& requested) {
  json data = UnsupportedVersionData(requested);
  return {kUnsupportedProtocolVersion,
          "Unsupported protocol version: expected one of " + DumpJson(data["supported"]) +
              ", got " + Quoted(requested.get<std::string>()),
          std::move(data)};
}

RpcError ServerBusy() {
  return {kServerBusy,
          "Server busy: too many calls are waiting; repeat this one when others have ended",
          {{"retry", true}}};
}

RpcError InternalError(const std::string& what) {
  return {jsonrpc::kInternalError, "Internal error: " + what, nullptr};
}

}  // namespace casemate::mcp
