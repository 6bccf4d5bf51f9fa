#include "mcp/containers.h"

#include <sys/stat.h>

#include "mcp/config_containers.h"
#include "sandbox/container/engine/discovery.h"
#include "sandbox/container/services/signature_file.h"
#include "tools/container_tools.h"

namespace casemate {

Result<std::unique_ptr<container::Containers>> MakeContainers(const Config& config,
                                                              const std::string& state_dir,
                                                              const std::string& incarnation) {
  if (!HasContainers(config)) {
    return std::unique_ptr<container::Containers>();
  }
  container::ContainersOptions options;
  options.engine = config.containers.engine;
  options.socket = config.containers.socket;
  options.images = config.containers.images;
  options.user = config.containers.user;
  options.directory = state_dir + "/containers";
  options.engine_directory = config.state_dir + "/containers";
  options.incarnation = incarnation;
  if (!config.containers.signatures.empty()) {
    auto own = container::LoadSignatures(config.containers.signatures);
    if (!own) {
      return std::move(own).error();
    }
    options.signatures = *std::move(own);
  }
  return std::make_unique<container::Containers>(std::move(options));
}

std::vector<gid_t> SocketGroups(const Config& config) {
  std::vector<gid_t> groups;
  if (!HasContainers(config)) {
    return groups;
  }
  const auto input = container::DiscoveryInput::Current(config.containers.socket);
  for (const container::EngineCandidate& candidate : container::FindCandidates(input)) {
    struct stat facts{};
    if (stat(candidate.socket.c_str(), &facts) == 0 && S_ISSOCK(facts.st_mode) &&
        facts.st_gid != 0 && (facts.st_mode & S_IWGRP) != 0) {
      groups.push_back(facts.st_gid);
    }
  }
  return groups;
}

Result<void> AddContainerTools(const Config& config, const std::string& channel,
                               container::Containers& containers, sandbox::SandboxRunner& runner,
                               tools::Catalog& catalog) {
  const tools::ContainerToolOptions options{.roots = config.workspace_roots,
                                            .for_terminal = channel == "cli"};
  for (auto& tool : tools::MakeContainerTools(containers, runner, options)) {
    if (auto added = catalog.Add(std::move(tool)); !added) {
      return added;
    }
  }
  return {};
}

}  // namespace casemate
