#include "tools/job_call.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "tools/run_spool.h"

namespace casemate::tools {

using nlohmann::json;

std::string ReadJobId(ArgReader& reader, ArgErrors& errors) {
  const std::string id = reader.Text("job_id", {.max_bytes = 256}).value_or("");
  if (!IsRunId(id)) {
    errors.Expected("args.job_id", "26 characters of a-z and 2-7",
                    reader.Has("job_id") ? Quoted(id) : "nothing",
                    "use the job_id or run_id that `run` returned");
  }
  return id;
}

json JobIdSchema() {
  return {{"type", "string"},
          {"pattern", "^[a-z2-7]{26}$"},
          {"description", "The job_id or run_id that `run` returned."}};
}

json JobOutputSchema(json properties) {
  properties["job_id"] = {{"type", "string"}};
  properties["status"] = {{"type", "string"}};
  properties["error"] = {{"type", "object"}};
  properties["decision_id"] = {{"type", "string"}};
  properties["audit_seq"] = {{"type", "integer"}};
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

json JobJson(const JobView& job) {
  json body = {{"job_id", job.id},
               {"tool", job.tool},
               {"status", ToString(job.status)},
               {"created_at", Rfc3339(job.created_ms)},
               {"updated_at", Rfc3339(job.updated_ms)}};
  if (!job.status_message.empty()) {
    body["status_message"] = job.status_message;
  }
  if (job.progress && !HasEnded(job.status)) {
    body["progress"] = *job.progress;
  }
  if (job.result) {
    body["result"] = job.result->structured;
  }
  return body;
}

std::string JobText(const JobView& job) {
  std::string text = "job " + job.id + " (" + job.tool + "): " + std::string(ToString(job.status));
  if (job.result && job.status == JobStatus::kCompleted) {
    return text + "\n" + job.result->text;
  }
  if (!job.status_message.empty()) {
    text += ": " + job.status_message;
  }
  return text + (job.result ? "\n" + job.result->text : std::string());
}

ToolResult JobCall::Show(const Result<JobView>& job) const {
  if (!job) {
    return ErrorResult(job.error());
  }
  const JobView& view = *job;
  ToolResult result;
  result.structured = JobJson(view);
  result.text = JobText(view);
  if (view.result) {
    result.more = view.result->more;
  }
  result.audit = {{"status", "completed"}, {"job_status", ToString(view.status)}};
  return result;
}

}  // namespace casemate::tools
