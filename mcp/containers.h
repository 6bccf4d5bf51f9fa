// What a server with the toolset `containers` is put together from.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "mcp/config.h"
#include "sandbox/container/containers.h"
#include "tools/catalog.h"

namespace casemate {

// null: the toolset is off. `state_dir`: the path by which this process reaches it. Errors: of the
// file of signatures.
Result<std::unique_ptr<container::Containers>> MakeContainers(const Config& config,
                                                              const std::string& state_dir,
                                                              const std::string& incarnation);
// Groups, none of them root's, that may write to the engine's socket: root's server stays in them.
std::vector<gid_t> SocketGroups(const Config& config);
// `channel`: as of Runtime::Start.
Result<void> AddContainerTools(const Config& config, const std::string& channel,
                               container::Containers& containers, sandbox::SandboxRunner& runner,
                               tools::Catalog& catalog);

}  // namespace casemate
