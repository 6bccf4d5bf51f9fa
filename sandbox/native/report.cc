#include "sandbox/native/report.h"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "base/text.h"
#include "sandbox/native/launcher/stages.h"

namespace casemate::sandbox {
namespace {

using wire::Stage;

constexpr int kShellSaysKilled = 128 + SIGKILL;  // exit code of a shell whose child was killed

// The stated limit that nothing holds; of two the first.
const char* UnheldLimit(const wire::LaunchReport& report) {
  return (report.missing & wire::kLayerCgroupCpu) != 0 ? "limits.cpus" : "limits.io_mb_s";
}

std::string UnheldRemedy(const wire::LaunchReport& report) {
  return std::string("leave ") + UnheldLimit(report) +
         " out (io_mb_s: of the policy, too); or start casemate where it may make control groups "
         "(`systemd-run --user --scope -p Delegate=yes casemate serve`); or set sandbox.mode to "
         "best_effort, which runs without a limit that nothing holds";
}

std::string SetupRemedy(Stage stage, int err) {
  switch (stage) {
    case Stage::kRequest:
      return err == EAGAIN ? "let running calls end, then try again"
                           : "report this as a defect of Casemate";
    case Stage::kCgroup:
    case Stage::kCgroupAttach:
      return "check that the cgroup of casemate is delegated to its user (systemd: Delegate=yes)";
    case Stage::kClone:
    case Stage::kIdMap:
    case Stage::kPropagation:
      return NamespaceRemedy(err) + "; `casemate doctor` tells which it is on this machine";
    case Stage::kProc:
      return ProcRemedy() + OrBestEffort("/proc");
    case Stage::kWorkspace:
      return err == EINVAL || err == EOPNOTSUPP || err == EPERM
                 ? "the workspace's file system may lack id-mapped mounts or overlays: use another "
                   "directory, the profile scratch, or no workspace (a private one); or run "
                   "casemate as an ordinary user"
                 : "check that the workspace still exists and was not moved";
    case Stage::kFiles:
      return err == ENOSPC ? "raise limits.disk_mb or write less" : "check the paths of the files";
    case Stage::kLandlock:
      return LandlockRemedy(err) + OrBestEffort("Landlock");
    case Stage::kSeccomp:
      return "use a kernel with CONFIG_SECCOMP_FILTER";
    case Stage::kFork:
      return "raise limits.pids or limits.memory_mb";
    default:
      return "run `casemate doctor` to see which layer this machine lacks";
  }
}

std::string ExecRemedy(int err, std::string_view command) {
  const std::string name = "`" + EscapeControls(ToValidUtf8(command.substr(0, 256)), false) + "`";
  switch (err) {
    case ENOENT:
      return name +
             " is not in the sandbox: it sees the host's /usr and the workspace; a name without a "
             "slash is looked up in " CASEMATE_PROGRAM_PATH ", whatever PATH the command is given";
    case EACCES:
      return name + " is not an executable file";
    case ENOEXEC:
      return name + " is not a program for this machine; a script needs a #! line";
    case E2BIG:
      return "the arguments and variables are too long for the kernel: pass them by stdin or a "
             "file";
    default:
      return {};
  }
}

void SetEnd(const wire::LaunchReport& report, SandboxOutcome& outcome) {
  if (report.command_ended == 0) {
    // Init is killed only from outside the sandbox, or by the kernel for want of memory.
    outcome.status = report.oom_kills > 0 ? OutcomeStatus::kOomKilled : OutcomeStatus::kSignaled;
    outcome.signal = SIGKILL;
    return;
  }
  if (WIFSIGNALED(report.wait_status)) {
    outcome.signal = WTERMSIG(report.wait_status);
    outcome.status = outcome.signal == SIGSYS ? OutcomeStatus::kSeccompKilled
                     : outcome.signal == SIGKILL && report.oom_kills > 0 ? OutcomeStatus::kOomKilled
                                                                         : OutcomeStatus::kSignaled;
    return;
  }
  outcome.exit_code = WEXITSTATUS(report.wait_status);
  outcome.status = outcome.exit_code == kShellSaysKilled && report.oom_kills > 0
                       ? OutcomeStatus::kOomKilled
                       : OutcomeStatus::kExited;
}

void SetStatus(const wire::LaunchReport& report, const ReportContext& context,
               SandboxOutcome& outcome) {
  if (report.stage == Stage::kRunning) {
    SetEnd(report, outcome);
  } else if (report.stage == Stage::kExec && report.oom_kills == 0) {
    outcome.status = OutcomeStatus::kExecFailed;
    outcome.remedy = ExecRemedy(report.sys_errno, context.command);
  } else if (report.oom_kills > 0) {
    outcome.status = OutcomeStatus::kOomKilled;
    outcome.remedy = "raise limits.memory_mb: it did not even last for the set-up";
  } else {
    outcome.status = OutcomeStatus::kSetupFailed;
    outcome.remedy = report.stage == Stage::kLimits ? UnheldRemedy(report)
                                                    : SetupRemedy(report.stage, report.sys_errno);
  }
  if (report.stage != Stage::kRunning) {
    outcome.stage = StageName(report.stage);
    outcome.sys_errno = report.sys_errno;
    outcome.field =
        report.stage == Stage::kLimits ? std::string("args.") + UnheldLimit(report) : "";
  }
  // What we did to it explains its end better than the signal that it died of.
  if (context.stop != StopReason::kNone) {
    outcome.status = context.stop == StopReason::kTimedOut ? OutcomeStatus::kTimedOut
                                                           : OutcomeStatus::kCancelled;
    outcome.remedy.clear();
  }
}

Layer CgroupLayer(const wire::LaunchReport& report, bool limits_io) {
  const struct {
    const char* name;
    const char* instead;
    std::uint32_t bit;
    bool is_wanted = true;
  } controllers[] = {{"memory", "RLIMIT_DATA of each process for memory", wire::kLayerCgroupMemory},
                     {"pids", "RLIMIT_NPROC for pids", wire::kLayerCgroupPids},
                     {"cpu", "nothing for cpus", wire::kLayerCgroupCpu},
                     {"io", "nothing for io_mb_s", wire::kLayerCgroupIo, limits_io}};
  std::vector<std::string> held;
  std::vector<std::string> missing;
  std::vector<std::string> instead;
  for (const auto& controller : controllers) {
    if (!controller.is_wanted) {
      continue;
    }
    if ((report.layers & controller.bit) != 0) {
      held.emplace_back(controller.name);
    } else {
      missing.emplace_back(controller.name);
      instead.emplace_back(controller.instead);
    }
  }
  Layer layer{"cgroup", missing.empty(), {}};
  if (!held.empty()) {
    layer.detail = "v" + std::to_string(report.cgroup_version) + ": " + Join(held, ", ");
  }
  if (!missing.empty()) {
    layer.detail += (held.empty() ? "not in force: " : "; without ") + Join(missing, ", ");
    if (report.cgroup_errno != 0) {
      layer.detail += " (" + ErrnoText(report.cgroup_errno) + ")";
    }
    layer.detail += "; instead: " + Join(instead, ", ");
  }
  return layer;
}

Layer ProcLayer(const wire::LaunchReport& report) {
  return (report.layers & wire::kLayerProc) != 0
             ? Layer{"proc", true, "fresh, masked"}
             : Layer{"proc", false,
                     "none, an empty directory: a fresh one was refused (" +
                         ErrnoText(report.proc_errno) + ")"};
}

Layer LandlockLayer(const wire::LaunchReport& report) {
  if ((report.layers & wire::kLayerLandlock) == 0) {
    return {"landlock", false, "the kernel offers none (" + ErrnoText(report.landlock_errno) + ")"};
  }
  return {"landlock", true, DescribeLandlock(static_cast<int>(report.landlock_abi))};
}

std::vector<Layer> Layers(const wire::LaunchReport& report, const ReportContext& context) {
  const auto layer = [&report](const char* name, std::uint32_t bit, std::string detail) {
    return Layer{name, (report.layers & bit) != 0, std::move(detail)};
  };
  std::vector<Layer> layers = {
      layer("namespaces", wire::kLayerNamespaces, "user, mount, pid, net, ipc, uts, cgroup"),
      layer("root", wire::kLayerRoot, "private, read-only system"),
      ProcLayer(report),
      layer("network", wire::kLayerNamespaces, "none: a loopback of its own"),
      layer("capabilities", wire::kLayerNoCapabilities, "none"),
      layer("no_new_privs", wire::kLayerNoNewPrivs, {}),
      layer("seccomp", wire::kLayerSeccomp,
            "allow-list, " + std::to_string(context.filter_instructions) + " instructions"),
      LandlockLayer(report),
      layer("rlimits", wire::kLayerRlimits, {}),
      CgroupLayer(report, context.limits_io),
  };
  if ((report.layers & wire::kLayerIdMappedWorkspace) != 0) {
    layers.push_back(
        layer("id-mapped workspace", wire::kLayerIdMappedWorkspace, "files keep their owner"));
  }
  return layers;
}

}  // namespace

std::string_view ToString(OutcomeStatus status) {
  switch (status) {
    case OutcomeStatus::kExited:
      return "exited";
    case OutcomeStatus::kSignaled:
      return "signaled";
    case OutcomeStatus::kTimedOut:
      return "timed_out";
    case OutcomeStatus::kOomKilled:
      return "oom_killed";
    case OutcomeStatus::kSeccompKilled:
      return "seccomp_killed";
    case OutcomeStatus::kCancelled:
      return "cancelled";
    case OutcomeStatus::kSetupFailed:
      return "setup_failed";
    case OutcomeStatus::kLost:
      return "lost";
    case OutcomeStatus::kExecFailed:
      return "exec_failed";
  }
  return "unknown";
}

SandboxOutcome Interpret(const wire::LaunchReport& report, const ReportContext& context) {
  if (report.magic != wire::kMagic) {
    return LauncherLost();
  }
  SandboxOutcome outcome;
  SetStatus(report, context, outcome);
  outcome.cpu_ms = static_cast<std::int64_t>(report.cpu_us / 1000);
  outcome.cpu_throttled_ms = static_cast<std::int64_t>(report.throttled_us / 1000);
  outcome.oom_kills = static_cast<std::int64_t>(report.oom_kills);
  outcome.max_memory_kb = static_cast<std::int64_t>(report.max_memory_kb);
  outcome.pids_limit_hit = report.pids_denied > 0;
  outcome.cgroup_version = static_cast<int>(report.cgroup_version);
  outcome.can_limit_io = (report.layers & wire::kLayerCgroupIo) != 0;
  outcome.made_ahead = report.made_ahead != 0;
  // Of a set-up that failed, half a list of layers would say nothing: nothing ran.
  if (report.stage == Stage::kRunning || report.stage == Stage::kExec) {
    outcome.layers = Layers(report, context);
  }
  return outcome;
}

SandboxOutcome LauncherLost() {
  SandboxOutcome outcome;
  outcome.status = OutcomeStatus::kLost;
  outcome.stage = "launcher";
  outcome.remedy = "look at what the command may have changed, then restart casemate";
  return outcome;
}

SandboxOutcome EndNotSeen(const Error& why) {
  SandboxOutcome outcome;
  outcome.status = OutcomeStatus::kLost;
  outcome.stage = "end";
  outcome.remedy = why.message + (why.remedy.empty() ? "" : "; " + why.remedy);
  return outcome;
}

std::string ErrnoText(int err) {
  const char* text = strerrordesc_np(err);
  return text != nullptr ? text : "error " + std::to_string(err);
}

std::string DescribeLandlock(int abi) {
  std::string text = "ABI " + std::to_string(abi);
  const struct {
    int since;
    const char* what;
  } additions[] = {{3, "truncation"}, {5, "ioctls of devices"}, {6, "signals, abstract sockets"}};
  const char* separator = "; without rules for ";
  for (const auto& addition : additions) {
    if (abi < addition.since) {
      text.append(separator).append(addition.what);
      separator = ", ";
    }
  }
  return text;
}

std::string LandlockRemedy(int err) {
  return err == EOPNOTSUPP
             ? "Landlock is off: add landlock to the lsm= boot parameter "
               "(/sys/kernel/security/lsm shows what is on)"
             : "use Linux 5.13 or newer, built with CONFIG_SECURITY_LANDLOCK, and in a "
               "container a seccomp profile that lets landlock_create_ruleset pass";
}

std::string ProcRemedy() {
  return "the kernel refuses a fresh /proc where parts of the outer one are covered, as in a "
         "container: give it an unmasked one (docker: --security-opt systempaths=unconfined, "
         "podman: "
         "--security-opt unmask=ALL)";
}

std::string OrBestEffort(const char* layer) {
  return std::string("; or set sandbox.mode to best_effort, which runs without ") + layer;
}

std::string NamespaceRemedy(int err) {
  if (err == ENOSPC) {
    return "raise the sysctls user.max_user_namespaces and user.max_net_namespaces";
  }
  if (err == EAGAIN || err == ENOMEM) {
    return "let running calls end, or raise the limit on processes (ulimit -u)";
  }
  return "allow unprivileged user namespaces: sysctl kernel.unprivileged_userns_clone=1 (Debian), "
         "kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile (Ubuntu), "
         "user.max_user_namespaces above 0; in a container, a seccomp profile that lets unshare "
         "pass; the kernel also refuses within a chroot: use pivot_root";
}

}  // namespace casemate::sandbox
