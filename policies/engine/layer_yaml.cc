#include "policies/engine/layer_yaml.h"

#include <array>
#include <map>
#include <utility>

#include "policies/engine/rights_yaml.h"
#include "policies/engine/rule_yaml.h"
#include "policies/engine/yaml_fields.h"

namespace casemate::policies {

namespace {

constexpr std::size_t kMaxTextBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxRules = 1000;
constexpr std::int64_t kLanguageVersion = 1;

Result<void> CheckVersion(const YamlNode& document) {
  auto version_node = Required(document, "version");
  if (!version_node) {
    return version_node.error();
  }
  auto version = version_node->AsInt();
  if (!version) {
    return version.error();
  }
  if (*version != kLanguageVersion) {
    return ErrorAt(*version_node,
                   "expected policy language version 1, got " + std::to_string(*version));
  }
  return {};
}

Result<void> ReadKind(const YamlNode& document, LayerKind& kind) {
  const auto node = document.Get("layer");
  if (!node) {
    return {};
  }
  constexpr std::array<std::string_view, 3> kNames = {"organisation", "tenant", "workspace"};
  constexpr std::array kKinds = {LayerKind::kOrganisation, LayerKind::kTenant,
                                 LayerKind::kWorkspace};
  auto choice = Choice(*node, kNames);
  if (!choice) {
    return choice.error();
  }
  kind = kKinds.at(*choice);
  return {};
}

Result<void> ReadExtends(const YamlNode& document, LayerText& read) {
  const auto node = document.Get("extends");
  if (!node) {
    return {};
  }
  read.layer.is_root = false;
  if (node->kind() == YamlNode::Kind::kScalar) {
    read.extends = {*node};
  } else if (auto list = StringList(*node); !list) {
    return ErrorAt(*node, "expected the name of a policy, or a list of them");
  } else {
    read.extends = node->Items();
  }
  return {};
}

Result<void> ReadApplies(const YamlNode& document, Layer& layer) {
  const auto map = document.Get("applies");
  if (!map) {
    return {};
  }
  if (map->kind() != YamlNode::Kind::kMap || map->Keys().empty()) {
    return ErrorAt(*map, "expected a map of tenants or workspaces");
  }
  if (auto known = map->OnlyKeys({"tenants", "workspaces"}); !known) {
    return known;
  }
  if (const auto tenants = map->Get("tenants")) {
    auto list = StringList(*tenants);
    if (!list) {
      return list.error();
    }
    layer.tenants = *std::move(list);
  }
  if (const auto workspaces = map->Get("workspaces")) {
    auto list = StringList(*workspaces);
    if (!list) {
      return list.error();
    }
    for (const YamlNode& item : workspaces->Items()) {
      const std::string path = *item.AsString();
      // Without the slash, /srv/app would be about /srv/application too.
      if (path.front() != '/' || path.back() != '/') {
        return ErrorAt(
            item, "expected an absolute directory that ends with a slash, got " + Quoted(path));
      }
    }
    layer.workspaces = *std::move(list);
  }
  return {};
}

Result<void> ReadRules(const YamlNode& document, std::span<const std::string> known_tools,
                       Layer& layer, std::vector<Error>& problems) {
  auto list = Required(document, "rules");
  if (!list) {
    return list.error();
  }
  if (list->kind() != YamlNode::Kind::kSequence || list->Items().size() > kMaxRules) {
    return ErrorAt(*list, "expected a list of at most 1000 rules");
  }
  const RuleOptions options{known_tools, layer.is_root};
  std::map<std::string, std::string> places;
  for (const YamlNode& node : list->Items()) {
    auto rule = ReadRule(node, options);
    if (!rule) {
      problems.push_back(rule.error());
      continue;
    }
    const auto [first, is_new] = places.emplace(rule->id, rule->where);
    if (!is_new) {
      problems.push_back(ErrorAt(
          node, "duplicate rule id " + Quoted(rule->id) + "; the first is at " + first->second));
      continue;
    }
    layer.rules.push_back(*std::move(rule));
  }
  return {};
}

}  // namespace

Result<LayerText> ReadLayer(std::string_view text, const std::string& origin,
                            std::span<const std::string> known_tools,
                            std::vector<Error>& problems) {
  if (text.size() > kMaxTextBytes) {
    return InvalidArgument(
        "", origin + ": a policy is at most 1 MiB, got " + std::to_string(text.size()) + " bytes");
  }
  auto document = ParseYaml(text, origin);
  if (!document) {
    return document.error();
  }
  if (document->kind() != YamlNode::Kind::kMap) {
    return ErrorAt(*document, "expected a policy: {version: 1, rules: […]}");
  }
  // Version first: a newer language may have keys that this one does not know.
  if (auto version = CheckVersion(*document); !version) {
    return version.error();
  }
  if (auto known = document->OnlyKeys({"version", "layer", "extends", "applies", "limits",
                                       "workspace", "sandbox", "containers", "approval", "rules"});
      !known) {
    return known.error();
  }
  LayerText read;
  read.layer.name = origin;
  for (const auto& step :
       {ReadKind(*document, read.layer.kind), ReadExtends(*document, read),
        ReadApplies(*document, read.layer), ReadRights(*document, read.layer.ceiling),
        ReadApproval(*document, read.layer.floor),
        ReadRules(*document, known_tools, read.layer, problems)}) {
    if (!step) {
      return step.error();
    }
  }
  read.layer.index = RuleIndex(read.layer.rules);
  return read;
}

}  // namespace casemate::policies
