#include "mcp/transport/http/request_rules.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "mcp/protocol/edition.h"

namespace casemate::mcp {

using http::FindHeader;

namespace {

constexpr std::string_view kParamPrefix = "mcp-param-";

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return lower;
}

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// "application/json; charset=utf-8" → "application/json"
std::string MediaType(std::string_view value) {
  return Lower(Trimmed(value.substr(0, value.find(';'))));
}

// A header's value for a message: short and printable.
std::string Received(const http::HeaderValue& header) {
  constexpr std::size_t kShownBytes = 100;
  if (!header.value.has_value()) {
    return header.repeated ? "it repeatedly" : "none";
  }
  return "`" + EscapeControls(ToValidUtf8(header.value->substr(0, kShownBytes)), false) + "`";
}

std::optional<std::string> TextOf(const http::Request& request, std::string_view name) {
  const auto header = FindHeader(request.headers, name);
  return header.value.has_value() ? std::optional<std::string>(*header.value) : std::nullopt;
}

}  // namespace

std::variant<http::Headers, Refusal> CheckOrigin(const OriginRules& rules,
                                                 const http::Request& request) {
  const auto host = FindHeader(request.headers, "Host");
  if (!host.value.has_value() || !IsHostAllowed(rules, request.peer, *host.value)) {
    return Refusal{403, "the Host header does not name this server; see http.allowed_hosts"};
  }
  const auto origin = FindHeader(request.headers, "Origin");
  if (origin.repeated ||
      (origin.value.has_value() && !IsOriginAllowed(rules, request.peer, *origin.value))) {
    return Refusal{403, "pages of this Origin may not use this server; see http.allowed_origins"};
  }
  http::Headers cors;
  if (origin.value.has_value()) {
    cors = {
        {"Access-Control-Allow-Origin", std::string(*origin.value)},
        {"Access-Control-Expose-Headers", "Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate"},
        {"Vary", "Origin"}};
  }
  return cors;
}

http::Headers PreflightHeaders(const http::Request& request, const char* methods,
                               http::Headers cors) {
  std::string allowed =
      "Authorization, Content-Type, Accept, Last-Event-ID, Mcp-Session-Id, MCP-Protocol-Version, "
      "Mcp-Method, Mcp-Name";
  // Those of tools' arguments have names of their own.
  std::string_view wanted =
      FindHeader(request.headers, "Access-Control-Request-Headers").value.value_or("");
  while (!wanted.empty()) {
    const std::size_t comma = wanted.find(',');
    const std::string name = Lower(Trimmed(wanted.substr(0, comma)));
    if (name.starts_with(kParamPrefix)) {
      allowed += ", " + name;
    }
    wanted = comma == std::string_view::npos ? std::string_view() : wanted.substr(comma + 1);
  }
  cors.emplace_back("Access-Control-Allow-Methods", methods);
  cors.emplace_back("Access-Control-Allow-Headers", std::move(allowed));
  cors.emplace_back("Access-Control-Max-Age", "600");
  return cors;
}

std::optional<Refusal> CheckPost(const http::Request& request) {
  const auto type = FindHeader(request.headers, "Content-Type");
  if (!type.value.has_value() || MediaType(*type.value) != "application/json") {
    return Refusal{415, "expected Content-Type: application/json, got " + Received(type)};
  }
  if (!Accepts(request, "application/json") || !Accepts(request, "text/event-stream")) {
    return Refusal{406, "expected Accept to include application/json and text/event-stream, got " +
                            Received(FindHeader(request.headers, "Accept"))};
  }
  for (const char* name : {"Mcp-Session-Id", "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"}) {
    if (FindHeader(request.headers, name).repeated) {
      return Refusal{400, std::string("expected the header ") + name + " once, got it repeatedly"};
    }
  }
  return std::nullopt;
}

std::optional<Refusal> CheckVersion(const http::Request& request) {
  const auto version = FindHeader(request.headers, "MCP-Protocol-Version");
  if (version.repeated ||
      (version.value.has_value() && !EditionFromVersion(*version.value).has_value())) {
    return Refusal{400,
                   "expected MCP-Protocol-Version to be an edition of MCP that is served here"};
  }
  return std::nullopt;
}

bool Accepts(const http::Request& request, std::string_view type) {
  const std::string_view group = type.substr(0, type.find('/'));
  for (const auto& [name, value] : request.headers) {
    if (Lower(name) != "accept") {
      continue;
    }
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      const std::string range = MediaType(rest.substr(0, comma));
      if (range == type || range == "*/*" || range == std::string(group) + "/*") {
        return true;
      }
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return false;
}

bool ClaimsModern(const http::Request& request) {
  const auto version = TextOf(request, "MCP-Protocol-Version");
  const auto edition = version.has_value() ? EditionFromVersion(*version) : std::nullopt;
  return edition.has_value() && TraitsOf(*edition).modern;
}

RequestHeaders HeadersOf(const http::Request& request) {
  RequestHeaders headers;
  headers.protocol_version = TextOf(request, "MCP-Protocol-Version");
  headers.method = TextOf(request, "Mcp-Method");
  headers.name = TextOf(request, "Mcp-Name");
  for (const auto& [name, value] : request.headers) {
    if (Lower(name).starts_with(kParamPrefix)) {
      headers.params.emplace_back(name.substr(kParamPrefix.size()), std::string(Trimmed(value)));
    }
  }
  return headers;
}

}  // namespace casemate::mcp
