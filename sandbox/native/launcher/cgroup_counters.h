// What the groups of a run count: memory, CPU time, what was refused or killed at a limit. The
// files may be opened ahead, for whoever waits for a report waits for them. Launcher only.
#pragma once

#include "sandbox/native/launcher/cgroup.h"

namespace casemate::launcher {

// `name`: the run's group in each hierarchy of `set`. What is missing counts as nothing.
void OpenCounters(const HierarchySet& set, const char* name, Counters* counters);
// Adds what is counted to `report`.
void ReadCounters(const HierarchySet& set, const Counters& counters, wire::LaunchReport* report);

}  // namespace casemate::launcher
