// Reads a condition of the policy text: {path, OP: value}, {all: […]}, {any: […]} or {not: …}.
// Load-time only; pure.
#pragma once

#include "base/result.h"
#include "base/yaml.h"
#include "policies/engine/condition.h"

namespace casemate::policies {

Result<Condition> ReadCondition(const YamlNode& node);

}  // namespace casemate::policies
