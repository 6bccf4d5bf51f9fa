// One command in a container that exists, from its creation by the engine to its end. Blocking; the
// arguments are used on the caller's thread only, the EventFd may be signalled from elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/event_fd.h"
#include "base/result.h"
#include "sandbox/container/engine/engine.h"
#include "sandbox/container/run/stream_pump.h"

namespace casemate::container {

struct ExecEnd {
  std::string exec;     // its id
  Result<void> pumped;  // as StreamPump::Run
  sandbox::StopReason reason = sandbox::StopReason::kNone;
  bool ran_on = false;  // it could not be ended
};

// Feeds `input`, then the end of it where the request has a stdin. On `stop` and at the deadline
// (MonotonicNs) it is ended: SIGTERM, then SIGKILL. Errors: those of CreateExec and StartExec.
Result<ExecEnd> PerformExec(const Engine& engine, const std::string& container,
                            const ExecRequest& request, std::string_view input, const EventFd& stop,
                            std::int64_t deadline_ns, const StreamPump::Take& take);

}  // namespace casemate::container
