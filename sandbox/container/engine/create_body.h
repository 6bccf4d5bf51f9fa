// The request that makes a container of a ContainerSpec. Pure; thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sandbox/container/engine/types.h"

namespace casemate::container {

class ContainerSpec;

// POST /containers/create.
nlohmann::json CreateBody(const ContainerSpec& spec, const EngineInfo& engine);

}  // namespace casemate::container
