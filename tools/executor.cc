#include "tools/executor.h"

#include <exception>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"
#include "tools/approvals.h"
#include "tools/call_metrics.h"
#include "tools/job_runner.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

Error UnknownTool(const Catalog& catalog, std::string_view name) {
  std::vector<std::string_view> candidates;
  std::vector<std::string> names;
  for (const auto& tool : catalog.tools()) {
    candidates.push_back(tool->spec().name);
    names.push_back(tool->spec().name);
  }
  Error error;
  error.code = ErrorCode::kNotFound;
  error.field = "name";
  error.message = "expected the name of a tool, got `" +
                  EscapeControls(ToValidUtf8(name.substr(0, 64)), false) + "`";
  if (const auto nearest = NearestName(name, candidates)) {
    error.message += "; did you mean `" + *nearest + "`?";
  }
  error.remedy = "use one of: " + Join(names, ", ");
  return error;
}

// A tool is ours, but the libraries below it may throw: one bad call must not end the server.
Result<std::unique_ptr<PreparedCall>> PrepareCaught(const Tool& tool, const json& args,
                                                    const policies::Principal& principal,
                                                    const std::stop_token& stop) {
  std::string what;
  try {
    auto prepared = tool.Prepare(args, stop);
    if (prepared) {
      if (auto bound = (*prepared)->Bind(principal); !bound) {
        return std::move(bound).error();
      }
    }
    return prepared;
  } catch (const std::exception& caught) {
    what = caught.what();
  } catch (...) {
    what = "an exception of unknown type";
  }
  return Error{ErrorCode::kInternal, "reading the arguments failed: " + what, "args", {}, 0};
}

ToolResult InternalError(const std::string& what) {
  Log(LogLevel::kError, "a tool call failed: " + what);
  ToolResult result =
      ErrorResult(ErrorKind::kInternalError,
                  Error{ErrorCode::kInternal, "the tool failed unexpectedly: " + what, {}, {}, 0});
  // Unlike with other errors, we cannot say how far the call came.
  result.structured["status"] = "internal_error";
  result.audit = {{"status", "internal_error"}, {"message", ToValidUtf8(what.substr(0, 512))}};
  return result;
}

ToolResult RunCaught(PreparedCall& call, const policies::Grant& grant, CallContext& context) {
  try {
    return call.Run(grant, context);
  } catch (const std::exception& caught) {
    return InternalError(caught.what());
  } catch (...) {
    return InternalError("an exception of unknown type");
  }
}

// While the trail is on its way to disk. What goes wrong here goes wrong again, and is told, in
// Run.
void GetReady(AdmittedCall& call, CallContext& context) {
  if (!call.decision.grant.has_value()) {
    return;
  }
  try {
    call.prepared->GetReady(*call.decision.grant, context);
  } catch (const std::exception& caught) {
    Log(LogLevel::kWarning, std::string("a call could not get ready: ") + caught.what());
  } catch (...) {
    Log(LogLevel::kWarning, "a call could not get ready: an exception of unknown type");
  }
}

// What policy would have allowed of it, and what would have to change for the call itself.
std::string RemedyOf(const AdmittedCall& call, const Gate& gate, const Operation& operation) {
  std::vector<std::string> allowed;
  for (const OtherWay& way : call.prepared->OtherWays()) {
    const Operation other{operation.action,  operation.principal, operation.channel,
                          operation.session, way.normalised,      way.context};
    if (gate.Decide(other).effect == policies::Effect::kAllow) {
      allowed.push_back(way.words);
    }
  }
  if (allowed.empty()) {
    return call.decision.remedy;
  }
  return Join(allowed, ", or ") + "; or ask your user: " + call.decision.remedy;
}

ToolResult Refused(const AdmittedCall& call, std::string remedy) {
  const policies::Decision& decision = call.decision;
  const std::string rule = ToValidUtf8(decision.rule_id);
  ToolResult result =
      ErrorResult(ErrorKind::kRefused,
                  Error{ErrorCode::kPermissionDenied, decision.reason, {}, std::move(remedy), 0},
                  "(rule " + rule + ", decision " + decision.decision_id + ", audit record " +
                      std::to_string(call.audit_seq) + ")");
  result.structured["error"]["rule_id"] = rule;
  return result;
}

