// A policy that allows everything in private workspaces. Test-only.
#pragma once

#include <string>

#include "base/hash.h"
#include "policies/engine/policy_engine.h"

namespace casemate::conformance {

class AllowAll : public policies::PolicyEngine {
 public:
  [[nodiscard]] policies::Decision Decide(const policies::PolicyInput& input) const override {
    policies::Decision decision;
    decision.effect = policies::Effect::kAllow;
    decision.decision_id = RandomHex(16);
    decision.rule_id = "allow-all";
    decision.revision = revision_;
    decision.grant = Issue({}, decision.decision_id, input.principal);
    return decision;
  }
  [[nodiscard]] bool MayEverAllow(const std::string& /*tool*/,
                                  const policies::Principal& /*principal*/) const override {
    return true;
  }
  [[nodiscard]] std::string revision() const override { return revision_; }

 private:
  std::string revision_ = "test";
};

}  // namespace casemate::conformance
