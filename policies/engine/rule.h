// One rule of a policy: whom and what it covers, under which condition, and what it then says.
// Immutable after loading; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/engine/condition.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {

// What an allow rule grants of each limit that it does not state.
inline constexpr Limits kUnstatedLimits = {.memory_mb = 512,
                                           .cpu_millis = 1000,
                                           .pids = 128,
                                           .wall_ms = 60'000,
                                           .output_kb = 64,
                                           .disk_mb = 256};

// Callers covered: each list that is not empty must hold (one of) the caller's. All empty:
// everyone.
struct PrincipalSelector {
  std::vector<std::string> ids;
  std::vector<std::string> roles;
  std::vector<std::string> tenants;
  [[nodiscard]] bool Selects(const Principal& principal) const;
};

struct Rule {
  std::string id;
  std::string where;  // "file:line:column" in the policy text
  Effect effect = Effect::kDeny;
  std::vector<std::string> tools;  // names, or "*" for all
  PrincipalSelector principals;
  std::optional<Condition> when;
  Limits limits = kUnstatedLimits;                            // of an allow
  WorkspaceAccess workspace = WorkspaceAccess::kPrivateOnly;  // of an allow
  std::string reason;
  std::string remedy;

  // Whether tool and caller are this rule's business, conditions aside.
  [[nodiscard]] bool Covers(std::string_view tool, const Principal& principal) const;
  // Whether the rule applies. A condition that cannot be decided does not allow, but does deny and
  // ask: leaving an argument out or changing its type must never widen what one may do.
  [[nodiscard]] bool Matches(const PolicyInput& input, const Attributes& attributes) const;
};

std::string_view ToString(Effect effect);

}  // namespace casemate::policies
