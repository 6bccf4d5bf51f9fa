// The quick way into a JSON document: reads what messages usually are made of and leaves all else,
// errors included, to the parser of nlohmann/json (json.cc). Pure functions; thread-safe.
#pragma once

#include <functional>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace casemate {

// True: `text` was one document, and `root` is what the strict parser would have made of it. False:
// not read, for it has fractions, integers of over 18 digits, \u escapes, more than `max_depth`
// nested containers, a duplicate key, bytes that are not UTF-8, or is not JSON. `root` is then
// unspecified.
[[nodiscard]] bool ReadPlainJson(std::string_view text, int max_depth, nlohmann::json& root);

// Where the value of an object's member belongs; null: the object is not read.
using PlaceOf = std::function<nlohmann::json*(std::string_view key)>;
// As above, for one object with members whose values go to places of the caller's, so that the
// object itself need not be made. `place_of` finds repeated members. False: also for an empty
// object.
[[nodiscard]] bool ReadPlainMembers(std::string_view text, int max_depth, const PlaceOf& place_of);

}  // namespace casemate
