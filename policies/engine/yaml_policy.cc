#include "policies/engine/yaml_policy.h"

#include <algorithm>
#include <exception>
#include <map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/yaml.h"
#include "policies/engine/evaluator.h"
#include "policies/engine/refusal.h"
#include "policies/engine/rule_yaml.h"
#include "policies/engine/yaml_fields.h"

namespace casemate::policies {

namespace {

constexpr std::size_t kMaxTextBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxRules = 1000;
constexpr std::int64_t kLanguageVersion = 1;
constexpr std::size_t kDecisionIdBytes = 16;

// The engine itself failed: refused, whatever the rules say.
void Fail(Decision& decision, const std::string& what) {
  decision.effect = Effect::kDeny;
  decision.grant.reset();
  decision.matched.clear();
  decision.rule_id = "policy-error";
  decision.reason = "policy_error:" + what;
  decision.remedy = "this is a defect of the server or of its caller; report it with decision id " +
                    decision.decision_id;
}

class YamlEngine final : public PolicyEngine {
 public:
  YamlEngine(std::vector<Rule> rules, std::string revision, std::string policy_file)
      : rules_(std::move(rules)),
        revision_(std::move(revision)),
        policy_file_(std::move(policy_file)) {}

  [[nodiscard]] Decision Decide(const PolicyInput& input) const override {
    Decision decision;
    decision.decision_id = RandomHex(kDecisionIdBytes);
    decision.revision = revision_;
    if (input.tool.empty() || input.principal.id.empty()) {
      Fail(decision, "bad_input: the call names no tool or no principal");
      return decision;
    }
    if (!input.args.is_object() || !input.context.is_object()) {
      Fail(decision, "bad_input: args and context must be objects");
      return decision;
    }
    try {
      DecideByRules(input, decision);
    } catch (const std::exception& failure) {
      Fail(decision, std::string("internal: ") + failure.what());
    }
    return decision;
  }

  [[nodiscard]] bool MayEverAllow(const std::string& tool,
                                  const Principal& principal) const override {
    bool may_allow = false;
    for (const Rule& rule : rules_) {
      if (!rule.Covers(tool, principal)) {
        continue;
      }
      if (rule.effect == Effect::kAllow) {
        may_allow = true;
      } else if (!rule.when) {
        return false;  // refuses every call, whatever its arguments
      }
    }
    return may_allow;
  }

  [[nodiscard]] const std::string& revision() const override { return revision_; }

 private:
  void DecideByRules(const PolicyInput& input, Decision& decision) const {
    const Attributes attributes(input);
    const Verdict verdict = Judge(rules_, input, attributes);
    std::ranges::transform(verdict.matched, std::back_inserter(decision.matched), &Rule::id);
    decision.rule_id = verdict.decisive == nullptr ? "default-deny" : verdict.decisive->id;
    if (verdict.effect != Effect::kAllow || verdict.decisive == nullptr) {
      Refusal refusal = ExplainRefusal(verdict, rules_, input, attributes, policy_file_);
      decision.effect = verdict.effect;
      decision.reason = std::move(refusal.reason);
      decision.remedy = std::move(refusal.remedy);
      return;
    }
    decision.reason = verdict.decisive->reason;
    if (decision.reason.empty()) {
      decision.reason = "rule `" + decision.rule_id + "` allows this call";
    }
    decision.grant =
        Issue(verdict.limits, verdict.workspace, decision.decision_id, input.principal.id);
    decision.effect = Effect::kAllow;
  }

  std::vector<Rule> rules_;
  std::string revision_;
  std::string policy_file_;
};

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

Result<std::vector<Rule>> ReadRules(const YamlNode& document) {
  auto list = Required(document, "rules");
  if (!list) {
    return list.error();
  }
  if (list->kind() != YamlNode::Kind::kSequence || list->Items().size() > kMaxRules) {
    return ErrorAt(*list, "expected a list of at most 1000 rules");
  }
  std::vector<Rule> rules;
  std::map<std::string, std::string> places;
  for (const YamlNode& node : list->Items()) {
    auto rule = ReadRule(node);
    if (!rule) {
      return rule.error();
    }
    const auto [first, is_new] = places.emplace(rule->id, rule->where);
    if (!is_new) {
      return ErrorAt(
          node, "duplicate rule id " + Quoted(rule->id) + "; the first is at " + first->second);
    }
    rules.push_back(*std::move(rule));
  }
  return rules;
}

}  // namespace

Result<std::unique_ptr<PolicyEngine>> LoadYamlPolicy(std::string_view text,
                                                     const std::string& origin) {
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
  if (auto known = document->OnlyKeys({"version", "rules"}); !known) {
    return known.error();
  }
  auto rules = ReadRules(*document);
  if (!rules) {
    return rules.error();
  }
  const std::string policy_file =
      text == DefaultPolicyText() ? "your own policy file (config key `policy_file`)" : origin;
  std::unique_ptr<PolicyEngine> engine =
      std::make_unique<YamlEngine>(*std::move(rules), Sha256Hex(text), policy_file);
  return engine;
}

}  // namespace casemate::policies
