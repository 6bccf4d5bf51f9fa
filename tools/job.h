// What a job is: a tool call that goes on after its request was answered. The same thing is a task
// of MCP io.modelcontextprotocol/tasks and what the tools job_status, job_output and job_cancel
// show. A job's id is the id of its run, if it runs a command. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policies/identity/principal.h"
#include "tools/tool.h"

namespace casemate::tools {

enum class JobStatus { kWorking, kInputRequired, kCompleted, kFailed, kCancelled };
std::string_view ToString(JobStatus status);  // as MCP spells it: "input_required"
std::optional<JobStatus> JobStatusFromName(std::string_view name);
[[nodiscard]] inline bool HasEnded(JobStatus status) {
  return status != JobStatus::kWorking && status != JobStatus::kInputRequired;
}

// How a job stands at one moment.
struct JobView {
  std::string id;
  std::string tool;
  std::string owner;
  JobStatus status = JobStatus::kWorking;
  std::string status_message;  // UTF-8; may be empty
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::int64_t ttl_ms = 0;  // from created_ms; afterwards it may be forgotten
  std::int64_t audit_seq = 0;
  bool untrusted = false;          // what it returns comes from outside of its caller's workspace
  std::optional<double> progress;  // the latest that was reported, while it runs
  std::optional<double> total;
  // What it waits for, exactly when the status is kInputRequired. Keys are unique in a job's life.
  std::vector<Question> questions;
  // Of a completed job: the tool's answer, errors of the tool included. Of a cancelled one: what
  // there was to say. Of a failed one: nothing; status_message says why.
  std::optional<ToolResult> result;
};

// Names whoever runs and jobs belong to: two principals of different tenants never share one.
std::string OwnerOf(const policies::Principal& principal);
// What policy is told of a job of the caller's own: {own: true}, and {untrusted: true} if it is.
nlohmann::json FactsOf(const JobView& job);

// For whom a job runs.
// The initialiser lets g++ 12 accept designated initialisers that name only some members.
struct JobOrigin {
  policies::Principal principal;
  std::string channel;
  // What the client can answer through JobRunner::Update.
  std::set<AskKind> may_ask{};  // NOLINT(readability-redundant-member-init)
  // What was answered before the call became a job; not asked again.
  Answers answered{};  // NOLINT(readability-redundant-member-init)
};

}  // namespace casemate::tools
