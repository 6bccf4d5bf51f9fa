// ToolExecutor: the only caller of tools. find → check against the schema → prepare → policy →
// audit intent → run → audit outcome. MCP, jobs and the CLI enter here, so nothing runs without
// policy and audit. Thread-safe: calls run concurrently on the callers' threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "policies/engine/policy_engine.h"
#include "tools/catalog.h"
#include "tools/gate.h"

namespace casemate::tools {

class Approvals;
class CallMetrics;
class JobRunner;

// A call that policy allowed and whose intent is on disk: it must be passed to Finish, once.
struct AdmittedCall {
  const ToolSpec* spec = nullptr;
  std::unique_ptr<PreparedCall> prepared;
  policies::Decision decision;
  std::int64_t audit_seq = 0;
};
// The result when the call was not admitted: bad arguments, refused, not recorded.
using Admission = std::variant<AdmittedCall, ToolResult>;

class ToolExecutor {
 public:
  // Borrows both for its lifetime.
  ToolExecutor(const Catalog& catalog, Gate& gate) : catalog_(catalog), gate_(gate) {}

  // The tools that `principal` could ever be allowed to call.
  [[nodiscard]] std::vector<const ToolSpec*> List(const policies::Principal& principal) const;

  // null: there is no such tool.
  [[nodiscard]] const ToolSpec* Find(std::string_view name) const {
    const Tool* tool = catalog_.FindTool(name);
    return tool == nullptr ? nullptr : &tool->spec();
  }

  // Error only when there is no such tool (kNotFound); everything else, bad arguments, refusals and
  // failures included, is a ToolResult with is_error. Admit and Finish in one; a call that asks for
  // the background becomes a job.
  Result<ToolResult> Call(std::string_view name, const nlohmann::json& args, CallContext& context);
  // The first half: everything up to the durable intent. Sets context.audit_seq.
  Result<Admission> Admit(std::string_view name, const nlohmann::json& args, CallContext& context) {
    return Admit(name, args, context, false);
  }
  // The second half: runs it and records the outcome.
  ToolResult Finish(AdmittedCall& call, CallContext& context);
  // In place of Finish: records that the call was not run, and returns what its caller is told.
  ToolResult Abandon(AdmittedCall& call, const Error& why);
  // In place of Finish: hands the call to the jobs; the result says how to follow it.
  ToolResult StartJob(AdmittedCall call, const CallContext& context);

  // Where background calls go. Borrowed; null: they are errors. Call before the first call.
  void set_jobs(JobRunner* jobs) { jobs_ = jobs; }
  // Where calls get approval for which policy says `ask`. Likewise; null: they are refused.
  void set_approvals(Approvals* approvals) { approvals_ = approvals; }
  // Where calls that are over are counted. Likewise; null: nowhere.
  void set_metrics(CallMetrics* metrics) { metrics_ = metrics; }

 private:
  // `runs_here`: Finish follows with the same context, so that the call may get ready for it.
  Result<Admission> Admit(std::string_view name, const nlohmann::json& args, CallContext& context,
                          bool runs_here);
  Admission AdmitTool(const Tool& tool, const nlohmann::json& args, CallContext& context,
                      bool runs_here);
  void NoteEnd(const ToolSpec& spec, const ToolResult& result);

  const Catalog& catalog_;
  Gate& gate_;
  JobRunner* jobs_ = nullptr;
  Approvals* approvals_ = nullptr;
  CallMetrics* metrics_ = nullptr;
};

}  // namespace casemate::tools
