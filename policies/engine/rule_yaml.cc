#include "policies/engine/rule_yaml.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "policies/engine/condition_yaml.h"
#include "policies/engine/example_yaml.h"
#include "policies/engine/yaml_fields.h"

namespace casemate::policies {

namespace {

bool IsRuleId(std::string_view id) {
  return !id.empty() && id.size() <= 64 && id != "default-deny" &&
         std::ranges::all_of(id, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

bool IsToolName(std::string_view name) {
  return name == "*" ||
         (!name.empty() && name.size() <= 30 && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         }));
}

Result<void> ReadHead(const YamlNode& node, Rule& rule) {
  auto id_node = Required(node, "id");
  if (!id_node) {
    return id_node.error();
  }
  auto id = id_node->AsString();
  if (!id) {
    return id.error();
  }
  if (!IsRuleId(*id)) {
    return ErrorAt(*id_node,
                   "expected an id of 1 to 64 characters of a-z 0-9 - _ that is not "
                   "`default-deny`, got " +
                       Quoted(*id));
  }
  rule.id = *std::move(id);
  auto effect_node = Required(node, "effect");
  if (!effect_node) {
    return effect_node.error();
  }
  constexpr std::array<std::string_view, 3> kNames = {"allow", "ask", "deny"};
  constexpr std::array kEffects = {Effect::kAllow, Effect::kAsk, Effect::kDeny};
  auto effect = Choice(*effect_node, kNames);
  if (!effect) {
    return effect.error();
  }
  rule.effect = kEffects.at(*effect);
  return {};
}

Result<void> ReadTools(const YamlNode& node, Rule& rule) {
  auto tools_node = Required(node, "tools");
  if (!tools_node) {
    return tools_node.error();
  }
  auto tools = StringList(*tools_node);
  if (!tools) {
    return tools.error();
  }
  for (const std::string& tool : *tools) {
    if (!IsToolName(tool)) {
      return ErrorAt(*tools_node,
                     "expected tool names of 1 to 30 characters of a-z 0-9 _, or \"*\", "
                     "got " +
                         Quoted(tool));
    }
  }
  rule.tools = *std::move(tools);
  return {};
}

Result<void> ReadPrincipals(const YamlNode& node, PrincipalSelector& selector) {
  const auto map = node.Get("principals");
  if (!map) {
    return {};
  }
  // An empty map or list would read like "nobody" and mean "everybody".
  if (map->kind() != YamlNode::Kind::kMap || map->Keys().empty()) {
    return ErrorAt(*map,
                   "expected a map of ids, roles or tenants; leave `principals` out to cover "
                   "every caller");
  }
  if (auto known = map->OnlyKeys({"ids", "roles", "tenants"}); !known) {
    return known.error();
  }
  const std::array<std::pair<std::string_view, std::vector<std::string>*>, 3> fields = {
      {{"ids", &selector.ids}, {"roles", &selector.roles}, {"tenants", &selector.tenants}}};
  for (const auto& [key, target] : fields) {
    if (const auto list_node = map->Get(key)) {
      auto list = StringList(*list_node);
      if (!list) {
        return list.error();
      }
      *target = *std::move(list);
    }
  }
  return {};
}

Result<void> ReadLimits(const YamlNode& node, Limits& limits) {
  const auto map = node.Get("limits");
  if (!map) {
    return {};
  }
  struct Field {
    std::string_view key;
    std::int64_t* target;
    std::int64_t max;
    std::int64_t scale;  // 1000 where the text states seconds or CPUs
    bool fractional;
  };
  const std::array<Field, 6> fields = {{
      {"memory_mb", &limits.memory_mb, std::int64_t{1} << 24, 1, false},
      {"cpus", &limits.cpu_millis, 1024, 1000, true},
      {"pids", &limits.pids, std::int64_t{1} << 22, 1, false},
      {"wall_s", &limits.wall_ms, std::int64_t{7} * 24 * 3600, 1000, false},
      {"output_kb", &limits.output_kb, std::int64_t{1} << 20, 1, false},
      {"disk_mb", &limits.disk_mb, std::int64_t{1} << 24, 1, false},
  }};
  if (map->kind() != YamlNode::Kind::kMap || map->Keys().empty()) {
    return ErrorAt(*map, "expected a map of limits");
  }
  std::vector<std::string_view> keys;
  std::ranges::transform(fields, std::back_inserter(keys), &Field::key);
  if (auto known = map->OnlyKeys(std::move(keys)); !known) {
    return known.error();
  }
  for (const Field& field : fields) {
    const auto value_node = map->Get(field.key);
    if (!value_node) {
      continue;
    }
    if (!field.fractional) {
      if (auto integer = value_node->AsInt(); !integer) {
        return integer.error();
      }
    }
    auto number = value_node->AsNumber();
    if (!number) {
      return number.error();
    }
    const double scaled = *number * static_cast<double>(field.scale);
    if (!std::isfinite(scaled) || scaled < 1 || *number > static_cast<double>(field.max)) {
      return ErrorAt(*value_node, Quoted(field.key) + " must be above 0 and at most " +
                                      std::to_string(field.max));
    }
    *field.target = static_cast<std::int64_t>(scaled);
  }
  return {};
}

Result<void> ReadWorkspace(const YamlNode& node, WorkspaceAccess& access) {
  const auto workspace_node = node.Get("workspace");
  if (!workspace_node) {
    return {};
  }
  constexpr std::array<std::string_view, 3> kNames = {"private", "host_read", "host_write"};
  constexpr std::array kAccess = {WorkspaceAccess::kPrivateOnly, WorkspaceAccess::kHostRead,
                                  WorkspaceAccess::kHostWrite};
  auto choice = Choice(*workspace_node, kNames);
  if (!choice) {
    return choice.error();
  }
  access = kAccess.at(*choice);
  return {};
}

Result<void> ReadGrant(const YamlNode& node, Rule& rule) {
  // A limit on a rule that grants nothing would be read by nobody.
  for (const std::string_view key : {"limits", "workspace"}) {
    const auto found = node.Get(key);
    if (found && rule.effect != Effect::kAllow) {
      return ErrorAt(*found, Quoted(key) + " belongs to rules with `effect: allow` only");
    }
  }
  if (auto read = ReadLimits(node, rule.limits); !read) {
    return read;
  }
  return ReadWorkspace(node, rule.workspace);
}

Result<void> ReadProse(const YamlNode& node, Rule& rule) {
  const std::array<std::pair<std::string_view, std::string*>, 2> fields = {
      {{"reason", &rule.reason}, {"remedy", &rule.remedy}}};
  for (const auto& [key, target] : fields) {
    if (const auto text_node = node.Get(key)) {
      auto text = Prose(*text_node);
      if (!text) {
        return text.error();
      }
      *target = *std::move(text);
    }
  }
  return {};
}

}  // namespace

Result<Rule> ReadRule(const YamlNode& node) {
  if (node.kind() != YamlNode::Kind::kMap) {
    return ErrorAt(node, "expected a rule: {id, effect, tools, …}");
  }
  if (auto known = node.OnlyKeys({"id", "effect", "tools", "principals", "when", "limits",
                                  "workspace", "reason", "remedy", "match", "not_match"});
      !known) {
    return known.error();
  }
  Rule rule;
  rule.where = node.Where();
  if (auto read = ReadHead(node, rule); !read) {
    return read.error();
  }
  if (auto read = ReadTools(node, rule); !read) {
    return read.error();
  }
  if (auto read = ReadPrincipals(node, rule.principals); !read) {
    return read.error();
  }
  if (const auto when = node.Get("when")) {
    auto condition = ReadCondition(*when);
    if (!condition) {
      return condition.error();
    }
    rule.when = *std::move(condition);
  }
  if (auto read = ReadGrant(node, rule); !read) {
    return read.error();
  }
  if (auto read = ReadProse(node, rule); !read) {
    return read.error();
  }
  if (auto verified = VerifyExamples(node, rule); !verified) {
    return verified.error();
  }
  return rule;
}

}  // namespace casemate::policies
