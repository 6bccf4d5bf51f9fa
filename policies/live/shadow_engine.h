// ShadowEngine: a policy in force, and a candidate that is asked as well and only noted: what it
// would have said stands in each decision, and so in the trail. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "policies/engine/policy_engine.h"

namespace casemate::policies {

class ShadowEngine final : public PolicyEngine {
 public:
  ShadowEngine(std::shared_ptr<const PolicyEngine> in_force,
               std::shared_ptr<const PolicyEngine> candidate)
      : in_force_(std::move(in_force)), candidate_(std::move(candidate)) {}

  [[nodiscard]] Decision Decide(const PolicyInput& input) const override;
  [[nodiscard]] nlohmann::json Explain(const PolicyInput& input) const override;
  [[nodiscard]] bool MayEverAllow(const std::string& tool,
                                  const Principal& principal) const override;
  [[nodiscard]] std::string revision() const override { return in_force_->revision(); }
  [[nodiscard]] std::string commit() const override { return in_force_->commit(); }

 private:
  const std::shared_ptr<const PolicyEngine> in_force_;
  const std::shared_ptr<const PolicyEngine> candidate_;
};

}  // namespace casemate::policies
