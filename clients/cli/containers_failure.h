// What is said when a command about containers could not do it, in one line for people, and how the
// process ends. Main thread only.
#pragma once

#include <string>

#include "base/result.h"
#include "tools/tool.h"

namespace casemate::cli {

// "there is no container `web` (list them: casemate containers ls --all)": words that are meant for
// agents, put for people.
std::string FailureText(const Result<tools::ToolResult>& call);
// Complains. Returns kExitUsage for arguments that are wrong, `usual` for all else.
int Fail(const Result<tools::ToolResult>& call, int usual);
// Whether there is anything to complain of.
inline bool HasFailed(const Result<tools::ToolResult>& call) {
  return !call || call->is_error;
}

}  // namespace casemate::cli
