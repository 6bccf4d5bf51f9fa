#include "tools/approvals.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "tools/approval_text.h"

namespace casemate::tools {

using nlohmann::json;
using policies::Approval;
using policies::ApprovalDesk;
using policies::ApprovalState;
using policies::Decision;
using policies::Effect;

namespace {

constexpr const char* kApprove = "approve";
constexpr const char* kRemember = "remember";

// The key of the question is the approval's id: an answer fits only the call that was asked about.
Question QuestionFor(const Approval& pending) {
  json fields = {{kApprove,
                  {{"type", "boolean"},
                   {"title", "Let this call run"},
                   {"description", "Yes: it runs as shown. No: it is refused."},
                   {"default", false}}}};
  if (pending.terms.remember != policies::Remember::kNever) {
    const bool same_call = pending.terms.remember == policies::Remember::kSameCall;
    fields[kRemember] = {
        {"type", "boolean"},
        {"title", same_call ? "Also when this same call is made again in this session"
                            : "Also for every call that the same rules ask about in this session"},
        {"default", false}};
  }
  const std::string message = "May this call run?\n" + pending.text.full +
                              "Approval: " + pending.id + ", until " + Rfc3339(pending.expires_ms) +
                              "\n";
  return {pending.id,
          AskKind::kForm,
          {{"message", message},
           {"requestedSchema",
            {{"type", "object"}, {"properties", std::move(fields)}, {"required", {kApprove}}}}}};
}

bool IsTrue(const FormAnswer& answer) {
  return answer.accepted && answer.field != nullptr && *answer.field == true;
}

std::string HowToApprove(const Approval& pending, std::int64_t now_ms) {
  const std::string who = pending.terms.by == policies::Approver::kSecondPerson
                              ? "another person than who calls"
                              : "your user";
  return "ask " + who + " to run `casemate approve show " + pending.id +
         "` and `casemate approve grant " + pending.id +
         "` on the server, then make the same call again, with the same arguments, within " +
         InWords(pending.expires_ms - now_ms);
}

void NameApproval(ToolResult& result, const Approval& approval) {
  result.structured["error"]["approval_id"] = approval.id;
  result.structured["error"]["expires_at"] = Rfc3339(approval.expires_ms);
  result.audit["approval"] = approval.id;
}

ToolResult Required(const Decision& decision, const Approval& pending, std::int64_t now_ms) {
  ToolResult result = ErrorResult(
      ErrorKind::kApprovalRequired,
      Error{ErrorCode::kPermissionDenied,
            "nothing was run: the call needs approval " + pending.id + ": " + decision.reason,
            {},
            HowToApprove(pending, now_ms),
            0});
  NameApproval(result, pending);
  return result;
}

ToolResult Denied(const Decision& decision, const Approval& denied) {
  std::string message = "nothing was run: approval " + denied.id + " was denied";
  if (!denied.deny_reason.empty()) {
    message += ": " + denied.deny_reason;
  }
  const std::int64_t until =
      std::min(denied.expires_ms, denied.decided_ms + ApprovalDesk::kDenialMs);
  ToolResult result = ErrorResult(
      ErrorKind::kApprovalDenied,
      Error{ErrorCode::kPermissionDenied,
            message + " (" + decision.reason + ")",
            {},
            "go another way, or ask your user what to do instead; the same call is refused "
            "without asking until " +
                Rfc3339(until),
            0});
  NameApproval(result, denied);
  return result;
}

// A failure of the desk: what cannot be recorded is not approved.
Approvals::Settled Failed(Decision decision, const Error& error) {
  const bool is_full =
      error.code == ErrorCode::kResourceExhausted && error.field == "approval";  // not the disk
  Approvals::Settled settled{std::move(decision), {}, std::nullopt, is_full};
  settled.refused =
      is_full ? ErrorResult(error)
              : ErrorResult(ErrorKind::kAuditUnavailable,
                            AuditUnavailable(
                                "the call was not run: its approval could not be recorded", error));
  return settled;
}

}  // namespace

Result<Approvals::Answer> Approvals::AskClient(const Approval& pending, CallContext& context) {
  if (pending.terms.by != policies::Approver::kClient || context.asker == nullptr ||
      !context.asker->Supports(AskKind::kForm)) {
    return Answer::kNobody;
  }
  const auto answers = context.asker->Ask({QuestionFor(pending)});
  if (!answers) {
    const ErrorCode code = answers.error().code;
    const bool ends_call = code == ErrorCode::kInputRequired || code == ErrorCode::kCancelled;
    return ends_call ? Result<Answer>(answers.error()) : Result<Answer>(Answer::kNobody);
  }
  const policies::Decider decider{context.principal, std::string(policies::kClientChannel), -1};
  const FormAnswer approve = ReadForm(*answers, pending.id, kApprove);
  const bool is_approved = IsTrue(approve);
  const bool remembers = IsTrue(ReadForm(*answers, pending.id, kRemember)) &&
                         pending.terms.remember != policies::Remember::kNever;
  const auto decided = is_approved
                           ? desk_.Grant(pending.id, decider, remembers)
                           : desk_.Deny(pending.id, decider,
                                        approve.accepted ? "the person at the client answered no"
                                                         : "the person at the client declined");
  if (decided) {
    return is_approved ? Answer::kApproved : Answer::kDecided;
  }
  // Decided by somebody else, used by the same call on another thread, or too late.
  const ErrorCode code = decided.error().code;
  const bool is_settled = code == ErrorCode::kInvalidArgument || code == ErrorCode::kNotFound;
  return is_settled ? Result<Answer>(Answer::kDecided) : Result<Answer>(decided.error());
}

Result<Approval> Approvals::OpenFor(const Operation& operation,
                                    const policies::ApprovalCall& subject, const Decision& decision,
                                    const std::optional<Approval>& open) {
  if (open) {
    return *open;
  }
  return desk_.Request(subject, decision,
                       DescribeForApproval({subject, operation.args, operation.context, decision}));
}

std::optional<Approvals::Settled> Approvals::TryOnce(const Operation& operation,
                                                     const policies::ApprovalCall& subject,
                                                     Decision& decision, bool may_ask,
                                                     CallContext& context) {
  auto standing = desk_.Take(subject, decision);
  if (!standing) {
    return Failed(decision, standing.error());
  }
  if (const auto& proof = standing->proof) {
    return policies::PolicyEngine::Approve(decision, *proof, operation.principal)
               ? Settled{decision, std::move(standing->mark), std::nullopt, true}
               : Failed(decision, Error{ErrorCode::kInternal,
                                        "the approval is about another decision",
                                        {},
                                        {},
                                        0});
  }
  const auto open = OpenFor(operation, subject, decision, standing->open);
  if (!open) {
    return Failed(decision, open.error());
  }
  const policies::ApprovalMark mark{open->id, {}, {}, {}, 0};
  if (open->state == ApprovalState::kDenied) {
    return Settled{decision, mark, Denied(decision, *open), true};
  }
  const auto answer = may_ask ? AskClient(*open, context) : Answer::kNobody;
  if (answer) {
    return *answer == Answer::kNobody
               ? std::optional(
                     Settled{decision, mark, Required(decision, *open, WallClockMs()), true})
               : std::nullopt;
  }
  const ErrorCode code = answer.error().code;
  if (code != ErrorCode::kInputRequired && code != ErrorCode::kCancelled) {
    return Failed(decision, answer.error());
  }
  const bool was_cancelled = code == ErrorCode::kCancelled;
  ToolResult ended = ErrorResult(answer.error());
  if (was_cancelled) {
    ended.structured["status"] = "cancelled";
  }
  return Settled{decision, mark, std::move(ended), was_cancelled};
}

Approvals::Settled Approvals::Settle(const Operation& operation, const PreparedCall& call,
                                     Decision decision, CallContext& context) {
  const auto hash = desk_.HashOf({operation.action, operation.principal, operation.args,
                                  operation.context, policies::NoHistory()},
                                 call.Unshown());
  if (!hash && hash.error().code == ErrorCode::kInvalidArgument) {
    return {std::move(decision), {}, ErrorResult(hash.error()), true};
  }
  if (!hash) {
    return Failed(std::move(decision), hash.error());
  }
  const policies::ApprovalCall subject{operation.action, *hash, operation.principal,
                                       operation.channel, context.session};
  if (auto settled = TryOnce(operation, subject, decision, true, context)) {
    return *std::move(settled);
  }
  // A person has thought about it meanwhile: policy may say something else now.
  decision = gate_.Judge(operation);
  if (decision.effect == Effect::kAsk && decision.asked && decision.approval) {
    if (auto settled = TryOnce(operation, subject, decision, false, context)) {
      return *std::move(settled);
    }
  }
  return {std::move(decision), {}, std::nullopt, true};
}

}  // namespace casemate::tools
