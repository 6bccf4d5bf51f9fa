#include "policies/engine/call_yaml.h"

#include <array>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "policies/engine/yaml_fields.h"

namespace casemate::policies {

namespace {

Result<void> ReadPrincipal(const YamlNode& node, Principal& principal) {
  if (node.kind() != YamlNode::Kind::kMap) {
    return ErrorAt(node, "expected a principal: {id, tenant, roles}");
  }
  if (auto known = node.OnlyKeys({"id", "tenant", "roles"}); !known) {
    return known;
  }
  const std::array<std::pair<std::string_view, std::string*>, 2> fields = {
      {{"id", &principal.id}, {"tenant", &principal.tenant}}};
  for (const auto& [key, target] : fields) {
    if (const auto text_node = node.Get(key)) {
      auto text = text_node->AsString();
      if (!text) {
        return text.error();
      }
      *target = *std::move(text);
    }
  }
  if (const auto roles_node = node.Get("roles")) {
    auto roles = StringList(*roles_node);
    if (!roles) {
      return roles.error();
    }
    principal.roles = *std::move(roles);
  }
  return {};
}

// The object under `key`; an empty one where there is none.
Result<nlohmann::json> ReadObject(const YamlNode& call, std::string_view key) {
  const auto node = call.Get(key);
  if (!node) {
    return nlohmann::json::object();
  }
  auto value = ReadJson(*node);
  if (value && !value->is_object()) {
    return ErrorAt(*node, "expected a map");
  }
  return value;
}

}  // namespace

Result<StatedCall> ReadCall(const YamlNode& node) {
  if (node.kind() != YamlNode::Kind::kMap) {
    return ErrorAt(node, "expected an example call: {tool, args, context, history, principal}");
  }
  if (auto known = node.OnlyKeys({"tool", "args", "context", "history", "principal"}); !known) {
    return known.error();
  }
  StatedCall call;
  auto tool_node = Required(node, "tool");
  if (!tool_node) {
    return tool_node.error();
  }
  auto tool = tool_node->AsString();
  if (!tool) {
    return tool.error();
  }
  call.tool = *std::move(tool);
  const std::array<std::pair<std::string_view, std::shared_ptr<const nlohmann::json>*>, 3> objects =
      {{{"args", &call.args}, {"context", &call.context}, {"history", &call.history}}};
  for (const auto& [key, target] : objects) {
    auto value = ReadObject(node, key);
    if (!value) {
      return value.error();
    }
    if (target == &call.history) {
      nlohmann::json history = NoHistory();
      history.merge_patch(*value);
      *value = std::move(history);
    }
    *target = std::make_shared<const nlohmann::json>(*std::move(value));
  }
  if (const auto principal = node.Get("principal")) {
    if (auto read = ReadPrincipal(*principal, call.principal); !read) {
      return read.error();
    }
  }
  return call;
}

}  // namespace casemate::policies
