#include "policies/check/diff.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "policies/engine/policy_json.h"

namespace casemate::policies {

namespace {

using nlohmann::json;

// Limits with what is not limited left out.
json StatedRights(const Rights& rights) {
  json stated = RightsJson(rights);
  json& limits = stated["limits"];
  for (auto field = limits.begin(); field != limits.end();) {
    const bool is_open = *field == std::numeric_limits<std::int64_t>::max();
    field = is_open ? limits.erase(field) : std::next(field);
  }
  return stated;
}

// Everything that a rule says, by the name of what says it.
json MeaningOf(const Rule& rule, const Layer& layer) {
  json meaning = {{"layer", layer.name},
                  {"effect", ToString(rule.effect)},
                  {"tools", rule.tools},
                  {"principals",
                   {{"ids", rule.principals.ids},
                    {"roles", rule.principals.roles},
                    {"tenants", rule.principals.tenants}}},
                  {"when", rule.when ? ToString(*rule.when) : "always"},
                  {"marks", rule.marks},
                  {"reason", rule.reason},
                  {"remedy", rule.remedy}};
  if (rule.effect != Effect::kDeny) {
    meaning.update(StatedRights(rule.narrows));
  }
  if (rule.effect == Effect::kAsk) {
    meaning["approval"] = ApprovalJson(rule.approval);
  }
  return meaning;
}

json MeaningOf(const Layer& layer) {
  json meaning = {{"kind", ToString(layer.kind)},
                  {"extends", !layer.is_root},
                  {"tenants", layer.tenants},
                  {"workspaces", layer.workspaces},
                  {"approval", ApprovalJson(layer.floor)}};
  meaning.update(StatedRights(layer.ceiling));
  return meaning;
}

json ChangesBetween(const json& before, const json& after) {
  std::set<std::string> names;
  for (const json* side : {&before, &after}) {
    for (const auto& [name, value] : side->items()) {
      names.insert(name);
    }
  }
  json changes = json::array();
  for (const std::string& name : names) {
    const json was = before.value(name, json());
    const json is = after.value(name, json());
    if (was != is) {
      changes.push_back({{"what", name}, {"before", was}, {"after", is}});
    }
  }
  return changes;
}

struct PlacedRule {
  const Rule* rule = nullptr;
  const Layer* layer = nullptr;
};

std::map<std::string, PlacedRule> RulesOf(const YamlPolicy& policy) {
  std::map<std::string, PlacedRule> rules;
  for (const Layer& layer : policy.layers()) {
    for (const Rule& rule : layer.rules) {
      rules[rule.id] = {&rule, &layer};
    }
  }
  return rules;
}

json Brief(const Rule& rule) {
  return {{"id", rule.id}, {"where", rule.where}, {"effect", ToString(rule.effect)}};
}

// The layer of `after` that takes the place of each of `before`: the last that of the last, which
// is what was named to be compared, the others by name.
std::map<const Layer*, const Layer*> PairLayers(const YamlPolicy& before, const YamlPolicy& after) {
  std::map<const Layer*, const Layer*> pairs;
  const auto old_layers = before.layers();
  const auto new_layers = after.layers();
  if (old_layers.empty() || new_layers.empty()) {
    return pairs;
  }
  for (const Layer& layer : old_layers.first(old_layers.size() - 1)) {
    const auto others = new_layers.first(new_layers.size() - 1);
    const auto found = std::ranges::find(others, layer.name, &Layer::name);
    if (found != others.end()) {
      pairs[&layer] = &*found;
    }
  }
  pairs[&old_layers.back()] = &new_layers.back();
  return pairs;
}

json DiffRules(const YamlPolicy& before, const YamlPolicy& after,
               const std::map<const Layer*, const Layer*>& pairs) {
  const auto old_rules = RulesOf(before);
  const auto new_rules = RulesOf(after);
  json added = json::array();
  json removed = json::array();
  json changed = json::array();
  for (const auto& [id, was] : old_rules) {
    const auto is = new_rules.find(id);
    if (is == new_rules.end()) {
      removed.push_back(Brief(*was.rule));
      continue;
    }
    json old_meaning = MeaningOf(*was.rule, *was.layer);
    const json new_meaning = MeaningOf(*is->second.rule, *is->second.layer);
    const auto pair = pairs.find(was.layer);
    if (pair != pairs.end() && pair->second == is->second.layer) {
      old_meaning["layer"] = new_meaning["layer"];  // the same place, whatever its file is called
    }
    json changes = ChangesBetween(old_meaning, new_meaning);
    if (!changes.empty()) {
      json entry = Brief(*is->second.rule);
      entry["changes"] = std::move(changes);
      changed.push_back(std::move(entry));
    }
  }
  for (const auto& [id, is] : new_rules) {
    if (!old_rules.contains(id)) {
      added.push_back(Brief(*is.rule));
    }
  }
  return {{"added", std::move(added)},
          {"removed", std::move(removed)},
          {"changed", std::move(changed)}};
}

json DiffLayers(const YamlPolicy& before, const YamlPolicy& after,
                const std::map<const Layer*, const Layer*>& pairs) {
  json added = json::array();
  json removed = json::array();
  json changed = json::array();
  std::set<const Layer*> paired;
  for (const Layer& layer : before.layers()) {
    const auto pair = pairs.find(&layer);
    if (pair == pairs.end()) {
      removed.push_back(layer.name);
      continue;
    }
    paired.insert(pair->second);
    json changes = ChangesBetween(MeaningOf(layer), MeaningOf(*pair->second));
    if (!changes.empty()) {
      changed.push_back({{"layer", pair->second->name}, {"changes", std::move(changes)}});
    }
  }
  for (const Layer& layer : after.layers()) {
    if (!paired.contains(&layer)) {
      added.push_back(layer.name);
    }
  }
  return {{"added", std::move(added)},
          {"removed", std::move(removed)},
          {"changed", std::move(changed)}};
}

std::optional<Rights> RightsOf(const Decision& decision) {
  return decision.grant ? decision.grant->rights() : decision.asked;
}

// Which of two rights got wider, which narrower.
void CompareRights(const Rights& was, const Rights& is, json& wider, json& narrower) {
  const json old_limits = LimitsJson(was.limits);
  const json new_limits = LimitsJson(is.limits);
  for (const json& change : ChangesBetween(old_limits, new_limits)) {
    // No rate of disk I/O is any rate.
    const auto bound = [](const json& value) {
      return value.is_null() ? std::numeric_limits<std::int64_t>::max() : value.get<std::int64_t>();
    };
    (bound(change["after"]) > bound(change["before"]) ? wider : narrower).push_back(change);
  }
  if (was.workspace != is.workspace) {
    (is.workspace > was.workspace ? wider : narrower)
        .push_back({{"what", "workspace"},
                    {"before", ToString(was.workspace)},
                    {"after", ToString(is.workspace)}});
  }
  if (was.strict_sandbox != is.strict_sandbox) {
    (is.strict_sandbox ? narrower : wider)
        .push_back({{"what", "sandbox"},
                    {"before", was.strict_sandbox ? "strict" : "any"},
                    {"after", is.strict_sandbox ? "strict" : "any"}});
  }
  if (was.containers != is.containers) {
    // What has gained one right and lost another is both.
    const json change = {{"what", "containers"},
                         {"before", ContainerRightsJson(was.containers)},
                         {"after", ContainerRightsJson(is.containers)}};
    const ContainerRights both = was.containers & is.containers;
    if (is.containers != both) {
      wider.push_back(change);
    }
    if (was.containers != both) {
      narrower.push_back(change);
    }
  }
}

class CallComparer {
 public:
  CallComparer(const YamlPolicy& before, const YamlPolicy& after, json& diff)
      : before_(before), after_(after), diff_(diff) {
    diff_["calls"] = 0;
    diff_["flips"] = json::array();
    diff_["rights"] = json::array();
  }

