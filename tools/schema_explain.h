// Says in words what a schema expects and where arguments differ from it. Works without recursion
// and stops at kMaxViolations, whatever the arguments are. Pure; thread-safe.
#pragma once

#include <regex>
#include <string>
#include <unordered_map>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "tools/schema_check.h"

namespace casemate::tools {

// The compiled patterns of a schema, by their text.
using Patterns = std::unordered_map<std::string, std::regex>;

// "an integer from 1 to 32768", "one of a, b, c", "an array of at most 3 strings".
std::string ExpectedText(const nlohmann::json& schema);

// Preconditions: LintSchema(schema) passed; `patterns` has each of its patterns.
std::vector<Violation> Explain(const nlohmann::json& schema, const nlohmann::json& args,
                               const Patterns& patterns);

}  // namespace casemate::tools
