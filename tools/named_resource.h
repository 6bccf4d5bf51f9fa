// What providers of a fixed set of named things share: the name in the URI, the error for a name
// that does not exist, completion of names. Pure functions; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::tools {

// What follows `prefix` in `uri`; empty when it has another one.
std::string_view NameInUri(std::string_view uri, std::string_view prefix);
// kNotFound for "uri", with the nearest of `names`.
Error NoSuchName(std::string_view kind, std::string_view name,
                 std::span<const std::string_view> names);
// Those that begin with `prefix`, at most 100.
std::vector<std::string> NamesWithPrefix(std::span<const std::string_view> names,
                                         std::string_view prefix);

}  // namespace casemate::tools
