// The tool `container_logs`: the last lines of a container's output, searched and followed.
#include <array>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "tools/container_call.h"
#include "tools/container_log_lines.h"
#include "tools/container_since.h"
#include "tools/container_tools.h"
#include "tools/icon.h"
#include "tools/progress_stream.h"
#include "tools/stop_after.h"

namespace casemate::tools {
namespace {

using container::StdStream;
using nlohmann::json;

constexpr std::array<std::string_view, 7> kNames = {"container", "tail",     "since", "grep",
                                                    "stream",    "follow_s", "max_kb"};
constexpr std::array<std::string_view, 3> kStreams = {"both", "stdout", "stderr"};
constexpr std::int64_t kTail = 100;
constexpr std::int64_t kMaxTail = 10'000;
constexpr std::int64_t kSearchedLines = 200'000;  // that grep looks at, from the end
constexpr std::int64_t kMaxFollowS = 50;          // common clients give a call up after 60
constexpr std::int64_t kReadS = 40;
constexpr std::int64_t kReplyKb = 8;
constexpr std::int64_t kMaxReplyKb = 256;
constexpr std::size_t kBytesPerKb = 1024;
// Of a person at a terminal, who ends it when they like and keeps no context.
constexpr std::int64_t kMaxFollowTerminalS = 86'400;
constexpr std::int64_t kMaxReplyTerminalKb = 65'536;

// What the arguments may be at most.
struct LogCeilings {
  std::int64_t follow_s = kMaxFollowS;
  std::int64_t reply_kb = kMaxReplyKb;
};

struct LogArgs {
  std::string container;
  std::int64_t tail = kTail;
  std::string since;  // as it was given: relative times stay so for approvals; may be empty
  std::string grep;   // empty: every line
  std::string stream = "both";
  std::int64_t follow_s = 0;
  std::int64_t max_kb = kReplyKb;
  std::optional<policies::Regex> pattern;
};

Result<LogArgs> Decode(const json& args, const LogCeilings& most) {
  ArgErrors errors;
  ArgReader reader(args, "args", kNames, errors);
  LogArgs log;
  if (auto name = ReadContainer(reader)) {
    log.container = *std::move(name);
  } else {
    errors.Expected("args.container", "the name or id of a container", "nothing",
                    "list them: container_status without arguments");
  }
  log.tail = reader.Integer("tail", 0, kMaxTail).value_or(kTail);
  if (auto since = reader.Text("since", {.max_bytes = 64, .allow_nul = false})) {
    if (auto parsed = ParseSince(*since, WallClockMs()); !parsed) {
      errors.Add(std::move(parsed).error());
    }
    log.since = *std::move(since);
  }
  if (const auto grep = reader.Text("grep", {.max_bytes = 1000, .allow_nul = false})) {
    log.grep = *grep;
    auto compiled = CompileGrep(*grep);
    if (compiled) {
      log.pattern = *std::move(compiled);
    } else {
      errors.Add(std::move(compiled).error());
    }
  }
  log.stream = reader.Choice("stream", kStreams).value_or("both");
  log.follow_s = reader.Integer("follow_s", 0, most.follow_s).value_or(0);
  log.max_kb = reader.Integer("max_kb", 1, most.reply_kb).value_or(kReplyKb);
  if (const auto& error = errors.first()) {
    return *error;
  }
  return log;
}

json Normalise(const LogArgs& log) {
  json normal = {{"tail", log.tail},
                 {"stream", log.stream},
                 {"follow_s", log.follow_s},
                 {"max_kb", log.max_kb}};
  if (!log.since.empty()) {
    normal["since"] = log.since;
  }
  if (!log.grep.empty()) {
    normal["grep"] = log.grep;
  }
  return normal;
}

class LogsCall : public ContainerCall {
 public:
  LogsCall(container::Containers& containers, container::ContainerDetails container, LogArgs log)
      : ContainerCall(containers, std::move(container), log.container, Normalise(log), true),
        log_(std::move(log)) {}
  ToolResult Run(const policies::Grant& grant, CallContext& context) override;

