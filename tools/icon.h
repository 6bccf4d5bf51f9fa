// Icons that need no server to fetch them from.
#pragma once

#include <string>
#include <string_view>

namespace casemate::tools {

// A data URI (RFC 2397, base64 as MCP wants it) of an SVG picture, 8 by 8 units, that fills `path`
// (SVG 1.1, 8.3: "M1 0v8l6-4z"). As short as it can be, for whoever lists tools pays for it.
inline constexpr std::string_view kIconPrefix = "data:image/svg+xml;base64,";
std::string IconOf(std::string_view path);

}  // namespace casemate::tools
