// `casemate doctor`.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "clients/cli/commands.h"
#include "clients/cli/terminal.h"
#include "sandbox/native/apparmor_profile.h"
#include "sandbox/native/doctor.h"

namespace casemate::cli {
namespace {

using sandbox::Combination;
using sandbox::Diagnosis;
using sandbox::Probe;

// Of this very binary.
std::string ProgramPath() {
  std::error_code failed;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? "casemate" : path.string();
}

std::string Verdict(const Probe& probe) {
  if (probe.present) {
    return Paint(STDOUT_FILENO, Colour::kGreen, "present ");
  }
  return probe.required ? Paint(STDOUT_FILENO, Colour::kRed, "MISSING ")
                        : Paint(STDOUT_FILENO, Colour::kYellow, "fallback");
}

nlohmann::json ToJson(const Probe& probe) {
  return {{"layer", probe.layer},
          {"present", probe.present},
          {"required", probe.required},
          {"detail", probe.detail},
          {"remedy", probe.remedy}};
}

nlohmann::json MachineJson(const sandbox::Machine& machine) {
  nlohmann::json combinations = nlohmann::json::array();
  for (const Combination& combination : sandbox::TriedCombinations()) {
    combinations.push_back(Describe(combination));
  }
  return {{"kernel", machine.kernel},
          {"landlock_abi", machine.landlock_abi},
          {"cgroup_version", machine.cgroup_version},
          {"root", machine.is_root},
          {"container", machine.container},
          {"tried", IsTried(machine)},
          {"tried_combinations", std::move(combinations)}};
}

void PrintMachine(const sandbox::Machine& machine, std::size_t width) {
  std::cout << std::left << std::setw(static_cast<int>(width)) << "machine"
            << "  " << Describe(machine) << '\n';
  const std::string margin(width + 2, ' ');
  if (IsTried(machine)) {
    std::cout << margin
              << "tried: the whole battery of attacks was run on machines like this one\n";
    return;
  }
  std::cout << margin << "not tried: the battery of attacks was run on";
  const char* separator = ":\n";
  for (const Combination& combination : sandbox::TriedCombinations()) {
    std::cout << separator << margin << "  " << Describe(combination);
    separator = "\n";
  }
  std::cout << '\n';
}

nlohmann::json EngineJson(const container::EngineReport& report) {
  nlohmann::json engine = {{"usable", report.info.has_value()},
                           {"socket", report.candidate.socket},
                           {"found", report.candidate.found},
                           {"detail", Describe(report)}};
  if (report.error.has_value()) {
    engine["remedy"] = report.error->remedy;
  }
  if (const auto& info = report.info; info.has_value()) {
    engine.update({{"name", info->kind == container::EngineKind::kPodman ? "podman" : "docker"},
                   {"version", info->version},
                   {"api_version", info->api_version},
                   {"storage_driver", info->storage_driver},
                   {"cgroup_version", info->cgroup_version},
                   {"cgroup_driver", info->cgroup_driver},
                   {"runtime", info->runtime},
                   {"rootless", info->rootless},
                   {"seccomp", info->has_seccomp},
                   {"holds",
                    {{"memory", info->holds_memory},
                     {"cpus", info->holds_cpu},
                     {"pids", info->holds_pids}}}});
  }
  return engine;
}

void PrintRemedy(const std::string& remedy, std::size_t width) {
  if (!remedy.empty()) {
    std::cout << std::string(width, ' ') << "            → " << remedy << '\n';
  }
}

void PrintEngines(const std::vector<container::EngineReport>& engines, std::size_t width) {
  const auto begin = [width] {
    std::cout << std::left << std::setw(static_cast<int>(width)) << "container engine" << "  ";
  };
  if (engines.empty()) {
    begin();
    std::cout << "none      no Docker or Podman is there; only calls that name a container or an "
                 "image need one\n";
  }
  for (const container::EngineReport& report : engines) {
    begin();
    std::cout << (report.info.has_value() ? Paint(STDOUT_FILENO, Colour::kGreen, "present ")
                                          : Paint(STDOUT_FILENO, Colour::kYellow, "unusable"))
              << "  " << Describe(report) << '\n';
    PrintRemedy(report.error.has_value() ? report.error->remedy : "", width);
  }
}

// The last line: what calls may expect.
std::string Summary(const Diagnosis& diagnosis, sandbox::Mode mode) {
  if (!diagnosis.IsSound()) {
    return "A required layer is missing: calls will be refused, not weakened.";
  }
  if (mode == sandbox::Mode::kBestEffort) {
    return "Mode best_effort: calls run without what is missing, and each result says so.";
  }
  return "This machine can run the sandbox at full strength of this version.";
}

}  // namespace

int DoctorCommand(const DoctorArgs& args, const policies::Grant& grant,
                  const std::string& incarnation, sandbox::Mode mode,
                  const std::vector<Probe>& more,
                  const std::vector<container::EngineReport>& engines) {
  Diagnosis diagnosis = sandbox::Diagnose(grant, incarnation, mode, ProgramPath());
  diagnosis.layers.insert(diagnosis.layers.end(), more.begin(), more.end());
  const int code = diagnosis.IsSound() ? kExitOk : kExitFailure;
  if (args.json) {
    nlohmann::json layers = nlohmann::json::array();
    for (const Probe& probe : diagnosis.layers) {
      layers.push_back(ToJson(probe));
    }
    nlohmann::json found = nlohmann::json::array();
    for (const container::EngineReport& report : engines) {
      found.push_back(EngineJson(report));
    }
    std::cout << DumpJson({{"ok", diagnosis.IsSound()},
                           {"mode", NameOf(mode)},
                           {"machine", MachineJson(diagnosis.machine)},
                           {"layers", std::move(layers)},
                           {"engines", std::move(found)}})
              << '\n';
    return Flushed(code, kExitFailure);
  }
  std::size_t width = std::string_view("container engine").size();
  for (const Probe& probe : diagnosis.layers) {
    width = std::max(width, probe.layer.size());
  }
  PrintMachine(diagnosis.machine, width);
  for (const Probe& probe : diagnosis.layers) {
    std::cout << std::left << std::setw(static_cast<int>(width)) << probe.layer << "  "
              << Verdict(probe) << "  " << probe.detail << '\n';
    PrintRemedy(probe.present ? "" : probe.remedy, width);
  }
  PrintEngines(engines, width);
  std::cout << Summary(diagnosis, mode) << '\n';
  return Flushed(code, kExitFailure);
}

int PrintAppArmorProfile() {
  auto profile = sandbox::AppArmorProfileFor(ProgramPath());
  if (!profile) {
    std::cerr << "casemate: " << Describe(profile.error()) << '\n';
    return kExitFailure;
  }
  std::cout << *profile;
  return Flushed(kExitOk, kExitFailure);
}

}  // namespace casemate::cli
