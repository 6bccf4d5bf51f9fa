// The question (PolicyInput), the answer (Decision) and the interface behind which engines decide.
// Engines are immutable after loading; Decide is thread-safe and never throws: every failure is a
// deny with a reason that starts with "policy_error:".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "policies/approval_terms.h"
#include "policies/grant.h"
#include "policies/identity/principal.h"

namespace casemate::policies {

enum class Effect { kAllow, kAsk, kDeny };
std::string_view ToString(Effect effect);

// The normalised call. Rules address it by dotted path: tool, principal.id, principal.tenant,
// principal.roles, args.…, context.…, history.… . As JSON: docs/policy/input.schema.json.
struct PolicyInput {
  std::string tool;
  Principal principal;
  const nlohmann::json& args;     // exactly what will be executed
  const nlohmann::json& context;  // facts we established: workspace_root, profile, …
  const nlohmann::json& history;  // what this principal did before: see policies/history
};

// The history of whoever has none: every fact is there, and zero or empty.
const nlohmann::json& NoHistory();

// What a candidate policy, which is not in force, would have said.
struct ShadowVerdict {
  Effect effect = Effect::kDeny;
  std::string rule_id;
  std::string revision;
};

// As JSON: docs/policy/decision.schema.json.
struct Decision {
  Effect effect = Effect::kDeny;
  std::string decision_id;           // unguessable, unique
  std::vector<std::string> matched;  // ids of all rules that matched
  std::string rule_id;               // the rule that decided, or "default-deny"
  std::string reason;                // why, for the caller
  std::string remedy;                // the line that would allow it, or empty
  std::string revision;              // sha256 of the policy text
  std::string commit;                // of the repository that holds the policy; empty: none
  std::vector<std::string> marks;    // what the history notes of this call: "read_secret", …
  std::optional<Grant> grant;        // present exactly when effect is kAllow
  std::optional<Rights> asked;       // present exactly when effect is kAsk: what approval grants
  std::optional<ApprovalTerms> approval;  // likewise: who may approve
  std::optional<ShadowVerdict> shadow;    // of the candidate, where there is one
  // The history that it was judged by; null: none was kept.
  std::shared_ptr<const nlohmann::json> history;
};

// Proof that somebody entitled to it approved the call of one decision. Made by the approvals desk
// only (policies/approvals).
class ApprovalProof {
 public:
  [[nodiscard]] const std::string& decision_id() const { return decision_id_; }
  [[nodiscard]] const std::string& approval_id() const { return approval_id_; }
  [[nodiscard]] const std::string& approver() const { return approver_; }

 private:
  friend class ApprovalDesk;
  ApprovalProof(std::string decision_id, std::string approval_id, std::string approver)
      : decision_id_(std::move(decision_id)),
        approval_id_(std::move(approval_id)),
        approver_(std::move(approver)) {}

  std::string decision_id_;
  std::string approval_id_;
  std::string approver_;
};

class PolicyEngine {
 public:
  virtual ~PolicyEngine() = default;
  [[nodiscard]] virtual Decision Decide(const PolicyInput& input) const = 0;
  // Whether any rule could ever let `principal` call `tool`, by itself or after approval; used to
  // filter tools/list.
  [[nodiscard]] virtual bool MayEverAllow(const std::string& tool,
                                          const Principal& principal) const = 0;
  // What it decides of a call and why, for who writes the policy: docs/policy.md, "Explaining a
  // decision". Never throws. For a caller's eyes: CallersView of explain.h.
  [[nodiscard]] virtual nlohmann::json Explain(const PolicyInput& input) const;
  // sha256 (hex) of the policy in force.
  [[nodiscard]] virtual std::string revision() const = 0;
  // Of the repository that the policy was read from; empty: none.
  [[nodiscard]] virtual std::string commit() const { return {}; }

  // Turns a decision that asks into one that allows what was asked for. Changes nothing, and
  // returns false, unless it asks and `proof` is about it.
  static bool Approve(Decision& decision, const ApprovalProof& proof, const Principal& principal);

 protected:
  static Grant Issue(const Rights& rights, std::string decision_id, const Principal& principal) {
    return {rights, std::move(decision_id), principal};
  }
};

}  // namespace casemate::policies
