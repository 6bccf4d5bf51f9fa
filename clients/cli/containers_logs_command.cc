// `casemate containers logs`.
#include <unistd.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "clients/cli/call_outcome.h"
#include "clients/cli/command_line.h"
#include "clients/cli/containers_commands.h"
#include "clients/cli/containers_failure.h"
#include "clients/cli/outlet.h"
#include "clients/cli/terminal.h"

namespace casemate::cli {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxKb = 65'536;    // more than the longest tail
constexpr std::int64_t kFollowS = 86'400;  // a day

json CallOf(const ContainersLogsArgs& args) {
  // What is followed is shown as it comes, and need not be kept.
  json call = {{"container", args.name}, {"max_kb", args.follow ? 1 : kMaxKb}};
  if (args.tail) {
    call["tail"] = *args.tail;
  }
  if (!args.since.empty()) {
    call["since"] = args.since;
  }
  if (!args.grep.empty()) {
    call["grep"] = args.grep;
  }
  if (args.follow) {
    call["follow_s"] = kFollowS;
  }
  return call;
}

// All lines to standard output, so that a pipe gets them, whichever stream they came from.
class LogPrinter : public sandbox::OutputSink {
 public:
  LogPrinter(Outlet& outlet, bool as_json) : outlet_(outlet), as_json_(as_json) {}
  void OnOutput(sandbox::Stream stream, std::string_view line) override {
    if (!as_json_) {
      outlet_.OnOutput(sandbox::Stream::kStdout, line);
      return;
    }
    const bool is_out = stream == sandbox::Stream::kStdout;
    const std::string_view text = line.substr(0, line.size() - (line.ends_with('\n') ? 1 : 0));
    outlet_.Write(STDOUT_FILENO,
                  DumpJson({{"stream", is_out ? "stdout" : "stderr"}, {"line", text}}) + "\n");
  }

 private:
  Outlet& outlet_;
  const bool as_json_;
};

}  // namespace

int ContainersLogs(const ContainersLogsArgs& args, const WithCalls& with_calls) {
  Result<tools::ToolResult> done = Error{ErrorCode::kInternal, "no call was made", {}, {}, 0};
  int signal = 0;
  int code = kExitOk;
  const auto stood = with_calls([&](ToolCalls& calls) {
    auto outlet = Outlet::Create(calls.stop(), [&calls] { calls.Cancel(); });
    if (!outlet) {
      done = std::move(outlet).error();
      return;
    }
    LogPrinter printer(**outlet, args.json);
    done = calls.Call("container_logs", CallOf(args),
                      {.raw = !args.json, .output = args.follow ? &printer : nullptr});
    if (done && done->raw && !args.follow) {
      printer.OnOutput(sandbox::Stream::kStdout, done->raw->out);
    }
    signal = calls.signal();
    code = (*outlet)->Ended(kExitOk, kExitFailure);
  });
  if (!stood) {
    done = stood.error();
  }
  if (code != kExitOk) {
    return code;
  }
  if (signal != 0) {
    return kExitSignalBase + signal;
  }
  if (HasFailed(done)) {
    return Fail(done, kExitFailure);
  }
  if (args.json && !args.follow) {
    std::cout << DumpJson(done->structured) << '\n';
  } else {
    PrintNotes(done->structured);
  }
  return Flushed(kExitOk, kExitFailure);
}

}  // namespace casemate::cli
