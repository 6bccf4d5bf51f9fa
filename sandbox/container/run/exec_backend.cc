#include "sandbox/container/run/exec_backend.h"

#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/event_fd.h"
#include "base/text.h"
#include "sandbox/container/run/container_spec.h"
#include "sandbox/container/run/dangers.h"
#include "sandbox/container/run/exec_call.h"
#include "sandbox/container/run/exec_files.h"
#include "sandbox/container/run/outcome.h"
#include "sandbox/container/run/stream_pump.h"
#include "sandbox/native/capture.h"

namespace casemate::container {
namespace {

using policies::ContainerRight;
using sandbox::Command;
using sandbox::OutcomeStatus;
using sandbox::SandboxOutcome;

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::size_t kBytesPerKb = 1024;
constexpr std::int64_t kBytesPerMb = std::int64_t{1} << 20;

Result<void> CheckRights(const policies::Grant& grant, const ContainerDetails& container) {
  const policies::ContainerRights& rights = grant.containers();
  const std::string field = "args.target.container";
  if (auto may = Demand(rights, ContainerRight::kUse, "a container that exists", field); !may) {
    return may;
  }
  const auto dangers = DangersOf(container);
  if (!dangers.empty() && !rights.Has(ContainerRight::kPrivilegedTargets)) {
    return Error{ErrorCode::kPermissionDenied,
                 "this container is as good as root on the host (" + Join(dangers, ", ") +
                     "), and policy does not grant `privileged_targets`",
                 field, "use another container, or one made from an image: target {image: …}", 0};
  }
  if (grant.strict_sandbox()) {
    return Error{
        ErrorCode::kPermissionDenied,
        "policy demands `sandbox: strict`, and a container that exists is confined as it was "
        "made",
        field, "use target {image: …}, or leave `target` out", 0};
  }
  return {};
}

// A limit of the grant that the container's own does not keep.
std::optional<std::string> Unheld(const policies::Limits& limits, const ContainerLimits& own) {
  if (own.memory_bytes == 0 || own.memory_bytes > limits.memory_mb * kBytesPerMb) {
    return "memory_mb";
  }
  if (own.cpu_millis == 0 || own.cpu_millis > limits.cpu_millis) {
    return "cpus";
  }
  if (own.pids == 0 || own.pids > limits.pids) {
    return "pids";
  }
  return std::nullopt;
}

Result<void> CheckLimits(const policies::Grant& grant, const Command& command,
                         const ContainerDetails& container) {
  const policies::Limits limits = policies::Intersect(grant.limits(), command.limits);
  const auto unheld = Unheld(limits, container.limits);
  if (!unheld || grant.containers().Has(ContainerRight::kUnlimited)) {
    return {};
  }
  return Error{ErrorCode::kPermissionDenied,
               "the container is not held to " + *unheld +
                   " as policy grants it, and `unlimited` is not granted",
               "args.target.container",
               "give the container limits of its own, or use target {image: …}", 0};
}

Result<void> CheckCommand(const Command& command, const ContainerDetails& container) {
  if (container.summary.state != "running") {
    return Error{ErrorCode::kInvalidArgument,
                 "expected a container that runs, got one that is " + container.summary.state,
                 "args.target.container",
                 "start it with container_lifecycle, or use target {image: …}", 0};
  }
  if (command.workspace != sandbox::WorkspaceKind::kPrivate) {
    return Error{ErrorCode::kInvalidArgument,
                 "a container that exists sees only what it was made with", "args.workspace",
                 "leave `workspace` out, or use target {image: …}", 0};
  }
  return {};
}

class ExecRun final : public sandbox::Run {
 public:
  ExecRun(std::shared_ptr<const Engine> engine, const ContainerDetails& container, bool has_guard,
          Command command, const policies::Limits& limits, std::stop_token stop,
          sandbox::OutputSink* sink, EventFd event)
      : engine_(std::move(engine)),
        container_(container),
        place_{*engine_, container.summary.id, has_guard},
        command_(std::move(command)),
        limits_(limits),
        sink_(sink),
        event_(std::move(event)),
        out_(CaptureBytes()),
        err_(CaptureBytes()),
        stop_(std::move(stop)),
        on_stop_(stop_, Signal{&event_}) {}

  void Release() override {}
  Result<SandboxOutcome> Wait() override;

 private:
  struct Signal {
    EventFd* event;
    void operator()() const { event->Signal(); }
  };
  [[nodiscard]] std::size_t CaptureBytes() const {
    return static_cast<std::size_t>(limits_.output_kb) * kBytesPerKb;
  }
  // Empty: where the container's own command runs.
  Result<void> RunIn(const std::string& directory, std::int64_t deadline_ns);
  void TakeEnginesWords();
  void Conclude(const ExecEnd& end);

