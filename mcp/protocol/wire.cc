#include "mcp/protocol/wire.h"

#include <nlohmann/json.hpp>

namespace casemate::mcp {
namespace {

using nlohmann::json;

constexpr const char* kInstructions =
    "Casemate runs commands and code for you in a sandbox: no network, no access to the host "
    "beyond one working directory, limits on time and memory. Call `run` with either `command` (an "
    "argument list, no shell) or `code` and `language`. Each call starts from nothing: pass what "
    "it "
    "needs in `files` or name a `workspace`. A non-zero exit code is a normal result; an error "
    "says "
    "why the call was refused or stopped and what to do next.";
constexpr int kListTtlMs = 300'000;  // the set of tools is fixed while the server runs

json ServerInfo(bool with_title) {
  json info = {{"name", "casemate"}, {"version", CASEMATE_VERSION}};
  if (with_title) {
    info["title"] = "Casemate";
  }
  return info;
}

json Capabilities() {
  return {{"tools", json::object()}};
}

// Every modern result says that it is complete and who made it.
json Finished(const EditionTraits& edition, json result) {
  if (edition.modern) {
    result["resultType"] = "complete";
    result["_meta"]["io.modelcontextprotocol/serverInfo"] = ServerInfo(true);
  }
  return result;
}

json Cacheable(const EditionTraits& edition, json result) {
  if (edition.modern) {
    result["ttlMs"] = kListTtlMs;
    result["cacheScope"] = "private";
  }
  return result;
}

json VersionsIf(bool modern_only) {
  json versions = json::array();
  for (const EditionTraits& edition : AllEditions()) {
    if (edition.modern || !modern_only) {
      versions.push_back(edition.version);
    }
  }
  return versions;
}

}  // namespace

json InitializeResult(const EditionTraits& edition) {
  return {{"protocolVersion", edition.version},
          {"capabilities", Capabilities()},
          {"serverInfo", ServerInfo(edition.tool_title)},
          {"instructions", kInstructions}};
}

json DiscoverResult() {
  const EditionTraits& modern = AllEditions().back();
  return Finished(modern, Cacheable(modern, {{"supportedVersions", VersionsIf(true)},
                                             {"capabilities", Capabilities()},
                                             {"instructions", kInstructions}}));
}

json ToolJson(const EditionTraits& edition, const ToolEntry& tool) {
  json entry = {
      {"name", tool.name}, {"description", tool.description}, {"inputSchema", tool.input_schema}};
  if (edition.tool_title) {
    entry["title"] = tool.title;
    entry["outputSchema"] = tool.output_schema;
  }
  if (edition.tool_annotations) {
    entry["annotations"] = {{"title", tool.title},
                            {"readOnlyHint", tool.read_only},
                            {"destructiveHint", tool.destructive},
                            {"idempotentHint", tool.idempotent},
                            {"openWorldHint", tool.open_world}};
  }
  return entry;
}

json ListToolsResult(const EditionTraits& edition, json tools) {
  return Finished(edition, Cacheable(edition, {{"tools", std::move(tools)}}));
}

json CallToolResult(const EditionTraits& edition, std::string_view text, const json& structured,
                    bool is_error) {
  json result = {{"content", json::array({{{"type", "text"}, {"text", text}}})},
                 {"isError", is_error}};
  if (edition.tool_title && structured.is_object()) {
    result["structuredContent"] = structured;
  }
  return Finished(edition, std::move(result));
}

json EmptyResult(const EditionTraits& edition) {
  return Finished(edition, json::object());
}

json ProgressParams(const EditionTraits& edition, const json& token, double progress,
                    std::optional<double> total, std::string_view message) {
  json params = {{"progressToken", token}, {"progress", progress}};
  if (total.has_value()) {
    params["total"] = *total;
  }
  if (edition.progress_message && !message.empty()) {
    params["message"] = message;
  }
  return params;
}

json UnsupportedVersionData(const json& requested) {
  return {{"supported", VersionsIf(true)}, {"requested", requested}};
}

}  // namespace casemate::mcp
