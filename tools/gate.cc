#include "tools/gate.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "tools/call_metrics.h"

namespace casemate::tools {

namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr const char* kAuditRemedy =
    "free disk space or repair the state directory (`casemate audit verify`)";

policies::AuditIntent IntentOf(const Operation& operation, const policies::Decision& decision) {
  return {operation.action, operation.principal, operation.channel,
          operation.args,   operation.context,   decision};
}

std::int64_t NowMs() {
  return MonotonicNs() / kNsPerMs;
}

bool IsSet(const nlohmann::json& context, const char* fact) {
  const auto found = context.find(fact);
  return found != context.end() && *found != false && *found != 0;
}

// By the rules that matched, and by what the tool found out.
std::vector<std::string> MarksOf(const Operation& operation, const policies::Decision& decision) {
  std::vector<std::string> marks = decision.marks;
  const auto add = [&](const char* mark) {
    if (std::ranges::find(marks, mark) == marks.end()) {
      marks.emplace_back(mark);
    }
  };
  if (IsSet(operation.context, "secrets")) {
    add("read_secret");
  }
  if (IsSet(operation.context, "untrusted")) {
    add("read_untrusted");
  }
  return marks;
}

}  // namespace

bool IsUntrusted(const policies::Decision& decision, const nlohmann::json& context) {
  return std::ranges::find(decision.marks, "read_untrusted") != decision.marks.end() ||
         IsSet(context, "untrusted");
}

Error AuditUnavailable(const std::string& what, const Error& cause) {
  Log(LogLevel::kError, what + ": " + Describe(cause));
  return {ErrorCode::kUnavailable,
          what + ": " + cause.message,
          {},
          "on the host: " + (cause.remedy.empty() ? kAuditRemedy : cause.remedy),
          cause.sys_errno};
}

policies::Decision Gate::Decide(const Operation& operation) const {
  const auto history = std::make_shared<const nlohmann::json>(
      history_.Facts(operation.principal, operation.session, NowMs()));
  policies::Decision decision = policy_.Decide(
      {operation.action, operation.principal, operation.args, operation.context, *history});
  decision.history = history;
  if (decision.effect == policies::Effect::kAllow && !decision.grant) {
    decision.effect = policies::Effect::kDeny;
    decision.reason = "policy_error: the engine allowed the call without granting anything";
  }
  return decision;
}

policies::Decision Gate::Judge(const Operation& operation) const {
  policies::Decision decision = Decide(operation);
  if (metrics_ != nullptr) {
    metrics_->NoteDecision(decision.effect);
  }
  return decision;
}

nlohmann::json Gate::Explain(const Operation& operation) const {
  return policy_.Explain({operation.action, operation.principal, operation.args, operation.context,
                          history_.Facts(operation.principal, operation.session, NowMs())});
}

Result<std::int64_t> Gate::Begin(const Operation& operation, const policies::Decision& decision,
                                 const policies::ApprovalMark* approval) {
  policies::AuditIntent intent = IntentOf(operation, decision);
  intent.approval = approval;
  if (decision.effect == policies::Effect::kAllow) {
    history_.NoteCall(operation.principal, operation.session, MarksOf(operation, decision),
                      NowMs());
  }
  return audit_.Begin(intent);
}

Result<void> Gate::End(std::int64_t audit_seq, const nlohmann::json& outcome) {
  return audit_.End(audit_seq, outcome);
}

Result<Passage> Gate::Pass(const Operation& operation) {
  const policies::Decision decision = Judge(operation);
  if (const auto recorded = audit_.Access(IntentOf(operation, decision)); !recorded) {
    return AuditUnavailable(
        "nothing was shown: the access could not be recorded in the audit trail", recorded.error());
  }
  if (decision.effect == policies::Effect::kAsk) {
    return Error{ErrorCode::kPermissionDenied,
                 decision.reason +
                     "; this cannot be approved: approval exists for calls of tools "
                     "only",
                 {},
                 "go another way, or ask your user to change `effect: ask` of rule `" +
                     decision.rule_id + "`",
                 0};
  }
  if (decision.effect != policies::Effect::kAllow) {
    return Error{ErrorCode::kPermissionDenied, decision.reason, {}, decision.remedy, 0};
  }
  for (const std::string& mark : MarksOf(operation, decision)) {
    history_.NoteMark(operation.principal, operation.session, mark);
  }
  return Passage{IsUntrusted(decision, operation.context)};
}

}  // namespace casemate::tools
