#include "policies/live/shadow_engine.h"

#include <nlohmann/json.hpp>

namespace casemate::policies {

Decision ShadowEngine::Decide(const PolicyInput& input) const {
  Decision decision = in_force_->Decide(input);
  const Decision other = candidate_->Decide(input);
  decision.shadow = ShadowVerdict{other.effect, other.rule_id, other.revision};
  return decision;
}

nlohmann::json ShadowEngine::Explain(const PolicyInput& input) const {
  return in_force_->Explain(input);
}

bool ShadowEngine::MayEverAllow(const std::string& tool, const Principal& principal) const {
  return in_force_->MayEverAllow(tool, principal);
}

}  // namespace casemate::policies
