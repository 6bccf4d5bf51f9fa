// The quick way into a JSON document: reads what messages usually are made of and leaves all else,
// errors included, to the parser of nlohmann/json (json.cc). Pure functions; thread-safe.
#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace casemate {

// True: `text` was one document, and `root` is what the strict parser would have made of it. False:
// not read, for it has fractions, integers of over 18 digits, \u escapes, more than `max_depth`
// nested containers, a duplicate key, bytes that are not UTF-8, or is not JSON. `root` is then
// unspecified.
[[nodiscard]] bool ReadPlainJson(std::string_view text, int max_depth, nlohmann::json& root);

}  // namespace casemate
