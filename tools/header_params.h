// Arguments that a tool binds to HTTP headers by `x-mcp-header` in its input schema (MCP
// 2026-07-28, basic/transports/streamable-http). Pure functions; thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace casemate::tools {

// What a client would reject the tool for: a name that is no token or is taken, a property that is
// no string, integer or boolean, or a place that is not reached by `properties` alone. Errors:
// kInvalidArgument whose field is the path of the keyword.
Result<void> LintHeaderParams(const nlohmann::json& schema);

// Calls `visit` for each binding until it returns false: the header's name without "Mcp-Param-",
// the argument's path ("region", "place.city"), its value in `arguments` (null: it has none).
using HeaderParamVisitor = std::function<bool(const std::string& name, const std::string& path,
                                              const nlohmann::json* value)>;
void VisitHeaderParams(const nlohmann::json& schema, const nlohmann::json& arguments,
                       const HeaderParamVisitor& visit);

}  // namespace casemate::tools
