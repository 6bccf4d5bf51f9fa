#include "tools/tool_result_json.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

// Results are ours: larger and deeper than what clients may send.
constexpr JsonLimits kLimits{.max_bytes = std::size_t{256} << 20, .max_depth = 200};

struct EncodeContent {
  json operator()(const TextContent& text) const { return {{"type", "text"}, {"text", text.text}}; }
  json operator()(const MediaContent& media) const {
    return {
        {"type", "media"}, {"mime_type", media.mime_type}, {"bytes", EncodeBase64(media.bytes)}};
  }
  json operator()(const ResourceContents& resource) const {
    return {{"type", "resource"},
            {"uri", resource.uri},
            {"mime_type", resource.mime_type},
            {"bytes", EncodeBase64(resource.bytes)},
            {"binary", resource.binary},
            {"untrusted", resource.untrusted}};
  }
  json operator()(const ResourceLink& link) const {
    json body = {{"type", "link"},
                 {"uri", link.uri},
                 {"name", link.name},
                 {"description", link.description},
                 {"mime_type", link.mime_type}};
    if (link.size) {
      body["size"] = *link.size;
    }
    return body;
  }
};

Content DecodeContent(const json& body) {
  const auto type = body.at("type").get<std::string>();
  const auto text = [&](const char* name) { return body.at(name).get<std::string>(); };
  if (type == "text") {
    return TextContent{text("text")};
  }
  if (type == "media") {
    return MediaContent{DecodeBase64(text("bytes")).value_or(""), text("mime_type")};
  }
  if (type == "resource") {
    return ResourceContents{text("uri"), text("mime_type"),
                            DecodeBase64(text("bytes")).value_or(""), body.at("binary").get<bool>(),
                            body.value("untrusted", false)};
  }
  ResourceLink link{text("uri"), text("name"), text("description"), text("mime_type"), {}};
  if (body.contains("size")) {
    link.size = body["size"].get<std::int64_t>();
  }
  return link;
}

}  // namespace

std::string EncodeToolResult(const ToolResult& result) {
  json more = json::array();
  for (const Content& content : result.more) {
    more.push_back(std::visit(EncodeContent{}, content));
  }
  return DumpJson({{"is_error", result.is_error},
                   {"text", result.text},
                   {"more", std::move(more)},
                   {"structured", result.structured},
                   {"audit", result.audit}});
}

Result<ToolResult> DecodeToolResult(std::string_view text) {
  const Error damaged{
      ErrorCode::kDataLoss, "the stored result cannot be read", {}, "make the call again", 0};
  auto body = ParseJson(text, kLimits);
  if (!body) {
    return damaged;
  }
  try {
    ToolResult result;
    result.is_error = body->at("is_error").get<bool>();
    result.text = body->at("text").get<std::string>();
    for (const json& content : body->at("more")) {
      result.more.push_back(DecodeContent(content));
    }
    result.structured = body->at("structured");
    result.audit = body->at("audit");
    return result;
  } catch (const json::exception&) {
    return damaged;
  }
}

}  // namespace casemate::tools
