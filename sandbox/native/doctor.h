// Probes each layer of the sandbox on this machine, for `casemate doctor`. Forks: call only from a
// single-threaded process.
#pragma once

#include <string>
#include <vector>

#include "policies/grant.h"
#include "sandbox/native/machine.h"
#include "sandbox/native/mode.h"

namespace casemate::sandbox {

struct Probe {
  std::string layer;  // "user namespace", "landlock", …
  bool present = false;
  bool required = true;  // by the mode
  std::string detail;    // version, ABI, or errno text
  std::string remedy;    // the command or setting that would add it; empty when present
};

struct Diagnosis {
  Machine machine;
  // Order of the layers as the launcher applies them; the last one is a whole sandboxed run.
  std::vector<Probe> layers;
  [[nodiscard]] bool IsSound() const;  // no required one is missing
};

// `program` is the path of this binary; the cgroups of the sandboxed run carry `incarnation` (see
// LauncherClient::Start).
Diagnosis Diagnose(const policies::Grant& grant, const std::string& incarnation, Mode mode,
                   const std::string& program);

}  // namespace casemate::sandbox
