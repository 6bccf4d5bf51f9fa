// The words of a refusal: why, and which line of which file would allow the call. Pure;
// thread-safe.
#pragma once

#include <string>

#include "policies/engine/evaluator.h"

namespace casemate::policies {

struct Refusal {
  std::string reason;
  std::string remedy;
};

// A rule that would allow the tool to the caller, as a line for `rules:`.
std::string AllowingLine(const PolicyInput& input);
// Precondition: verdict.effect is not kAllow.
Refusal ExplainRefusal(const Verdict& verdict, const PolicyInput& input,
                       const Attributes& attributes);

}  // namespace casemate::policies