// The call ran, but the trail does not say how it ended: whoever called must know.
void MarkUnrecorded(ToolResult& result, const Error& cause) {
  Error error = AuditUnavailable(
      "the call ran, but its outcome could not be recorded in the audit trail", cause);
  error.remedy = "use the result below and do not repeat the call; tell your user, " + error.remedy;
  const ToolResult told = ErrorResult(ErrorKind::kOutcomeNotRecorded, error);
  result.is_error = true;
  result.structured["error"] = told.structured["error"];
  result.text = told.text + "\n\n" + result.text;
}

// Also a result that is an error, of a command that ran out of time for instance: what it printed
// until then is in there. Of a call that was not run all words are ours.
void LabelUntrusted(ToolResult& result) {
  if (result.is_error && result.structured.is_object() &&
      result.structured.value("status", json()) == "not_run") {
    return;
  }
  result.structured["untrusted"] = true;
  result.text = std::string(kUntrustedNote) + "\n\n" + result.text;
}

void Stamp(ToolResult& result, const policies::Decision& decision, std::int64_t audit_seq) {
  if (!result.structured.is_object()) {
    result.structured = json::object();
  }
  result.structured["decision_id"] = decision.decision_id;
  result.structured["audit_seq"] = audit_seq;
}

}  // namespace

std::vector<const ToolSpec*> ToolExecutor::List(const policies::Principal& principal) const {
  std::vector<const ToolSpec*> specs;
  for (const auto& tool : catalog_.tools()) {
    if (gate_.MayEverAllow(tool->spec().name, principal)) {
      specs.push_back(&tool->spec());
    }
  }
  return specs;
}

Result<Admission> ToolExecutor::Admit(std::string_view name, const json& args, CallContext& context,
                                      bool runs_here) {
  const Tool* tool = catalog_.FindTool(name);
  if (tool == nullptr) {
    return UnknownTool(catalog_, name);
  }
  Admission admission = AdmitTool(*tool, args, context, runs_here);
  if (const auto* refused = std::get_if<ToolResult>(&admission)) {
    NoteEnd(tool->spec(), *refused);
  }
  return admission;
}

Admission ToolExecutor::AdmitTool(const Tool& tool, const json& args, CallContext& context,
                                  bool runs_here) {
  if (const auto violations = catalog_.SchemaOf(tool).Check(args); !violations.empty()) {
    return Admission(InvalidArguments(violations));
  }
  auto prepared = PrepareCaught(tool, args, context.principal, context.stop);
  if (!prepared) {
    return Admission(ErrorResult(prepared.error()));
  }
  AdmittedCall call{&tool.spec(), *std::move(prepared), {}, 0};
  const Operation operation{
      tool.spec().name, context.principal,           context.channel,
      context.session,  call.prepared->normalised(), call.prepared->context()};
  call.decision = gate_.Judge(operation);
  policies::ApprovalMark mark;
  std::optional<ToolResult> unapproved;
  if (call.decision.effect == policies::Effect::kAsk && call.decision.asked &&
      call.decision.approval && approvals_ != nullptr) {
    auto settled = approvals_->Settle(operation, *call.prepared, std::move(call.decision), context);
    call.decision = std::move(settled.decision);
    mark = std::move(settled.mark);
    unapproved = std::move(settled.refused);
    if (!settled.is_due) {
      return Admission(unapproved ? *std::move(unapproved)
                                  : InternalError("a call was neither approved nor refused"));
    }
  }
  const auto begun = gate_.Begin(operation, call.decision, mark.id.empty() ? nullptr : &mark);
  if (!begun) {
    return Admission(ErrorResult(
        ErrorKind::kAuditUnavailable,
        AuditUnavailable("the call was not run: it could not be recorded in the audit trail",
                         begun.error())));
  }
  call.audit_seq = *begun;
  context.audit_seq = *begun;
  context.untrusted = IsUntrusted(call.decision, call.prepared->context());
  if (runs_here && call.decision.effect == policies::Effect::kAllow &&
      !call.prepared->background()) {
    GetReady(call, context);
  }
  if (const auto synced = gate_.Sync(); !synced) {
    ToolResult result = ErrorResult(
        ErrorKind::kAuditUnavailable,
        AuditUnavailable("the call was not run: its record in the audit trail could not be brought "
                         "to disk",
                         synced.error()));
    // Most likely it cannot be written either; then the intent stays without an outcome.
    static_cast<void>(gate_.End(*begun, result.audit));
    return Admission(std::move(result));
  }
  if (call.decision.effect == policies::Effect::kAllow) {
    return Admission(std::move(call));
  }
  ToolResult refused =
      unapproved ? *std::move(unapproved) : Refused(call, RemedyOf(call, gate_, operation));
  Stamp(refused, call.decision, *begun);
  return Admission(std::move(refused));
}

