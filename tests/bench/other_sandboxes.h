// Other programs that run a command in a sandbox, each told to run /bin/true with options as near
// to Casemate's sandbox as it has.
#pragma once

#include <string>
#include <vector>

namespace casemate::bench {

struct OtherSandbox {
  std::string key;   // of the JSON
  std::string name;  // of the text
  std::vector<std::string> command;
  std::string absent;   // "not installed", or why it cannot be run here; empty: it can
  double first_ms = 0;  // how long it took when it was tried
  bool has_cpu = true;  // false: a daemon, whose processor time is not seen, does the work
};

// Looks for them in the PATH and tries each. `scratch`: a directory for settings made for them.
std::vector<OtherSandbox> FindOtherSandboxes(const std::string& scratch);

}  // namespace casemate::bench
