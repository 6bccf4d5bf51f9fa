#include "sandbox/native/run_loop.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/clock.h"

namespace casemate::sandbox {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kGraceNs = 200 * kNsPerMs;    // between SIGTERM and SIGKILL
constexpr std::int64_t kKillNs = 10'000 * kNsPerMs;  // for the kernel to end all that was killed
constexpr std::size_t kChunk = 65536;
// What pipes can hold after their writers are gone is at most 1 MiB by default.
constexpr int kMaxRestChunks = 64;

// Rounded up: waking a little early would spin.
int PollTimeoutMs(std::int64_t deadline_ns) {
  constexpr std::int64_t kLongest = 60'000;
  const std::int64_t left = deadline_ns - MonotonicNs();
  return left <= 0 ? 0 : static_cast<int>(std::min(kLongest, left / kNsPerMs + 1));
}

bool IsTransient(int err) {
  return err == EINTR || err == EAGAIN;
}

}  // namespace

RunLoop::RunLoop(RunStreams streams, std::string_view stdin_data, const EventFd& stop,
                 OutputSink* sink, std::size_t capture_bytes)
    : streams_(std::move(streams)),
      unfed_(stdin_data),
      stop_(stop),
      sink_(sink),
      stdout_capture_(capture_bytes),
      stderr_capture_(capture_bytes),
      buffer_(kChunk, '\0') {}

Result<std::optional<wire::LaunchReport>> RunLoop::Wait(std::int64_t deadline_ns) {
  deadline_ns_ = deadline_ns;
  Feed();
  while (true) {
    // poll skips negative descriptors, so a stream that is done drops out.
    std::array<pollfd, 5> entries = {{{streams_.run_socket.get(), POLLIN, 0},
                                      {reason_ == StopReason::kNone ? stop_.fd() : -1, POLLIN, 0},
                                      {streams_.stdout_read.get(), POLLIN, 0},
                                      {streams_.stderr_read.get(), POLLIN, 0},
                                      {streams_.stdin_write.get(), POLLOUT, 0}}};
    const int ready = poll(entries.data(), entries.size(), PollTimeoutMs(deadline_ns_));
    if (ready < 0 && errno != EINTR) {
      return ErrnoError("cannot wait for the command", errno);
    }
    if (ready < 0) {
      continue;
    }
    std::optional<wire::LaunchReport> report;
    if (entries[0].revents != 0 && ReadReport(report)) {
      DrainRest();
      return report;
    }
    ServeStreams(entries[2].revents != 0, entries[3].revents != 0, entries[4].revents != 0);
    // Looked at on every turn: a command that floods us with output must not outrun its deadline.
    const bool cancelled = entries[1].revents != 0;
    if (!cancelled && MonotonicNs() < deadline_ns_) {
      continue;
    }
    if (reason_ == StopReason::kNone) {
      reason_ = cancelled ? StopReason::kCancelled : StopReason::kTimedOut;
    }
    if (!Escalate()) {
      return Error{ErrorCode::kUnavailable,
                   "the sandbox did not end within 10 s of SIGKILL",
                   {},
                   "a process in it may hang in the kernel: see `ps -eo pid,stat,wchan,args`",
                   0};
    }
  }
}

void RunLoop::ServeStreams(bool out_ready, bool err_ready, bool in_ready) {
  if (out_ready) {
    Drain(streams_.stdout_read, Stream::kStdout, stdout_capture_);
  }
  if (err_ready) {
    Drain(streams_.stderr_read, Stream::kStderr, stderr_capture_);
  }
  if (in_ready) {
    Feed();
  }
}

bool RunLoop::Escalate() {
  switch (phase_) {
    case Phase::kRunning:
      phase_ = Phase::kTerminating;
      Send(wire::RunCommand::kTerminate);
      deadline_ns_ = MonotonicNs() + kGraceNs;
      return true;
    case Phase::kTerminating:
      phase_ = Phase::kKilling;
      Send(wire::RunCommand::kKill);
      deadline_ns_ = MonotonicNs() + kKillNs;
      return true;
    case Phase::kKilling:
      break;
  }
  return false;
}

void RunLoop::Send(wire::RunCommand command) const {
  // A launcher that is gone shows as EOF on the same socket.
  [[maybe_unused]] const ssize_t sent =
      send(streams_.run_socket.get(), &command, sizeof command, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool RunLoop::ReadReport(std::optional<wire::LaunchReport>& report) const {
  wire::LaunchReport received;
  const ssize_t got =
      recv(streams_.run_socket.get(), &received, sizeof received, MSG_DONTWAIT | MSG_TRUNC);
  if (got < 0 && IsTransient(errno)) {
    return false;
  }
  if (got == static_cast<ssize_t>(sizeof received)) {
    report = received;
  }
  return true;
}

void RunLoop::Feed() {
  while (streams_.stdin_write.valid() && !unfed_.empty()) {
    const ssize_t written = write(streams_.stdin_write.get(), unfed_.data(), unfed_.size());
    if (written < 0) {
      if (!IsTransient(errno)) {
        break;
      }
      return;
    }
    unfed_.remove_prefix(static_cast<std::size_t>(written));
  }
  // All is fed: EOF for the command. Our own read end no longer matters then.
  streams_.stdin_write.Reset();
  streams_.stdin_read.Reset();
}

bool RunLoop::Drain(UniqueFd& fd, Stream stream, StreamCapture& capture) {
  if (!fd.valid()) {
    return false;
  }
  const ssize_t got = read(fd.get(), buffer_.data(), buffer_.size());
  if (got < 0 && IsTransient(errno)) {
    return errno == EINTR;
  }
  if (got <= 0) {
    fd.Reset();
    return false;
  }
  const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
  capture.Append(bytes);
  if (sink_ != nullptr) {
    sink_->OnOutput(stream, bytes);
  }
  return true;
}

// Bounded, although after the report nobody is left to write.
void RunLoop::DrainRest() {
  for (int i = 0; i < kMaxRestChunks; ++i) {
    const bool more_out = Drain(streams_.stdout_read, Stream::kStdout, stdout_capture_);
    const bool more_err = Drain(streams_.stderr_read, Stream::kStderr, stderr_capture_);
    if (!more_out && !more_err) {
      return;
    }
  }
}

}  // namespace casemate::sandbox
