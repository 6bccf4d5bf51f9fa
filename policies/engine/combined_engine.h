// CombinedEngine: several engines that all must agree. The strictest effect wins (deny > ask >
// allow); rights and terms of approval are what all of them grant; rules and marks are those of
// all. Rules of all but the first engine carry its name: `rego:ID`. Thread-safe as its parts are.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "policies/engine/policy_engine.h"

namespace casemate::policies {

class CombinedEngine final : public PolicyEngine {
 public:
  struct Part {
    std::string name;  // "yaml", "rego"
    std::shared_ptr<const PolicyEngine> engine;
  };
  // Precondition: at least one part.
  explicit CombinedEngine(std::vector<Part> parts) : parts_(std::move(parts)) {}

  [[nodiscard]] Decision Decide(const PolicyInput& input) const override;
  [[nodiscard]] bool MayEverAllow(const std::string& tool,
                                  const Principal& principal) const override;
  // sha256 over one line "NAME REVISION\n" a part, in their order; revisions() has the parts.
  [[nodiscard]] std::string revision() const override;
  // Of the first part that has one; so is the verdict of a candidate in decisions.
  [[nodiscard]] std::string commit() const override;
  // What they decide together, with the explanation of each that has one under its name.
  [[nodiscard]] nlohmann::json Explain(const PolicyInput& input) const override;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> revisions() const;

 private:
  std::vector<Part> parts_;
};

}  // namespace casemate::policies
