#include "mcp/jsonrpc/message.h"

namespace casemate::jsonrpc {
namespace {

using nlohmann::json;

std::optional<RequestId> ReadId(const json& message) {
  const auto found = message.find("id");
  if (found == message.end()) {
    return std::nullopt;
  }
  if (found->is_string()) {
    return found->get<std::string>();
  }
  // Beyond int64 an id could not be echoed exactly.
  if (found->is_number_integer() &&
      !(found->is_number_unsigned() && found->get<std::uint64_t>() > INT64_MAX)) {
    return found->get<std::int64_t>();
  }
  return std::nullopt;
}

ParseFailure Invalid(std::optional<RequestId> id, std::string message) {
  return {std::move(id), {kInvalidRequest, "Invalid Request: " + std::move(message), nullptr}};
}

Message TakeResponse(json& message, RequestId id) {
  if (message.contains("error")) {
    RpcError error;
    const json& body = message["error"];
    if (body.is_object()) {
      const auto code = body.find("code");
      const auto text = body.find("message");
      error.code = code != body.end() && code->is_number_integer() ? code->get<int>() : error.code;
      error.message = text != body.end() && text->is_string() ? text->get<std::string>() : "";
    }
    return Response{std::move(id), std::move(error)};
  }
  return Response{std::move(id), std::move(message["result"])};
}

}  // namespace

json ToJson(const RequestId& id) {
  return std::visit([](const auto& value) { return json(value); }, id);
}

std::variant<Message, ParseFailure> Parse(std::string_view text, const JsonLimits& limits) {
  auto parsed = ParseJson(text, limits);
  if (!parsed) {
    return ParseFailure{std::nullopt,
                        {kParseError, "Parse error: " + parsed.error().message, nullptr}};
  }
  json& message = *parsed;
  if (message.is_array()) {
    return Invalid(std::nullopt, "batches are not supported on this stream; send one message a line");
  }
  if (!message.is_object()) {
    return Invalid(std::nullopt, "expected an object");
  }
  std::optional<RequestId> id = ReadId(message);
  const auto version = message.find("jsonrpc");
  if (version == message.end() || *version != "2.0") {
    return Invalid(std::move(id), "jsonrpc: expected \"2.0\"");
  }
  if (message.contains("id") && !id.has_value()) {
    return Invalid(std::nullopt, "id: expected a string or a 64-bit integer");
  }
  const auto method = message.find("method");
  if (method == message.end()) {
    if (id.has_value() && (message.contains("result") != message.contains("error"))) {
      return TakeResponse(message, *std::move(id));
    }
    return Invalid(std::move(id), "method: expected a string, got nothing");
  }
  if (!method->is_string()) {
    return Invalid(std::move(id), "method: expected a string");
  }
  json params = json::object();
  if (const auto given = message.find("params"); given != message.end()) {
    if (!given->is_object()) {
      return Invalid(std::move(id), "params: expected an object");
    }
    params = std::move(*given);
  }
  auto name = method->get<std::string>();
  if (id.has_value()) {
    return Message(Request{*std::move(id), std::move(name), std::move(params)});
  }
  return Message(Notification{std::move(name), std::move(params)});
}

std::string SerializeResult(const RequestId& id, const json& result) {
  return DumpJson({{"jsonrpc", "2.0"}, {"id", ToJson(id)}, {"result", result}});
}

std::string SerializeError(const std::optional<RequestId>& id, const RpcError& error) {
  json body = {{"code", error.code}, {"message", error.message}};
  if (!error.data.is_null()) {
    body["data"] = error.data;
  }
  json message = {{"jsonrpc", "2.0"}, {"error", std::move(body)}};
  if (id.has_value()) {
    message["id"] = ToJson(*id);
  }
  return DumpJson(message);
}

std::string SerializeNotification(std::string_view method, const json& params) {
  return DumpJson({{"jsonrpc", "2.0"}, {"method", method}, {"params", params}});
}

}  // namespace casemate::jsonrpc
