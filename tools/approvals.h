// Approvals: what becomes of a call for which policy says `ask`. It uses up an approval that is
// there; else asks the person at the caller's client, if policy lets them decide and the client can
// ask; else leaves a request that `casemate approve` decides. Nothing of the call runs before.
// Thread-safe. Borrows gate and desk.
#pragma once

#include <optional>

#include "policies/approvals/approval_desk.h"
#include "tools/gate.h"
#include "tools/tool.h"

namespace casemate::tools {

class Approvals {
 public:
  Approvals(Gate& gate, policies::ApprovalDesk& desk) : gate_(gate), desk_(desk) {}

  struct Settled {
    // Allows, if the call was approved. Policy was asked once more if a person had to think.
    policies::Decision decision;
    policies::ApprovalMark mark;  // used, or waited for; no id: none
    // What the caller is told if it does not run; without it, the decision says why.
    std::optional<ToolResult> refused;
    bool is_due = true;  // a record of how policy decided; not while the client is asked, after
                         // which the call is made again, nor when nothing can be recorded
  };
  // `decision` asks. `call`: as `operation` names it.
  Settled Settle(const Operation& operation, const PreparedCall& call, policies::Decision decision,
                 CallContext& context);

 private:
  enum class Answer { kApproved, kDecided, kNobody };
  // Asks the person at the client and records what they say. kDecided: they refused, or somebody
  // else was faster. kNobody: nobody could be asked or answered. Errors: kInputRequired,
  // kCancelled, or those of the trail.
  Result<Answer> AskClient(const policies::Approval& pending, CallContext& context);

  // nullopt: somebody has answered, so that it is worth another try.
  std::optional<Settled> TryOnce(const Operation& operation, const policies::ApprovalCall& subject,
                                 policies::Decision& decision, bool may_ask, CallContext& context);
  // `open`, or a new request.
  Result<policies::Approval> OpenFor(const Operation& operation,
                                     const policies::ApprovalCall& subject,
                                     const policies::Decision& decision,
                                     const std::optional<policies::Approval>& open);

  Gate& gate_;
  policies::ApprovalDesk& desk_;
};

}  // namespace casemate::tools
