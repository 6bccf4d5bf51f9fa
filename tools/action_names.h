// What rules may name under `tools`: every tool there is, whatever toolsets are served, and the
// accesses that are judged like calls. Constants.
#pragma once

#include <span>
#include <string>

namespace casemate::tools {

std::span<const std::string> ActionNames();

}  // namespace casemate::tools
