// One command in a container that exists, from its creation by the engine to its end. Blocking; the
// arguments are used on the caller's thread only, the EventFd may be signalled from elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/event_fd.h"
#include "base/result.h"
#include "sandbox/container/run/exec_place.h"
#include "sandbox/container/run/stream_pump.h"

namespace casemate::container {

struct ExecEnd {
  std::string exec;     // its id
  Result<void> pumped;  // as StreamPump::Run
  sandbox::StopReason reason = sandbox::StopReason::kNone;
  bool ran_on = false;       // it was to end, and something of it may run on
  int cannot_run_errno = 0;  // the guard could not start the program
};

// In a container that has the guard, the guard starts it, under Casemate's filter, and nothing of
// it outlives it. Feeds `input`, then the end of it where the request has a stdin. On `stop` and at
// the deadline (MonotonicNs) it is ended: SIGTERM, then SIGKILL. Errors: those of CreateExec and
// StartExec.
Result<ExecEnd> PerformExec(const ExecPlace& place, ExecRequest request, std::string_view input,
                            const EventFd& stop, std::int64_t deadline_ns,
                            const StreamPump::Take& take);

}  // namespace casemate::container
