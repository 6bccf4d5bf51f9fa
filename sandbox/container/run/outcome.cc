#include "sandbox/container/run/outcome.h"

#include <cerrno>
#include <csignal>

#include "base/text.h"

namespace casemate::container {
namespace {

using sandbox::Layer;
using sandbox::OutcomeStatus;
using sandbox::SandboxOutcome;
using sandbox::StopReason;

constexpr int kMaxSignal = 64;

void SetByGuard(const EndFacts& facts, const guard::End& end, SandboxOutcome& outcome) {
  outcome.cpu_ms = end.cpu_us / 1000;
  outcome.max_memory_kb = end.max_memory_kb;
  switch (end.kind) {
    case guard::EndKind::kExited:
      outcome.status = OutcomeStatus::kExited;
      outcome.exit_code = end.value;
      return;
    case guard::EndKind::kSignaled:
      outcome.status =
          end.value == SIGSYS ? OutcomeStatus::kSeccompKilled : OutcomeStatus::kSignaled;
      outcome.signal = end.value;
      return;
    case guard::EndKind::kExecFailed:
      SetNotExecutable(facts.program, end.value, outcome);
      return;
    case guard::EndKind::kSetupFailed:
      break;
  }
  outcome.status = OutcomeStatus::kSetupFailed;
  outcome.stage = "prepare the container";
  outcome.sys_errno = end.value;
  outcome.remedy = end.value == ENOSPC || end.value == EDQUOT
                       ? "raise limits.disk_mb: the files do not fit"
                       : "look whether the workspace can be written to by the container's user";
}

// Engines tell a signal as a shell does.
void SetByCode(int code, SandboxOutcome& outcome) {
  if (code > guard::kExitSignal && code <= guard::kExitSignal + kMaxSignal) {
    outcome.status = OutcomeStatus::kSignaled;
    outcome.signal = code - guard::kExitSignal;
    return;
  }
  outcome.status = OutcomeStatus::kExited;
  outcome.exit_code = code;
}

std::string Version(const EngineInfo& engine) {
  return std::string(engine.kind == EngineKind::kDocker ? "Docker " : "Podman ") + engine.version +
         (engine.rootless ? ", rootless" : "") +
         (engine.runtime.empty() ? "" : ", " + engine.runtime);
}

Layer Cgroups(const EngineInfo& engine) {
  const bool holds_all = engine.holds_memory && engine.holds_pids && engine.holds_cpu;
  return {"cgroup", holds_all,
          "v" + std::to_string(engine.cgroup_version) +
              (engine.holds_memory || engine.holds_pids || engine.holds_cpu ? ":"
                                                                            : ": nothing is held") +
              (engine.holds_memory ? " memory" : "") + (engine.holds_pids ? " pids" : "") +
              (engine.holds_cpu ? " cpu" : "")};
}

}  // namespace

void SetNotExecutable(const std::string& program, int err, SandboxOutcome& outcome) {
  outcome.status = OutcomeStatus::kExecFailed;
  outcome.sys_errno = err;
  outcome.stage = "exec";
  outcome.remedy = err == ENOENT ? "the container has no program " + Quoted(program) +
                                       ": look at its PATH, or use an image that has it"
                                 : "";
}

void SetEnd(const EndFacts& facts, SandboxOutcome& outcome) {
  if (facts.end) {
    SetByGuard(facts, *facts.end, outcome);
  } else {
    SetByCode(facts.exit_code, outcome);
  }
  if (facts.reason != StopReason::kNone) {
    outcome.status = facts.reason == StopReason::kCancelled ? OutcomeStatus::kCancelled
                                                            : OutcomeStatus::kTimedOut;
    return;
  }
  const bool was_killed = outcome.status == OutcomeStatus::kSignaled && outcome.signal == SIGKILL;
  if (facts.oom_killed) {
    outcome.oom_kills = 1;
    if (was_killed) {
      outcome.status = OutcomeStatus::kOomKilled;
    }
  }
  if (!facts.end && !facts.engine_error.empty()) {
    outcome.status = OutcomeStatus::kSetupFailed;
    outcome.stage =
        "start the container: " + EscapeControls(ToValidUtf8(facts.engine_error), false);
  }
}

std::vector<Layer> LayersOf(const EngineInfo& engine, const ContainerSpec& spec) {
  const bool no_capabilities = spec.capabilities.empty();
  return {
      {"container", true, Version(engine)},
      {"namespaces", true, "mount, pid, ipc, uts, net"},
      {"network", true, spec.network == "none" ? "none" : spec.network},
      {"read_only_root", spec.read_only_root, spec.read_only_root ? "" : "policy allows writing"},
      {"capabilities", no_capabilities,
       no_capabilities ? "none" : "added: " + Join(spec.capabilities, ", ")},
      {"no_new_privs", true, ""},
      {"seccomp", true, engine.has_seccomp ? "Casemate's and the engine's" : "Casemate's"},
      {"user", true, spec.user},
      Cgroups(engine),
  };
}

std::vector<Layer> LayersOf(const EngineInfo& engine, const ContainerDetails& container,
                            bool has_guard) {
  const auto& added = container.added_capabilities;
  return {
      {"container", true, Version(engine) + ": " + container.summary.name},
      {"network", container.network_mode != "host", container.network_mode},
      {"read_only_root", container.read_only_root, ""},
      {"capabilities", !container.privileged && added.empty(),
       container.privileged ? "all: it is privileged" : Join(added, ", ")},
      {"no_new_privs", has_guard, has_guard ? "" : "as the container was made"},
      {"seccomp", has_guard, has_guard ? "Casemate's" : "as the container was made"},
      {"user", !container.user.empty(), container.user.empty() ? "root" : container.user},
      {"cgroup", container.limits.memory_bytes != 0 && container.limits.pids != 0,
       "as the container was made"},
  };
}

}  // namespace casemate::container
