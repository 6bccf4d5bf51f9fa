#include "mcp/serving.h"

#include <poll.h>
#include <unistd.h>

#include <utility>

#include "base/log.h"
#include "tools/icon.h"

namespace casemate {
namespace {

// Read by models, at the start of every conversation: tests hold its length.
constexpr const char* kInstructions =
    "Casemate runs programs in a sandbox: no network; of the host only /usr and the workspace you "
    "name; limits on time, memory, processes and disk.\n"
    "- `run`: one program as `command`, an argument list; a command line as [\"bash\", \"-c\", "
    "\"…\"]; a snippet as `code` with `language`.\n"
    "- Each call starts from nothing. Pass inputs in `files` or `stdin`. To work on a project or "
    "to "
    "keep results, name a host directory as `workspace`.\n"
    "- More than 50 s: `background`: true; then job_status with wait_ms, job_output to look at it, "
    "job_cancel to stop it.\n"
    "- A non-zero exit code is a normal result. `Note:` lines name a limit that was felt.\n"
    "- Long output is cut in the middle; job_output with the run_id, or the linked resource, has "
    "all of it.\n"
    "- An error says under `What to do` how to go on: do that, do not repeat the call unchanged. "
    "What concerns the host, the configuration or the policy only your user can change.\n"
    "More: casemate://docs/tools.";

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
                               .changes = &runtime.changes(),
                               .metrics = runtime.metrics()};
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
