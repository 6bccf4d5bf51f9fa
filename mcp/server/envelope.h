// Under which edition a request is served, decided by each message alone: its body first, then,
// over HTTP, whether the headers say the same (MCP 2026-07-28, basic/versioning and
// basic/transports). Pure functions; thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mcp/jsonrpc/message.h"
#include "mcp/protocol/edition.h"
#include "tools/catalog.h"
#include "tools/tool.h"

namespace casemate::mcp {

// What the HTTP request that carried a message said about it. Values are trimmed; nullopt: absent.
struct RequestHeaders {
  std::optional<std::string> protocol_version;              // MCP-Protocol-Version
  std::optional<std::string> method;                        // Mcp-Method
  std::optional<std::string> name;                          // Mcp-Name
  std::vector<std::pair<std::string, std::string>> params;  // Mcp-Param-…, names without the prefix
};

// ClientCapabilities, an object; shared, for each request of a session has the same. Never null.
using Capabilities = std::shared_ptr<const nlohmann::json>;

// What a request says about its client.
struct ClientFacts {
  Capabilities capabilities;
  std::optional<tools::Severity> log_level;  // the least severity it wants; nullopt: none
  nlohmann::json progress_token;             // null: none
  [[nodiscard]] bool Declares(std::string_view extension) const;
};

struct Envelope {
  const EditionTraits* edition = nullptr;
  ClientFacts client;
};

// What the session knows from initialize; nullopt edition: nothing yet.
struct SessionFacts {
  std::optional<Edition> edition;
  Capabilities capabilities;
  tools::Severity log_level = tools::Severity::kInfo;
};

// Whether its body says that it is of an edition without sessions. Clients probe with
// server/discover before they know anything: silence would hang them.
bool IsModern(const jsonrpc::Request& request);

// `tool`: what tools/call names, if that exists; its schema may bind arguments to headers.
std::variant<Envelope, jsonrpc::RpcError> OpenEnvelope(const jsonrpc::Request& request,
                                                       const SessionFacts& session,
                                                       const RequestHeaders* headers,
                                                       const tools::ToolSpec* tool);

// The value of a header as RFC 2047-like `=?base64?…?=` or as it stands; nullopt: badly encoded.
std::optional<std::string> DecodeHeaderValue(const std::string& value);

}  // namespace casemate::mcp
