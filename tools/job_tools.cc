#include "tools/job_tools.h"

#include <array>
#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/icon.h"
#include "tools/job_call.h"

namespace casemate::tools {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// Below the 60 s after which common clients give a call up.
constexpr std::int64_t kMaxWaitMs = 50'000;
constexpr milliseconds kCancelWait{5'000};

json InputSchema(json properties) {
  properties["job_id"] = JobIdSchema();
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", {"job_id"}},
          {"additionalProperties", false}};
}

json StatusOutputSchema() {
  return JobOutputSchema({{"tool", {{"type", "string"}}},
                          {"status_message", {{"type", "string"}}},
                          {"created_at", {{"type", "string"}}},
                          {"updated_at", {{"type", "string"}}},
                          {"progress", {{"type", "number"}}},
                          {"result", {{"type", "object"}}}});
}

class StatusCall : public JobCall {
 public:
  StatusCall(JobRunner& jobs, std::string id, std::int64_t wait_ms)
      : JobCall(jobs, std::move(id), {{"wait_ms", wait_ms}}), wait_(wait_ms) {}
  ToolResult Run(const policies::Grant& /*grant*/, CallContext& context) override {
    return Show(jobs().WaitFor(id(), context.principal, wait_, context.stop));
  }

 private:
  milliseconds wait_;
};

class CancelCall : public JobCall {
 public:
  CancelCall(JobRunner& jobs, std::string id) : JobCall(jobs, std::move(id), json::object()) {}
  ToolResult Run(const policies::Grant& /*grant*/, CallContext& context) override {
    if (const auto cancelled = jobs().Cancel(id(), context.principal); !cancelled) {
      return ErrorResult(cancelled.error());
    }
    return Show(jobs().WaitFor(id(), context.principal, kCancelWait, context.stop));
  }
};

class JobStatusTool : public Tool {
 public:
  explicit JobStatusTool(JobRunner& jobs) : jobs_(jobs) {
    spec_.name = "job_status";
    spec_.title = "Status of a background job";
    spec_.icon = IconOf("M0 5h2v3H0zM3 3h2v5H3zM6 0h2v8H6z");
    spec_.description =
        "How a background job stands: working, input_required, completed, failed or cancelled; "
        "with the call's result once there is one. With wait_ms it returns when the job ends or "
        "the "
        "time is over; while it says working, call again.";
    spec_.input_schema = InputSchema({{"wait_ms",
                                       {{"type", "integer"},
                                        {"minimum", 0},
                                        {"maximum", kMaxWaitMs},
                                        {"default", 0},
                                        {"description", "Milliseconds to wait for its end."}}}});
    spec_.output_schema = StatusOutputSchema();
    spec_.is_short = true;
    spec_.annotations = {
        .read_only = true, .destructive = false, .idempotent = true, .open_world = false};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override {
    static constexpr std::array<std::string_view, 2> kNames = {"job_id", "wait_ms"};
    ArgErrors errors;
    ArgReader reader(args, "args", kNames, errors);
    std::string id = ReadJobId(reader, errors);
    const auto wait_ms = reader.Integer("wait_ms", 0, kMaxWaitMs).value_or(0);
    if (const auto& error = errors.first()) {
      return *error;
    }
    return std::unique_ptr<PreparedCall>(
        std::make_unique<StatusCall>(jobs_, std::move(id), wait_ms));
  }

 private:
  JobRunner& jobs_;
  ToolSpec spec_;
};

class JobCancelTool : public Tool {
 public:
  explicit JobCancelTool(JobRunner& jobs) : jobs_(jobs) {
    spec_.name = "job_cancel";
    spec_.title = "Cancel a background job";
    spec_.icon = IconOf("M1 1h6v6H1z");
    spec_.description =
        "Stops a background job and everything it started; its output stays readable. One that "
        "has ended stays as it is.";
    spec_.input_schema = InputSchema(json::object());
    spec_.output_schema = {
        {"type", "object"}};  // that of job_status; said once, for it costs context
    spec_.is_short = true;
    spec_.annotations = {
        .read_only = false, .destructive = true, .idempotent = true, .open_world = false};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override {
    static constexpr std::array<std::string_view, 1> kNames = {"job_id"};
    ArgErrors errors;
    ArgReader reader(args, "args", kNames, errors);
    std::string id = ReadJobId(reader, errors);
    if (const auto& error = errors.first()) {
      return *error;
    }
    return std::unique_ptr<PreparedCall>(std::make_unique<CancelCall>(jobs_, std::move(id)));
  }

 private:
  JobRunner& jobs_;
  ToolSpec spec_;
};

}  // namespace

std::unique_ptr<Tool> MakeJobStatusTool(JobRunner& jobs) {
  return std::make_unique<JobStatusTool>(jobs);
}

std::unique_ptr<Tool> MakeJobCancelTool(JobRunner& jobs) {
  return std::make_unique<JobCancelTool>(jobs);
}

}  // namespace casemate::tools
