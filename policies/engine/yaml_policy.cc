#include "policies/engine/yaml_policy.h"

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"
#include "policies/engine/evaluator.h"
#include "policies/engine/explain.h"
#include "policies/engine/layer_yaml.h"
#include "policies/engine/reachability.h"
#include "policies/engine/refusal.h"
#include "policies/engine/yaml_fields.h"

namespace casemate::policies {

namespace {

constexpr std::size_t kMaxLayers = 16;
constexpr std::size_t kDecisionIdBytes = 16;

// The engine itself failed: refused, whatever the rules say.
void Fail(Decision& decision, const std::string& what) {
  decision.effect = Effect::kDeny;
  decision.grant.reset();
  decision.asked.reset();
  decision.approval.reset();
  decision.matched.clear();
  decision.marks.clear();
  decision.rule_id = "policy-error";
  decision.reason = "policy_error:" + what;
  decision.remedy = "this is a defect of the server or of its caller; report it with decision id " +
                    decision.decision_id;
}

// Reads a text and all that it extends, depth first, so that each layer stands after those.
class Loader {
 public:
  Loader(const PolicyOptions& options, std::vector<Error>& problems)
      : options_(options), problems_(problems) {}

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxLayers, and a circle is an error.
  Result<LayerKind> Add(const PolicyText& text) {
    if (const auto found = kinds_.find(text.origin); found != kinds_.end()) {
      if (const std::optional<LayerKind>& kind = found->second) {
        return *kind;
      }
      return InvalidArgument("", text.name + " extends itself, in a circle");
    }
    if (kinds_.size() == kMaxLayers) {
      return InvalidArgument("", text.name + ": a policy has at most 16 layers");
    }
    kinds_[text.origin] = std::nullopt;
    auto read = ReadLayer(text.text, text.name, options_.known_tools, problems_);
    if (!read) {
      return read.error();
    }
    for (const YamlNode& name : read->extends) {
      if (auto extended = Extend(name, text, read->layer.kind); !extended) {
        return extended.error();
      }
    }
    CheckIds(read->layer);
    hashes_ += Sha256Hex(text.text) + "\n";
    kinds_[text.origin] = read->layer.kind;
    layers_.push_back(std::move(read->layer));
    return layers_.back().kind;
  }

  [[nodiscard]] std::vector<Layer>& layers() { return layers_; }
  // Of one text its hash, of several that of their hashes.
  [[nodiscard]] std::string revision() const {
    return layers_.size() == 1 ? hashes_.substr(0, hashes_.size() - 1) : Sha256Hex(hashes_);
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion): see Add.
  Result<void> Extend(const YamlNode& node, const PolicyText& from, LayerKind kind) {
    auto name = node.AsString();
    if (!name) {
      return name.error();
    }
    if (!options_.reader) {
      return ErrorAt(node, "nothing can be extended here");
    }
    auto text = options_.reader(*name, from);
    if (!text) {
      return ErrorAt(node, "cannot extend " + Quoted(*name) + ": " + text.error().message);
    }
    auto above = Add(*text);
    if (!above) {
      return above.error().field.empty() ? ErrorAt(node, above.error()) : above.error();
    }
    if (kind != LayerKind::kUnstated && *above != LayerKind::kUnstated && *above > kind) {
      return ErrorAt(node, "a layer of the " + std::string(ToString(kind)) +
                               " cannot extend one of the " + std::string(ToString(*above)) +
                               ": the order is organisation, tenant, workspace");
    }
    return {};
  }

  void CheckIds(const Layer& layer) {
    for (const Rule& rule : layer.rules) {
      const auto [first, is_new] = places_.emplace(rule.id, rule.where);
      if (!is_new) {
        problems_.push_back(InvalidArgument(rule.where, "duplicate rule id " + Quoted(rule.id) +
                                                            "; the first is at " + first->second));
      }
    }
  }

