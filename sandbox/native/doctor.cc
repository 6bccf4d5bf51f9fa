#include "sandbox/native/doctor.h"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <stop_token>
#include <string>

#include "sandbox/native/apparmor_profile.h"
#include "sandbox/native/launcher_client.h"
#include "sandbox/native/probes.h"
#include "sandbox/native/report.h"
#include "sandbox/native/runner.h"
#include "sandbox/native/seccomp.h"
#include "sandbox/native/spec.h"

namespace casemate::sandbox {
namespace {

// What the whole run of the doctor gets at most; the grant may allow less.
constexpr policies::Limits kProbeLimits = {.memory_mb = 64,
                                           .cpu_millis = 1000,
                                           .pids = 8,
                                           .wall_ms = 10'000,
                                           .output_kb = 4,
                                           .disk_mb = 8};

Result<SandboxOutcome> RunTrue(const policies::Grant& grant, const std::string& incarnation,
                               Mode mode) {
  auto launcher = LauncherClient::Start(incarnation, mode);
  if (!launcher) {
    return std::move(launcher).error();
  }
  SandboxRunner runner(**launcher);
  SandboxSpecBuilder builder(grant);
  builder.Command({"/bin/true"}).Limits(kProbeLimits);
  auto spec = std::move(builder).Build();
  if (!spec) {
    return std::move(spec).error();
  }
  return runner.Run(*std::move(spec), std::stop_token(), nullptr);
}

bool Succeeded(const SandboxOutcome& outcome) {
  return outcome.status == OutcomeStatus::kExited && outcome.exit_code == 0;
}

// The launcher looks for cgroups itself: what it put in force is the one true answer.
Probe CgroupProbe(const Result<SandboxOutcome>& run) {
  Probe probe;
  probe.layer = "cgroup";
  probe.required = false;
  probe.detail = "unknown: the sandboxed run failed";
  if (run) {
    const auto layer = std::find_if(run->layers.begin(), run->layers.end(),
                                    [](const Layer& each) { return each.name == "cgroup"; });
    if (layer != run->layers.end()) {
      probe.present = layer->in_force;
      probe.detail = layer->detail +
                     (run->can_limit_io ? "; io_mb_s can be held" : "; io_mb_s cannot be held");
    }
  }
  if (!probe.present) {
    probe.remedy =
        "for limits on all processes together: run casemate in a delegated cgroup "
        "(`systemd-run --user --scope -p Delegate=yes casemate serve`) or as a service with "
        "Delegate=yes";
  }
  return probe;
}

Probe RunProbe(const Result<SandboxOutcome>& run) {
  Probe probe;
  probe.layer = "sandboxed run";
  if (!run) {
    probe.detail = run.error().message;
    probe.remedy = run.error().remedy;
    return probe;
  }
  probe.present = Succeeded(*run);
  if (probe.present) {
    probe.detail = "/bin/true in " + std::to_string(run->duration_ms) + " ms";
    return probe;
  }
  probe.detail = std::string(ToString(run->status));
  if (!run->stage.empty()) {
    probe.detail += " at `" + run->stage + "`: " + ErrnoText(run->sys_errno);
  }
  probe.remedy = run->remedy;
  return probe;
}

}  // namespace

bool Diagnosis::IsSound() const {
  return std::ranges::all_of(layers,
                             [](const Probe& probe) { return probe.present || !probe.required; });
}

Diagnosis Diagnose(const policies::Grant& grant, const std::string& incarnation, Mode mode,
                   const std::string& program) {
  Diagnosis diagnosis;
  Machine& machine = diagnosis.machine;
  machine = LookAtMachine("");
  machine.is_root = geteuid() == 0;
  const auto filter = BuildSeccompFilter();
  diagnosis.layers =
      ProbeKernelFeatures(filter ? *filter : std::string(), mode, [&machine, &program](int err) {
        return UserNamespaceRemedy(machine, err, LoadAppArmorProfile(program, ""));
      });
  machine.landlock_abi = LandlockAbi();
  const auto run = RunTrue(grant, incarnation, mode);
  machine.cgroup_version = run ? run->cgroup_version : 0;
  diagnosis.layers.push_back(CgroupProbe(run));
  diagnosis.layers.push_back(RunProbe(run));
  return diagnosis;
}

}  // namespace casemate::sandbox