void ToolExecutor::NoteEnd(const ToolSpec& spec, const ToolResult& result) {
  if (metrics_ != nullptr) {
    metrics_->NoteCall(spec.name, result);
  }
}

ToolResult ToolExecutor::Finish(AdmittedCall& call, CallContext& context) {
  context.audit_seq = call.audit_seq;
  context.untrusted = IsUntrusted(call.decision, call.prepared->context());
  const auto& grant = call.decision.grant;
  ToolResult result = grant.has_value() ? RunCaught(*call.prepared, *grant, context)
                                        : InternalError("a call without a grant was admitted");
  if (context.untrusted) {
    LabelUntrusted(result);
  }
  Stamp(result, call.decision, call.audit_seq);
  if (const auto ended = gate_.End(call.audit_seq, result.audit); !ended) {
    MarkUnrecorded(result, ended.error());
  }
  NoteEnd(*call.spec, result);
  return result;
}

ToolResult ToolExecutor::Abandon(AdmittedCall& call, const Error& why) {
  ToolResult result = ErrorResult(why);
  if (why.code == ErrorCode::kCancelled) {
    result.structured["status"] = "cancelled";
    result.audit["status"] = "cancelled";
  }
  Stamp(result, call.decision, call.audit_seq);
  if (const auto ended = gate_.End(call.audit_seq, result.audit); !ended) {
    MarkUnrecorded(result, ended.error());
  }
  NoteEnd(*call.spec, result);
  return result;
}

ToolResult ToolExecutor::StartJob(AdmittedCall call, const CallContext& context) {
  if (jobs_ == nullptr) {
    return Abandon(
        call, Error{ErrorCode::kUnavailable, "there are no background jobs here", "args.background",
                    "leave `background` out, and wait for the result", 0});
  }
  const policies::Decision decision = call.decision;
  auto started = jobs_->Start(std::move(call), {context.principal, context.channel});
  if (auto* refused = std::get_if<ToolResult>(&started)) {
    return std::move(*refused);
  }
  const auto& job = std::get<JobView>(started);
  ToolResult result;
  result.structured = {{"status", "working"}, {"job_id", job.id}};
  result.text = "Runs in the background as job " + job.id +
                ". job_status waits for it (wait_ms), job_output shows its output, job_cancel "
                "stops it.";
  Stamp(result, decision, job.audit_seq);
  return result;
}

Result<ToolResult> ToolExecutor::Call(std::string_view name, const json& args,
                                      CallContext& context) {
  auto admission = Admit(name, args, context, true);
  if (!admission) {
    return std::move(admission).error();
  }
  if (auto* call = std::get_if<AdmittedCall>(&*admission)) {
    return call->prepared->background() ? StartJob(std::move(*call), context)
                                        : Finish(*call, context);
  }
  return std::get<ToolResult>(*std::move(admission));
}

}  // namespace casemate::tools
