#include "mcp/jsonrpc/message.h"

#include <utility>

#include "base/plain_json.h"

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

// The members of a message that mean something.
struct Fields {
  std::optional<json> jsonrpc;
  std::optional<json> id;
  std::optional<json> method;
  std::optional<json> params;
  std::optional<json> result;
  std::optional<json> error;

  std::optional<json>* Named(std::string_view name) {
    return name == "jsonrpc"  ? &jsonrpc
           : name == "id"     ? &id
           : name == "method" ? &method
           : name == "params" ? &params
           : name == "result" ? &result
           : name == "error"  ? &error
                              : nullptr;
  }
};

const json* ValueOf(const std::optional<json>& field) {
  return field.has_value() ? &*field : nullptr;
}

Response TakeResponse(Fields& fields, std::optional<RequestId> id) {
  if (!fields.error.has_value()) {
    return {std::move(id), std::move(fields.result).value_or(nullptr)};
  }
  RpcError error;
  if (fields.error->is_object()) {
    const json* code = Find(*fields.error, "code");
    const json* text = Find(*fields.error, "message");
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

Parsed Interpret(Fields& fields) {
  const json* given_id = ValueOf(fields.id);
  std::optional<RequestId> id = given_id == nullptr ? std::nullopt : IdFromJson(*given_id);
  if (!fields.method.has_value() && (fields.result.has_value() || fields.error.has_value())) {
    // However malformed, it is never answered: two peers must not answer each other's errors
    // without end.
    return Message(TakeResponse(fields, std::move(id)));
  }
  const json* version = ValueOf(fields.jsonrpc);
  // Compared as text: a JSON value made for the comparison would cost more than all else here.
  if (version == nullptr || !version->is_string() ||
      version->get_ref<const std::string&>() != "2.0") {
    return Invalid(std::move(id), "jsonrpc", "\"2.0\"", version);
  }
  if (given_id != nullptr && !id.has_value()) {
    return Invalid(std::nullopt, "id", "a string or a 64-bit integer", given_id);
  }
  if (!fields.method.has_value() || !fields.method->is_string()) {
    return Invalid(std::move(id), "method", "a string", ValueOf(fields.method));
  }
  if (fields.params.has_value() && !fields.params->is_object()) {
    return Invalid(std::move(id), "params", "an object", ValueOf(fields.params));
  }
  json params = fields.params.has_value() ? *std::move(fields.params) : json(json::value_t::object);
  auto& name = fields.method->get_ref<std::string&>();
  if (id.has_value()) {
    return Message(Request{*std::move(id), std::move(name), std::move(params)});
  }
  return Message(Notification{std::move(name), std::move(params)});
}

Parsed Interpret(json& message) {
  if (!message.is_object()) {
    return Invalid(std::nullopt, "message", "an object", &message);
  }
  Fields fields;
  for (auto& [name, value] : message.get_ref<json::object_t&>()) {
    if (auto* field = fields.Named(name)) {
      *field = std::move(value);
    }
  }
  return Interpret(fields);
}

// What most messages are: no object is made that would only be taken apart again.
std::optional<Parsed> ParsePlain(std::string_view text, const JsonLimits& limits) {
  Fields fields;
  const auto place_of = [&fields](std::string_view name) -> json* {
    auto* field = fields.Named(name);
    return field == nullptr || field->has_value() ? nullptr : &field->emplace();
  };
  if (text.size() > limits.max_bytes || !ReadPlainMembers(text, limits.max_depth, place_of)) {
    return std::nullopt;
  }
  return Interpret(fields);
}

Incoming One(Parsed parsed) {
  Incoming incoming;
  incoming.messages.push_back(std::move(parsed));
  return incoming;
}

}  // namespace

Incoming ParseIncoming(std::string_view text, const JsonLimits& limits) {
  if (auto plain = ParsePlain(text, limits)) {
    return One(*std::move(plain));
  }
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
