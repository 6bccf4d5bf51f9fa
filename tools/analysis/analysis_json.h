// An analysis as JSON (docs/dockerfile.md lists the fields) and as text for a terminal. Pure;
// thread-safe.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tools/analysis/project.h"

namespace casemate::analysis {

// {"value", "confidence", "file"?, "field"?, "alternatives"?: [{"value", "confidence", …}]}
nlohmann::json FindingJson(const Finding& finding);
nlohmann::json AnalysisJson(const Analysis& analysis);
// The JSON Schema of what AnalysisJson gives (the subset that output schemas of tools use).
nlohmann::json AnalysisSchema();

// A block for each application, one line a finding: its value, where it was read, how sure that is.
std::string AnalysisText(const Analysis& analysis);

}  // namespace casemate::analysis
