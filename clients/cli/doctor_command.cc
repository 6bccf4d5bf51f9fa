// `casemate doctor`.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>

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
                  const std::string& incarnation, sandbox::Mode mode) {
  const Diagnosis diagnosis = sandbox::Diagnose(grant, incarnation, mode, ProgramPath());
  const int code = diagnosis.IsSound() ? kExitOk : kExitFailure;
  if (args.json) {
    nlohmann::json layers = nlohmann::json::array();
    for (const Probe& probe : diagnosis.layers) {
      layers.push_back(ToJson(probe));
    }
    std::cout << DumpJson({{"ok", diagnosis.IsSound()},
                           {"mode", NameOf(mode)},
                           {"machine", MachineJson(diagnosis.machine)},
                           {"layers", std::move(layers)}})
              << '\n';
    return Flushed(code, kExitFailure);
  }
  std::size_t width = 0;
  for (const Probe& probe : diagnosis.layers) {
    width = std::max(width, probe.layer.size());
  }
  PrintMachine(diagnosis.machine, width);
  for (const Probe& probe : diagnosis.layers) {
    std::cout << std::left << std::setw(static_cast<int>(width)) << probe.layer << "  "
              << Verdict(probe) << "  " << probe.detail << '\n';
    if (!probe.present && !probe.remedy.empty()) {
      std::cout << std::string(width, ' ') << "            → " << probe.remedy << '\n';
    }
  }
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
