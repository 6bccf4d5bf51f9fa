// The tool `job_output`: what a job has written so far, or what was kept of it.
#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/icon.h"
#include "tools/job_call.h"
#include "tools/job_tools.h"
#include "tools/output_text.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 4> kNames = {"job_id", "stream", "offset", "limit_kb"};
constexpr std::array<std::string_view, 2> kStreams = {"stdout", "stderr"};
constexpr std::int64_t kMaxOffset = std::int64_t{1} << 40;
constexpr std::int64_t kMaxLimitKb = 1024;
constexpr std::int64_t kDefaultLimitKb = 7;  // with what is around it below 8 KiB
constexpr std::uint64_t kKb = 1024;

struct OutputArgs {
  sandbox::Stream stream = sandbox::Stream::kStdout;
  std::int64_t offset = 0;  // negative: from the end
  std::uint64_t limit = 0;
};

class OutputCall : public JobCall {
 public:
  OutputCall(JobRunner& jobs, RunStore& runs, std::string id, const OutputArgs& args)
      : JobCall(jobs, std::move(id),
                {{"stream", StreamName(args.stream)},
                 {"offset", args.offset},
                 {"limit_kb", args.limit / kKb}}),
        runs_(runs),
        args_(args) {}
  ToolResult Run(const policies::Grant& /*grant*/, CallContext& context) override;

 protected:
  // A run that is no job has the same kind of id, and its kept output is read the same way.
  [[nodiscard]] bool IsOwn(const policies::Principal& principal) const override {
    return Label(principal).own || JobCall::IsOwn(principal);
  }
  [[nodiscard]] bool ShowsUntrusted(const policies::Principal& principal) const override {
    return Label(principal).untrusted || JobCall::ShowsUntrusted(principal);
  }

 private:
  [[nodiscard]] RunLabel Label(const policies::Principal& principal) const {
    return runs_.LabelOf(id(), OwnerOf(principal)).value_or(RunLabel{});
  }
  [[nodiscard]] std::uint64_t Start(std::uint64_t total) const;
  // From the run's own output, and else from what the job reported or ended with.
  [[nodiscard]] Result<OutputSlice> Slice(const Result<JobView>& job, CallContext& context,
                                          std::uint64_t& start) const;
  [[nodiscard]] std::string WholeText(const JobView& job, const CallContext& context) const;

  RunStore& runs_;
  OutputArgs args_;
};

std::uint64_t OutputCall::Start(std::uint64_t total) const {
  if (args_.offset >= 0) {
    return std::min(static_cast<std::uint64_t>(args_.offset), total);
  }
  return total - std::min(static_cast<std::uint64_t>(-args_.offset), total);
}

std::string OutputCall::WholeText(const JobView& job, const CallContext& context) const {
  if (!job.result) {
    return jobs().ReportedText(id(), context.principal);
  }
  const auto found = job.result->structured.find(StreamName(args_.stream));
  return found != job.result->structured.end() && found->is_string() ? found->get<std::string>()
                                                                     : job.result->text;
}

Result<OutputSlice> OutputCall::Slice(const Result<JobView>& job, CallContext& context,
                                      std::uint64_t& start) const {
  const std::string owner = OwnerOf(context.principal);
  if (const auto size = runs_.Read(id(), owner, args_.stream, 0, 0)) {
    start = Start(size->total);
    return runs_.Read(id(), owner, args_.stream, start, args_.limit);
  }
  if (!job) {
    return job.error();
  }
  const std::string text = WholeText(*job, context);
  start = Start(text.size());
  return OutputSlice{text.substr(start, args_.limit), text.size()};
}

