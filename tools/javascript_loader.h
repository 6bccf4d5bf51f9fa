// The program that runs JavaScript given as `code`. Constant.
#pragma once

#include <string_view>

namespace casemate::tools {

// Runs /run/casemate/main.js as if it were /workspace/main.js, so that relative imports find the
// workspace: as CommonJS, or, when the code has module syntax or a top-level await, as an ES module
// (which has `require` too). Needs Node.js 18 with --experimental-vm-modules.
std::string_view JavascriptLoader();

}  // namespace casemate::tools
