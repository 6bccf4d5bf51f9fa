// What a server with the toolset `build` has beyond others.
#pragma once

#include "base/result.h"
#include "mcp/config.h"
#include "sandbox/container/containers.h"
#include "sandbox/native/runner.h"
#include "tools/artifacts/artifact_store.h"
#include "tools/catalog.h"

namespace casemate {

// Whether the toolset is on.
[[nodiscard]] bool HasBuild(const Config& config);
// What the tools borrow.
struct BuildParts {
  sandbox::SandboxRunner& runner;
  container::Containers* containers = nullptr;  // may be
  artifacts::ArtifactStore& artifacts;
  std::string state_dir;  // the path by which this process reaches it
};
Result<void> AddBuildTools(const Config& config, const BuildParts& parts, tools::Catalog& catalog);
// The prompt, which borrows `catalog`: it speaks of tools that are there once all have been added.
Result<void> AddBuildPrompt(const Config& config, tools::Catalog& catalog);

}  // namespace casemate
