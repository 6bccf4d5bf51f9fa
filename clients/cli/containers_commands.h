// The subcommands of `casemate containers`: clients of the executor like any other, so what they do
// meets policy and is on record. Each prints to standard output, complains on standard error, and
// returns the process's exit code. Called from the main thread.
#pragma once

#include <functional>
#include <stop_token>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "clients/cli/containers_args.h"
#include "tools/tool.h"

namespace casemate::cli {

// The stack that calls go through, for as long as some of them need it.
class ToolCalls {
 public:
  struct Options {
    bool raw = false;                       // CallContext::raw_output
    sandbox::OutputSink* output = nullptr;  // CallContext::output
    tools::ProgressSink* progress = nullptr;
  };
  virtual ~ToolCalls() = default;
  // As the executor's.
  virtual Result<tools::ToolResult> Call(std::string_view tool, const nlohmann::json& args,
                                         const Options& options) = 0;
  // Requested by a signal, or by Cancel: takes calls back.
  [[nodiscard]] virtual std::stop_token stop() const = 0;
  [[nodiscard]] virtual int signal() const = 0;  // the one that came, or 0
  virtual void Cancel() = 0;                     // from any thread
};
// Makes the stack, calls `body` with it, and takes it down again. While it stands, SIGPIPE is
// ignored, and SIGINT, SIGTERM and SIGHUP only end up in ToolCalls.
using WithCalls = std::function<Result<void>(const std::function<void(ToolCalls&)>& body)>;

// Whichever was given.
int ContainersCommand(const ContainersArgs& args, const WithCalls& with_calls);

int ContainersList(const ContainersListArgs& args, const WithCalls& with_calls);
int ContainersStatus(const ContainersStatusArgs& args, const WithCalls& with_calls);
int ContainersLogs(const ContainersLogsArgs& args, const WithCalls& with_calls);
int ContainersExec(const ContainersExecArgs& args, const WithCalls& with_calls);
int ContainersOptimize(const ContainersOptimizeArgs& args, const WithCalls& with_calls);

}  // namespace casemate::cli
