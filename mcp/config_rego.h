// The section `rego` of the configuration. Called before any thread starts (the environment).
#pragma once

#include "base/result.h"
#include "base/yaml.h"
#include "mcp/config.h"

namespace casemate {

Result<void> ReadRegoSection(const YamlNode& root, Config& config);
// CASEMATE_OPA.
Result<void> OverrideOpa(Config& config);

}  // namespace casemate
