#include "policies/engine/evaluator.h"

#include <algorithm>

namespace casemate::policies {

namespace {

constexpr std::size_t kMaxNearMisses = 3;

const Rule* FirstWith(Effect effect, const std::vector<const Rule*>& matched) {
  const auto found =
      std::ranges::find_if(matched, [&](const Rule* rule) { return rule->effect == effect; });
  return found == matched.end() ? nullptr : *found;
}

}  // namespace

Verdict Judge(std::span<const Rule> rules, const PolicyInput& input, const Attributes& attributes) {
  Verdict verdict;
  for (const Rule& rule : rules) {
    if (rule.Matches(input, attributes)) {
      verdict.matched.push_back(&rule);
    }
  }
  std::ranges::sort(verdict.matched, {}, &Rule::id);
  for (const Effect effect : {Effect::kDeny, Effect::kAsk, Effect::kAllow}) {
    verdict.decisive = FirstWith(effect, verdict.matched);
    if (verdict.decisive != nullptr) {
      verdict.effect = effect;
      break;
    }
  }
  if (verdict.effect != Effect::kAllow) {
    return verdict;
  }
  verdict.limits = verdict.decisive->limits;
  verdict.workspace = verdict.decisive->workspace;
  for (const Rule* rule : verdict.matched) {
    verdict.limits = Intersect(verdict.limits, rule->limits);
    verdict.workspace = std::min(verdict.workspace, rule->workspace);
  }
  return verdict;
}

std::vector<NearMiss> NearMisses(std::span<const Rule> rules, const PolicyInput& input,
                                 const Attributes& attributes) {
  std::vector<NearMiss> misses;
  for (const Rule& rule : rules) {
    if (rule.effect == Effect::kAllow && rule.when && rule.Covers(input.tool, input.principal)) {
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
