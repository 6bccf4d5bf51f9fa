#include "sandbox/native/runner.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/event_fd.h"
#include "sandbox/native/encode.h"
#include "sandbox/native/launcher_client.h"
#include "sandbox/native/run_loop.h"
#include "sandbox/native/sealed_memfd.h"
#include "sandbox/native/seccomp.h"

namespace casemate::sandbox {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::size_t kBytesPerKb = 1024;

// The sandbox's ends. Closed once they are sent, or our reads would never see EOF.
struct SandboxEnds {
  UniqueFd spec;
  UniqueFd stdin_read;
  UniqueFd stdout_write;
  UniqueFd stderr_write;
  UniqueFd run_socket;
  UniqueFd release_read;  // of a run that is held
};

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> MakePipe() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return ErrnoError("cannot make a pipe", errno);
  }
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  // The command runs as another uid when the server is root, and opens /dev/stdout or /dev/stdin
  // anew by their modes. Only who holds a descriptor of the pipe can reach it at all.
  if (fchmod(pipe.read.get(), 0666) != 0) {
    return ErrnoError("cannot set the mode of a pipe", errno);
  }
  return pipe;
}

// The flag belongs to one end: the command's own end stays blocking.
Result<UniqueFd> NonBlocking(UniqueFd fd) {
  if (fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) {  // access mode bits are ignored
    return ErrnoError("cannot make a pipe non-blocking", errno);
  }
  return fd;
}

Result<void> ConnectStdin(bool has_data, RunStreams& ours, SandboxEnds& theirs) {
  if (!has_data) {
    theirs.stdin_read.Reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!theirs.stdin_read.valid()) {
      return ErrnoError("cannot open /dev/null", errno);
    }
    return {};
  }
  auto pipe = MakePipe();
  if (!pipe) {
    return std::move(pipe).error();
  }
  ours.stdin_read.Reset(fcntl(pipe->read.get(), F_DUPFD_CLOEXEC, 0));
  if (!ours.stdin_read.valid()) {
    return ErrnoError("cannot duplicate a descriptor", errno);
  }
  theirs.stdin_read = std::move(pipe->read);
  auto write_end = NonBlocking(std::move(pipe->write));
  if (!write_end) {
    return std::move(write_end).error();
  }
  ours.stdin_write = *std::move(write_end);
  return {};
}

Result<void> ConnectOutput(UniqueFd& ours, UniqueFd& theirs) {
  auto pipe = MakePipe();
  if (!pipe) {
    return std::move(pipe).error();
  }
  theirs = std::move(pipe->write);
  auto read_end = NonBlocking(std::move(pipe->read));
  if (!read_end) {
    return std::move(read_end).error();
  }
  ours = *std::move(read_end);
  return {};
}

Result<void> Connect(bool has_stdin, RunStreams& ours, SandboxEnds& theirs) {
  if (auto made = ConnectStdin(has_stdin, ours, theirs); !made) {
    return made;
  }
  if (auto made = ConnectOutput(ours.stdout_read, theirs.stdout_write); !made) {
    return made;
  }
  if (auto made = ConnectOutput(ours.stderr_read, theirs.stderr_write); !made) {
    return made;
  }
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoError("cannot make a socket for the run", errno);
  }
  ours.run_socket.Reset(ends[0]);
  theirs.run_socket.Reset(ends[1]);
  return {};
}

Result<void> SendLaunch(LauncherClient& launcher, const SandboxSpec& spec,
                        std::string_view seccomp_filter, SandboxEnds theirs) {
  auto encoded = EncodeSpec(spec, seccomp_filter, theirs.release_read.valid());
  if (!encoded) {
    return std::move(encoded).error();
  }
  auto sealed = MakeSealedMemfd("casemate-spec", *encoded, MemfdUse::kData);
  if (!sealed) {
    return std::move(sealed).error();
  }
  theirs.spec = *std::move(sealed);
  std::vector<int> fds = {theirs.spec.get(), theirs.stdin_read.get(), theirs.stdout_write.get(),
                          theirs.stderr_write.get(), theirs.run_socket.get()};
  if (spec.workspace != WorkspaceKind::kPrivate) {
    fds.push_back(spec.workspace_fd.get());
  } else if (theirs.release_read.valid()) {
    fds.push_back(theirs.release_read.get());
  }
  return launcher.Launch(fds);
}

}  // namespace

// Both policies: where no thread can be had, it is compiled at the first call.
SandboxRunner::SandboxRunner(LauncherClient& launcher)
    : launcher_(launcher),
      seccomp_filter_(
          std::async(std::launch::async | std::launch::deferred, BuildSeccompFilter).share()) {}

SandboxRunner::~SandboxRunner() = default;

