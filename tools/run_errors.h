// Explains a run that was stopped or could not start: what happened, what to do next. Pure;
// thread-safe.
#pragma once

#include <optional>

#include "base/result.h"
#include "tools/run_result.h"

namespace casemate::tools {

// nullopt when the command ended by itself (exit or signal), which is a normal result.
std::optional<Error> ExplainFailure(const sandbox::SandboxOutcome& outcome, const RunFacts& facts);

}  // namespace casemate::tools
