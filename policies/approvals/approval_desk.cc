#include "policies/approvals/approval_desk.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "policies/engine/policy_json.h"

namespace casemate::policies {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxReasonBytes = 1000;

Error NoSuch(const std::string& id) {
  return {ErrorCode::kNotFound,
          "there is no approval `" + EscapeControls(ToValidUtf8(id.substr(0, 64)), false) + "`",
          "id", "`casemate approve list` shows those that wait", 0};
}

Error Settled(const Approval& approval) {
  const std::string state(ToString(approval.state));
  return {ErrorCode::kInvalidArgument,
          "expected an approval that is pending, got " + approval.id + ", which is " + state, "id",
          "have the call made again: it gets a new one", 0};
}

json DeciderDetail(const Approval& approval) {
  return {{"id", approval.approver},
          {"tenant", approval.approver_tenant},
          {"channel", approval.approver_channel}};
}

ApprovalMark MarkOf(const Approval& approval) {
  return {approval.id, approval.approver, approval.approver_tenant, approval.approver_channel,
          approval.decided_ms};
}

}  // namespace

ApprovalDesk::ApprovalDesk(Store& store, AuditLog& audit, Clock clock)
    : store_(store),
      audit_(audit),
      table_(store),
      clock_(clock ? std::move(clock) : Clock(WallClockMs)) {}

Result<void> ApprovalDesk::Open() {
  const std::lock_guard opening(opening_);
  if (is_open_) {
    return {};
  }
  const auto lock = store_.Lock();
  auto migrated = store_.Migrate("approvals", ApprovalMigrations());
  is_open_ = migrated.ok();
  return migrated;
}

Result<std::string> ApprovalDesk::HashOf(const PolicyInput& input, std::string_view unshown) {
  json call = {{"version", 1},
               {"tool", input.tool},
               {"tenant", input.principal.tenant},
               {"principal", input.principal.id},
               {"args", input.args},
               {"context", input.context}};
  if (!unshown.empty()) {
    if (auto opened = Open(); !opened) {
      return std::move(opened).error();
    }
    Result<std::string> key = std::string();
    auto read = store_.Transaction([&]() -> Result<void> {
      key = table_.Key();
      return key ? Result<void>() : Result<void>(key.error());
    });
    if (!read) {
      return std::move(read).error();
    }
    call["unshown"] = HmacSha256Hex(*key, unshown);
  }
  // Strictly: two calls that differ in bytes that are no text must not become one.
  try {
    return Sha256Hex(call.dump());
  } catch (const json::exception&) {
    Error error =
        InvalidArgument("args", "expected UTF-8 in a call that needs approval, got other bytes");
    error.remedy = "pass those bytes in a file or as standard input: their digest is approved";
    return error;
  }
}

Result<std::optional<Approval>> ApprovalDesk::FindOpen(const ApprovalCall& call,
                                                       const std::string& fit, std::int64_t now) {
  const auto lock = store_.Lock();
  auto pending = table_.FindFor(call, fit, ApprovalState::kPending, now);
  if (!pending || pending->has_value()) {
    return pending;
  }
  return table_.FindFor(call, fit, ApprovalState::kDenied, now, now - kDenialMs + 1);
}

Result<ApprovalDesk::Standing> ApprovalDesk::Take(const ApprovalCall& call,
                                                  const Decision& decision) {
  if (auto opened = Open(); !opened) {
    return std::move(opened).error();
  }
  const std::string fit = FitOf(decision);
  const std::int64_t now = clock_();
  std::optional<Approval> granted = remembered_.Find(call, fit, now);
  const bool is_remembered = granted.has_value();
  if (!is_remembered) {
    const auto lock = store_.Lock();
    auto found = table_.FindFor(call, fit, ApprovalState::kGranted, now);
    if (!found) {
      return std::move(found).error();
    }
    granted = *std::move(found);
  }
  Standing standing;
  if (granted) {
    auto proof = Use(*granted, call, decision, is_remembered);
    if (!proof) {
      return std::move(proof).error();
    }
    standing.proof = *std::move(proof);
    if (standing.proof) {
      standing.mark = MarkOf(*granted);
      return standing;
    }
  }
  auto open = FindOpen(call, fit, now);
  if (!open) {
    return std::move(open).error();
  }
  standing.open = *std::move(open);
  return standing;
}

