// The tools of the toolset `containers`. See docs/tools.md for arguments and results.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "policies/workspace_root.h"
#include "sandbox/container/containers.h"
#include "sandbox/native/runner.h"
#include "tools/tool.h"

namespace casemate::tools {

// The initialisers let g++ 12 accept designated initialisers that name only some members.
struct ContainerToolOptions {
  // Of workspaces that new containers mount.
  std::vector<policies::WorkspaceRoot> roots{};  // NOLINT(readability-redundant-member-init)
  // The caller is a person at the command line: who may follow a log for a day, and read much of
  // it.
  bool for_terminal = false;
};

// All of them. Each borrows `containers` and, for workspaces, `runner` for its lifetime.
std::vector<std::unique_ptr<Tool>> MakeContainerTools(container::Containers& containers,
                                                      sandbox::SandboxRunner& runner,
                                                      const ContainerToolOptions& options);

std::unique_ptr<Tool> MakeContainerStatusTool(container::Containers& containers);
std::unique_ptr<Tool> MakeContainerLogsTool(container::Containers& containers,
                                            bool for_terminal = false);
std::unique_ptr<Tool> MakeContainerLifecycleTool(container::Containers& containers,
                                                 sandbox::SandboxRunner& runner,
                                                 ContainerToolOptions options);
// `now_ns`: the clock by which plans expire.
std::unique_ptr<Tool> MakeContainerOptimizeTool(container::Containers& containers,
                                                std::function<std::int64_t()> now_ns = MonotonicNs);

}  // namespace casemate::tools
