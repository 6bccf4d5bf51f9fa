#include "sandbox/container/run/image_backend.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/container/run/guard_output.h"
#include "sandbox/container/run/outcome.h"
#include "sandbox/container/run/stream_pump.h"
#include "sandbox/native/capture.h"

namespace casemate::container {
namespace {

using sandbox::Command;
using sandbox::OutcomeStatus;
using sandbox::SandboxOutcome;
using sandbox::WorkspaceKind;

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kGraceNs = 500 * kNsPerMs;
constexpr std::int64_t kKillNs = 10'000 * kNsPerMs;
constexpr std::int64_t kTellMs = 10'000;  // Docker waits as long for the end of what it kills
constexpr std::int64_t kHungMs = 2'000;
constexpr std::size_t kBytesPerKb = 1024;
constexpr const char* kWorkspace = "/workspace";
constexpr std::int64_t kSmallTmpfs = std::int64_t{16} << 20;

guard::Nonce NewNonce() {
  guard::Nonce nonce{};
  const std::string hex = RandomHex(nonce.size());
  for (std::size_t i = 0; i < nonce.size(); ++i) {
    nonce.at(i) = static_cast<std::uint8_t>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  }
  return nonce;
}

std::string EncodeOrder(const guard::Nonce& nonce,
                        const std::vector<sandbox::InjectedFile>& files) {
  std::string bytes;
  const auto add = [&](const auto& head) {
    bytes.append(reinterpret_cast<const char*>(&head), sizeof head);
  };
  guard::Order order;
  order.nonce = nonce;
  order.files = static_cast<std::uint32_t>(files.size());
  add(order);
  for (const sandbox::InjectedFile& file : files) {
    guard::FileHead head;
    head.size = file.content.size();
    head.path_size = static_cast<std::uint32_t>(file.path.size());
    head.mode = file.mode;
    add(head);
    bytes += file.path;
    bytes += file.content;
  }
  return bytes;
}

// Who owns the workspace, so that what the command writes there is theirs; root's stays read-only
// for it unless policy says otherwise.
std::string UserFor(const Command& command, const std::string& usual) {
  struct stat facts{};
  if (command.workspace == WorkspaceKind::kPrivate ||
      fstat(command.workspace_fd.get(), &facts) != 0 || facts.st_uid == 0) {
    return usual;
  }
  return std::to_string(facts.st_uid) + ":" + std::to_string(facts.st_gid);
}

Error CannotHold(const char* field, const std::string& what, const std::string& remedy) {
  return Error{ErrorCode::kInvalidArgument, what, field, remedy, 0};
}

Result<void> CheckHoldable(const Command& command) {
  if (command.limits.io_mb_s != 0) {
    return CannotHold("args.limits.io_mb_s",
                      "containers here are made without a limit on the rate of disk I/O",
                      "leave limits.io_mb_s out, or leave `target` out");
  }
  if (command.workspace == WorkspaceKind::kOverlay) {
    return CannotHold("args.profile", "a container cannot have a copy-on-write workspace",
                      "use a profile that mounts the workspace, or leave `target` out");
  }
  return {};
}

Result<ContainerSpec> BuildSpec(const policies::Grant& grant, const ImageTarget& target,
                                const Engine& engine, Command& command) {
  if (auto holdable = CheckHoldable(command); !holdable) {
    return std::move(holdable).error();
  }
  ContainerSpecBuilder builder(grant, target.image, engine.info());
  builder.Limits(command.limits);
  ContainerSpec& spec = builder.spec();
  // Not as the engine's working directory: Docker would make it before the mount, as root's.
  spec.entry_point = {guard::kProgram, "run", kWorkspace, "--"};
  spec.command = command.argv;
  spec.environment = {"HOME=/workspace", "TMPDIR=/tmp", "LANG=C.UTF-8"};
  for (const auto& [name, value] : command.env) {
    std::string& variable = spec.environment.emplace_back(name);
    variable += '=';
    variable += value;
  }
  spec.working_directory = "/";
  spec.user = UserFor(command, target.user);
  spec.open_stdin = true;
  spec.keeps_log = false;
  spec.labels = OwnLabels(grant, target.incarnation, "run");
  const std::int64_t disk = command.limits.disk_mb << 20;
  spec.tmpfs = {{"/tmp", disk, 01777}, {"/run/casemate", kSmallTmpfs, 0755 | 0022}};
  if (command.workspace == WorkspaceKind::kPrivate) {
    spec.tmpfs.push_back({kWorkspace, disk, 01777});
  } else {
    builder.HostWorkspace(command.workspace_path, kWorkspace,
                          command.workspace == WorkspaceKind::kReadWrite);
  }
  builder.CoverVolumes(target.volumes, disk);
  builder.OwnFiles(target.guard_files, guard::kDirectory);
  return std::move(builder).Build();
}

// Removes the container whatever happens; what the engine does not take now is owed.
class MadeContainer {
 public:
  MadeContainer(const Engine& engine, std::string id,
                const std::function<void(const std::string&)>& on_left)
      : engine_(engine), id_(std::move(id)), on_left_(on_left) {}
  ~MadeContainer() {
    const auto removed = engine_.Remove(id_, true, {.total_ms = patience_ms_});
    if (!removed && removed.error().code != ErrorCode::kNotFound) {
      on_left_(id_);
    }
  }
  // The engine does not answer: it is not waited for once more.
  void HasHung() { patience_ms_ = kHungMs; }
  MadeContainer(const MadeContainer&) = delete;
  MadeContainer& operator=(const MadeContainer&) = delete;
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  const Engine& engine_;
  const std::string id_;
  const std::function<void(const std::string&)>& on_left_;
  std::int64_t patience_ms_ = 0;
};

class ImageRun final : public sandbox::Run {
 public:
  ImageRun(std::shared_ptr<const Engine> engine, ContainerSpec spec, Command command,
           std::function<void(const std::string&)> on_left, std::stop_token stop,
           sandbox::OutputSink* sink, EventFd event)
      : engine_(std::move(engine)),
        spec_(std::move(spec)),
        on_left_(std::move(on_left)),
        command_(std::move(command)),
        nonce_(NewNonce()),
        sink_(sink),
        event_(std::move(event)),
        out_(CaptureBytes()),
        err_(CaptureBytes()),
        stop_(std::move(stop)),
        on_stop_(stop_, Signal{&event_}) {}

