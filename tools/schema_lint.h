// Which JSON Schema we support for arguments: the keywords that mean the same in Draft 7, which our
// library checks, and in 2020-12, which clients assume. Anything else is a start-up error, because
// a keyword that is shown but not checked is a promise not kept. Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace casemate::tools {

inline constexpr int kMaxSchemaDepth = 32;
// uniqueItems compares each element with each: the array must be this short by `maxItems`.
inline constexpr std::size_t kMaxUniqueItems = 1024;
// Longer strings match no `pattern`: matching costs some 100 ns a character.
inline constexpr std::size_t kMaxPatternCharacters = std::size_t{64} << 10;

// Errors: kInvalidArgument whose field is the path of the keyword
// ("input_schema.properties.x.oneOf").
Result<void> LintSchema(const nlohmann::json& schema);

}  // namespace casemate::tools