ToolResult OutputCall::Run(const policies::Grant& /*grant*/, CallContext& context) {
  const auto job = jobs().Get(id(), context.principal);
  std::uint64_t start = 0;
  auto slice = Slice(job, context, start);
  if (!slice) {
    return ErrorResult(slice.error());
  }
  // A character whose rest follows is left to the next part.
  if (const std::size_t torn = TornTail(slice->bytes); torn < slice->bytes.size()) {
    slice->bytes.resize(slice->bytes.size() -
                        (torn > 0 && start + slice->bytes.size() < slice->total ? torn : 0));
  }
  const std::uint64_t next = start + slice->bytes.size();
  const std::string status(job ? ToString(job->status) : "completed");
  const std::string text = ToValidUtf8(slice->bytes);
  ToolResult result;
  result.structured = {
      {"job_id", id()},  {"status", status},    {"stream", StreamName(args_.stream)},
      {"offset", start}, {"next_offset", next}, {"total_bytes", slice->total},
      {"text", text}};
  result.text = "job " + id() + " (" + status + "), " + std::string(StreamName(args_.stream)) +
                " bytes " + std::to_string(start) + " to " + std::to_string(next) + " of " +
                std::to_string(slice->total) +
                (next < slice->total ? ", go on with offset " + std::to_string(next) : "") + ":\n" +
                EscapeControls(text, true);
  result.audit = {{"status", "completed"}, {"bytes", slice->bytes.size()}};
  return result;
}

class JobOutputTool : public Tool {
 public:
  JobOutputTool(JobRunner& jobs, RunStore& runs);
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override;

 private:
  JobRunner& jobs_;
  RunStore& runs_;
  ToolSpec spec_;
};

JobOutputTool::JobOutputTool(JobRunner& jobs, RunStore& runs) : jobs_(jobs), runs_(runs) {
  spec_.name = "job_output";
  spec_.title = "Output of a background job";
  spec_.icon = IconOf("M0 1h8v1H0zM0 4h8v1H0zM0 7h5v1H0z");
  spec_.description =
      "What a background job has written so far or, after its end, all of it; with a run_id as "
      "job_id, the output of a `run` whose reply was cut. Go on at next_offset.";
  spec_.input_schema = {
      {"type", "object"},
      {"properties",
       {{"job_id", JobIdSchema()},
        {"stream", {{"type", "string"}, {"enum", kStreams}, {"default", "stdout"}}},
        {"offset",
         {{"type", "integer"},
          {"minimum", -kMaxOffset},
          {"maximum", kMaxOffset},
          {"default", 0},
          {"description", "Byte to begin at; below 0: counted from the end."}}},
        {"limit_kb",
         {{"type", "integer"},
          {"minimum", 1},
          {"maximum", kMaxLimitKb},
          {"default", kDefaultLimitKb}}}}},
      {"required", {"job_id"}},
      {"additionalProperties", false}};
  spec_.output_schema = JobOutputSchema({{"stream", {{"type", "string"}}},
                                         {"offset", {{"type", "integer"}}},
                                         {"next_offset", {{"type", "integer"}}},
                                         {"total_bytes", {{"type", "integer"}}},
                                         {"text", {{"type", "string"}}}});
  spec_.is_short = true;
  spec_.annotations = {
      .read_only = true, .destructive = false, .idempotent = true, .open_world = false};
}

Result<std::unique_ptr<PreparedCall>> JobOutputTool::Prepare(
    const json& args, const std::stop_token& /*stop*/) const {
  ArgErrors errors;
  ArgReader reader(args, "args", kNames, errors);
  std::string id = ReadJobId(reader, errors);
  OutputArgs wanted;
  wanted.stream =
      StreamFromName(reader.Choice("stream", kStreams).value_or("stdout")).value_or(wanted.stream);
  wanted.offset = reader.Integer("offset", -kMaxOffset, kMaxOffset).value_or(0);
  wanted.limit = kKb * static_cast<std::uint64_t>(
                           reader.Integer("limit_kb", 1, kMaxLimitKb).value_or(kDefaultLimitKb));
  if (const auto& error = errors.first()) {
    return *error;
  }
  return std::unique_ptr<PreparedCall>(
      std::make_unique<OutputCall>(jobs_, runs_, std::move(id), wanted));
}

}  // namespace

std::unique_ptr<Tool> MakeJobOutputTool(JobRunner& jobs, RunStore& runs) {
  return std::make_unique<JobOutputTool>(jobs, runs);
}

}  // namespace casemate::tools
