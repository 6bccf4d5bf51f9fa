// What a server with the toolset `build` has beyond others.
#pragma once

#include "base/result.h"
#include "mcp/config.h"
#include "sandbox/container/containers.h"
#include "sandbox/native/runner.h"
#include "tools/catalog.h"

namespace casemate {

// Whether the toolset is on.
[[nodiscard]] bool HasBuild(const Config& config);
// The tools. They borrow `runner` and `containers`, which may be nullptr.
Result<void> AddBuildTools(const Config& config, sandbox::SandboxRunner& runner,
                           container::Containers* containers, tools::Catalog& catalog);
// The prompt, which borrows `catalog`: it speaks of tools that are there once all have been added.
Result<void> AddBuildPrompt(const Config& config, tools::Catalog& catalog);

}  // namespace casemate
