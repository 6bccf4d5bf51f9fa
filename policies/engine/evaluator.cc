#include "policies/engine/evaluator.h"

#include <algorithm>
#include <optional>

namespace casemate::policies {

namespace {

constexpr std::size_t kMaxNearMisses = 3;

// What one layer says of a call. Nothing: it has no say.
struct LayerVerdict {
  std::optional<Effect> effect;
  bool is_default = false;  // denied because no rule matched
};

Effect StricterOf(Effect a, Effect b) {
  return std::max(a, b);  // allow < ask < deny
}

LayerVerdict JudgeLayer(const Layer& layer, const PolicyInput& input, const Attributes& attributes,
                        Verdict& verdict) {
  const std::size_t before = verdict.matched.size();
  LayerVerdict said;
  bool is_allowed = false;
  bool is_decided = false;
  for (const std::uint32_t place : layer.index.Candidates(attributes)) {
    const Rule& rule = layer.rules[place];
    if (rule.Matches(input, attributes)) {
      is_decided = is_decided || rule.effect != Effect::kAsk || rule.IsMet(attributes);
      verdict.matched.push_back(&rule);
      said.effect = said.effect ? StricterOf(*said.effect, rule.effect) : rule.effect;
      is_allowed = is_allowed || rule.effect == Effect::kAllow;
    }
  }
  // To ask is stricter than to allow, but laxer than to deny: a condition that cannot be decided
  // must not lift the refusal of what nothing else allows.
  if ((!said.effect || !is_decided) && layer.SpeaksOf(input.tool)) {
    said = {Effect::kDeny, true};
  }
  // What a rule of the root does not state has a default. Elsewhere, and beside a rule that allows
  // outright, what is not stated is not narrowed.
  for (std::size_t i = before; i < verdict.matched.size(); ++i) {
    const Rule& rule = *verdict.matched[i];
    const bool is_whole = layer.is_root && (rule.effect == Effect::kAllow ||
                                            (rule.effect == Effect::kAsk && !is_allowed));
    verdict.rights = Intersect(verdict.rights, is_whole ? rule.rights : rule.narrows);
    if (rule.effect == Effect::kAsk) {
      verdict.approval = Intersect(verdict.approval, rule.approval);
    }
  }
  return said;
}

const Rule* FirstWith(Effect effect, const std::vector<const Rule*>& matched) {
  const auto found =
      std::ranges::find_if(matched, [&](const Rule* rule) { return rule->effect == effect; });
  return found == matched.end() ? nullptr : *found;
}

}  // namespace

Verdict Judge(std::span<const Layer> layers, const PolicyInput& input,
              const Attributes& attributes) {
  Verdict verdict;
  verdict.rights = kAllRights;
  verdict.approval = {Approver::kClient, Layer::kLongestApprovalMs, Remember::kSameRule};
  std::optional<Effect> strictest;
  bool has_root = false;
  for (const Layer& layer : layers) {
    if (!layer.IsAbout(input)) {
      continue;
    }
    has_root = has_root || layer.is_root;
    verdict.rights = Intersect(verdict.rights, layer.ceiling);
    verdict.approval = Intersect(verdict.approval, layer.floor);
    const LayerVerdict said = JudgeLayer(layer, input, attributes, verdict);
    if (said.is_default && verdict.silent == nullptr) {
      verdict.silent = &layer;
    }
    if (said.effect) {
      strictest = strictest ? StricterOf(*strictest, *said.effect) : *said.effect;
    }
  }
  std::ranges::sort(verdict.matched, {}, &Rule::id);
  verdict.effect = has_root && strictest ? *strictest : Effect::kDeny;
  verdict.decisive = FirstWith(verdict.effect, verdict.matched);
  return verdict;
}

bool MayAllow(std::span<const Layer> layers, const std::string& tool, const Principal& principal) {
  bool some_root = false;
  for (const Layer& layer : layers) {
    if (!layer.IsAboutTenant(principal.tenant)) {
      continue;
    }
    bool allows = !layer.SpeaksOf(tool);
    bool denies = false;
    for (const Rule& rule : layer.rules) {
      if (rule.Covers(tool, principal)) {
        allows = allows || rule.effect != Effect::kDeny;
        denies = denies || (rule.effect == Effect::kDeny && !rule.when);
      }
    }
    const bool may_allow = allows && !denies;
    // A layer about some workspaces only has nothing against calls in others.
    if (!may_allow && layer.workspaces.empty()) {
      return false;
    }
    some_root = some_root || (layer.is_root && may_allow);
  }
  return some_root;
}

std::vector<NearMiss> NearMisses(const Layer& layer, const PolicyInput& input,
                                 const Attributes& attributes) {
  std::vector<NearMiss> misses;
  for (const Rule& rule : layer.rules) {
    if (rule.effect != Effect::kDeny && rule.when && rule.Covers(input.tool, input.principal)) {
      std::string unmet = FirstUnmet(*rule.when, attributes);
      if (!unmet.empty()) {
        misses.push_back({&rule, std::move(unmet)});
      }
    }
  }
  std::ranges::sort(misses, {}, [](const NearMiss& miss) { return miss.rule->id; });
  if (misses.size() > kMaxNearMisses) {
    misses.resize(kMaxNearMisses);
  }
  return misses;
}

}  // namespace casemate::policies
