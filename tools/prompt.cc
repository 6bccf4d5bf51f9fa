#include "tools/prompt.h"

namespace casemate::tools {

std::vector<std::string> Prompt::Complete(std::string_view /*argument*/,
                                          std::string_view /*prefix*/,
                                          const PromptArguments& /*others*/,
                                          const policies::Principal& /*principal*/) const {
  return {};
}

}  // namespace casemate::tools