Result<HostDirectory> SandboxRunner::OpenDirectory(const std::string& path,
                                                   const std::string& tidy) {
  return launcher_.OpenDirectory(path, tidy);
}

struct SandboxRun::State {
  // What it is told of: `event`, which is signalled by `on_stop`, whose destructor waits.
  State(SandboxSpec given, std::stop_token token, EventFd made)
      : spec(std::move(given)),
        stop(std::move(token)),
        event(std::move(made)),
        on_stop(stop, Signal{&event}) {}

  struct Signal {
    EventFd* event;
    void operator()() const { event->Signal(); }
  };

  const std::int64_t started = MonotonicNs();
  SandboxSpec spec;
  const std::stop_token stop;
  EventFd event;
  std::stop_callback<Signal> on_stop;
  ReportContext context;
  UniqueFd release_write;
  std::optional<RunLoop> loop;  // none: it was cancelled before the command could start
};

SandboxRun::SandboxRun(std::unique_ptr<State> state) : state_(std::move(state)) {}

// The launcher kills a run whose socket is closed.
SandboxRun::~SandboxRun() = default;

void SandboxRun::Release() {
  if (state_->stop.stop_requested()) {
    state_->loop.reset();  // closes its socket: the launcher ends a sandbox that never ran anything
    return;
  }
  // A sandbox that is gone shows in Wait.
  [[maybe_unused]] const ssize_t sent = send(state_->release_write.get(), "", 1, MSG_NOSIGNAL);
  state_->release_write.Reset();
}

Result<SandboxOutcome> SandboxRun::Wait() {
  State& state = *state_;
  if (!state.loop.has_value()) {
    SandboxOutcome cancelled;
    cancelled.status = OutcomeStatus::kCancelled;
    return cancelled;
  }
  auto report = state.loop->Wait(state.started + state.spec.limits.wall_ms * kNsPerMs);
  state.context.stop = state.loop->stop_reason();
  SandboxOutcome outcome;
  if (!report) {
    outcome = EndNotSeen(report.error());
  } else if (const auto& seen = *report; seen.has_value()) {
    outcome = Interpret(*seen, state.context);
  } else {
    outcome = LauncherLost();
  }
  outcome.out = state.loop->TakeStdout();
  outcome.err = state.loop->TakeStderr();
  outcome.duration_ms = (MonotonicNs() - state.started) / kNsPerMs;
  return outcome;
}

Result<std::unique_ptr<SandboxRun>> SandboxRunner::Start(SandboxSpec spec,
                                                         const std::stop_token& stop,
                                                         OutputSink* sink, bool hold) {
  if (spec.must_be_strict && launcher_.mode() != Mode::kStrict) {
    return Error{ErrorCode::kPermissionDenied,
                 "policy demands `sandbox: strict`, and this server runs what a machine cannot "
                 "fully confine (sandbox.mode: best_effort)",
                 "", "ask your user to set sandbox.mode to strict, or to change the policy", 0};
  }
  auto event = EventFd::Create();
  if (!event) {
    return std::move(event).error();
  }
  const bool is_cancelled = stop.stop_requested();
  auto state = std::make_unique<SandboxRun::State>(std::move(spec), stop, *std::move(event));
  SandboxRun::State& made = *state;
  std::unique_ptr<SandboxRun> run(new SandboxRun(std::move(state)));
  if (is_cancelled) {
    return run;
  }
  const Result<std::string>& filter = seccomp_filter_.get();
  if (!filter) {
    return filter.error();
  }
  made.context = {StopReason::kNone, made.spec.argv.front(), InstructionCount(*filter),
                  made.spec.limits.io_mb_s != 0};
  RunStreams ours;
  SandboxEnds theirs;
  if (auto connected = Connect(!made.spec.stdin_data.empty(), ours, theirs); !connected) {
    return std::move(connected).error();
  }
  if (hold) {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      return ErrnoError("cannot make a socket for the run", errno);
    }
    theirs.release_read.Reset(ends[0]);
    made.release_write.Reset(ends[1]);
  }
  if (auto sent = SendLaunch(launcher_, made.spec, *filter, std::move(theirs)); !sent) {
    return std::move(sent).error();
  }
  made.loop.emplace(std::move(ours), made.spec.stdin_data, made.event, sink,
                    static_cast<std::size_t>(made.spec.limits.output_kb) * kBytesPerKb);
  return run;
}

Result<SandboxOutcome> SandboxRunner::Run(SandboxSpec spec, const std::stop_token& stop,
                                          OutputSink* sink) {
  auto run = Start(std::move(spec), stop, sink, false);
  if (!run) {
    return std::move(run).error();
  }
  return (*run)->Wait();
}

}  // namespace casemate::sandbox
