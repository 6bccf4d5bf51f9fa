// ApprovalDesk: where calls for which policy says `ask` get their approval. Requests and what
// became of them are rows of the Store, so that `casemate approve` and several servers on one state
// directory see the same; each change is in the audit trail or does not happen. It alone makes
// ApprovalProofs. The table is made at the first need, not at a server's start.
//
// Thread-safe; safe for concurrent processes. Borrows store and trail. Never called under
// Store::Lock: the trail may wait for another thread.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/store/store.h"
#include "policies/approvals/approval.h"
#include "policies/approvals/approval_table.h"
#include "policies/approvals/remembered.h"
#include "policies/audit/audit_log.h"

namespace casemate::policies {

class ApprovalDesk {
 public:
  using Clock = std::function<std::int64_t()>;  // ms since the epoch

  ApprovalDesk(Store& store, AuditLog& audit, Clock clock = {});

  // Hex SHA-256 over the canonical JSON of tool, principal, args and context. `unshown`: what the
  // call does beyond them and may be secret, such as the values of variables; it is digested under
  // a key that stays in the database, so that nobody who reads the hash can guess at it.
  Result<std::string> HashOf(const PolicyInput& input, std::string_view unshown);

  // What there is for a call.
  struct Standing {
    std::optional<ApprovalProof> proof;  // it was approved; that is used up now
    ApprovalMark mark;                   // of the proof, for the trail
    std::optional<Approval> open;        // else: pending, or denied a short while ago
  };
  // Uses up an approval of that call, or one that is remembered, if there is one. Exactly one of
  // several callers gets it, whatever processes they are in.
  Result<Standing> Take(const ApprovalCall& call, const Decision& decision);
  // Opens a request, or returns the one that is pending for the same call. `decision` asks. Errors:
  // kResourceExhausted when too many are pending.
  Result<Approval> Request(const ApprovalCall& call, const Decision& decision,
                           const ApprovalText& text);

  // Errors of both: kNotFound; kPermissionDenied (MayGrant); kInvalidArgument when it is decided,
  // used or over, or when `remember` is not allowed.
  Result<Approval> Grant(const std::string& id, const Decider& decider, bool remember);
  Result<Approval> Deny(const std::string& id, const Decider& decider, const std::string& reason);

  // With the state as the clock has it. Errors: kNotFound.
  Result<Approval> Show(const std::string& id);
  // Newest first; `all`: also what was denied or used or is over, as far as it is kept.
  Result<std::vector<Approval>> List(bool all);

  static constexpr std::int64_t kMaxPendingEach = 16;  // of one principal
  static constexpr std::int64_t kMaxPending = 1024;    // in all
  static constexpr std::int64_t kMaxKept = 2048;       // that are no longer open
  static constexpr std::int64_t kKeptMs = std::int64_t{7} * 24 * 3600 * 1000;
  // So long the same call is refused after a denial, without asking anybody again.
  static constexpr std::int64_t kDenialMs = 300'000;

 private:
  Result<void> Open();
  // Pending, or denied a short while ago.
  Result<std::optional<Approval>> FindOpen(const ApprovalCall& call, const std::string& fit,
                                           std::int64_t now);
  Result<Approval> Decide(Approval approval, const Decider& decider, ApprovalState state);
  // Uses up `granted`; nullopt: another was faster.
  Result<std::optional<ApprovalProof>> Use(const Approval& granted, const ApprovalCall& call,
                                           const Decision& decision, bool is_remembered);

  Store& store_;
  AuditLog& audit_;
  ApprovalTable table_;
  const Clock clock_;
  RememberedApprovals remembered_;
  std::mutex opening_;
  bool is_open_ = false;  // guarded by opening_
};

}  // namespace casemate::policies
