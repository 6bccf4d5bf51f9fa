// Combines the rules of all layers into a verdict. In a layer: default deny; deny beats ask beats
// allow; every matching rule counts, none by its place in the file; several narrow each other.
// Between layers: the strictest wins, rights intersect. Pure; thread-safe.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "policies/engine/layer.h"

namespace casemate::policies {

struct Verdict {
  Effect effect = Effect::kDeny;
  std::vector<const Rule*> matched;  // by id
  const Rule* decisive = nullptr;    // first by id of those with `effect`; null: default deny
  const Layer* silent = nullptr;     // on default deny: the layer that allows nothing of the call
  Rights rights;                     // unless denied: what all of them grant
  ApprovalTerms approval;            // when asking: what all of them demand
};

Verdict Judge(std::span<const Layer> layers, const PolicyInput& input,
              const Attributes& attributes);

// Whether some call of `tool` by `principal` could be allowed, by itself or after approval.
[[nodiscard]] bool MayAllow(std::span<const Layer> layers, const std::string& tool,
                            const Principal& principal);

// What keeps an allow or ask rule that covers the call from matching.
struct NearMiss {
  const Rule* rule = nullptr;
  std::string unmet;  // in words
};
// Of one layer, by rule id, at most three.
std::vector<NearMiss> NearMisses(const Layer& layer, const PolicyInput& input,
                                 const Attributes& attributes);

}  // namespace casemate::policies
