// Colours on a terminal and nowhere else (https://no-color.org). Stateless; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace casemate::cli {

enum class Colour { kRed, kGreen, kYellow, kDim };

// `text` in `colour` when `fd` is a terminal and NO_COLOR is unset; else `text`.
std::string Paint(int fd, Colour colour, std::string_view text);
// `code`, once all of std::cout is written; complains and returns `failure` if that fails.
int Flushed(int code, int failure);
// "2026-11-21 05:44:28.123" in UTC, from milliseconds since the epoch.
std::string FormatTime(long long time_ms);

}  // namespace casemate::cli
