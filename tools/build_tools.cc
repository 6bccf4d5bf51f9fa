#include "tools/build_tools.h"

namespace casemate::tools {

std::vector<std::unique_ptr<Tool>> MakeBuildTools(sandbox::SandboxRunner& runner,
                                                  const BuildToolOptions& options) {
  std::vector<std::unique_ptr<Tool>> tools;  // in the order in which an agent uses them
  tools.push_back(MakeProjectAnalyzeTool(runner, options));
  tools.push_back(MakeGenerateDockerfileTool(runner, options));
  tools.push_back(MakeDockerfileLintTool(runner, options));
  tools.push_back(MakeGenerateManifestTool(runner, options));
  if (options.artifacts != nullptr) {
    tools.push_back(MakeBuildTool(runner, options));
  }
  return tools;
}

}  // namespace casemate::tools
