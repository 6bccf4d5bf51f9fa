// Finds rules that can never make a difference: what reads like a permission and is none is a load
// error. Load-time only; pure.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "policies/engine/layer.h"

namespace casemate::policies {

// An error for each: an allow or ask rule below an unconditional deny of all that it covers, or for
// tools that no layer above allows; a rule whose condition contradicts itself; a rule that says
// what another says. `layers`: each after all that it extends.
std::vector<Error> UnreachableRules(std::span<const Layer> layers);

}  // namespace casemate::policies
