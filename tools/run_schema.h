// What models and clients read about `run`: description, input and output schema (JSON Schema
// 2020-12, simple keywords only: some hosts drop tools whose schema has a root oneOf). Pure.
#pragma once

#include <string>

#include "tools/tool.h"

namespace casemate::tools {

// `default_profile` is stated as the default of args.profile; `has_containers`: there is
// args.target.
ToolSpec MakeRunSpec(const std::string& default_profile, bool has_containers = false);

}  // namespace casemate::tools
