#include "sandbox/selftest/battery/cases.h"

#include <fnmatch.h>

#include "sandbox/selftest/battery/row.h"
#include "sandbox/selftest/battery/scenarios.h"
#include "sandbox/selftest/battery/stop.h"

namespace casemate::escape {
namespace {

void AddRows(const std::string& theme, std::vector<Row> rows, std::vector<Case>& cases) {
  for (Row& row : rows) {
    std::string name = row.name;
    cases.push_back(
        {theme, std::move(name),
         [row = std::move(row)](Battery& battery, Trial& trial) { battery.Try(row, trial); }});
  }
}

}  // namespace

Trial TryCase(const Case& one, Battery& battery) {
  Trial trial(one.theme, one.name);
  try {
    one.run(battery, trial);
  } catch (const TrialOver&) {
    return trial;  // which holds the reason
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    trial.Check(false, Grade::kInDoubt, error.what());
  }
  return trial;
}

std::vector<Case> AllCases(bool served) {
  std::vector<Case> cases;
  AddRows("resources", ResourceRows(), cases);
  AddRows("process", ProcessRows(), cases);
  AddRows("kernel", KernelRows(), cases);
  AddRows("mounts", MountRows(), cases);
  AddRows("network", NetworkRows(), cases);
  AddRows("files", FileRows(), cases);
  if (!served) {
    for (Scenario& scenario : Scenarios()) {
      cases.push_back({"scenario", std::move(scenario.name), std::move(scenario.run)});
    }
  }
  return cases;
}

bool Matches(const Case& one, const std::string& pattern) {
  const std::string name = one.theme + ": " + one.name;
  if (pattern.find_first_of("*?") == std::string::npos) {
    return name.find(pattern) != std::string::npos;
  }
  std::string glob;  // names hold brackets, which are to mean themselves
  for (const char c : pattern) {
    glob += c == '[' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  return fnmatch(glob.c_str(), name.c_str(), 0) == 0;
}

}  // namespace casemate::escape
