#include "policies/engine/policy_engine.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "policies/engine/explain.h"
#include "policies/engine/history_facts.h"
#include "policies/engine/policy_json.h"

namespace casemate::policies {

std::string_view ToString(Effect effect) {
  switch (effect) {
    case Effect::kAllow:
      return "allow";
    case Effect::kAsk:
      return "ask";
    case Effect::kDeny:
      return "deny";
  }
  return "deny";
}

const nlohmann::json& NoHistory() {
  static const nlohmann::json kNone = [] {
    nlohmann::json none = {{"egress_hosts", nlohmann::json::array()}};
    for (const std::string_view mark : kHistoryMarks) {
      none[std::string(mark)] = 0;
    }
    for (const HistoryWindow& window : kHistoryWindows) {
      none["calls"][std::string(window.name)] = 0;
    }
    return none;
  }();
  return kNone;
}

nlohmann::json PolicyEngine::Explain(const PolicyInput& input) const {
  nlohmann::json decision = DecisionJson(Decide(input));
  decision.erase("decision_id");  // no call was judged, and the trail knows of none
  return {
      {"version", kExplanationVersion}, {"tool", input.tool}, {"decision", std::move(decision)}};
}

bool PolicyEngine::Approve(Decision& decision, const ApprovalProof& proof,
                           const Principal& principal) {
  if (decision.effect != Effect::kAsk || !decision.asked ||
      proof.decision_id() != decision.decision_id) {
    return false;
  }
  decision.grant = Issue(*decision.asked, decision.decision_id, principal);
  decision.effect = Effect::kAllow;
  decision.asked.reset();
  decision.approval.reset();
  return true;
}

}  // namespace casemate::policies
