// Lifecycle, lists and results.
#include "mcp/protocol/wire.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/icon.h"

namespace casemate::mcp {
namespace {

using nlohmann::json;

constexpr const char* kMetaServerInfo = "io.modelcontextprotocol/serverInfo";

constexpr std::array<std::string_view, 8> kSeverities = {
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"};

json ServerInfo(const EditionTraits& edition, const ServerIdentity& identity) {
  json info = {{"name", identity.name}, {"version", identity.version}};
  if (edition.titles && !identity.title.empty()) {
    info["title"] = identity.title;
  }
  if (edition.icons) {
    if (!identity.description.empty()) {
      info["description"] = identity.description;
    }
    if (!identity.website_url.empty()) {
      info["websiteUrl"] = identity.website_url;
    }
  }
  SetIcon(edition, info, identity.icon_url);
  return info;
}

json Capabilities(const EditionTraits& edition, const Offer& offer) {
  json capabilities = {{"tools", {{"listChanged", true}}}, {"logging", json::object()}};
  if (offer.resources) {
    capabilities["resources"] = {{"subscribe", true}, {"listChanged", true}};
  }
  if (offer.prompts) {
    capabilities["prompts"] = {{"listChanged", true}};
  }
  if (offer.completions && edition.annotations) {
    capabilities["completions"] = json::object();
  }
  if (offer.tasks && edition.modern) {
    capabilities["extensions"] = {{kTasksExtension, json::object()}};
  }
  return capabilities;
}

json Versions(bool modern_only) {
  json versions = json::array();
  for (const EditionTraits& edition : AllEditions()) {
    if (edition.modern || !modern_only) {
      versions.push_back(edition.version);
    }
  }
  return versions;
}

}  // namespace

json InitializeResult(const EditionTraits& edition, const ServerIdentity& identity,
                      const Offer& offer) {
  return {{"protocolVersion", edition.version},
          {"capabilities", Capabilities(edition, offer)},
          {"serverInfo", ServerInfo(edition, identity)},
          {"instructions", identity.instructions}};
}

json DiscoverResult(const ServerIdentity& identity, const Offer& offer) {
  const EditionTraits& modern = AllEditions().back();
  return Complete(modern, identity,
                  {{"supportedVersions", Versions(true)},
                   {"capabilities", Capabilities(modern, offer)},
                   {"instructions", identity.instructions}},
                  kListTtlMs);
}

void SetIcon(const EditionTraits& edition, json& object, const std::string& uri) {
  if (edition.icons && !uri.empty()) {
    json icon = {{"src", uri}};
    if (uri.starts_with(tools::kIconPrefix)) {
      icon["mimeType"] = "image/svg+xml";
    }
    object["icons"] = json::array({std::move(icon)});
  }
}

json ToolJson(const EditionTraits& edition, const tools::ToolSpec& tool) {
  json entry = {
      {"name", tool.name}, {"description", tool.description}, {"inputSchema", tool.input_schema}};
  if (edition.titles) {
    if (!tool.title.empty()) {
      entry["title"] = tool.title;
    }
    if (tool.output_schema.is_object()) {
      entry["outputSchema"] = tool.output_schema;
    }
  }
  if (edition.annotations) {
    const tools::Annotations& hints = tool.annotations;
    // The title stands above where that is known; here it would only cost context twice.
    entry["annotations"] = {{"readOnlyHint", hints.read_only},
                            {"destructiveHint", hints.destructive},
                            {"idempotentHint", hints.idempotent},
                            {"openWorldHint", hints.open_world}};
    if (!edition.titles && !tool.title.empty()) {
      entry["annotations"]["title"] = tool.title;
    }
  }
  SetIcon(edition, entry, tool.icon);
  return entry;
}

json CallToolResult(const EditionTraits& edition, const tools::ToolResult& result) {
  json content = json::array();
  if (!result.text.empty() || result.more.empty()) {
    content.push_back({{"type", "text"}, {"text", result.text}});
  }
  for (const tools::Content& block : result.more) {
    content.push_back(ContentJson(edition, block));
  }
  json body = {{"content", std::move(content)}, {"isError", result.is_error}};
  if (edition.titles && result.structured.is_object()) {
    body["structuredContent"] = result.structured;
  }
  return body;
}

json ResultOfType(const ServerIdentity& identity, std::string_view type, json result) {
  result["resultType"] = type;
  result["_meta"][kMetaServerInfo] = ServerInfo(AllEditions().back(), identity);
  return result;
}

json Complete(const EditionTraits& edition, const ServerIdentity& identity, json result,
              std::optional<int> ttl_ms) {
  if (!edition.modern) {
    return result;
  }
  if (ttl_ms.has_value()) {
    result["ttlMs"] = *ttl_ms;
    result["cacheScope"] = "private";
  }
  return ResultOfType(identity, "complete", std::move(result));
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

json LogParams(tools::Severity severity, std::string_view logger, const json& data) {
  return {{"level", SeverityName(severity)}, {"logger", logger}, {"data", data}};
}

std::string_view SeverityName(tools::Severity severity) {
  return kSeverities.at(static_cast<std::size_t>(severity));
}

std::string SeverityNames() {
  std::string names;
  for (const std::string_view name : kSeverities) {
    names += names.empty() ? "one of `" : ", `";
    names += name;
    names += '`';
  }
  return names;
}

std::optional<tools::Severity> SeverityFromName(std::string_view name) {
  const auto* found = std::ranges::find(kSeverities, name);
  if (found == kSeverities.end()) {
    return std::nullopt;
  }
  return static_cast<tools::Severity>(std::distance(kSeverities.begin(), found));
}

json UnsupportedVersionData(const json& requested) {
  return {{"supported", Versions(true)}, {"requested", requested}};
}

}  // namespace casemate::mcp
