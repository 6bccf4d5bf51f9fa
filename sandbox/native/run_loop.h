// RunLoop: waits for one launched command: feeds its stdin, takes its output, ends it on
// cancellation or at the deadline, and returns the launcher's report. Owned by one call, used on
// its thread; only the stop callback touches it (through the EventFd) from elsewhere.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/event_fd.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/native/capture.h"
#include "sandbox/native/launcher/wire.h"
#include "sandbox/native/report.h"
#include "sandbox/native/runner.h"

namespace casemate::sandbox {

// Our ends of what one run is connected to; the reading and writing ones are non-blocking.
struct RunStreams {
  UniqueFd stdin_write;  // invalid when there is nothing to feed
  UniqueFd stdin_read;   // kept so that a command which closes its stdin is no SIGPIPE for us
  UniqueFd stdout_read;
  UniqueFd stderr_read;
  UniqueFd run_socket;
};

class RunLoop {
 public:
  // `stop` is signalled to cancel; `sink` may be null. `stdin_data` is lent for Wait.
  RunLoop(RunStreams streams, std::string_view stdin_data, const EventFd& stop, OutputSink* sink,
          std::size_t capture_bytes);

  // Returns when the launcher has reported; no report means that the launcher is gone. Errors:
  // kUnavailable when the sandbox does not end although it was killed.
  Result<std::optional<wire::LaunchReport>> Wait(std::int64_t deadline_ns);
  [[nodiscard]] StopReason stop_reason() const { return reason_; }
  CapturedStream TakeStdout() { return std::move(stdout_capture_).Finish(); }
  CapturedStream TakeStderr() { return std::move(stderr_capture_).Finish(); }

 private:
  enum class Phase { kRunning, kTerminating, kKilling };

  // Ends the command one step harder. False: there is no harder step.
  bool Escalate();
  void Send(wire::RunCommand command) const;
  // True when the run is over, with or without a report.
  bool ReadReport(std::optional<wire::LaunchReport>& report) const;
  void ServeStreams(bool out_ready, bool err_ready, bool in_ready);
  void Feed();
  // One read. True when there may be more at once.
  bool Drain(UniqueFd& fd, Stream stream, StreamCapture& capture);
  void DrainRest();

  RunStreams streams_;
  std::string_view unfed_;
  const EventFd& stop_;
  OutputSink* sink_;
  StreamCapture stdout_capture_;
  StreamCapture stderr_capture_;
  Phase phase_ = Phase::kRunning;
  StopReason reason_ = StopReason::kNone;
  std::int64_t deadline_ns_ = 0;
  std::string buffer_;
};

}  // namespace casemate::sandbox
