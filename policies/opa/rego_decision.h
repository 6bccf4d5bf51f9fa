// The answer of `data.casemate.decision`, read strictly: what is not exactly of the documented form
// (docs/policy/rego.md) is an error, never a guess. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {

inline constexpr std::size_t kMaxDecisionBytes = std::size_t{256} << 10;

struct RegoDecision {
  Effect effect = Effect::kDeny;
  std::vector<std::string> rules;  // the first decided; of an allow or ask at least one
  std::string reason;
  std::string remedy;
  Rights rights;           // of an allow or ask
  ApprovalTerms approval;  // of an ask
  std::vector<std::string> marks;
};

// `body` is that of a reply with status 200: {"result": {…}}. Errors: kInvalidArgument whose
// `field` is the path of what is wrong ("decision.limits.pids"); kNotFound: the decision is
// undefined.
Result<RegoDecision> ReadRegoDecision(std::string_view body);

}  // namespace casemate::policies
