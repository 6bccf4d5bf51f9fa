// An approval: a request that somebody let one call run for which policy says `ask`, and what
// became of it. Immutable values and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {

enum class ApprovalState { kPending, kGranted, kDenied, kUsed, kExpired };
std::string_view ToString(ApprovalState state);  // "pending", …

// Who decides, and by which way.
struct Decider {
  Principal principal;
  std::string channel;    // "client": the person at the caller's own client; "cli"
  std::int64_t uid = -1;  // of the user who ran the command; -1: not known
};
inline constexpr std::string_view kClientChannel = "client";

// The call that is to be approved. Two calls with the same hash do the same.
struct ApprovalCall {
  std::string tool;
  std::string hash;  // hex; see ApprovalDesk::HashOf
  Principal principal;
  std::string channel;
  std::string session;  // of the caller; "": all that this server does for the principal
};

// What the approver is shown: nothing in it is the caller's own words without being marked as such.
struct ApprovalText {
  std::string summary;  // one line
  std::string full;
};

struct Approval {
  std::string id;
  ApprovalState state = ApprovalState::kPending;
  ApprovalCall call;  // without session
  std::vector<std::string> rules;
  std::string revision;  // of the policy
  ApprovalTerms terms;
  ApprovalText text;
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;
  bool remember = false;
  // Of whoever granted or denied it; empty and 0 before.
  std::string approver;
  std::string approver_tenant;
  std::string approver_channel;
  std::string deny_reason;
  std::int64_t decided_ms = 0;
  std::int64_t used_ms = 0;
  std::int64_t audit_seq = 0;  // of the newest record about it

  // Whether the clock has left the time in which it can be decided or used; a clock that was set
  // back behind its beginning too.
  [[nodiscard]] bool IsOver(std::int64_t now_ms) const {
    return now_ms >= expires_ms || now_ms < created_ms;
  }
};

// Ten letters and digits of Crockford's base 32 with a dash in the middle: "k3f9x-2mm4t". 50 random
// bits.
std::string NewApprovalId();
// As it is stored, of what a person typed: any case, without the dash, with O for 0 and I or L for
// 1. nullopt: it has not the form of an id.
std::optional<std::string> ReadApprovalId(std::string_view typed);

// What must be the same, beside the call, for an approval to be good: the policy's revision, the
// rules that matched, what they grant after approval, and the terms. Hex SHA-256.
std::string FitOf(const Decision& decision);

// Whether `decider` may grant it. Errors: kPermissionDenied that says who may.
Result<void> MayGrant(const Approval& approval, const Decider& decider);

// {id, call, tool, requester, rules, revision}: what each record of the trail says of an approval.
nlohmann::json ApprovalDetail(const Approval& approval);
// Terms from the JSON of ApprovalJson. What cannot be read is the strictest.
ApprovalTerms ReadApprovalTerms(const std::string& text);

}  // namespace casemate::policies
