#include "policies/engine/explain.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "policies/engine/refusal.h"

namespace casemate::policies {

namespace {

using nlohmann::json;

constexpr std::size_t kShownBytes = 160;

std::string_view NameOf(Truth truth) {
  switch (truth) {
    case Truth::kTrue:
      return "true";
    case Truth::kFalse:
      return "false";
    case Truth::kError:
      return "undecidable";
  }
  return "undecidable";
}

// A value of the call, as JSON text that is safe to print and short.
std::string Shown(const json& value) {
  std::string text = EscapeControls(DumpJson(value), false);
  if (text.size() > kShownBytes) {
    text = ToValidUtf8(text.substr(0, kShownBytes)) + "…";
  }
  return text;
}

// Why a comparison with what was found cannot be decided.
std::string ProblemOf(const Attribute& attribute) {
  switch (attribute.state) {
    case Attribute::State::kMissing:
      return "the call has none";
    case Attribute::State::kUnreachable:
      return "something on the way to it is neither a map nor a list with such an element";
    case Attribute::State::kFound:
      return "it is of another type, too long, or not of the form that the operator reads";
  }
  return "";
}

json ExplainComparison(const Condition& comparison, const Attributes& attributes) {
  const Truth truth = Evaluate(comparison, attributes);
  const Attribute attribute = attributes.Find(comparison.path);
  json found = {{"condition", ToString(comparison)},
                {"path", comparison.path.text()},
                {"op", ToString(comparison.op)},
                {"truth", NameOf(truth)}};
  if (attribute.value != nullptr) {
    found["value"] = Shown(*attribute.value);
  }
  if (truth == Truth::kError) {
    found["problem"] = ProblemOf(attribute);
  }
  return found;
}

// NOLINTNEXTLINE(misc-no-recursion): loading bounds the nesting by kMaxConditionDepth.
void AddComparisons(const Condition& condition, const Attributes& attributes, json& list) {
  if (condition.kind == Condition::Kind::kComparison) {
    list.push_back(ExplainComparison(condition, attributes));
  }
  for (const Condition& child : condition.children) {
    AddComparisons(child, attributes, list);
  }
}

// The parts that all would have to be true and are not, in words for callers.
// NOLINTNEXTLINE(misc-no-recursion): loading bounds the nesting by kMaxConditionDepth.
void AddUnmet(const Condition& condition, const Attributes& attributes, json& list) {
  if (Evaluate(condition, attributes) == Truth::kTrue) {
    return;
  }
  if (condition.kind == Condition::Kind::kAll) {
    for (const Condition& child : condition.children) {
      AddUnmet(child, attributes, list);
    }
    return;
  }
  json unmet = {{"condition", ToCallersWords(condition)}};
  if (condition.kind == Condition::Kind::kComparison) {
    const Attribute attribute = attributes.Find(condition.path);
    unmet["is"] = attribute.value == nullptr ? "absent" : Shown(*attribute.value);
  }
  list.push_back(std::move(unmet));
}

json FailingSelectors(const PrincipalSelector& selector, const Principal& principal) {
  json failing = json::array();
  const auto check = [&](const char* name, const PrincipalSelector& part,
                         const std::vector<std::string>& expected) {
    if (!part.Selects(principal)) {
      failing.push_back({{"selector", name}, {"expected", expected}});
    }
  };
  check("principals.ids", {selector.ids, {}, {}}, selector.ids);
  check("principals.roles", {{}, selector.roles, {}}, selector.roles);
  check("principals.tenants", {{}, {}, selector.tenants}, selector.tenants);
  return failing;
}

void HidePrincipals(json& rule) {
  const auto conditions = rule.find("conditions");
  if (conditions == rule.end()) {
    return;
  }
  for (json& part : *conditions) {
    const auto path = part["path"].get<std::string>();
    if (path.starts_with("principal.")) {
      part["condition"] = path + " " + part["op"].get<std::string>() + " …";
    }
  }
}

class Explainer {
 public:
  Explainer(const PolicyInput& input, json& explanation)
      : input_(input), attributes_(input), explanation_(explanation) {
    explanation_["layers"] = json::array();
    explanation_["obstacles"] = json::array();
    explanation_["near_misses"] = json::array();
  }

