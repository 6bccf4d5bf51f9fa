// JSON-RPC 2.0 messages (https://www.jsonrpc.org/specification) as MCP narrows them: ids are
// strings or integers, params are objects. Value types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/result.h"

namespace casemate::jsonrpc {

using RequestId = std::variant<std::int64_t, std::string>;
nlohmann::json ToJson(const RequestId& id);
// nullopt: not a string and not an integer of 64 bits, beyond which it could not be echoed exactly.
std::optional<RequestId> IdFromJson(const nlohmann::json& value);

inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;

struct RpcError {
  int code = kInternalError;
  std::string message;
  nlohmann::json data;  // null: absent
};

struct Request {
  RequestId id;
  std::string method;
  nlohmann::json params = nlohmann::json::object();
};
struct Notification {
  std::string method;
  nlohmann::json params = nlohmann::json::object();
};
struct Response {
  std::optional<RequestId> id;  // absent: the peer could not read the id of what it answers
  std::variant<nlohmann::json, RpcError> outcome;
};
using Message = std::variant<Request, Notification, Response>;

// A message that cannot be taken: what to answer, and the id if one could be read.
struct ParseFailure {
  std::optional<RequestId> id;
  RpcError error;
};

using Parsed = std::variant<Message, ParseFailure>;

// What came as one text: a message, or a batch of them (JSON-RPC 2.0 §6).
struct Incoming {
  std::vector<Parsed> messages;  // exactly one unless is_batch
  bool is_batch = false;
};
inline constexpr std::size_t kMaxBatch = 100;  // messages; more are one ParseFailure

// Never throws. `limits` bound size and depth; duplicate keys are refused.
Incoming ParseIncoming(std::string_view text, const JsonLimits& limits);

std::string SerializeResult(const RequestId& id, const nlohmann::json& result);
std::string WrapResult(const RequestId& id, std::string_view serialised_result);
// No id: the field is omitted.
std::string SerializeError(const std::optional<RequestId>& id, const RpcError& error);
std::string SerializeRequest(const RequestId& id, std::string_view method,
                             const nlohmann::json& params);
std::string SerializeNotification(std::string_view method, const nlohmann::json& params);

}  // namespace casemate::jsonrpc
