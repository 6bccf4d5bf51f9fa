#include "mcp/serving.h"

#include <poll.h>
#include <unistd.h>

#include <utility>

#include "base/log.h"
#include "tools/icon.h"

namespace casemate {
namespace {

constexpr const char* kInstructions =
    "Casemate runs commands and code for you in a sandbox: no network, no access to the host "
    "beyond one working directory, limits on time and memory. Call `run` with either `command` (an "
    "argument list, no shell) or `code` and `language`. Each call starts from nothing: pass what "
    "it "
    "needs in `files` or name a `workspace`. A non-zero exit code is a normal result; an error "
    "says "
    "why the call was refused or stopped and what to do next. For long work set `background` and "
    "follow it with job_status and job_output. Read casemate://docs/tools for more.";

}  // namespace

std::unique_ptr<mcp::Server> MakeServer(const Config& config, Runtime& runtime) {
  mcp::ServerOptions options;
  options.json.max_bytes = config.max_line_bytes;
  options.calls.working = config.max_concurrent_calls;
  for (FairPoolLimits* pool : {&options.calls, &options.reserved}) {
    pool->working_each = ShareOfOne(config, pool->working);
    pool->queued_each = ShareOfOne(config, pool->queued);
    pool->aside_each = ShareOfOne(config, pool->aside);
  }
  options.identity = {.name = "casemate",
                      .title = "Casemate",
                      .version = CASEMATE_VERSION,
                      .description = "Runs code in a sandbox, under policy, on the record",
                      .website_url = "",
                      .icon_url = tools::IconOf("M0 8V3a4 3 0 0 1 8 0v5H5V5H3v3z"),  // a casemate
                      .instructions = kInstructions};
  const mcp::Backends backends{.executor = runtime.executor(),
                               .gate = runtime.gate(),
                               .resources = &runtime.resources(),
                               .prompts = &runtime.prompts(),
                               .jobs = runtime.jobs(),
                               .changes = &runtime.changes()};
  return std::make_unique<mcp::Server>(backends, std::move(options));
}

Result<ShutdownDeadline> ShutdownDeadline::Start(int limit_ms) {
  auto done = EventFd::Create();
  if (!done) {
    return std::move(done).error();
  }
  std::jthread thread([fd = done->fd(), limit_ms] {
    pollfd wait{fd, POLLIN, 0};
    if (poll(&wait, 1, limit_ms) == 0) {
      Log(LogLevel::kError, "shutdown took too long; leaving the rest to the launcher");
      _exit(0);
    }
  });
  return ShutdownDeadline(*std::move(done), std::move(thread));
}

ShutdownDeadline::~ShutdownDeadline() {
  if (thread_.joinable()) {
    done_.Signal();
    thread_.join();
  }
}

}  // namespace casemate
