// The tools and the prompt of the toolset `build`: what a project is, a Dockerfile and a manifest
// for it, and what is wrong with a Dockerfile. See docs/tools.md for arguments and results.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policies/workspace_root.h"
#include "sandbox/container/containers.h"
#include "sandbox/container/run/images.h"
#include "sandbox/native/runner.h"
#include "tools/artifacts/artifact_store.h"
#include "tools/prompt.h"
#include "tools/tool.h"

namespace casemate::tools {

// What of registries a server may use; nothing, unless its configuration says so.
struct PackageRules {
  std::vector<container::ImageRule> bases;  // images that others may be based on
  std::vector<container::ImageRule> push;   // where images may be pushed to
  std::string credentials;  // by reference: sandbox/container/registry/credentials.h
  std::string ca_file;      // PEM; empty: the system's certificates
};

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct BuildToolOptions {
  std::vector<policies::WorkspaceRoot> roots{};  // what a `workspace` must lie below
  std::string config_file{};                     // for the remedy of a refusal; may be empty
  // Whose engine knows digests of base images; nullptr: none is asked. Borrowed.
  container::Containers* containers = nullptr;
  // Where what is packaged is recorded; nullptr: nothing is packaged. Borrowed.
  artifacts::ArtifactStore* artifacts = nullptr;
  std::string state_dir{};  // where the key lies that it is signed with
  PackageRules packages{};
};
// NOLINTEND(readability-redundant-member-init)

// All of them. Each borrows `runner` for its lifetime, to open workspaces.
std::vector<std::unique_ptr<Tool>> MakeBuildTools(sandbox::SandboxRunner& runner,
                                                  const BuildToolOptions& options);

std::unique_ptr<Tool> MakeProjectAnalyzeTool(sandbox::SandboxRunner& runner,
                                             BuildToolOptions options);
std::unique_ptr<Tool> MakeDockerfileLintTool(sandbox::SandboxRunner& runner,
                                             BuildToolOptions options);

std::unique_ptr<Tool> MakeGenerateDockerfileTool(sandbox::SandboxRunner& runner,
                                                 BuildToolOptions options);
std::unique_ptr<Tool> MakeGenerateManifestTool(sandbox::SandboxRunner& runner,
                                               BuildToolOptions options);

std::unique_ptr<Tool> MakeBuildTool(sandbox::SandboxRunner& runner, BuildToolOptions options);

struct ContainerizePromptSources {
  std::vector<policies::WorkspaceRoot> roots;  // offered as values of `workspace`
  // Whether this server has a tool of that name: the prompt names no others. Called by Get.
  std::function<bool(std::string_view)> has_tool;
};

std::unique_ptr<Prompt> MakeContainerizeProjectPrompt(ContainerizePromptSources sources);

}  // namespace casemate::tools
