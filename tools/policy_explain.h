// The tool `policy_explain`: what policy says of a call, without making it. See docs/tools.md.
#pragma once

#include <memory>

#include "tools/catalog.h"
#include "tools/gate.h"
#include "tools/tool.h"

namespace casemate::tools {

// Borrows both for the tool's lifetime. The call is prepared as `catalog` has it and as a real one
// is, and nothing of it runs; who asks sees rules that cover them only.
std::unique_ptr<Tool> MakePolicyExplainTool(const Catalog& catalog, const Gate& gate);

}  // namespace casemate::tools
