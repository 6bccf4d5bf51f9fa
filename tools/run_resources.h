// The resources casemate://runs/{id}/stdout, /stderr and /result: what RunStore keeps of a run.
#pragma once

#include <memory>

#include "tools/resource.h"
#include "tools/run_store.h"

namespace casemate::tools {

// Borrows `runs` for its lifetime.
std::unique_ptr<ResourceProvider> MakeRunResources(const RunStore& runs);

}  // namespace casemate::tools
