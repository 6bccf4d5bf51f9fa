#include "mcp/build.h"

#include <algorithm>

#include "tools/build_tools.h"

namespace casemate {

bool HasBuild(const Config& config) {
  return std::ranges::find(config.toolsets, "build") != config.toolsets.end();
}

Result<void> AddBuildTools(const Config& config, const BuildParts& parts, tools::Catalog& catalog) {
  const tools::BuildToolOptions options{.roots = config.workspace_roots,
                                        .config_file = config.config_file,
                                        .containers = parts.containers,
                                        .artifacts = &parts.artifacts,
                                        .state_dir = parts.state_dir,
                                        .packages = {.bases = config.containers.images,
                                                     .push = config.packages.push,
                                                     .credentials = config.packages.credentials,
                                                     .ca_file = config.packages.ca_file}};
  for (auto& tool : tools::MakeBuildTools(parts.runner, options)) {
    if (auto added = catalog.Add(std::move(tool)); !added) {
      return added;
    }
  }
  return {};
}

Result<void> AddBuildPrompt(const Config& config, tools::Catalog& catalog) {
  tools::ContainerizePromptSources sources;
  sources.roots = config.workspace_roots;
  sources.has_tool = [&catalog](std::string_view name) {
    return catalog.FindTool(name) != nullptr;
  };
  return catalog.Add(tools::MakeContainerizeProjectPrompt(std::move(sources)));
}

}  // namespace casemate
