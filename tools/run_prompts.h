// The prompts that come with `run`: run_and_explain and fix_failing_command. They hand the model
// the exact arguments of the tool, as JSON, so that nothing is lost in quoting. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policies/workspace_root.h"
#include "tools/prompt.h"

namespace casemate::tools {

struct RunPromptSources {
  std::vector<policies::WorkspaceRoot> roots;  // offered as values of `workspace`
  // Ids of the principal's own runs that begin with a prefix, newest first. Empty: none.
  std::function<std::vector<std::string>(std::string_view prefix, const policies::Principal&)>
      run_ids;
  // Reads a resource by way of policy and trail (ResourceReader::Read). Empty: nothing is kept.
  std::function<Result<ResourceContents>(std::string_view uri, const CallContext&)> read;
};

std::unique_ptr<Prompt> MakeRunAndExplainPrompt();
std::unique_ptr<Prompt> MakeFixFailingCommandPrompt(RunPromptSources sources);

}  // namespace casemate::tools
