// Reads one rule of the policy text and verifies its examples. Load-time only; pure.
#pragma once

#include "base/result.h"
#include "base/yaml.h"
#include "policies/engine/rule.h"

namespace casemate::policies {

// Errors: kInvalidArgument with file:line:column, failing examples included.
Result<Rule> ReadRule(const YamlNode& node);

}  // namespace casemate::policies