  void Compare(const StatedCall& call, const std::string& where) {
    const PolicyInput input = call.input();
    const json shown = InputJson(input);
    if (!seen_.insert(DumpJson(shown)).second) {
      return;
    }
    diff_["calls"] = seen_.size();
    const Decision was = before_.Decide(input);
    const Decision is = after_.Decide(input);
    if (was.effect != is.effect) {
      diff_["flips"].push_back(
          {{"where", where},
           {"call", shown},
           {"before", {{"effect", ToString(was.effect)}, {"rule", was.rule_id}}},
           {"after", {{"effect", ToString(is.effect)}, {"rule", is.rule_id}}}});
      return;
    }
    const auto old_rights = RightsOf(was);
    const auto new_rights = RightsOf(is);
    if (!old_rights || !new_rights) {
      return;
    }
    json wider = json::array();
    json narrower = json::array();
    CompareRights(*old_rights, *new_rights, wider, narrower);
    if (!wider.empty() || !narrower.empty()) {
      diff_["rights"].push_back({{"where", where},
                                 {"call", shown},
                                 {"wider", std::move(wider)},
                                 {"narrower", std::move(narrower)}});
    }
  }

 private:
  const YamlPolicy& before_;
  const YamlPolicy& after_;
  json& diff_;
  std::set<std::string> seen_;
};

}  // namespace

json DiffPolicies(const YamlPolicy& before, const YamlPolicy& after,
                  std::span<const TestSuite> suites) {
  const auto pairs = PairLayers(before, after);
  json diff = {{"version", 1},
               {"before", before.revision()},
               {"after", after.revision()},
               {"rules", DiffRules(before, after, pairs)},
               {"layers", DiffLayers(before, after, pairs)}};
  CallComparer comparer(before, after, diff);
  for (const YamlPolicy* policy : {&before, &after}) {
    for (const Layer& layer : policy->layers()) {
      for (const Rule& rule : layer.rules) {
        for (const RuleExample& example : rule.examples) {
          comparer.Compare(example.call, example.where);
        }
      }
    }
  }
  for (const TestSuite& suite : suites) {
    for (const PolicyTest& test : suite.tests) {
      comparer.Compare(test.call, test.where);
    }
  }
  return diff;
}

}  // namespace casemate::policies