  void Add(const Layer& layer) {
    json entry = {{"layer", layer.name}, {"about_call", layer.IsAbout(input_)}};
    if (layer.kind != LayerKind::kUnstated) {
      entry["kind"] = ToString(layer.kind);
    }
    entry["about_tenant"] = layer.IsAboutTenant(input_.principal.tenant);
    entry["rules"] = json::array();
    if (!layer.IsAbout(input_)) {
      explanation_["layers"].push_back(std::move(entry));
      return;
    }
    std::optional<Effect> says;
    bool is_decided = false;
    for (const Rule& rule : layer.rules) {
      if (!rule.Names(input_.tool)) {
        continue;
      }
      if (rule.Matches(input_, attributes_)) {
        says = says ? std::max(*says, rule.effect) : rule.effect;
        is_decided = is_decided || rule.effect != Effect::kAsk || rule.IsMet(attributes_);
      }
      entry["rules"].push_back(ExplainRule(rule));
    }
    const bool is_default = (!says || !is_decided) && layer.SpeaksOf(input_.tool);
    entry["says"] = is_default ? "deny" : says ? std::string(ToString(*says)) : "nothing";
    entry["by_default"] = is_default;
    if (is_default) {
      AddWaysIn(layer);
    } else if (says && *says != Effect::kAllow) {
      AddObstacles(layer);
    }
    explanation_["layers"].push_back(std::move(entry));
  }

 private:
  json ExplainRule(const Rule& rule) {
    json found = {{"id", rule.id}, {"where", rule.where}, {"effect", ToString(rule.effect)}};
    if (!rule.principals.Selects(input_.principal)) {
      found["state"] = "not_covered";
      found["selectors"] = FailingSelectors(rule.principals, input_.principal);
      return found;
    }
    const bool matches = rule.Matches(input_, attributes_);
    const Truth truth = rule.when ? Evaluate(*rule.when, attributes_) : Truth::kTrue;
    found["state"] = matches ? "matched" : truth == Truth::kError ? "undecidable" : "not_met";
    if (matches && truth == Truth::kError) {
      found["by_undecidable"] = true;
    }
    if (rule.when) {
      found["conditions"] = json::array();
      AddComparisons(*rule.when, attributes_, found["conditions"]);
    }
    if (!rule.reason.empty()) {
      found["reason"] = rule.reason;
    }
    if (!rule.remedy.empty()) {
      found["remedy"] = rule.remedy;
    }
    return found;
  }

  void AddObstacles(const Layer& layer) {
    for (const Rule& rule : layer.rules) {
      if (rule.effect != Effect::kAllow && rule.Matches(input_, attributes_)) {
        json obstacle = {
            {"rule", rule.id}, {"where", rule.where}, {"effect", ToString(rule.effect)}};
        if (rule.when) {
          obstacle["when"] = ToCallersWords(*rule.when);
        }
        explanation_["obstacles"].push_back(std::move(obstacle));
      }
    }
  }

  void AddWaysIn(const Layer& layer) {
    for (const Rule& rule : layer.rules) {
      if (rule.effect == Effect::kDeny || !rule.when ||
          !rule.Covers(input_.tool, input_.principal)) {
        continue;
      }
      json miss = {{"rule", rule.id},
                   {"where", rule.where},
                   {"effect", ToString(rule.effect)},
                   {"unmet", json::array()}};
      AddUnmet(*rule.when, attributes_, miss["unmet"]);
      explanation_["near_misses"].push_back(std::move(miss));
    }
    if (!explanation_.contains("line")) {
      explanation_["line"] = {{"layer", layer.name}, {"text", AllowingLine(input_)}};
    }
  }

  const PolicyInput& input_;
  Attributes attributes_;
  json& explanation_;
};

}  // namespace

void AddLayers(std::span<const Layer> layers, const PolicyInput& input, json& explanation) {
  Explainer explainer(input, explanation);
  for (const Layer& layer : layers) {
    explainer.Add(layer);
  }
}

json CallersView(json explanation) {
  if (!explanation.contains("layers")) {
    return explanation;
  }
  json layers = json::array();
  for (json& layer : explanation["layers"]) {
    if (!layer["about_tenant"].get<bool>()) {
      continue;
    }
    json rules = json::array();
    for (json& rule : layer["rules"]) {
      if (rule["state"] == "not_covered") {
        continue;
      }
      HidePrincipals(rule);
      rules.push_back(std::move(rule));
    }
    layer["rules"] = std::move(rules);
    layers.push_back(std::move(layer));
  }
  explanation["layers"] = std::move(layers);
  return explanation;
}

}  // namespace casemate::policies
