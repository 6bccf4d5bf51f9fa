#include "tools/resource.h"

#include <nlohmann/json.hpp>

namespace casemate::tools {

std::vector<std::string> ResourceProvider::Complete(
    std::string_view /*uri_template*/, std::string_view /*variable*/, std::string_view /*prefix*/,
    const policies::Principal& /*principal*/) const {
  return {};
}

}  // namespace casemate::tools
