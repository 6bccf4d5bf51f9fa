// A whole ToolResult as JSON and back: text, further blocks, structured content, the error flag and
// the audit outcome. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "tools/tool.h"

namespace casemate::tools {

std::string EncodeToolResult(const ToolResult& result);
// Errors: kDataLoss when it is not what EncodeToolResult made.
Result<ToolResult> DecodeToolResult(std::string_view text);

}  // namespace casemate::tools
