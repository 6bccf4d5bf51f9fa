// Reads one rule of the policy text and verifies its examples. Load-time only; pure.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "base/yaml.h"
#include "policies/engine/rule.h"

namespace casemate::policies {

struct RuleOptions {
  std::span<const std::string> known_tools;  // empty: not checked
  bool is_root = true;                       // of a layer without `extends`
};

// Errors: kInvalidArgument with file:line:column, failing examples included.
Result<Rule> ReadRule(const YamlNode& node, const RuleOptions& options);

}  // namespace casemate::policies
