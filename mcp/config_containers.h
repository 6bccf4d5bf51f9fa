// The section `containers` of the configuration. Called before any thread starts.
#pragma once

#include "base/result.h"
#include "base/yaml.h"
#include "mcp/config.h"

namespace casemate {

Result<void> ReadContainersSection(const YamlNode& root, Config& config);
// Whether this server works with containers: the toolset `containers` is on.
[[nodiscard]] bool HasContainers(const Config& config);

}  // namespace casemate
