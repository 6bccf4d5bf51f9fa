// The services inside running containers, as this machine's /proc shows them. Blocks; thread-safe.
#pragma once

#include <map>
#include <span>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "sandbox/container/engine/engine.h"
#include "sandbox/container/services/find_services.h"
#include "sandbox/container/services/processes.h"

namespace casemate::tools {

// What could not be seen is named in blind_spots. `signatures` is null where they are damaged.
container::ServiceReport LookInside(const container::ContainerDetails& details,
                                    const container::SignatureTable* signatures);

struct Inside {
  container::ContainerDetails details;
  container::ServiceReport services;
};
// By id; without those that the engine does not know any more, or says nothing of within some
// seconds. Some at a time, for that takes some milliseconds each. `processes`: of this machine,
// looked at once for all of them.
std::map<std::string, Inside> LookInsideAll(const container::Engine& engine,
                                            const container::SignatureTable* signatures,
                                            std::span<const std::string> ids,
                                            const Result<container::ProcessTable>& processes,
                                            const std::stop_token& stop);

}  // namespace casemate::tools
