#include "tools/container_tools.h"

namespace casemate::tools {

std::vector<std::unique_ptr<Tool>> MakeContainerTools(container::Containers& containers,
                                                      sandbox::SandboxRunner& runner,
                                                      const ContainerToolOptions& options) {
  std::vector<std::unique_ptr<Tool>> tools;
  tools.push_back(MakeContainerStatusTool(containers));
  tools.push_back(MakeContainerLogsTool(containers, options.for_terminal));
  tools.push_back(MakeContainerLifecycleTool(containers, runner, options));
  tools.push_back(MakeContainerOptimizeTool(containers));
  return tools;
}

}  // namespace casemate::tools
