// The argument `since` of the tools about containers: a time, or how long ago. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace casemate::tools {

// Unix time in milliseconds, of "2026-07-28T09:30:00Z" (RFC 3339, any offset and fraction), "600"
// (seconds ago) or "1h30m" (units d, h, m, s). Errors: kInvalidArgument for "args.since".
Result<std::int64_t> ParseSince(std::string_view text, std::int64_t now_ms);

}  // namespace casemate::tools
