// The question (PolicyInput), the answer (Decision) and the interface behind which engines decide.
// Engines are immutable after loading; Decide is thread-safe and never throws: every failure is a
// deny with a reason that starts with "policy_error:".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "policies/grant.h"
#include "policies/identity/principal.h"

namespace casemate::policies {

enum class Effect { kAllow, kAsk, kDeny };

// The normalised call. Rules address it by dotted path: tool, principal.id, principal.tenant,
// principal.roles, args.…, context.… .
struct PolicyInput {
  std::string tool;
  Principal principal;
  const nlohmann::json& args;     // exactly what will be executed
  const nlohmann::json& context;  // facts we established: workspace_root, profile, …
};

struct Decision {
  Effect effect = Effect::kDeny;
  std::string decision_id;           // unguessable, unique
  std::vector<std::string> matched;  // ids of all rules that matched
  std::string rule_id;               // the rule that decided, or "default-deny"
  std::string reason;                // why, for the caller
  std::string remedy;                // the line that would allow it, or empty
  std::string revision;              // sha256 of the policy text
  std::optional<Grant> grant;        // present exactly when effect is kAllow
};

class PolicyEngine {
 public:
  virtual ~PolicyEngine() = default;
  [[nodiscard]] virtual Decision Decide(const PolicyInput& input) const = 0;
  // Whether any rule could ever let `principal` call `tool`; used to filter tools/list.
  [[nodiscard]] virtual bool MayEverAllow(const std::string& tool,
                                          const Principal& principal) const = 0;
  // sha256 (hex) of the policy in force.
  [[nodiscard]] virtual const std::string& revision() const = 0;

 protected:
  static Grant Issue(Limits limits, WorkspaceAccess access, std::string decision_id,
                     std::string principal_id) {
    return {limits, access, std::move(decision_id), std::move(principal_id)};
  }
};

}  // namespace casemate::policies