  std::shared_ptr<const Engine> engine_;
  const ContainerDetails& container_;  // of the backend
  const ExecPlace place_;
  const Command command_;
  const policies::Limits limits_;
  sandbox::OutputSink* const sink_;
  EventFd event_;
  sandbox::StreamCapture out_;
  sandbox::StreamCapture err_;
  SandboxOutcome outcome_;
  const std::int64_t started_ = MonotonicNs();
  std::stop_token stop_;
  std::stop_callback<Signal> on_stop_;
};

Result<SandboxOutcome> ExecRun::Wait() {
  if (stop_.stop_requested()) {
    outcome_.status = OutcomeStatus::kCancelled;
    return std::move(outcome_);
  }
  const std::int64_t deadline = started_ + limits_.wall_ms * kNsPerMs;
  if (command_.files.empty()) {
    if (auto ran = RunIn({}, deadline); !ran) {
      return std::move(ran).error();
    }
  } else {
    const std::string directory = NewFilesDirectory();
    const auto written = WriteFiles(place_, directory, command_.files, event_, deadline);
    auto ran = written ? Result<void>() : Result<void>(written.error());
    if (written && *written == FilesEnd::kWritten) {
      ran = RunIn(directory, deadline);
    } else if (written) {
      outcome_.status =
          *written == FilesEnd::kCancelled ? OutcomeStatus::kCancelled : OutcomeStatus::kTimedOut;
    }
    // What is lost answers to nothing more.
    const bool is_lost =
        ran ? outcome_.status == OutcomeStatus::kLost : ran.error().code == ErrorCode::kUnavailable;
    if (!is_lost) {
      RemoveFiles(place_, directory);
    }
    if (!ran) {
      return std::move(ran).error();
    }
  }
  outcome_.duration_ms = (MonotonicNs() - started_) / kNsPerMs;
  return std::move(outcome_);
}

Result<void> ExecRun::RunIn(const std::string& directory, std::int64_t deadline_ns) {
  ExecRequest request;
  request.argv = command_.argv;
  for (const auto& [name, value] : command_.env) {
    std::string& variable = request.env.emplace_back(name);
    variable += '=';
    variable += value;
  }
  request.working_directory = directory;
  request.with_stdin = !command_.stdin_data.empty();
  const auto take = [this](StdStream from, std::string_view bytes) -> Result<void> {
    const bool is_out = from == StdStream::kStdout;
    (is_out ? out_ : err_).Append(bytes);
    if (sink_ != nullptr) {
      sink_->OnOutput(is_out ? sandbox::Stream::kStdout : sandbox::Stream::kStderr, bytes);
    }
    return {};
  };
  const auto end =
      PerformExec(place_, std::move(request), command_.stdin_data, event_, deadline_ns, take);
  if (!end) {
    return end.error();
  }
  Conclude(*end);
  outcome_.out = std::move(out_).Finish();
  outcome_.err = std::move(err_).Finish();
  if (outcome_.status == OutcomeStatus::kExecFailed && !place_.has_guard) {
    TakeEnginesWords();
  }
  return {};
}

void ExecRun::Conclude(const ExecEnd& end) {
  outcome_.layers = LayersOf(engine_->info(), container_, place_.has_guard);
  const auto state =
      end.pumped ? engine_->InspectExec(end.exec) : Result<ExecState>(end.pumped.error());
  if (!state || (state->running && end.reason == sandbox::StopReason::kNone)) {
    outcome_.status = OutcomeStatus::kLost;
    outcome_.stage =
        !state ? state.error().message : "the engine closed the connection while the command runs";
    outcome_.remedy =
        "it may run still: look with container_status, and end it by restarting the container";
    return;
  }
  EndFacts facts;
  facts.reason = end.reason;
  facts.exit_code = state->exit_code;
  facts.program = command_.argv.front();
  SetEnd(facts, outcome_);
  if (outcome_.status == OutcomeStatus::kSignaled && outcome_.signal == SIGSYS) {
    outcome_.status = OutcomeStatus::kSeccompKilled;
  }
  if (end.cannot_run_errno != 0) {
    SetNotExecutable(facts.program, end.cannot_run_errno, outcome_);
    return;
  }
  // Nothing of the command itself ran.
  if (!place_.has_guard && end.reason == sandbox::StopReason::kNone &&
      (state->exit_code == guard::kExitNotFound || state->exit_code == guard::kExitNotExecutable) &&
      state->pid == 0) {
    outcome_.status = OutcomeStatus::kExecFailed;
    outcome_.sys_errno = EACCES;
    outcome_.stage = "exec";
  }
  if (state->running || end.ran_on) {
    outcome_.remedy = "something of it may run on in the container, which has no way to end it";
  }
}

// Engines say on stdout why they could not start it, and tell a program that is not there by those
// words only.
void ExecRun::TakeEnginesWords() {
  const std::string words = outcome_.out.head + outcome_.err.head;
  for (const std::string_view missing :
       {"executable file not found", "no such file or directory"}) {
    if (words.find(missing) != std::string::npos) {
      outcome_.sys_errno = ENOENT;
    }
  }
  outcome_.out = {};
  outcome_.remedy = "the engine says: " + EscapeControls(ToValidUtf8(words), false).substr(0, 500);
}

}  // namespace

Result<std::unique_ptr<sandbox::Run>> ExecBackend::Start(const policies::Grant& grant,
                                                         Command command,
                                                         const std::stop_token& stop,
                                                         sandbox::OutputSink* sink, bool /*hold*/) {
  if (auto may = CheckRights(grant, container_); !may) {
    return std::move(may).error();
  }
  if (auto fits = CheckCommand(command, container_); !fits) {
    return std::move(fits).error();
  }
  if (auto held = CheckLimits(grant, command, container_); !held) {
    return std::move(held).error();
  }
  auto event = EventFd::Create();
  if (!event) {
    return std::move(event).error();
  }
  const policies::Limits limits = policies::Intersect(grant.limits(), command.limits);
  return std::unique_ptr<sandbox::Run>(std::make_unique<ExecRun>(
      engine_, container_, has_guard_, std::move(command), limits, stop, sink, *std::move(event)));
}

}  // namespace casemate::container
