// Combines rules into a verdict: default deny; deny beats ask beats allow; every matching rule
// counts, none by its place in the file; several allows narrow each other. Pure; thread-safe.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "policies/engine/rule.h"

namespace casemate::policies {

struct Verdict {
  Effect effect = Effect::kDeny;
  std::vector<const Rule*> matched;  // by id
  const Rule* decisive = nullptr;    // first by id of those with `effect`; null: default deny
  Limits limits;                     // when allowed: the intersection of all allows
  WorkspaceAccess workspace = WorkspaceAccess::kPrivateOnly;  // when allowed: the narrowest
};

Verdict Judge(std::span<const Rule> rules, const PolicyInput& input, const Attributes& attributes);

// What keeps an allow rule that covers the call from matching.
struct NearMiss {
  const Rule* rule = nullptr;
  std::string unmet;  // in words
};
// By rule id, at most three.
std::vector<NearMiss> NearMisses(std::span<const Rule> rules, const PolicyInput& input,
                                 const Attributes& attributes);

}  // namespace casemate::policies
