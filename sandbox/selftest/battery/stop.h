// SIGINT, SIGTERM and SIGHUP as the end of a wait: what waits throws Interrupted, and destructors
// end processes and take files away. Process-wide; single-threaded.
#pragma once

#include <chrono>
#include <stdexcept>

namespace casemate::escape {

struct Interrupted : std::runtime_error {
  explicit Interrupted(int number) : std::runtime_error("interrupted"), signal(number) {}
  int signal;
};

using Deadline = std::chrono::steady_clock::time_point;

// From here on the three signals are only seen by waits; SIGPIPE is an error of the write.
void CatchStopSignals();
// In a child, before it executes something else: as they were. Async-signal-safe.
void RestoreSignals();
// Readable when one of the signals has come; -1 after the first, and within StopLater.
int StopFd();
// Takes the signal: the first one ends everything, further ones change nothing.
[[noreturn]] void ThrowInterrupted();
// Throws if a signal has come.
void CheckStop();
// Waits until `fd` is readable, has ended, or until `deadline`; false then. Throws Interrupted.
bool AwaitReadable(int fd, Deadline deadline);

// For destructors that wait: meanwhile no wait throws.
class StopLater {
 public:
  StopLater();
  ~StopLater();
  StopLater(const StopLater&) = delete;
  StopLater& operator=(const StopLater&) = delete;
};

}  // namespace casemate::escape
