// The words of a refusal: why, and which line of which file would allow the call. Pure;
// thread-safe.
#pragma once

#include <span>
#include <string>

#include "policies/engine/evaluator.h"

namespace casemate::policies {

struct Refusal {
  std::string reason;
  std::string remedy;
};

// Precondition: verdict.effect is not kAllow. `policy_file` names the policy for people.
Refusal ExplainRefusal(const Verdict& verdict, std::span<const Rule> rules,
                       const PolicyInput& input, const Attributes& attributes,
                       const std::string& policy_file);

}  // namespace casemate::policies
