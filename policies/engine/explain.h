// Explanations: rule by rule why a call is decided as it is, and what would have to change. JSON,
// so that commands, tools and programs say the same. Pure; thread-safe.
#pragma once

#include <span>

#include <nlohmann/json_fwd.hpp>

#include "policies/engine/layer.h"

namespace casemate::policies {

inline constexpr int kExplanationVersion = 1;

// Adds to `explanation`, which holds the decision:
//   layers: of each its name, whether it is about the call, what it says, and every rule that names
//     the tool: matched, not_met, undecidable or not_covered (by which selector); each comparison
//     with its truth and the value that it met;
//   obstacles: the rules that ask or deny;
//   near_misses: the rules that would allow or ask, and what keeps each from it;
//   line: where a layer allows nothing of the call, the line that would.
// Preconditions: args, context and history are objects.
void AddLayers(std::span<const Layer> layers, const PolicyInput& input,
               nlohmann::json& explanation);

// The same without what is none of the caller's business: rules and layers that do not cover them,
// and the names of other principals.
nlohmann::json CallersView(nlohmann::json explanation);

}  // namespace casemate::policies