Result<std::optional<ApprovalProof>> ApprovalDesk::Use(const Approval& granted,
                                                       const ApprovalCall& call,
                                                       const Decision& decision,
                                                       bool is_remembered) {
  json detail = ApprovalDetail(granted);
  detail["call"] = call.hash;  // a remembered one may be of another call
  detail["decision_id"] = decision.decision_id;
  detail["approver"] = DeciderDetail(granted);
  detail["remembered"] = is_remembered;
  bool was_lost = false;
  const auto noted = audit_.NoteWith("approval_used", detail, [&](std::int64_t seq) {
    if (is_remembered) {
      return Result<void>();
    }
    auto marked = table_.MarkUsed(granted.id, clock_(), seq);
    if (!marked) {
      return Result<void>(std::move(marked).error());
    }
    was_lost = !*marked;
    return was_lost ? Result<void>(Settled(granted)) : Result<void>();
  });
  if (was_lost) {
    return std::optional<ApprovalProof>();
  }
  if (!noted) {
    return noted.error();
  }
  if (!is_remembered) {
    remembered_.Add(granted, call, FitOf(decision));
  }
  return std::optional(ApprovalProof(decision.decision_id, granted.id, granted.approver));
}

Result<Approval> ApprovalDesk::Request(const ApprovalCall& call, const Decision& decision,
                                       const ApprovalText& text) {
  if (decision.effect != Effect::kAsk || !decision.asked || !decision.approval ||
      decision.approval->expires_ms <= 0) {
    return Error{ErrorCode::kInternal, "expected a decision that asks, got another", "decision", "",
                 0};
  }
  if (auto opened = Open(); !opened) {
    return std::move(opened).error();
  }
  const std::string fit = FitOf(decision);
  Approval approval;
  approval.id = NewApprovalId();
  approval.call = call;
  approval.rules = decision.matched;
  approval.revision = decision.revision;
  approval.terms = *decision.approval;
  approval.text = text;
  approval.created_ms = clock_();
  approval.expires_ms = approval.created_ms + approval.terms.expires_ms;
  json detail = ApprovalDetail(approval);
  detail["channel"] = call.channel;
  detail["decision_id"] = decision.decision_id;
  detail["summary"] = text.summary;
  detail["by"] = std::string(ToString(approval.terms.by));
  detail["expires_ms"] = approval.expires_ms;
  std::optional<Approval> pending;  // the same, by another thread or process
  const auto noted =
      audit_.NoteWith("approval_requested", detail, [&](std::int64_t seq) -> Result<void> {
        const std::int64_t now = approval.created_ms;
        auto same = table_.FindFor(call, fit, ApprovalState::kPending, now);
        if (!same) {
          return std::move(same).error();
        }
        pending = *std::move(same);
        if (pending) {
          return Settled(*pending);
        }
        auto counts = table_.CountPending(call.principal, now);
        if (!counts) {
          return std::move(counts).error();
        }
        if (counts->of_principal >= kMaxPendingEach || counts->all >= kMaxPending) {
          return Error{ErrorCode::kResourceExhausted,
                       "the call needs approval, and " +
                           std::to_string(std::max(counts->of_principal, counts->all)) +
                           " requests wait for one already",
                       "approval",
                       "ask your user to decide them (`casemate approve list`), or wait until they "
                       "expire",
                       0};
        }
        approval.audit_seq = seq;
        if (auto pruned = table_.Prune(now - kKeptMs, kMaxKept, now); !pruned) {
          return pruned;
        }
        return table_.Insert(approval, fit);
      });
  if (pending) {
    return *std::move(pending);
  }
  return noted ? Result<Approval>(std::move(approval)) : Result<Approval>(noted.error());
}

