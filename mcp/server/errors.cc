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

std::string Got(const json* got) {
  if (got == nullptr) {
    return "nothing";
  }
  switch (got->type()) {
    case json::value_t::string:
      return Quoted(got->get_ref<const std::string&>());
    case json::value_t::array:
      return "an array of " + std::to_string(got->size());
    case json::value_t::object:
      return "an object";
    default:
      return DumpJson(*got);
  }
}

}  // namespace

RpcError InvalidParams(const std::string& field, const std::string& expected, const json* got) {
  return {jsonrpc::kInvalidParams,
          "Invalid params: " + field + ": expected " + expected + ", got " + Got(got),
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

RpcError HeaderMismatch(const std::string& what) {
  return {kHeaderMismatch, "Header mismatch: " + what, nullptr};
}

RpcError MissingCapability(const json& capabilities) {
  return {kMissingCapability,
          "Missing client capability: this request needs " + DumpJson(capabilities),
          {{"requiredCapabilities", capabilities}}};
}

RpcError FromError(const Error& error, int not_found) {
  json data = json::object();
  if (!error.field.empty()) {
    data["field"] = error.field;
  }
  if (!error.remedy.empty()) {
    data["remedy"] = EscapeControls(ToValidUtf8(error.remedy), true);
  }
  const std::string field = error.field.empty() ? "" : error.field + ": ";
  const std::string text = field + EscapeControls(ToValidUtf8(error.message), true);
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return {jsonrpc::kInvalidParams, "Invalid params: " + text, std::move(data)};
    case ErrorCode::kNotFound:
      return {not_found, "Not found: " + text, std::move(data)};
    case ErrorCode::kPermissionDenied:
      return {kRefused, "Refused: " + text, std::move(data)};
    case ErrorCode::kInternal:
      return {jsonrpc::kInternalError, "Internal error: " + text, std::move(data)};
    default:
      return {kUnavailable, "Unavailable: " + text, std::move(data)};
  }
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
