// The section `packages` of the configuration: what packaging may use of registries. Stateless.
#pragma once

#include "base/result.h"
#include "base/yaml.h"
#include "mcp/config.h"

namespace casemate {

Result<void> ReadPackagesSection(const YamlNode& root, Config& config);

}  // namespace casemate