 private:
  // How the reading ended, beyond what LogLines knows.
  struct End {
    bool time_over = false;
  };
  // `live`: each line goes to a caller who has seen it then.
  [[nodiscard]] container::LogRequest Request(bool live) const;
  [[nodiscard]] ToolResult Show(const LogLines& lines, const End& end, bool raw) const;
  [[nodiscard]] std::vector<std::string> Notes(const LogLines& lines, const End& end,
                                               bool raw) const;

  const LogArgs log_;
};

container::LogRequest LogsCall::Request(bool live) const {
  container::LogRequest request;
  request.tail = log_.pattern && !live ? kSearchedLines : log_.tail;
  if (const auto since = ParseSince(log_.since, WallClockMs()); since && !log_.since.empty()) {
    request.since_ms = *since;
  }
  request.follow = log_.follow_s > 0;
  request.out = log_.stream != "stderr";
  request.err = log_.stream != "stdout";
  return request;
}

ToolResult LogsCall::Run(const policies::Grant& /*grant*/, CallContext& context) {
  auto engine = containers().engine(context.stop);
  if (!engine) {
    return ErrorResult(engine.error());
  }
  std::optional<ProgressStream> progress;
  if (log_.follow_s > 0 && context.progress != nullptr) {
    progress.emplace(*context.progress);
  }
  sandbox::OutputSink* const live = log_.follow_s > 0 ? context.output : nullptr;
  const auto tell = [&](StdStream stream, std::string_view shown) {
    const auto of =
        stream == StdStream::kStdout ? sandbox::Stream::kStdout : sandbox::Stream::kStderr;
    if (progress) {
      progress->OnOutput(of, shown);
    }
    if (live != nullptr) {
      live->OnOutput(of, shown);
    }
  };
  // While it follows, what is new comes on top of the tail.
  const auto most = static_cast<std::size_t>(log_.follow_s > 0 ? kMaxTail : log_.tail);
  LogLines lines({most, static_cast<std::size_t>(log_.max_kb) * kBytesPerKb, context.raw_output},
                 log_.pattern, tell);
  const StopAfter stop(context.stop,
                       std::chrono::seconds(log_.follow_s > 0 ? log_.follow_s : kReadS));
  const auto read = (*engine)->Logs(
      id(), Request(live != nullptr),
      [&](StdStream stream, std::string_view bytes) {
        lines.Take(stream, bytes);
        return true;
      },
      stop.token());
  lines.Finish();
  if (progress) {
    progress->Finish();
  }
  if (context.stop.stop_requested()) {
    return ErrorResult(Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0});
  }
  if (!read && !stop.is_over()) {
    return ErrorResult(AsArgument(read.error()));
  }
  return Show(lines, {stop.is_over()}, context.raw_output);
}

std::vector<std::string> LogsCall::Notes(const LogLines& lines, const End& end, bool raw) const {
  std::vector<std::string> notes;
  if (lines.left_out() > 0) {
    notes.push_back(std::to_string(lines.left_out()) + " earlier lines left out, above " +
                    std::to_string(log_.max_kb) +
                    " KiB: narrow it with `grep` or `since`, lower `tail`, or raise `max_kb`");
  }
  // Who gets the bytes can count the lines.
  if (log_.pattern && (!raw || lines.read() >= kSearchedLines)) {
    notes.push_back(std::to_string(lines.matched()) + " of " + std::to_string(lines.read()) +
                    " lines match" +
                    (lines.read() >= kSearchedLines
                         ? "; only the last " + std::to_string(kSearchedLines) + " were searched"
                         : ""));
  }
  if (lines.shortened() > 0) {
    notes.push_back(std::to_string(lines.shortened()) + " long lines shortened");
  }
  if (end.time_over && log_.follow_s == 0) {
    notes.push_back("stopped after " + std::to_string(kReadS) +
                    " s: the newest lines are missing; use a smaller `tail` or a later `since`");
  } else if (!end.time_over && log_.follow_s > 0) {
    notes.emplace_back("the output has ended: it does not run any more");
  }
  return notes;
}

ToolResult LogsCall::Show(const LogLines& lines, const End& end, bool raw) const {
  ToolResult result;
  const auto notes = Notes(lines, end, raw);
  std::string text = lines.Text();
  if (raw) {
    result.raw = RawOutput{std::exchange(text, {}), {}};
  }
  result.structured = {{"status", "completed"},
                       {"container", id()},
                       {"name", container().summary.name},
                       {"log", text},
                       {"lines", lines.lines().size()},
                       {"left_out", lines.left_out()},
                       {"notes", notes}};
  if (log_.pattern) {
    result.structured["matched"] = lines.matched();
    result.structured["searched"] = lines.read();
  }
  result.text = text.empty() ? "No lines.\n" : text;
  for (const std::string& note : notes) {
    result.text += "[" + note + "]\n";
  }
  result.audit = {{"status", "completed"},
                  {"lines", lines.lines().size()},
                  {"bytes", raw ? result.raw->out.size() : text.size()},
                  {"searched", lines.read()}};
  return result;
}

json InputSchema(const LogCeilings& most) {
  const auto integer = [](std::int64_t min, std::int64_t max, std::int64_t usual,
                          const char* description) {
    return json{{"type", "integer"},
                {"minimum", min},
                {"maximum", max},
                {"default", usual},
                {"description", description}};
  };
  return {
      {"type", "object"},
      {"properties",
       {{"container", ContainerSchema()},
        {"tail", integer(0, kMaxTail, kTail, "Last lines; with `grep`, of those that match.")},
        {"since",
         {{"type", "string"},
          {"description", "Seconds or a duration ago (`10m`), or a time of RFC 3339."}}},
        {"grep",
         {{"type", "string"},
          {"maxLength", 1000},
          {"description", "RE2 pattern, found anywhere in a line."}}},
        {"stream", {{"type", "string"}, {"enum", kStreams}, {"default", "both"}}},
        {"follow_s", integer(0, most.follow_s, 0, "Seconds to wait for more, told as progress.")},
        {"max_kb", integer(1, most.reply_kb, kReplyKb, "KiB of lines in the reply.")}}},
      {"required", {"container"}},
      {"additionalProperties", false}};
}

json OutputSchema() {
  const json text = {{"type", "string"}};
  const json integer = {{"type", "integer"}};
  return {{"type", "object"},
          {"properties",
           {{"status", text},
            {"container", text},
            {"name", text},
            {"log", text},
            {"lines", integer},
            {"left_out", integer},
            {"matched", integer},
            {"searched", integer},
            {"notes", {{"type", "array"}, {"items", text}}},
            {"error", {{"type", "object"}}}}},
          {"required", {"status"}}};
}

class ContainerLogsTool : public Tool {
 public:
  ContainerLogsTool(container::Containers& containers, const LogCeilings& most)
      : containers_(containers), most_(most) {
    spec_.name = "container_logs";
    spec_.title = "Output of a container";
    spec_.icon = IconOf("M0 1h8v1H0zM0 3h6v1H0zM0 5h7v1H0z");
    spec_.description =
        "The last lines that a container wrote, newest last; searched with `grep`, or followed for "
        "some seconds.";
    spec_.input_schema = InputSchema(most);
    spec_.output_schema = OutputSchema();
    spec_.toolset = "containers";
    spec_.annotations = {
        .read_only = true, .destructive = false, .idempotent = true, .open_world = false};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& stop) const override {
    auto log = Decode(args, most_);
    if (!log) {
      return std::move(log).error();
    }
    auto container = FindContainer(containers_, log->container, stop);
    if (!container) {
      return std::move(container).error();
    }
    return std::unique_ptr<PreparedCall>(
        std::make_unique<LogsCall>(containers_, *std::move(container), *std::move(log)));
  }

 private:
  container::Containers& containers_;
  const LogCeilings most_;
  ToolSpec spec_;
};

}  // namespace

std::unique_ptr<Tool> MakeContainerLogsTool(container::Containers& containers, bool for_terminal) {
  return std::make_unique<ContainerLogsTool>(
      containers,
      for_terminal ? LogCeilings{kMaxFollowTerminalS, kMaxReplyTerminalKb} : LogCeilings());
}

}  // namespace casemate::tools
