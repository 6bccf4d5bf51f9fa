// The tools with which a client follows background jobs: job_status, job_output, job_cancel. A job
// of somebody else is one that does not exist. See docs/tools.md.
#pragma once

#include <memory>

#include "tools/job_runner.h"
#include "tools/run_store.h"
#include "tools/tool.h"

namespace casemate::tools {

// All borrow what they are given for the tool's lifetime.
std::unique_ptr<Tool> MakeJobStatusTool(JobRunner& jobs);
std::unique_ptr<Tool> MakeJobOutputTool(JobRunner& jobs, RunStore& runs);
std::unique_ptr<Tool> MakeJobCancelTool(JobRunner& jobs);

}  // namespace casemate::tools
