// An analysis as the result of a tool: as much of it as a model can afford to read, and how to ask
// for the rest. Pure; thread-safe.
#pragma once

#include <string>

#include "tools/analysis/project.h"
#include "tools/tool.h"

namespace casemate::tools {

// Keeps the applications at `path`, a path in the project ("." is its root). False, and all stay:
// there is none.
bool KeepApp(analysis::Analysis& analysis, const std::string& path);
// Puts text and structure into `result`: the first applications in full, as many as fit, others in
// brief, and beyond that their number. `structured` has `total_apps` besides the members of
// analysis::AnalysisSchema.
void PutExcerpt(analysis::Analysis analysis, ToolResult& result);

}  // namespace casemate::tools
