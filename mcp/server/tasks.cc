#include "mcp/server/tasks.h"

#include <set>
#include <utility>

#include "base/clock.h"
#include "mcp/protocol/wire.h"
#include "mcp/server/askers.h"
#include "mcp/server/errors.h"
#include "mcp/server/server.h"
#include "mcp/server/session.h"
#include "tools/job_runner.h"

namespace casemate::mcp {

using nlohmann::json;
using tools::AskKind;
using tools::JobView;
using tools::TaskSupport;

namespace {

constexpr int kPollMs = 500;

std::set<AskKind> KindsOf(const tools::Asker* asker) {
  std::set<AskKind> kinds;
  for (const AskKind kind : {AskKind::kForm, AskKind::kUrl, AskKind::kSampling, AskKind::kRoots}) {
    if (asker != nullptr && asker->Supports(kind)) {
      kinds.insert(kind);
    }
  }
  return kinds;
}

}  // namespace

bool HasCrashed(const tools::ToolResult& result) {
  return result.is_error && result.structured.is_object() &&
         result.structured.value("status", "") == "internal_error";
}

json TaskJson(const JobView& job) {
  json task = {{"taskId", job.id},
               {"status", tools::ToString(job.status)},
               {"createdAt", Rfc3339(job.created_ms)},
               {"lastUpdatedAt", Rfc3339(job.updated_ms)},
               {"ttlMs", job.ttl_ms},
               {"pollIntervalMs", kPollMs}};
  if (!job.status_message.empty()) {
    task["statusMessage"] = job.status_message;
  }
  return task;
}

json DetailedTaskJson(const EditionTraits& edition, const ServerIdentity& identity,
                      const JobView& job) {
  json task = TaskJson(job);
  const bool has_crashed = job.result.has_value() && HasCrashed(*job.result);
  if (job.status == tools::JobStatus::kFailed || has_crashed) {
    task["status"] = "failed";
    task["error"] = {{"code", jsonrpc::kInternalError},
                     {"message", has_crashed ? job.result->text : job.status_message}};
  } else if (job.status == tools::JobStatus::kCompleted && job.result.has_value()) {
    task["result"] = Complete(edition, identity, CallToolResult(edition, *job.result));
  } else if (job.status == tools::JobStatus::kInputRequired) {
    json asked = json::object();
    for (const tools::Question& question : job.questions) {
      asked[question.key] = QuestionJson(edition, question);
    }
    task["inputRequests"] = std::move(asked);
  }
  return task;
}

Called CallOrDefer(Exchange& exchange, const ToolRequest& request, CallScope& scope) {
  const Backends& backends = exchange.server().backends();
  const tools::ToolSpec* spec = backends.executor.Find(request.name);
  const TaskSupport support = spec == nullptr ? TaskSupport::kNever : spec->task;
  const bool knows_tasks = exchange.edition.modern && backends.jobs != nullptr &&
                           exchange.client.Declares(kTasksExtension);
  if (support == TaskSupport::kRequired && !knows_tasks) {
    return MissingCapability({{"extensions", {{kTasksExtension, json::object()}}}});
  }
  tools::CallContext& context = scope.context();
  if (support == TaskSupport::kNever || !knows_tasks) {
    auto called = backends.executor.Call(request.name, request.args, context);
    if (!called) {
      return std::move(called).error();
    }
    return *std::move(called);
  }
  auto admission = backends.executor.Admit(request.name, request.args, context);
  if (!admission) {
    return std::move(admission).error();
  }
  if (auto* result = std::get_if<tools::ToolResult>(&*admission)) {
    return std::move(*result);
  }
  auto& call = std::get<tools::AdmittedCall>(*admission);
  const tools::JobOrigin origin{
      context.principal, context.channel, KindsOf(context.asker),
      context.asker == nullptr ? tools::Answers() : context.asker->Known()};
  auto started = support == TaskSupport::kWhenSlow && !call.prepared->background()
                     ? backends.jobs->RunOrDefer(std::move(call), origin, context,
                                                 exchange.server().options().task_after)
                     : backends.jobs->Start(std::move(call), origin);
  if (auto* result = std::get_if<tools::ToolResult>(&started)) {
    return std::move(*result);
  }
  return ResultOfType(exchange.server().options().identity, "task",
                      TaskJson(std::get<JobView>(started)));
}

}  // namespace casemate::mcp
