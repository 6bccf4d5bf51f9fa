// What MCP messages look like, by edition: the server's own values in, results and notifications
// out. Pure functions of EditionTraits; thread-safe. Source: schema/<edition>/schema.json of the
// specification.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "mcp/protocol/edition.h"
#include "tools/prompt.h"
#include "tools/resource.h"
#include "tools/tool.h"

namespace casemate::mcp {

// Who the server is (MCP Implementation) and what it tells models about itself.
struct ServerIdentity {
  std::string name;
  std::string title;
  std::string version;
  std::string description;
  std::string website_url;
  std::string icon_url;  // https or data; empty: none
  std::string instructions;
};

// What this server has to offer; decides its capabilities and which methods exist.
struct Offer {
  bool resources = false;
  bool prompts = false;
  bool completions = false;
  bool tasks = false;
};

// How long a client may keep a result, in milliseconds.
inline constexpr int kListTtlMs = 300'000;  // what is fixed while the server runs
inline constexpr int kStateTtlMs = 0;       // what may change at any time

nlohmann::json InitializeResult(const EditionTraits& edition, const ServerIdentity& identity,
                                const Offer& offer);
nlohmann::json DiscoverResult(const ServerIdentity& identity, const Offer& offer);

// Puts `icons` into what is shown to people, in editions that have them. Empty: none.
void SetIcon(const EditionTraits& edition, nlohmann::json& object, const std::string& uri);
nlohmann::json ToolJson(const EditionTraits& edition, const tools::ToolSpec& tool);
nlohmann::json ResourceJson(const EditionTraits& edition, const tools::ResourceSpec& resource);
nlohmann::json TemplateJson(const EditionTraits& edition,
                            const tools::ResourceTemplateSpec& resource);
nlohmann::json PromptJson(const EditionTraits& edition, const tools::PromptSpec& prompt);
// A content block. Editions without links get the link as text.
nlohmann::json ContentJson(const EditionTraits& edition, const tools::Content& content);

// The members of a result, before Complete: {tools: […]} and the like.
nlohmann::json CallToolResult(const EditionTraits& edition, const tools::ToolResult& result);
nlohmann::json ReadResourceResult(const EditionTraits& edition,
                                  const tools::ResourceContents& contents);
nlohmann::json GetPromptResult(const EditionTraits& edition, const tools::PromptResult& prompt);

// Finishes a result: modern ones say that they are complete and who made them; with `ttl_ms` also
// how long they may be kept.
nlohmann::json Complete(const EditionTraits& edition, const ServerIdentity& identity,
                        nlohmann::json result, std::optional<int> ttl_ms = std::nullopt);
// The same with another resultType ("input_required", "task"), in modern editions only.
nlohmann::json ResultOfType(const ServerIdentity& identity, std::string_view type,
                            nlohmann::json result);

// Of notifications. `token` is the request's own.
nlohmann::json ProgressParams(const EditionTraits& edition, const nlohmann::json& token,
                              double progress, std::optional<double> total,
                              std::string_view message);
nlohmann::json LogParams(tools::Severity severity, std::string_view logger,
                         const nlohmann::json& data);

std::string_view SeverityName(tools::Severity severity);
// "one of `debug`, `info`, …", all of them.
std::string SeverityNames();
std::optional<tools::Severity> SeverityFromName(std::string_view name);

inline constexpr const char* kMetaVersion = "io.modelcontextprotocol/protocolVersion";
inline constexpr const char* kMetaCapabilities = "io.modelcontextprotocol/clientCapabilities";
inline constexpr const char* kMetaLogLevel = "io.modelcontextprotocol/logLevel";
inline constexpr const char* kMetaSubscription = "io.modelcontextprotocol/subscriptionId";
// Of contents and results, true: they come from outside of the reader's workspace.
inline constexpr const char* kMetaUntrusted = "io.github.casemate/untrusted";
inline constexpr const char* kTasksExtension = "io.modelcontextprotocol/tasks";

inline constexpr int kHeaderMismatch = -32020;
inline constexpr int kMissingCapability = -32021;
inline constexpr int kUnsupportedProtocolVersion = -32022;
// {supported: […], requested} for kUnsupportedProtocolVersion.
nlohmann::json UnsupportedVersionData(const nlohmann::json& requested);

}  // namespace casemate::mcp
