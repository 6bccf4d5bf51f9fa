// What container_optimize answers: a plan, or what became of its execution. Pure.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "tools/container_optimize_facts.h"
#include "tools/container_optimize_run.h"
#include "tools/tool.h"

namespace casemate::tools {

// `plan_id`: empty when nothing of it can be executed.
ToolResult PlanResult(const OptimizeProposal& proposal, const OptimizeFacts& facts,
                      const std::string& plan_id);
// An error if an action failed, or the call was cancelled before all were begun.
ToolResult ExecutionResult(const std::vector<OptimizeAction>& actions,
                           const std::vector<OptimizeOutcome>& outcomes);
nlohmann::json OptimizeOutputSchema();

}  // namespace casemate::tools
