#include "policies/opa/opa_sandbox.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kLeastMs = 50;
constexpr Limits kCallLimits = {.memory_mb = 512,
                                .cpu_millis = 2000,
                                .pids = 64,
                                .wall_ms = 60'000,
                                .output_kb = 2048,
                                .disk_mb = 64};
// It lives as long as we do: ten years.
constexpr Limits kServeLimits = {.memory_mb = 512,
                                 .cpu_millis = 2000,
                                 .pids = 64,
                                 .wall_ms = std::int64_t{3650} * 24 * 3600 * 1000,
                                 .output_kb = 64,
                                 .disk_mb = 64};
// The directory of the call comes first, the script after it: neither can be mistaken for the
// other.
constexpr const char* kEnter = R"(cd "$1" && eval "$2")";

// A sandbox takes a Grant, and only an engine makes one. This one is for the engine's own program:
// nothing that a caller says has a part in it.
class OwnGrant : public PolicyEngine {
 public:
  static Grant Make(const Limits& limits) {
    return Issue({.limits = limits, .workspace = WorkspaceAccess::kHostWrite}, "policy-engine",
                 {.id = "policy-engine"});
  }
};

Result<OpaSandbox::Place> OpenPlace(const std::string& path) {
  OpaSandbox::Place place{path, {}, UniqueFd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))};
  if (!place.directory.valid()) {
    return ErrnoError("cannot open " + path, errno);
  }
  std::error_code error;
  place.canonical =
      std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(place.directory.get()), error)
          .string();
  if (error) {
    return ErrnoError("cannot tell where " + path + " is", error.value());
  }
  return place;
}

std::string Ending(const sandbox::SandboxOutcome& outcome) {
  std::string text = "opa ended: " + std::string(ToString(outcome.status));
  if (!outcome.stage.empty()) {
    text += " at " + outcome.stage;
  }
  if (outcome.sys_errno != 0) {
    text += ", " + ErrnoError("", outcome.sys_errno).message;
  }
  return text;
}

}  // namespace

Result<OpaSandbox> OpaSandbox::Create(sandbox::SandboxRunner& runner, const OpaProgram& program,
                                      const std::string& directory) {
  if (auto made = MakePrivateDirectories(directory); !made) {
    return std::move(made).error();
  }
  if (chmod(directory.c_str(), 0700) != 0) {
    return ErrnoError("cannot keep others out of " + directory, errno);
  }
  OpaSandbox made(runner, directory);
  const std::string path = directory + "/program";
  if (auto place = MakePrivateDirectories(path); !place) {
    return std::move(place).error();
  }
  if (auto copied = program.CopyTo(path + "/opa"); !copied) {
    return std::move(copied).error();
  }
  auto place = OpenPlace(path);
  if (!place) {
    return std::move(place).error();
  }
  made.program_ = *std::move(place);
  return made;
}

OpaSandbox::OpaSandbox(OpaSandbox&& other) noexcept
    : runner_(other.runner_),
      directory_(std::exchange(other.directory_, {})),
      program_(std::move(other.program_)) {}

OpaSandbox::~OpaSandbox() {
  if (!directory_.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
}

Result<sandbox::SandboxOutcome> OpaSandbox::Run(sandbox::SandboxSpecBuilder builder,
                                                const std::string& script,
                                                const std::string& directory,
                                                std::vector<sandbox::InjectedFile> files,
                                                const std::stop_token& stop) {
  builder.Command({"/bin/sh", "-c", kEnter, "opa", directory, script})
      .Env("opa", "/workspace/opa")
      .Env("GOMAXPROCS", "2")  // as its limit on processors
      .Env("GOMEMLIMIT", "400MiB");
  for (sandbox::InjectedFile& file : files) {
    builder.File(std::move(file));
  }
  auto spec = std::move(builder).Build();
  if (!spec) {
    return std::move(spec).error();
  }
  return runner_->Run(*std::move(spec), stop, nullptr);
}

Result<OpaSandbox::Output> OpaSandbox::Call(const std::string& script, const std::string& directory,
                                            std::vector<sandbox::InjectedFile> files,
                                            std::int64_t deadline_ns, const std::stop_token& stop) {
  Limits limits = kCallLimits;
  limits.wall_ms = std::clamp((deadline_ns - MonotonicNs()) / kNsPerMs, kLeastMs, limits.wall_ms);
  sandbox::SandboxSpecBuilder builder(OwnGrant::Make(limits));
  builder.HostWorkspace(UniqueFd(fcntl(program_.directory.get(), F_DUPFD_CLOEXEC, 0)),
                        program_.canonical, sandbox::WorkspaceKind::kReadOnly);
  auto outcome = Run(std::move(builder), script, directory, std::move(files), stop);
  if (!outcome) {
    return std::move(outcome).error();
  }
  if (outcome->status != sandbox::OutcomeStatus::kExited) {
    return Error{ErrorCode::kUnavailable, Ending(*outcome), "rego.opa",
                 outcome->remedy.empty() ? "see `casemate doctor`" : outcome->remedy, 0};
  }
  if (outcome->out.truncated()) {
    return Error{ErrorCode::kUnavailable, "opa printed more than expected", "rego.opa", {}, 0};
  }
  return Output{outcome->exit_code, std::move(outcome->out.head) + outcome->out.tail,
                std::move(outcome->err.head) + outcome->err.tail};
}

Result<OpaSandbox::Place> OpaSandbox::MakePlace(const std::string& name) const {
  const std::string path = directory_ + "/" + name;
  if (auto made = MakePrivateDirectories(path); !made) {
    return std::move(made).error();
  }
  const UniqueFd from(open(program_copy().c_str(), O_RDONLY | O_CLOEXEC));
  if (!from.valid()) {
    return ErrnoError("cannot open " + program_copy(), errno);
  }
  if (auto copied = CopyProgram(from.get(), path + "/opa"); !copied) {
    return std::move(copied).error();
  }
  return OpenPlace(path);
}

Result<sandbox::SandboxOutcome> OpaSandbox::Serve(const Place& place, const std::string& script,
                                                  const std::string& directory,
                                                  std::vector<sandbox::InjectedFile> files,
                                                  const std::stop_token& stop) {
  sandbox::SandboxSpecBuilder builder(OwnGrant::Make(kServeLimits));
  builder.HostWorkspace(UniqueFd(fcntl(place.directory.get(), F_DUPFD_CLOEXEC, 0)), place.canonical,
                        sandbox::WorkspaceKind::kReadWrite);
  return Run(std::move(builder), script, directory, std::move(files), stop);
}

void OpaSandbox::Remove(const Place& place) {
  std::error_code ignored;
  std::filesystem::remove_all(place.path, ignored);
}

}  // namespace casemate::policies
