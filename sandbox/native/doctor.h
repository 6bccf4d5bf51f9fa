// Probes each layer of the sandbox on this machine, for `casemate doctor`. Forks: call only from a
// single-threaded process.
#pragma once

#include <string>
#include <vector>

#include "policies/grant.h"

namespace casemate::sandbox {

struct Probe {
  std::string layer;  // "user namespace", "landlock", …
  bool present = false;
  bool required = true;
  std::string detail;  // version, ABI, or errno text
  std::string remedy;  // the command or setting that would add it; empty when present
};

// Order of the layers as the launcher applies them; the last one is a whole sandboxed run, whose
// cgroups carry `incarnation` (see LauncherClient::Start).
std::vector<Probe> ProbeLayers(const policies::Grant& grant, const std::string& incarnation);

}  // namespace casemate::sandbox
