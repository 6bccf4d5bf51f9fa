// `casemate policy bundle sign|verify`: signatures of Rego bundles. Called from the main thread,
// before others start.
#pragma once

#include <string>

#include "sandbox/native/mode.h"

namespace CLI {
class App;
}

namespace casemate::cli {

struct PolicyBundleArgs {
  enum class Action { kSign, kVerify };
  Action action = Action::kSign;
  std::string directory;
  std::string key;
};

// Adds the group `bundle` to `policy`. `args` must live until the line is parsed.
void AddPolicyBundle(CLI::App& policy, PolicyBundleArgs& args);

// `opa` as `rego.opa`. Returns the exit code: 1 is "not signed by that key".
int PolicyBundleCommand(const PolicyBundleArgs& args, const std::string& opa, sandbox::Mode mode);

}  // namespace casemate::cli
