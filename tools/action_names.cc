#include "tools/action_names.h"

#include <array>

namespace casemate::tools {

std::span<const std::string> ActionNames() {
  static const std::array<std::string, 21> kNames = {"run",
                                                     "job_status",
                                                     "job_output",
                                                     "job_cancel",
                                                     "profile_list",
                                                     "policy_explain",
                                                     "resource_read",
                                                     "resource_list",
                                                     "resource_watch",
                                                     "prompt_get",
                                                     "completion",
                                                     "metrics_read",
                                                     "container_status",
                                                     "container_logs",
                                                     "container_lifecycle",
                                                     "container_optimize",
                                                     "project_analyze",
                                                     "generate_dockerfile",
                                                     "generate_manifest",
                                                     "dockerfile_lint",
                                                     "build"};
  return kNames;
}

}  // namespace casemate::tools
