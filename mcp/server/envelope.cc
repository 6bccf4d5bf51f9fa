#include "mcp/server/envelope.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/text.h"
#include "mcp/protocol/wire.h"
#include "mcp/server/errors.h"
#include "mcp/server/exchange.h"
#include "tools/header_params.h"

namespace casemate::mcp {

using jsonrpc::RpcError;
using nlohmann::json;

namespace {

using Opened = std::variant<Envelope, RpcError>;

const json* Find(const json& object, std::string_view key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string MetaField(const char* name) {
  return std::string("params._meta.") + name;
}

// What the request of a method names, for Mcp-Name; null: nothing.
const json* NamedBy(const jsonrpc::Request& request) {
  if (request.method == "tools/call" || request.method == "prompts/get") {
    return Find(request.params, "name");
  }
  if (request.method == "resources/read") {
    return Find(request.params, "uri");
  }
  const bool is_task_method = request.method == "tasks/get" || request.method == "tasks/update" ||
                              request.method == "tasks/cancel";
  return is_task_method ? Find(request.params, "taskId") : nullptr;
}

// Only Mcp-Name and Mcp-Param-… may be encoded. Attack: one method for a gateway that reads the
// header, another for us.
enum class Encoding { kPlain, kMayBeBase64 };

std::optional<RpcError> CompareHeader(const char* header, const std::optional<std::string>& given,
                                      const std::string& expected, Encoding encoding) {
  const auto value =
      given.has_value() && encoding == Encoding::kMayBeBase64 ? DecodeHeaderValue(*given) : given;
  if (value != expected) {
    return HeaderMismatch(std::string(header) + ": expected the value of the body, got " +
                          (given.has_value() ? "another" : "nothing"));
  }
  return std::nullopt;
}

// Whether a header's text says the same as an argument; numbers are compared as numbers.
bool SaysTheSame(const std::string& text, const json& value) {
  if (value.is_string()) {
    return value.get_ref<const std::string&>() == text;
  }
  if (value.is_boolean()) {
    return text == (value.get<bool>() ? "true" : "false");
  }
  if (value.is_number()) {
    const json parsed = json::parse(text, nullptr, false);
    return parsed.is_number() && parsed == value;
  }
  return false;
}

bool EqualNames(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

// The header's value; nullopt: it is not there, repeated or badly encoded.
std::optional<std::string> ParamHeader(const RequestHeaders& headers, const std::string& name,
                                       std::size_t& count) {
  const std::string* value = nullptr;
  for (const auto& [given, text] : headers.params) {
    if (EqualNames(given, name)) {
      value = &text;
      ++count;
    }
  }
  // Attack: who decides by the last of them does not see what we see.
  return count == 1 ? DecodeHeaderValue(*value) : std::nullopt;
}

// The arguments that the tool's schema binds to Mcp-Param headers.
std::optional<RpcError> CompareParams(const json& schema, const json& arguments,
                                      const RequestHeaders& headers) {
  std::optional<RpcError> mismatch;
  tools::VisitHeaderParams(
      schema, arguments, [&](const std::string& name, const std::string& path, const json* value) {
        std::size_t count = 0;
        const auto text = ParamHeader(headers, name, count);
        if (value == nullptr && count == 0) {
          return true;
        }
        if (value != nullptr && text.has_value() && SaysTheSame(*text, *value)) {
          return true;
        }
        std::string what = "Mcp-Param-";
        what += name;
        what += ": expected ";
        what += value == nullptr ? "no such header without " : "the value of ";
        what += "params.arguments.";
        what += path;
        what += count == 0 ? ", got nothing" : count > 1 ? ", got several" : ", got another";
        mismatch = HeaderMismatch(what);
        return false;
      });
  return mismatch;
}

std::optional<RpcError> CompareHeaders(const jsonrpc::Request& request, const std::string& version,
                                       const RequestHeaders& headers, const tools::ToolSpec* tool) {
  if (auto error = CompareHeader("MCP-Protocol-Version", headers.protocol_version, version,
                                 Encoding::kPlain)) {
    return error;
  }
  if (auto error = CompareHeader("Mcp-Method", headers.method, request.method, Encoding::kPlain)) {
    return error;
  }
  const json* name = NamedBy(request);
  if (name != nullptr && name->is_string()) {
    if (auto error = CompareHeader("Mcp-Name", headers.name, name->get<std::string>(),
                                   Encoding::kMayBeBase64)) {
      return error;
    }
  }
  if (tool == nullptr) {
    return std::nullopt;
  }
  static const json no_arguments = json::object();
  const json* arguments = Find(request.params, "arguments");
  return CompareParams(tool->input_schema, arguments == nullptr ? no_arguments : *arguments,
                       headers);
}

std::variant<ClientFacts, RpcError> ReadClient(const json& meta) {
  ClientFacts client;
  const json* capabilities = Find(meta, kMetaCapabilities);
  if (capabilities == nullptr || !capabilities->is_object()) {
    return InvalidParams(MetaField(kMetaCapabilities), "an object", capabilities);
  }
  static const Capabilities none = std::make_shared<const json>(json::object());
  client.capabilities = capabilities->empty() ? none : std::make_shared<const json>(*capabilities);
  if (const json* level = Find(meta, kMetaLogLevel)) {
    client.log_level =
        level->is_string() ? SeverityFromName(level->get<std::string>()) : std::nullopt;
    if (!client.log_level.has_value()) {
      return InvalidParams(MetaField(kMetaLogLevel), SeverityNames(), level);
    }
  }
  return client;
}

std::optional<RpcError> ReadProgressToken(const json& meta, ClientFacts& client) {
  const json* token = Find(meta, "progressToken");
  if (token == nullptr) {
    return std::nullopt;
  }
  if (!token->is_string() && !token->is_number_integer()) {
    return InvalidParams("params._meta.progressToken", "a string or an integer", token);
  }
  client.progress_token = *token;
  return std::nullopt;
}

Opened OpenModern(const jsonrpc::Request& request, const json& meta, const RequestHeaders* headers,
                  const tools::ToolSpec* tool) {
  const json* version = Find(meta, kMetaVersion);
  if (version == nullptr || !version->is_string()) {
    return InvalidParams(MetaField(kMetaVersion), "a string", version);
  }
  const auto& text = version->get_ref<const std::string&>();
  if (headers != nullptr) {
    if (auto error = CompareHeaders(request, text, *headers, tool)) {
      return *std::move(error);
    }
  }
  const auto edition = EditionFromVersion(text);
  if (!edition.has_value() || !TraitsOf(*edition).modern) {
    return UnsupportedVersion(*version);
  }
  auto client = ReadClient(meta);
  if (auto* error = std::get_if<RpcError>(&client)) {
    return std::move(*error);
  }
  Envelope envelope{&TraitsOf(*edition), std::get<ClientFacts>(std::move(client))};
  if (auto error = ReadProgressToken(meta, envelope.client)) {
    return *std::move(error);
  }
  return envelope;
}

// A message without the modern metadata whose header claims a modern edition.
std::optional<RpcError> CheckLegacyHeader(const jsonrpc::Request& request,
                                          const RequestHeaders& headers) {
  if (!headers.protocol_version.has_value()) {
    return std::nullopt;
  }
  const auto claimed = EditionFromVersion(*headers.protocol_version);
  if (claimed.has_value() && TraitsOf(*claimed).modern) {
    if (request.method == "initialize") {
      return HeaderMismatch("MCP-Protocol-Version: expected an edition that has initialize");
    }
    return InvalidParams(MetaField(kMetaVersion), "a string, as the header says", nullptr);
  }
  if (!claimed.has_value()) {
    return InvalidRequest("MCP-Protocol-Version: expected a supported edition, got another");
  }
  return std::nullopt;
}

}  // namespace

bool ClientFacts::Declares(std::string_view extension) const {
  const json* extensions = Find(*capabilities, "extensions");
  const json* found =
      extensions == nullptr || !extensions->is_object() ? nullptr : Find(*extensions, extension);
  return found != nullptr && found->is_object();
}

bool IsModern(const jsonrpc::Request& request) {
  const json* meta = Find(request.params, "_meta");
  return request.method == "server/discover" ||
         (meta != nullptr && meta->is_object() &&
          (meta->contains(kMetaVersion) || meta->contains(kMetaCapabilities)));
}

std::variant<Envelope, RpcError> OpenEnvelope(const jsonrpc::Request& request,
                                              const SessionFacts& session,
                                              const RequestHeaders* headers,
                                              const tools::ToolSpec* tool) {
  static const json no_meta = json::object();
  const json* given = Find(request.params, "_meta");
  const json& meta = given == nullptr ? no_meta : *given;
  if (!meta.is_object()) {
    return InvalidParams("params._meta", "an object", &meta);
  }
  if (IsModern(request)) {
    return OpenModern(request, meta, headers, tool);
  }
  if (headers != nullptr) {
    if (auto error = CheckLegacyHeader(request, *headers)) {
      return *std::move(error);
    }
  }
  if (!IsKnownMethod(request.method)) {
    return MethodNotFound(request.method);
  }
  const bool needs_no_edition = request.method == "ping" || request.method == "initialize";
  if (!session.edition.has_value() && !needs_no_edition) {
    return InvalidRequest("expected initialize first, or " + MetaField(kMetaVersion) + ", got " +
                          request.method);
  }
  Envelope envelope{&TraitsOf(session.edition.value_or(LatestLegacyEdition())),
                    {session.capabilities, session.log_level, nullptr}};
  if (auto error = ReadProgressToken(meta, envelope.client)) {
    return *std::move(error);
  }
  return envelope;
}

std::optional<std::string> DecodeHeaderValue(const std::string& value) {
  constexpr std::string_view kPrefix = "=?base64?";
  constexpr std::string_view kSuffix = "?=";
  if (!value.starts_with(kPrefix) || !value.ends_with(kSuffix) ||
      value.size() < kPrefix.size() + kSuffix.size()) {
    return value;
  }
  return DecodeBase64(std::string_view(value).substr(
      kPrefix.size(), value.size() - kPrefix.size() - kSuffix.size()));
}

}  // namespace casemate::mcp
