#include "tools/catalog.h"

#include <algorithm>
#include <utility>

namespace casemate::tools {

void Catalog::Add(std::unique_ptr<Tool> tool) {
  tools_.push_back(std::move(tool));
}

const Tool* Catalog::Find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(tools_, [&](const auto& tool) { return tool->spec().name == name; });
  return found == tools_.end() ? nullptr : found->get();
}

}  // namespace casemate::tools
