// The tools `run` and `profile_list`. See docs/tools.md for arguments and results.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "policies/workspace_root.h"
#include "sandbox/container/containers.h"
#include "sandbox/native/runner.h"
#include "tools/run_store.h"
#include "tools/tool.h"

namespace casemate::tools {

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct RunOptions {
  std::vector<policies::WorkspaceRoot> roots{};
  std::string default_profile = "default";
  std::string config_file{};  // named in refusals as the place to add a root
  RunStore* store = nullptr;  // borrowed; where output goes that a reply does not hold
  // KiB of each stream in a reply when the caller states no limits.output_kb; 0: the profile's.
  std::int64_t reply_kb = 0;
  container::Containers* containers = nullptr;  // borrowed; null: there is no args.target
};
// NOLINTEND(readability-redundant-member-init)

// Borrows `runner` and the store for the tool's lifetime.
std::unique_ptr<Tool> MakeRunTool(sandbox::SandboxRunner& runner, RunOptions options);
std::unique_ptr<Tool> MakeProfileListTool();

}  // namespace casemate::tools
