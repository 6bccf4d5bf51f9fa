#include "mcp/jsonrpc/message.h"

#include <utility>

namespace casemate::jsonrpc {
namespace {

using nlohmann::json;

// "expected …, got …" with the type of what was given, never its content.
ParseFailure Invalid(std::optional<RequestId> id, const std::string& field,
                     const std::string& expected, const json* given) {
  const std::string got = given == nullptr ? "nothing" : given->type_name();
  return {std::move(id),
          {kInvalidRequest,
           "Invalid Request: " + field + ": expected " + expected + ", got " + got,
           {{"field", field}}}};
}

const json* Find(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

Response TakeResponse(json& message, std::optional<RequestId> id) {
  const json* body = Find(message, "error");
  if (body == nullptr) {
    return {std::move(id), std::move(message["result"])};
  }
  RpcError error;
  if (body->is_object()) {
    const json* code = Find(*body, "code");
    const json* text = Find(*body, "message");
    error.code = code != nullptr && code->is_number_integer() ? code->get<int>() : error.code;
    error.message = text != nullptr && text->is_string() ? text->get<std::string>() : "";
  }
  return {std::move(id), std::move(error)};
}

}  // namespace

json ToJson(const RequestId& id) {
  return std::visit([](const auto& value) { return json(value); }, id);
}

std::optional<RequestId> IdFromJson(const json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  const bool fits =
      !value.is_number_unsigned() || std::in_range<std::int64_t>(value.get<std::uint64_t>());
  if (value.is_number_integer() && fits) {
    return value.get<std::int64_t>();
  }
  return std::nullopt;
}

namespace {

Parsed Interpret(json& message) {
  if (!message.is_object()) {
    return Invalid(std::nullopt, "message", "an object", &message);
  }
  const json* given_id = Find(message, "id");
  std::optional<RequestId> id = given_id == nullptr ? std::nullopt : IdFromJson(*given_id);
  const json* method = Find(message, "method");
  if (method == nullptr && (message.contains("result") || message.contains("error"))) {
    // However malformed, it is never answered: two peers must not answer each other's errors
    // without end.
    return Message(TakeResponse(message, std::move(id)));
  }
  const json* version = Find(message, "jsonrpc");
  // Compared as text: a JSON value made for the comparison would cost more than all else here.
  if (version == nullptr || !version->is_string() ||
      version->get_ref<const std::string&>() != "2.0") {
    return Invalid(std::move(id), "jsonrpc", "\"2.0\"", version);
  }
  if (given_id != nullptr && !id.has_value()) {
    return Invalid(std::nullopt, "id", "a string or a 64-bit integer", given_id);
  }
  if (method == nullptr || !method->is_string()) {
    return Invalid(std::move(id), "method", "a string", method);
  }
  const auto given = message.find("params");
  if (given != message.end() && !given->is_object()) {
    return Invalid(std::move(id), "params", "an object", &*given);
  }
  json params = given == message.end() ? json(json::value_t::object) : std::move(*given);
  auto name = method->get<std::string>();
  if (id.has_value()) {
    return Message(Request{*std::move(id), std::move(name), std::move(params)});
  }
  return Message(Notification{std::move(name), std::move(params)});
}

Incoming One(Parsed parsed) {
  Incoming incoming;
  incoming.messages.push_back(std::move(parsed));
  return incoming;
}

}  // namespace

Incoming ParseIncoming(std::string_view text, const JsonLimits& limits) {
  auto parsed = ParseJson(text, limits);
  if (!parsed) {
    return One(ParseFailure{std::nullopt,
                            {kParseError, "Parse error: " + parsed.error().message, nullptr}});
  }
  if (!parsed->is_array()) {
    return One(Interpret(*parsed));
  }
  if (parsed->empty() || parsed->size() > kMaxBatch) {
    return One(
        ParseFailure{std::nullopt,
                     {kInvalidRequest,
                      "Invalid Request: expected a batch of 1 to " + std::to_string(kMaxBatch) +
                          " messages, got " + std::to_string(parsed->size()),
                      nullptr}});
  }
  Incoming incoming;
  incoming.is_batch = true;
  for (json& message : *parsed) {
    incoming.messages.push_back(Interpret(message));
  }
  return incoming;
}

std::string SerializeResult(const RequestId& id, const json& result) {
  return WrapResult(id, DumpJson(result));
}

// Put together by hand: a result may hold megabytes, and building one document would copy it.
std::string WrapResult(const RequestId& id, std::string_view serialised_result) {
  const auto* number = std::get_if<std::int64_t>(&id);
  const std::string id_text =
      number != nullptr ? std::to_string(*number) : DumpJson(std::get<std::string>(id));
  constexpr std::string_view kBegin = R"({"id":)";
  constexpr std::string_view kMiddle = R"(,"jsonrpc":"2.0","result":)";
  std::string text;
  // Room also for the line's end.
  text.reserve(kBegin.size() + id_text.size() + kMiddle.size() + serialised_result.size() + 2);
  text.append(kBegin).append(id_text).append(kMiddle).append(serialised_result).append("}");
  return text;
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

std::string SerializeRequest(const RequestId& id, std::string_view method, const json& params) {
  return DumpJson({{"jsonrpc", "2.0"}, {"id", ToJson(id)}, {"method", method}, {"params", params}});
}

std::string SerializeNotification(std::string_view method, const json& params) {
  return DumpJson({{"jsonrpc", "2.0"}, {"method", method}, {"params", params}});
}

}  // namespace casemate::jsonrpc