Result<Approval> ApprovalDesk::Show(const std::string& id) {
  if (auto opened = Open(); !opened) {
    return std::move(opened).error();
  }
  const auto read = ReadApprovalId(id);
  if (!read) {
    return NoSuch(id);
  }
  const auto lock = store_.Lock();
  auto found = table_.Find(*read);
  if (!found) {
    return std::move(found).error();
  }
  std::optional<Approval> row = *std::move(found);
  if (!row) {
    return NoSuch(id);
  }
  Approval approval = *std::move(row);
  const bool is_open =
      approval.state == ApprovalState::kPending || approval.state == ApprovalState::kGranted;
  if (is_open && approval.IsOver(clock_())) {
    approval.state = ApprovalState::kExpired;
  }
  return approval;
}

Result<std::vector<Approval>> ApprovalDesk::List(bool all) {
  if (auto opened = Open(); !opened) {
    return std::move(opened).error();
  }
  const std::int64_t now = clock_();
  const auto lock = store_.Lock();
  auto list = table_.List(!all, now);
  if (!list) {
    return list;
  }
  for (Approval& approval : *list) {
    const bool is_open =
        approval.state == ApprovalState::kPending || approval.state == ApprovalState::kGranted;
    if (is_open && approval.IsOver(now)) {
      approval.state = ApprovalState::kExpired;
    }
  }
  return list;
}

Result<Approval> ApprovalDesk::Grant(const std::string& id, const Decider& decider, bool remember) {
  auto approval = Show(id);
  if (!approval) {
    return approval;
  }
  if (approval->state != ApprovalState::kPending) {
    return Settled(*approval);
  }
  if (auto may = MayGrant(*approval, decider); !may) {
    return std::move(may).error();
  }
  if (remember && approval->terms.remember == Remember::kNever) {
    return InvalidArgument("remember", "expected a grant for one call: the rule of approval " +
                                           approval->id + " does not let it be remembered");
  }
  approval->remember = remember;
  return Decide(*std::move(approval), decider, ApprovalState::kGranted);
}

Result<Approval> ApprovalDesk::Deny(const std::string& id, const Decider& decider,
                                    const std::string& reason) {
  auto approval = Show(id);
  if (!approval) {
    return approval;
  }
  if (approval->state != ApprovalState::kPending && approval->state != ApprovalState::kGranted) {
    return Settled(*approval);
  }
  if (reason.size() > kMaxReasonBytes) {
    return InvalidArgument("reason",
                           "expected at most 1000 bytes, got " + std::to_string(reason.size()));
  }
  approval->deny_reason = ToValidUtf8(reason);
  return Decide(*std::move(approval), decider, ApprovalState::kDenied);
}

Result<Approval> ApprovalDesk::Decide(Approval approval, const Decider& decider,
                                      ApprovalState state) {
  const bool grants = state == ApprovalState::kGranted;
  approval.approver = decider.principal.id;
  approval.approver_tenant = decider.principal.tenant;
  approval.approver_channel = decider.channel;
  approval.decided_ms = clock_();
  json detail = ApprovalDetail(approval);
  detail["approver"] = DeciderDetail(approval);
  if (decider.uid >= 0) {
    detail["approver"]["uid"] = decider.uid;
  }
  if (grants) {
    detail["remember"] =
        std::string(ToString(approval.remember ? approval.terms.remember : Remember::kNever));
  } else {
    detail["reason"] = approval.deny_reason;
  }
  const auto noted =
      audit_.NoteWith(grants ? "approval_granted" : "approval_denied", detail,
                      [&](std::int64_t seq) -> Result<void> {
                        Approval decided = approval;
                        decided.state = state;
                        decided.audit_seq = seq;
                        auto marked = table_.MarkDecided(decided);
                        if (!marked) {
                          return std::move(marked).error();
                        }
                        if (!*marked) {  // somebody else was faster, or the time is over
                          auto now = table_.Find(approval.id);
                          return Settled(now && now->has_value() ? **now : approval);
                        }
                        approval = std::move(decided);
                        return {};
                      });
  return noted ? Result<Approval>(std::move(approval)) : Result<Approval>(noted.error());
}

}  // namespace casemate::policies
