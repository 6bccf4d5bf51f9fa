// Findings as lines for people and as JSON for programs. Pure; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "tools/dockerfile/lint.h"

namespace casemate::dockerfile {

// [{"rule", "also", "severity", "line", "what", "why", "fix"}]; "also" only where there is one.
nlohmann::json LintJson(std::span<const LintFinding> findings);
// One line a finding: `path:line: severity RULE what (fix)`.
std::string LintText(std::span<const LintFinding> findings, std::string_view path);
// The table of all rules: rule | severity | what | why | fix, in Markdown.
std::string LintRuleTable();

}  // namespace casemate::dockerfile
