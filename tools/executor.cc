#include "tools/executor.h"

#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"

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
Result<std::unique_ptr<PreparedCall>> PrepareCaught(const Tool& tool, const json& args) {
  std::string what;
  try {
    return tool.Prepare(args);
  } catch (const std::exception& caught) {
    what = caught.what();
  } catch (...) {
    what = "an exception of unknown type";
  }
  return Error{ErrorCode::kInternal, "reading the arguments failed: " + what, "args", {}, 0};
}

ToolResult InternalError(const std::string& what) {
  Log(LogLevel::kError, "a tool call failed: " + what);
  ToolResult result = ErrorResult("internal_error", Error{ErrorCode::kInternal,
                                                          "the tool failed unexpectedly: " + what,
                                                          {},
                                                          "report this as a defect of Casemate",
                                                          0});
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

ToolResult Refused(const policies::Decision& decision) {
  ToolResult result = ErrorResult(
      "refused", Error{ErrorCode::kPermissionDenied, decision.reason, {}, decision.remedy, 0});
  result.structured["error"]["rule_id"] = ToValidUtf8(decision.rule_id);
  return result;
}

// The call ran, but the trail does not say how it ended: whoever called must know.
void MarkUnrecorded(ToolResult& result, const Error& cause) {
  const ToolResult error =
      ErrorResult("outcome_not_recorded",
                  AuditUnavailable("the call ran, but its outcome could not be recorded in the "
                                   "audit trail",
                                   cause));
  result.is_error = true;
  result.structured["error"] = error.structured["error"];
  result.text = error.text + "\n\n" + result.text;
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

Result<Admission> ToolExecutor::Admit(std::string_view name, const json& args,
                                      CallContext& context) {
  const Tool* tool = catalog_.FindTool(name);
  if (tool == nullptr) {
    return UnknownTool(catalog_, name);
  }
  auto prepared = PrepareCaught(*tool, args);
  if (!prepared) {
    return Admission(ErrorResult(prepared.error()));
  }
  AdmittedCall call{&tool->spec(), *std::move(prepared), {}, 0};
  const Operation operation{tool->spec().name, context.principal, context.channel,
                            call.prepared->normalised(), call.prepared->context()};
  call.decision = gate_.Decide(operation);
  const auto begun = gate_.Begin(operation, call.decision);
  if (!begun) {
    return Admission(ErrorResult(
        "audit_unavailable",
        AuditUnavailable("the call was not run: it could not be recorded in the audit trail",
                         begun.error())));
  }
  call.audit_seq = *begun;
  context.audit_seq = *begun;
  if (call.decision.effect == policies::Effect::kAllow) {
    return Admission(std::move(call));
  }
  ToolResult refused = Refused(call.decision);
  Stamp(refused, call.decision, *begun);
  refused.text += "\n(rule " + ToValidUtf8(call.decision.rule_id) + ", decision " +
                  call.decision.decision_id + ", audit record " + std::to_string(*begun) + ")";
  return Admission(std::move(refused));
}

ToolResult ToolExecutor::Finish(AdmittedCall& call, CallContext& context) {
  context.audit_seq = call.audit_seq;
  ToolResult result = RunCaught(*call.prepared, *call.decision.grant, context);
  Stamp(result, call.decision, call.audit_seq);
  if (const auto ended = gate_.End(call.audit_seq, result.audit); !ended) {
    MarkUnrecorded(result, ended.error());
  }
  return result;
}

Result<ToolResult> ToolExecutor::Call(std::string_view name, const json& args,
                                      CallContext& context) {
  auto admission = Admit(name, args, context);
  if (!admission) {
    return std::move(admission).error();
  }
  if (auto* call = std::get_if<AdmittedCall>(&*admission)) {
    return Finish(*call, context);
  }
  return std::get<ToolResult>(*std::move(admission));
}

}  // namespace casemate::tools
