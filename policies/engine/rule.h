// One rule of a policy: whom and what it covers, under which condition, and what it then says.
// Immutable after loading; thread-safe.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/engine/call_yaml.h"
#include "policies/engine/condition.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {

// What a rule grants of each limit that it does not state, where no other rule states it either.
inline constexpr Limits kUnstatedLimits = {.memory_mb = 512,
                                           .cpu_millis = 1000,
                                           .pids = 128,
                                           .wall_ms = 60'000,
                                           .output_kb = 64,
                                           .disk_mb = 256};
// What narrows nothing.
inline constexpr Rights kAllRights = {
    .limits = {.memory_mb = std::numeric_limits<std::int64_t>::max(),
               .cpu_millis = std::numeric_limits<std::int64_t>::max(),
               .pids = std::numeric_limits<std::int64_t>::max(),
               .wall_ms = std::numeric_limits<std::int64_t>::max(),
               .output_kb = std::numeric_limits<std::int64_t>::max(),
               .disk_mb = std::numeric_limits<std::int64_t>::max()},
    .workspace = WorkspaceAccess::kHostWrite,
    .strict_sandbox = false,
    .containers = ContainerRights::All()};

// Callers covered: each list that is not empty must hold (one of) the caller's. All empty:
// everyone.
struct PrincipalSelector {
  std::vector<std::string> ids;
  std::vector<std::string> roles;
  std::vector<std::string> tenants;
  [[nodiscard]] bool Selects(const Principal& principal) const;
};

// A call that the rule applies to, or does not: verified at load.
struct RuleExample {
  StatedCall call;
  bool matches = true;
  std::string where;  // "file:line:column"
};

struct Rule {
  std::string id;
  std::string where;  // "file:line:column" in the policy text
  Effect effect = Effect::kDeny;
  std::vector<std::string> tools;  // names, or "*" for all
  PrincipalSelector principals;
  std::optional<Condition> when;
  Rights rights = {kUnstatedLimits};  // of allow and ask: what is not stated is kUnstatedLimits
  Rights narrows = kAllRights;        // the same, but what is not stated narrows nothing
  ApprovalTerms approval;             // of ask
  std::vector<std::string> marks;     // what the history notes of a call that it matches
  std::string reason;
  std::string remedy;
  std::vector<RuleExample> examples;

  // Whether `tools` holds it, by name or as "*".
  [[nodiscard]] bool Names(std::string_view tool) const;
  // Whether tool and caller are this rule's business, conditions aside.
  [[nodiscard]] bool Covers(std::string_view tool, const Principal& principal) const;
  // Whether the rule applies. A condition that cannot be decided does not allow, but does deny and
  // ask: leaving an argument out or changing its type must never widen what one may do. (Where
  // nothing else allows the call, such an ask leaves it refused: Judge.)
  [[nodiscard]] bool Matches(const PolicyInput& input, const Attributes& attributes) const;
  // Whether the condition, if any, is true.
  [[nodiscard]] bool IsMet(const Attributes& attributes) const;
};

}  // namespace casemate::policies
