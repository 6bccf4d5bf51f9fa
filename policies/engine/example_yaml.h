// The examples of a rule, `match` and `not_match`: calls that the rule must, or must not, apply to.
// A rule that fails one of its own examples does not load. Load-time only; pure.
#pragma once

#include "base/result.h"
#include "base/yaml.h"
#include "policies/engine/rule.h"

namespace casemate::policies {

// Reads them into rule.examples and verifies each.
Result<void> ReadExamples(const YamlNode& rule_node, Rule& rule);

}  // namespace casemate::policies
