#include "policies/container_rights.h"

#include <algorithm>

namespace casemate::policies {

std::string_view ToString(ContainerRight right) {
  return kContainerRightNames.at(static_cast<std::size_t>(right));
}

std::optional<ContainerRight> ContainerRightOf(std::string_view name) {
  const auto found = std::ranges::find(kContainerRightNames, name);
  if (found == kContainerRightNames.end()) {
    return std::nullopt;
  }
  return static_cast<ContainerRight>(found - kContainerRightNames.begin());
}

}  // namespace casemate::policies
