// What `casemate doctor` tells of the container engines of this machine: each that answers, and
// precisely what is wrong with those that are named or there but do not. Asks each for at most two
// seconds, one after the other; starts no threads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/container/engine/discovery.h"
#include "sandbox/container/engine/types.h"

namespace casemate::container {

struct EngineReport {
  EngineCandidate candidate;
  std::optional<EngineInfo> info;  // it answers and can be used
  std::optional<Error> error;      // or what is wrong
};

// Empty: no engine is there, and none is named.
std::vector<EngineReport> ReportEngines(const DiscoveryInput& input);
// One line: "Docker 20.10.24, API 1.41, overlay2, cgroups v1 (cgroupfs), runc, seccomp; /run/…".
std::string Describe(const EngineReport& report);

}  // namespace casemate::container
