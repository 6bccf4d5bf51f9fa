// What MCP messages look like, by edition: requests' metadata in, results out. Pure functions of
// EditionTraits; thread-safe. Source: schema/<edition>/schema.json of the specification.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "mcp/protocol/edition.h"

namespace casemate::mcp {

// A tool as tools/list shows it; the server's view of tools::ToolSpec and tools::ToolResult.
struct ToolEntry {
  std::string_view name;
  std::string_view title;
  std::string_view description;
  const nlohmann::json& input_schema;
  const nlohmann::json& output_schema;
  bool read_only, destructive, idempotent, open_world;
};

nlohmann::json InitializeResult(const EditionTraits& edition);
nlohmann::json DiscoverResult();
nlohmann::json ToolJson(const EditionTraits& edition, const ToolEntry& tool);
nlohmann::json ListToolsResult(const EditionTraits& edition, nlohmann::json tools);
nlohmann::json CallToolResult(const EditionTraits& edition, std::string_view text,
                              const nlohmann::json& structured, bool is_error);
nlohmann::json EmptyResult(const EditionTraits& edition);
// notifications/progress params; `token` is the request's own.
nlohmann::json ProgressParams(const EditionTraits& edition, const nlohmann::json& token,
                              double progress, std::optional<double> total,
                              std::string_view message);

inline constexpr std::string_view kMetaVersion = "io.modelcontextprotocol/protocolVersion";
inline constexpr std::string_view kMetaCapabilities = "io.modelcontextprotocol/clientCapabilities";
inline constexpr int kUnsupportedProtocolVersion = -32022;
// {supported: […], requested} for kUnsupportedProtocolVersion.
nlohmann::json UnsupportedVersionData(const nlohmann::json& requested);

}  // namespace casemate::mcp
