// The tools `run` and `profile_list`. See docs/tools.md for arguments and results.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "policies/workspace_root.h"
#include "sandbox/native/runner.h"
#include "tools/tool.h"

namespace casemate::tools {

struct RunOptions {
  std::vector<policies::WorkspaceRoot> roots;
  std::string default_profile = "default";
  std::string config_file;  // named in refusals as the place to add a root
};

// Borrows `runner` for the tool's lifetime.
std::unique_ptr<Tool> MakeRunTool(sandbox::SandboxRunner& runner, RunOptions options);
std::unique_ptr<Tool> MakeProfileListTool();

}  // namespace casemate::tools
