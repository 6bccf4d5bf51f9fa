// `casemate containers exec`: the tool `run` with a container as its target.
#include <iostream>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "clients/cli/call_outcome.h"
#include "clients/cli/command_line.h"
#include "clients/cli/commands.h"
#include "clients/cli/containers_commands.h"
#include "clients/cli/containers_failure.h"
#include "clients/cli/outlet.h"

namespace casemate::cli {
namespace {

using nlohmann::json;

constexpr std::int64_t kMsPerSecond = 1000;

Result<json> CallOf(const ContainersExecArgs& args) {
  RunArgs run;
  run.command = args.command;
  run.env = args.env;
  run.read_stdin = args.read_stdin;
  if (args.timeout_s) {
    run.timeout_ms = *args.timeout_s * kMsPerSecond;
  }
  auto call = RunCall(run);
  if (call) {
    (*call)["target"] = {{"container", args.name}};
  }
  return call;
}

// Whether the command never began: then the tool says why, and the command nothing.
bool IsRefused(const Result<tools::ToolResult>& done) {
  return !done || (done->is_error && done->structured.value("status", "") == "not_run");
}

}  // namespace

int ContainersExec(const ContainersExecArgs& args, const WithCalls& with_calls) {
  // Before signals are blocked: whoever types the input must be able to end it.
  const auto call = CallOf(args);
  if (!call) {
    std::cerr << "casemate: " << Describe(call.error()) << '\n';
    return kExitNotRun;
  }
  Result<tools::ToolResult> done = Error{ErrorCode::kInternal, "no call was made", {}, {}, 0};
  int signal = 0;
  int failed = kExitOk;
  const auto stood = with_calls([&](ToolCalls& calls) {
    auto outlet = Outlet::Create(calls.stop(), [&calls] { calls.Cancel(); });
    if (!outlet) {
      done = std::move(outlet).error();
      return;
    }
    done = calls.Call("run", *call, {.output = outlet->get()});
    (*outlet)->Finish();
    signal = calls.signal();
    failed = (*outlet)->Ended(kExitOk, kExitUnknown);
  });
  if (!stood) {
    done = stood.error();
  }
  if (failed != kExitOk) {
    return failed;
  }
  if (IsRefused(done)) {
    const int code = signal != 0 ? kExitSignalBase + signal : kExitNotRun;
    static_cast<void>(Fail(done, code));
    return code;
  }
  PrintNotes(done->structured);
  if (done->is_error) {
    PrintError(done->structured.value("error", json::object()), done->text);
  }
  return ExitCodeOf(done->structured, done->is_error, signal);
}

}  // namespace casemate::cli
