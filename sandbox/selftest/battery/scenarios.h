// Attacks that need more than one call: meetings of two sandboxes, a server that dies, paths handed
// in, and the closing check of the trail. Run in order, after the rows.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sandbox/selftest/battery/battery.h"

namespace casemate::escape {

struct Scenario {
  std::string name;
  std::function<void(Battery&, Trial&)> run;
};

std::vector<Scenario> Scenarios();  // all
std::vector<Scenario> WorkspaceScenarios();

}  // namespace casemate::escape
