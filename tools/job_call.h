// What the job tools share: a call about one job, and the schemas of its parts. Used by one call
// on one thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "tools/arguments/args.h"
#include "tools/job_runner.h"
#include "tools/tool.h"

namespace casemate::tools {

// Reads args.job_id.
std::string ReadJobId(ArgReader& reader, ArgErrors& errors);
// {type, description} of args.job_id.
nlohmann::json JobIdSchema();
// An output schema with `properties` and what every result has: job_id, status, error and the
// numbers of decision and record.
nlohmann::json JobOutputSchema(nlohmann::json properties);
// Whole seconds since 1970 as ISO 8601, with milliseconds: "2026-01-02T03:04:05.678Z".
std::string TimeText(std::int64_t unix_ms);
// {job_id, tool, status, status_message, created_at, updated_at} and, if it ended with one, the
// result.
nlohmann::json JobJson(const JobView& job);
// "job x (run): working, …", and below it the text of the result.
std::string JobText(const JobView& job);

class JobCall : public PreparedCall {
 public:
  JobCall(JobRunner& jobs, std::string id, nlohmann::json normalised)
      : jobs_(jobs), id_(std::move(id)), normalised_(std::move(normalised)) {
    normalised_["job_id"] = id_;
  }
  Result<void> Bind(const policies::Principal& principal) override {
    context_["own"] = IsOwn(principal);
    if (ShowsUntrusted(principal)) {
      context_["untrusted"] = true;
    }
    return {};
  }
  [[nodiscard]] const nlohmann::json& normalised() const override { return normalised_; }
  [[nodiscard]] const nlohmann::json& context() const override { return context_; }

 protected:
  [[nodiscard]] virtual bool IsOwn(const policies::Principal& principal) const {
    return jobs_.Get(id_, principal).ok();
  }
  // What comes from outside of its caller's workspace does so at every look.
  [[nodiscard]] virtual bool ShowsUntrusted(const policies::Principal& principal) const {
    const auto job = jobs_.Get(id_, principal);
    return job && job->untrusted;
  }
  [[nodiscard]] JobRunner& jobs() const { return jobs_; }
  [[nodiscard]] const std::string& id() const { return id_; }
  // Of a look at the job; an error becomes ErrorResult.
  [[nodiscard]] ToolResult Show(const Result<JobView>& job) const;

 private:
  JobRunner& jobs_;
  std::string id_;
  nlohmann::json normalised_;
  nlohmann::json context_ = nlohmann::json::object();
};

}  // namespace casemate::tools