  void Release() override {}  // nothing is made before Wait
  Result<SandboxOutcome> Wait() override;

 private:
  struct Signal {
    EventFd* event;
    void operator()() const { event->Signal(); }
  };
  [[nodiscard]] std::size_t CaptureBytes() const {
    return static_cast<std::size_t>(spec_.limits.output_kb) * kBytesPerKb;
  }
  // Runs what stands in `container`; sets outcome_.
  Result<void> RunIn(const std::string& container);
  Result<void> Greet(const guard::Hello& hello) const;
  void Write(StdStream stream, std::string_view bytes);
  void Conclude(const std::string& container, const std::optional<guard::End>& end,
                sandbox::StopReason reason, bool has_begun);

  std::shared_ptr<const Engine> engine_;
  const ContainerSpec spec_;
  const std::function<void(const std::string&)> on_left_;
  Command command_;
  const guard::Nonce nonce_;
  sandbox::OutputSink* const sink_;
  EventFd event_;
  sandbox::StreamCapture out_;
  sandbox::StreamCapture err_;
  SandboxOutcome outcome_;
  bool has_hung_ = false;
  const std::int64_t started_ = MonotonicNs();
  std::stop_token stop_;
  std::stop_callback<Signal> on_stop_;
};

void ImageRun::Write(StdStream stream, std::string_view bytes) {
  const bool is_out = stream == StdStream::kStdout;
  (is_out ? out_ : err_).Append(bytes);
  if (sink_ != nullptr) {
    sink_->OnOutput(is_out ? sandbox::Stream::kStdout : sandbox::Stream::kStderr, bytes);
  }
}

// What is mounted must be what policy judged: the engine takes a path, and a path can be exchanged.
Result<void> ImageRun::Greet(const guard::Hello& hello) const {
  struct stat facts{};
  if (command_.workspace == WorkspaceKind::kPrivate) {
    return {};
  }
  if (fstat(command_.workspace_fd.get(), &facts) != 0) {
    return ErrnoError("cannot look at the workspace", errno);
  }
  if (hello.device != facts.st_dev || hello.inode != facts.st_ino) {
    return Error{ErrorCode::kPermissionDenied,
                 "the workspace was exchanged between the decision and its use; nothing ran",
                 "args.workspace", "make the call again when nobody moves the directory", 0};
  }
  return {};
}

Result<SandboxOutcome> ImageRun::Wait() {
  if (stop_.stop_requested()) {
    outcome_.status = OutcomeStatus::kCancelled;
    return std::move(outcome_);
  }
  auto id = engine_->Create(spec_);
  if (!id) {
    // Unless it was refused, it may have been made.
    const ErrorCode code = id.error().code;
    if (code != ErrorCode::kInvalidArgument && code != ErrorCode::kNotFound &&
        code != ErrorCode::kPermissionDenied) {
      on_left_({});
    }
    return std::move(id).error();
  }
  {
    MadeContainer container(*engine_, *std::move(id), on_left_);
    const auto ran = RunIn(container.id());
    if (has_hung_) {
      container.HasHung();
    }
    if (!ran) {
      return ran.error();
    }
  }
  outcome_.out = std::move(out_).Finish();
  outcome_.err = std::move(err_).Finish();
  outcome_.duration_ms = (MonotonicNs() - started_) / kNsPerMs;
  return std::move(outcome_);
}

Result<void> ImageRun::RunIn(const std::string& container) {
  auto stream = engine_->Attach(container, true);
  if (!stream) {
    return std::move(stream).error();
  }
  if (auto begun = engine_->Start(container); !begun) {
    return begun;
  }
  const std::string order = EncodeOrder(nonce_, command_.files);
  StreamPump pump(*std::move(stream), event_);
  GuardOutput output(nonce_);
  const auto write_out = [this](std::string_view bytes) { Write(StdStream::kStdout, bytes); };
  const auto greet = [&](const guard::Hello& hello) -> Result<void> {
    if (auto same = Greet(hello); !same) {
      return same;
    }
    // Without an order nothing runs.
    if (pump.stop_reason() != sandbox::StopReason::kNone) {
      pump.CloseInput();
      return {};
    }
    pump.Feed(order);
    pump.Feed(command_.stdin_data);
    pump.CloseInput();
    return {};
  };
  const auto take = [&](StdStream from, std::string_view bytes) -> Result<void> {
    if (from == StdStream::kStdout) {
      return output.Take(bytes, greet, write_out);
    }
    Write(from, bytes);
    return {};
  };
  const auto escalate = [&](int step) -> std::optional<std::int64_t> {
    if (step > 1) {
      return std::nullopt;
    }
    // One that is gone meanwhile shows as the end of the stream.
    const auto told =
        engine_->Kill(container, step == 0 ? "SIGTERM" : "SIGKILL", {.total_ms = kTellMs});
    has_hung_ = !told && told.error().code == ErrorCode::kUnavailable;
    if (has_hung_) {
      return std::nullopt;
    }
    return MonotonicNs() + (step == 0 ? kGraceNs : kKillNs);
  };
  const std::int64_t deadline = started_ + spec_.limits.wall_ms * kNsPerMs;
  if (auto pumped = pump.Run(deadline, take, escalate); !pumped) {
    if (!output.has_greeted() || pumped.error().code == ErrorCode::kPermissionDenied) {
      return pumped;  // nothing ran
    }
    outcome_.status = OutcomeStatus::kLost;
    outcome_.stage = pumped.error().message;
    outcome_.remedy = pumped.error().remedy;
    return {};
  }
  const auto end = output.Finish(write_out);
  Conclude(container, end, pump.stop_reason(), output.has_greeted());
  return {};
}

void ImageRun::Conclude(const std::string& container, const std::optional<guard::End>& end,
                        sandbox::StopReason reason, bool has_begun) {
  const auto code = engine_->Wait(container, {}, kTellMs);
  const int exit_code = code ? *code : 0;
  const bool answers = code || code.error().code != ErrorCode::kUnavailable;
  const auto details =
      answers ? engine_->Inspect(container) : Result<ContainerDetails>(code.error());
  has_hung_ = !details && details.error().code == ErrorCode::kUnavailable;
  if (!details && !end && has_begun && reason == sandbox::StopReason::kNone) {
    const bool is_gone = details.error().code == ErrorCode::kNotFound;
    outcome_.status = OutcomeStatus::kLost;
    outcome_.stage =
        is_gone ? "somebody removed the container while the command ran" : details.error().message;
    outcome_.remedy = is_gone ? "make the call again" : details.error().remedy;
    return;
  }
  EndFacts facts;
  facts.reason = reason;
  facts.end = end;
  facts.exit_code = exit_code;
  facts.oom_killed = details && details->oom_killed;
  facts.engine_error = details ? details->error : details.error().message;
  facts.program = spec_.command.empty() ? "" : spec_.command.front();
  SetEnd(facts, outcome_);
  outcome_.layers = LayersOf(engine_->info(), spec_);
  outcome_.cgroup_version = engine_->info().cgroup_version;
}

}  // namespace

Labels OwnLabels(const policies::Grant& grant, const std::string& incarnation,
                 const char* purpose) {
  return {{kLabelIncarnation, incarnation},
          {kLabelPrincipal, grant.principal_id()},
          {kLabelTenant, grant.tenant()},
          {kLabelPurpose, purpose}};
}

Result<std::unique_ptr<sandbox::Run>> ImageBackend::Start(const policies::Grant& grant,
                                                          Command command,
                                                          const std::stop_token& stop,
                                                          sandbox::OutputSink* sink,
                                                          bool /*hold*/) {
  auto spec = BuildSpec(grant, target_, *engine_, command);
  if (!spec) {
    return std::move(spec).error();
  }
  auto event = EventFd::Create();
  if (!event) {
    return std::move(event).error();
  }
  return std::unique_ptr<sandbox::Run>(
      std::make_unique<ImageRun>(engine_, *std::move(spec), std::move(command), target_.on_left,
                                 stop, sink, *std::move(event)));
}

}  // namespace casemate::container
