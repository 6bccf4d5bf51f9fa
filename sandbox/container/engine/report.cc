#include "sandbox/container/engine/report.h"

#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "sandbox/container/engine/engine.h"

namespace casemate::container {
namespace {

// Version and info are asked for one after the other.
constexpr std::int64_t kPatienceMs = 1000;

bool IsThere(const std::string& path) {
  struct stat about{};
  return lstat(path.c_str(), &about) == 0;
}

std::string Or(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

}  // namespace

std::vector<EngineReport> ReportEngines(const DiscoveryInput& input) {
  std::vector<EngineReport> reports;
  for (EngineCandidate& candidate : FindCandidates(input)) {
    EngineReport report;
    report.candidate = std::move(candidate);
    if (report.candidate.error.has_value()) {
      report.error = report.candidate.error;
    } else if (report.candidate.is_guess && !IsThere(report.candidate.socket)) {
      continue;
    } else if (auto engine = Engine::Connect(report.candidate.socket, kPatienceMs); engine) {
      report.info = (*engine)->info();
    } else {
      report.error = std::move(engine).error();
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

std::string Describe(const EngineReport& report) {
  const std::string where = report.candidate.socket.empty()
                                ? report.candidate.found
                                : report.candidate.socket + " (" + report.candidate.found + ")";
  if (!report.info.has_value()) {
    return (report.error.has_value() ? report.error->message : "") + "; " + where;
  }
  const EngineInfo& info = *report.info;
  std::string text = info.kind == EngineKind::kPodman ? "Podman " : "Docker ";
  text += info.version + ", API " + info.api_version + ", storage " +
          Or(info.storage_driver, "unknown") + ", cgroups v" + std::to_string(info.cgroup_version) +
          " (" + Or(info.cgroup_driver, "unknown") + "), " + Or(info.runtime, "runtime unknown") +
          (info.rootless ? ", rootless" : ", as root") +
          (info.has_seccomp ? ", seccomp" : ", without seccomp");
  std::vector<std::string> unheld;
  for (const auto& [holds, what] :
       {std::pair(info.holds_memory, "memory"), std::pair(info.holds_cpu, "processors"),
        std::pair(info.holds_pids, "processes")}) {
    if (!holds) {
      unheld.emplace_back(what);
    }
  }
  text += unheld.empty() ? "" : ", does not hold limits of " + Join(unheld, ", ");
  text += "; " + where;
  return EscapeControls(text, false);
}

}  // namespace casemate::container
