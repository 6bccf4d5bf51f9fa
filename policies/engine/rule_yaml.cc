#include "policies/engine/rule_yaml.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "policies/engine/condition_yaml.h"
#include "policies/engine/example_yaml.h"
#include "policies/engine/history_facts.h"
#include "policies/engine/rights_yaml.h"
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

Result<void> CheckToolName(const YamlNode& item, std::span<const std::string> known) {
  auto name = item.AsString();
  if (!name) {
    return name.error();
  }
  if (!IsToolName(*name)) {
    return ErrorAt(item, "expected tool names of 1 to 30 characters of a-z 0-9 _, or \"*\", got " +
                             Quoted(*name));
  }
  if (*name == "*" || known.empty() || std::ranges::find(known, *name) != known.end()) {
    return {};
  }
  const std::vector<std::string_view> names(known.begin(), known.end());
  std::string message = "unknown tool " + Quoted(*name);
  if (const auto nearest = NearestName(*name, names)) {
    message += "; did you mean " + Quoted(*nearest) + "?";
  } else {
    message += "; expected one of " + Join(known, ", ");
  }
  return ErrorAt(item, message);
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

Result<void> ReadTools(const YamlNode& node, std::span<const std::string> known, Rule& rule) {
  auto tools_node = Required(node, "tools");
  if (!tools_node) {
    return tools_node.error();
  }
  auto tools = StringList(*tools_node);
  if (!tools) {
    return tools.error();
  }
  for (const YamlNode& item : tools_node->Items()) {
    if (auto checked = CheckToolName(item, known); !checked) {
      return checked;
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

Result<void> ReadGrant(const YamlNode& node, bool is_root, Rule& rule) {
  // A limit on a rule that grants nothing would be read by nobody.
  for (const std::string_view key : {"limits", "workspace", "sandbox", "containers"}) {
    const auto found = node.Get(key);
    if (found && rule.effect == Effect::kDeny) {
      return ErrorAt(*found, Quoted(key) + " belongs to rules with `effect: allow` or `ask` only");
    }
  }
  const auto approval = node.Get("approval");
  if (approval && rule.effect != Effect::kAsk) {
    return ErrorAt(*approval, "`approval` belongs to rules with `effect: ask` only");
  }
  if (auto read = ReadRights(node, rule.rights); !read) {
    return read;
  }
  if (auto read = ReadRights(node, rule.narrows); !read) {
    return read;
  }
  if (!is_root) {
    rule.rights = rule.narrows;
  }
  return ReadApproval(node, rule.approval);
}

Result<void> ReadMarks(const YamlNode& node, Rule& rule) {
  const auto list_node = node.Get("marks");
  if (!list_node) {
    return {};
  }
  auto list = StringList(*list_node);
  if (!list) {
    return list.error();
  }
  for (const YamlNode& item : list_node->Items()) {
    if (auto known = Choice(item, kHistoryMarks); !known) {
      return known.error();
    }
  }
  rule.marks = *std::move(list);
  return {};
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

Result<Rule> ReadRule(const YamlNode& node, const RuleOptions& options) {
  if (node.kind() != YamlNode::Kind::kMap) {
    return ErrorAt(node, "expected a rule: {id, effect, tools, …}");
  }
  if (auto known = node.OnlyKeys({"id", "effect", "tools", "principals", "when", "limits",
                                  "workspace", "sandbox", "containers", "approval", "marks",
                                  "reason", "remedy", "match", "not_match"});
      !known) {
    return known.error();
  }
  Rule rule;
  rule.where = node.Where();
  if (auto read = ReadHead(node, rule); !read) {
    return read.error();
  }
  if (auto read = ReadTools(node, options.known_tools, rule); !read) {
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
  if (auto read = ReadGrant(node, options.is_root, rule); !read) {
    return read.error();
  }
  if (auto read = ReadMarks(node, rule); !read) {
    return read.error();
  }
  if (auto read = ReadProse(node, rule); !read) {
    return read.error();
  }
  if (auto read = ReadExamples(node, rule); !read) {
    return read.error();
  }
  return rule;
}

}  // namespace casemate::policies
