// Executes the actions of a plan, one after the other: each is checked once more against what is
// there now, and what it freed is measured. Used by one call on one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "policies/grant.h"
#include "tools/container_optimize_facts.h"
#include "tools/container_optimize_store.h"

namespace casemate::tools {

struct OptimizeOutcome {
  enum class Status { kDone, kSkipped, kFailed, kNotBegun };
  Status status = Status::kNotBegun;
  std::string message;                      // what was done, or why not
  std::optional<std::int64_t> freed_bytes;  // of OptimizeAction::frees, measured
  std::optional<Error> error;               // of kFailed
};
std::string_view ToString(OptimizeOutcome::Status status);  // "done", "skipped", …

// That the grant has all rights that `action` needs, and limits as high as it sets. Errors:
// kPermissionDenied naming the right or the limit.
Result<void> MayExecute(const policies::Grant& grant, const OptimizeAction& action);

// One outcome for each of `actions`, which belong to `plan`. After a stop is requested no further
// one is begun.
std::vector<OptimizeOutcome> Execute(const OptimizeSource& source, const OptimizePlan& plan,
                                     const std::vector<OptimizeAction>& actions);

}  // namespace casemate::tools
