// Glob patterns of the policy language. `*`: any bytes but '/'; `**`: any bytes; `?`: one byte but
// '/'; everything else stands for itself, and the whole text must match. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace casemate::policies {

inline constexpr std::size_t kMaxGlobBytes = 256;
inline constexpr std::size_t kMaxGlobbedBytes = std::size_t{64} << 10;

// Refuses empty or overlong patterns and the characters [ ] { } \, which other dialects give a
// meaning that this one has not.
Result<void> CheckGlob(std::string_view pattern);
// Preconditions: CheckGlob(pattern) passed; text.size() <= kMaxGlobbedBytes. Time is
// O(pattern × text) for every input: no pattern or argument can make it backtrack.
[[nodiscard]] bool GlobMatches(std::string_view pattern, std::string_view text);

}  // namespace casemate::policies
