// Connecting to an engine's unix socket, and waiting on it. Stateless; thread-safe.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate::container {

// A connection, non-blocking and closed on exec, before `deadline_ns` of MonotonicNs (0: no end).
// Errors, each with a remedy: kUnavailable (nobody listens, no such file, or it does not accept in
// time), kPermissionDenied, kCancelled, kInvalidArgument for a path that no address can hold.
Result<UniqueFd> ConnectTo(const std::string& path, std::int64_t deadline_ns,
                           const std::stop_token& stop);

// Until `events` of poll(2) are ready. Errors: kUnavailable at the deadline, kCancelled.
Result<void> WaitFor(int fd, short events, std::int64_t deadline_ns, const std::stop_token& stop);

}  // namespace casemate::container
