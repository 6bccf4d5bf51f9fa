// Content blocks, resources and prompts.
#include <string>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "mcp/protocol/wire.h"

namespace casemate::mcp {
namespace {

using nlohmann::json;

void SetUnlessEmpty(json& object, const char* key, const std::string& value) {
  if (!value.empty()) {
    object[key] = value;
  }
}

json ContentsJson(const EditionTraits& edition, const tools::ResourceContents& contents) {
  json entry = {{"uri", contents.uri}};
  SetUnlessEmpty(entry, "mimeType", contents.mime_type);
  if (contents.binary) {
    entry["blob"] = EncodeBase64(contents.bytes);
  } else {
    entry["text"] = contents.bytes;
  }
  if (contents.untrusted && edition.content_meta) {
    entry["_meta"][kMetaUntrusted] = true;
  }
  return entry;
}

json TextJson(const std::string& text) {
  return {{"type", "text"}, {"text", text}};
}

struct ToBlock {
  const EditionTraits& edition;

  json operator()(const tools::TextContent& content) const { return TextJson(content.text); }
  json operator()(const tools::MediaContent& content) const {
    const bool is_sound = content.mime_type.starts_with("audio/");
    if (is_sound && !edition.annotations) {
      return TextJson("[a sound of type " + content.mime_type +
                      ", which this edition cannot carry]");
    }
    return {{"type", is_sound ? "audio" : "image"},
            {"data", EncodeBase64(content.bytes)},
            {"mimeType", content.mime_type}};
  }
  json operator()(const tools::ResourceContents& content) const {
    return {{"type", "resource"}, {"resource", ContentsJson(edition, content)}};
  }
  json operator()(const tools::ResourceLink& link) const {
    if (!edition.titles) {
      return TextJson("[" + link.name + ": read the resource " + link.uri + "]");
    }
    json block = {{"type", "resource_link"}, {"uri", link.uri}, {"name", link.name}};
    SetUnlessEmpty(block, "description", link.description);
    SetUnlessEmpty(block, "mimeType", link.mime_type);
    if (link.size.has_value()) {
      block["size"] = *link.size;
    }
    return block;
  }
};

}  // namespace

json ContentJson(const EditionTraits& edition, const tools::Content& content) {
  return std::visit(ToBlock{edition}, content);
}

json ResourceJson(const EditionTraits& edition, const tools::ResourceSpec& resource) {
  json entry = {{"uri", resource.uri}, {"name", resource.name}};
  SetUnlessEmpty(entry, "description", resource.description);
  SetUnlessEmpty(entry, "mimeType", resource.mime_type);
  if (edition.titles) {
    SetUnlessEmpty(entry, "title", resource.title);
  }
  SetIcon(edition, entry, resource.icon);
  if (resource.size.has_value()) {
    entry["size"] = *resource.size;
  }
  return entry;
}

json TemplateJson(const EditionTraits& edition, const tools::ResourceTemplateSpec& resource) {
  json entry = {{"uriTemplate", resource.uri_template}, {"name", resource.name}};
  SetUnlessEmpty(entry, "description", resource.description);
  SetUnlessEmpty(entry, "mimeType", resource.mime_type);
  if (edition.titles) {
    SetUnlessEmpty(entry, "title", resource.title);
  }
  SetIcon(edition, entry, resource.icon);
  return entry;
}

json PromptJson(const EditionTraits& edition, const tools::PromptSpec& prompt) {
  json arguments = json::array();
  for (const tools::PromptArgument& argument : prompt.arguments) {
    json entry = {{"name", argument.name}, {"required", argument.required}};
    SetUnlessEmpty(entry, "description", argument.description);
    if (edition.titles) {
      SetUnlessEmpty(entry, "title", argument.title);
    }
    arguments.push_back(std::move(entry));
  }
  json entry = {{"name", prompt.name}, {"arguments", std::move(arguments)}};
  SetUnlessEmpty(entry, "description", prompt.description);
  if (edition.titles) {
    SetUnlessEmpty(entry, "title", prompt.title);
  }
  SetIcon(edition, entry, prompt.icon);
  return entry;
}

json ReadResourceResult(const EditionTraits& edition, const tools::ResourceContents& contents) {
  json result = {{"contents", json::array({ContentsJson(edition, contents)})}};
  if (contents.untrusted && !edition.content_meta) {
    result["_meta"][kMetaUntrusted] = true;  // all editions have this one
  }
  return result;
}

json GetPromptResult(const EditionTraits& edition, const tools::PromptResult& prompt) {
  json messages = json::array();
  for (const tools::PromptMessage& message : prompt.messages) {
    messages.push_back({{"role", message.role == tools::Role::kUser ? "user" : "assistant"},
                        {"content", ContentJson(edition, message.content)}});
  }
  json result = {{"messages", std::move(messages)}};
  SetUnlessEmpty(result, "description", prompt.description);
  return result;
}

}  // namespace casemate::mcp
