// The pages of docs/ that are embedded in the program at build time (tools/CMakeLists.txt).
// Constant; thread-safe.
#pragma once

#include <span>
#include <string_view>

namespace casemate::tools {

struct DocPage {
  std::string_view name;  // "tools"
  std::string_view text;  // Markdown; begins with its title
};

std::span<const DocPage> DocPages();

}  // namespace casemate::tools
