#include "policies/engine/example_yaml.h"

#include <array>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "policies/engine/yaml_fields.h"

namespace casemate::policies {

namespace {

struct Example {
  std::string tool;
  Principal principal;
  nlohmann::json args = nlohmann::json::object();
  nlohmann::json context = nlohmann::json::object();
};

Result<void> ReadExamplePrincipal(const YamlNode& node, Principal& principal) {
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

Result<void> ReadObject(const YamlNode& example, std::string_view key, nlohmann::json& target) {
  const auto node = example.Get(key);
  if (!node) {
    return {};
  }
  auto value = ReadJson(*node);
  if (!value) {
    return value.error();
  }
  if (!value->is_object()) {
    return ErrorAt(*node, "expected a map");
  }
  target = *std::move(value);
  return {};
}

Result<Example> ReadExample(const YamlNode& node) {
  if (node.kind() != YamlNode::Kind::kMap) {
    return ErrorAt(node, "expected an example call: {tool, args, context, principal}");
  }
  if (auto known = node.OnlyKeys({"tool", "args", "context", "principal"}); !known) {
    return known.error();
  }
  Example example;
  auto tool_node = Required(node, "tool");
  if (!tool_node) {
    return tool_node.error();
  }
  auto tool = tool_node->AsString();
  if (!tool) {
    return tool.error();
  }
  example.tool = *std::move(tool);
  if (auto read = ReadObject(node, "args", example.args); !read) {
    return read.error();
  }
  if (auto read = ReadObject(node, "context", example.context); !read) {
    return read.error();
  }
  if (const auto principal = node.Get("principal")) {
    if (auto read = ReadExamplePrincipal(*principal, example.principal); !read) {
      return read.error();
    }
  }
  return example;
}

Result<void> VerifyList(const YamlNode& list, const Rule& rule, bool expected) {
  if (list.Items().empty()) {
    return ErrorAt(list, "expected a list of one or more example calls");
  }
  for (const YamlNode& item : list.Items()) {
    auto example = ReadExample(item);
    if (!example) {
      return example.error();
    }
    const PolicyInput input{example->tool, example->principal, example->args, example->context};
    if (rule.Matches(input, Attributes(input)) != expected) {
      return ErrorAt(item, "rule `" + rule.id + "` " + (expected ? "does not match" : "matches") +
                               " this example of `" + (expected ? "match" : "not_match") + "`");
    }
  }
  return {};
}

}  // namespace

Result<void> VerifyExamples(const YamlNode& rule_node, const Rule& rule) {
  constexpr std::array<std::pair<std::string_view, bool>, 2> kLists = {
      {{"match", true}, {"not_match", false}}};
  for (const auto& [key, expected] : kLists) {
    if (const auto list = rule_node.Get(key)) {
      if (auto verified = VerifyList(*list, rule, expected); !verified) {
        return verified;
      }
    }
  }
  return {};
}

}  // namespace casemate::policies