  const PolicyOptions& options_;
  std::vector<Error>& problems_;
  std::map<std::string, std::optional<LayerKind>> kinds_;  // by origin; nothing: being read
  std::map<std::string, std::string> places_;
  std::vector<Layer> layers_;
  std::string hashes_;
};

}  // namespace

YamlPolicy::YamlPolicy(std::vector<Layer> layers, std::string revision, std::string commit)
    : layers_(std::move(layers)), revision_(std::move(revision)), commit_(std::move(commit)) {}

Decision YamlPolicy::Decide(const PolicyInput& input) const {
  Decision decision;
  decision.decision_id = RandomHex(kDecisionIdBytes);
  decision.revision = revision_;
  decision.commit = commit_;
  if (input.tool.empty() || input.principal.id.empty()) {
    Fail(decision, "bad_input: the call names no tool or no principal");
    return decision;
  }
  if (!input.args.is_object() || !input.context.is_object() || !input.history.is_object()) {
    Fail(decision, "bad_input: args, context and history must be objects");
    return decision;
  }
  try {
    DecideByRules(input, decision);
  } catch (const std::exception& failure) {
    Fail(decision, std::string("internal: ") + failure.what());
  }
  return decision;
}

bool YamlPolicy::MayEverAllow(const std::string& tool, const Principal& principal) const {
  return MayAllow(layers_, tool, principal);
}

nlohmann::json YamlPolicy::Explain(const PolicyInput& input) const {
  nlohmann::json explanation = PolicyEngine::Explain(input);
  if (input.args.is_object() && input.context.is_object() && input.history.is_object()) {
    try {
      AddLayers(layers_, input, explanation);
    } catch (const std::exception& failure) {
      explanation["problem"] = std::string("internal: ") + failure.what();
    }
  }
  return explanation;
}

void YamlPolicy::DecideByRules(const PolicyInput& input, Decision& decision) const {
  const Attributes attributes(input);
  const Verdict verdict = Judge(layers_, input, attributes);
  for (const Rule* rule : verdict.matched) {
    decision.matched.push_back(rule->id);
    for (const std::string& mark : rule->marks) {
      if (std::ranges::find(decision.marks, mark) == decision.marks.end()) {
        decision.marks.push_back(mark);
      }
    }
  }
  decision.rule_id = verdict.decisive == nullptr ? "default-deny" : verdict.decisive->id;
  if (verdict.effect == Effect::kAllow && verdict.decisive != nullptr) {
    decision.reason = verdict.decisive->reason;
    if (decision.reason.empty()) {
      decision.reason = "rule `" + decision.rule_id + "` allows this call";
    }
    decision.grant = Issue(verdict.rights, decision.decision_id, input.principal);
    decision.effect = Effect::kAllow;
    return;
  }
  Refusal refusal = ExplainRefusal(verdict, input, attributes);
  decision.effect = verdict.effect;
  decision.reason = std::move(refusal.reason);
  decision.remedy = std::move(refusal.remedy);
  if (verdict.effect == Effect::kAsk) {
    decision.asked = verdict.rights;
    decision.approval = verdict.approval;
  }
}

Result<std::unique_ptr<YamlPolicy>> LoadYamlPolicy(const PolicyText& text,
                                                   const PolicyOptions& options) {
  std::vector<Error> problems;
  Loader loader(options, problems);
  if (auto added = loader.Add(text); !added) {
    problems.push_back(added.error());
  } else if (problems.empty()) {
    problems = UnreachableRules(loader.layers());
  }
  if (options.problems != nullptr) {
    *options.problems = problems;
  }
  if (!problems.empty()) {
    return problems.front();
  }
  const std::string revision = loader.revision();
  return std::make_unique<YamlPolicy>(std::move(loader.layers()), revision, options.commit);
}

Result<std::unique_ptr<YamlPolicy>> LoadYamlPolicy(std::string_view text,
                                                   const std::string& origin) {
  return LoadYamlPolicy(PolicyText{std::string(text), origin, origin}, {});
}

}  // namespace casemate::policies
