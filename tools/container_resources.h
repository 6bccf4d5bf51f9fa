// The resources casemate://containers, casemate://containers/events and, of each container,
// /ID/status and /ID/logs: what the engine tells about containers, and news of them for those who
// watch. Facts for policy: {kind: "container", part: "list", "events", "status" or "logs"}; of one
// container {container}, as of the tools; {untrusted: true} for what others wrote.
#pragma once

#include <memory>

#include "base/store/store.h"
#include "sandbox/container/containers.h"
#include "tools/changes.h"
#include "tools/resource.h"

namespace casemate::tools {

// Borrows all for its lifetime.
std::unique_ptr<ResourceProvider> MakeContainerResources(container::Containers& containers,
                                                         Store& store, Changes& changes);

}  // namespace casemate::tools
