#include "tools/gate.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"

namespace casemate::tools {

namespace {

constexpr const char* kAuditRemedy =
    "free disk space or repair the state directory (`casemate audit verify`), then repeat the call";

policies::AuditIntent IntentOf(const Operation& operation, const policies::Decision& decision) {
  return {operation.action, operation.principal, operation.channel,
          operation.args,   operation.context,   decision};
}

}  // namespace

Error AuditUnavailable(const std::string& what, const Error& cause) {
  Log(LogLevel::kError, what + ": " + Describe(cause));
  return {ErrorCode::kUnavailable,
          what + ": " + cause.message,
          {},
          cause.remedy.empty() ? kAuditRemedy : cause.remedy,
          cause.sys_errno};
}

policies::Decision Gate::Decide(const Operation& operation) const {
  policies::Decision decision =
      policy_.Decide({operation.action, operation.principal, operation.args, operation.context});
  if (decision.effect == policies::Effect::kAllow && !decision.grant) {
    decision.effect = policies::Effect::kDeny;
    decision.reason = "policy_error: the engine allowed the call without granting anything";
  }
  return decision;
}

Result<std::int64_t> Gate::Begin(const Operation& operation, const policies::Decision& decision) {
  return audit_.Begin(IntentOf(operation, decision));
}

Result<void> Gate::End(std::int64_t audit_seq, const nlohmann::json& outcome) {
  return audit_.End(audit_seq, outcome);
}

Result<void> Gate::Pass(const Operation& operation) {
  const policies::Decision decision = Decide(operation);
  if (const auto recorded = audit_.Access(IntentOf(operation, decision)); !recorded) {
    return AuditUnavailable(
        "nothing was shown: the access could not be recorded in the audit trail", recorded.error());
  }
  if (decision.effect != policies::Effect::kAllow) {
    return Error{ErrorCode::kPermissionDenied, decision.reason, {}, decision.remedy, 0};
  }
  return {};
}

}  // namespace casemate::tools
