// Cutting what a tool found down to what a model can afford to read, whatever it was found in: the
// files of a project may hold texts and lists of any length. Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace casemate::tools {

// `value` as JSON of at most `max_bytes` if that is some KiB, by shortening long texts, lists and
// maps in it; valid UTF-8. Each list directly in it that was cut adds a line to `cuts`:
// "`dependencies`: 100 of 512".
nlohmann::json Fitted(const nlohmann::json& value, std::size_t max_bytes,
                      std::vector<std::string>& cuts);
// The size of `value` as JSON.
std::size_t SizeOf(const nlohmann::json& value);
// Whole lines from the beginning, at most `max_bytes` of them, each shortened to some 300 bytes;
// what was left out is said in a last line.
std::string FittedLines(std::string_view text, std::size_t max_bytes);

}  // namespace casemate::tools
