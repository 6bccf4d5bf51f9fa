// `casemate doctor`.
#include <unistd.h>

#include <algorithm>
#include <iomanip>
#include <iostream>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "clients/cli/commands.h"
#include "clients/cli/terminal.h"
#include "sandbox/native/doctor.h"

namespace casemate::cli {
namespace {

std::string Verdict(const sandbox::Probe& probe) {
  if (probe.present) {
    return Paint(STDOUT_FILENO, Colour::kGreen, "present ");
  }
  return probe.required ? Paint(STDOUT_FILENO, Colour::kRed, "MISSING ")
                        : Paint(STDOUT_FILENO, Colour::kYellow, "fallback");
}

nlohmann::json ToJson(const sandbox::Probe& probe) {
  return {{"layer", probe.layer},
          {"present", probe.present},
          {"required", probe.required},
          {"detail", probe.detail},
          {"remedy", probe.remedy}};
}

}  // namespace

int DoctorCommand(const DoctorArgs& args, const policies::Grant& grant,
                  const std::string& incarnation) {
  const std::vector<sandbox::Probe> probes = sandbox::ProbeLayers(grant, incarnation);
  const bool sound = std::all_of(probes.begin(), probes.end(), [](const sandbox::Probe& probe) {
    return probe.present || !probe.required;
  });
  if (args.json) {
    nlohmann::json layers = nlohmann::json::array();
    for (const auto& probe : probes) {
      layers.push_back(ToJson(probe));
    }
    std::cout << DumpJson({{"ok", sound}, {"layers", std::move(layers)}}) << '\n';
    return Flushed(sound ? kExitOk : kExitFailure, kExitFailure);
  }
  std::size_t width = 0;
  for (const auto& probe : probes) {
    width = std::max(width, probe.layer.size());
  }
  for (const auto& probe : probes) {
    std::cout << std::left << std::setw(static_cast<int>(width)) << probe.layer << "  "
              << Verdict(probe) << "  " << probe.detail << '\n';
    if (!probe.present && !probe.remedy.empty()) {
      std::cout << std::string(width, ' ') << "            → " << probe.remedy << '\n';
    }
  }
  std::cout << (sound ? "This machine can run the sandbox at full strength of this version.\n"
                      : "A required layer is missing: calls will be refused, not weakened.\n");
  return Flushed(sound ? kExitOk : kExitFailure, kExitFailure);
}

}  // namespace casemate::cli
