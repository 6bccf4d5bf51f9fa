// The facts of `history` that rules may look at, by name. Constants.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace casemate::policies {

// What a rule may note of a call, or a tool of its result: counted.
inline constexpr std::array<std::string_view, 2> kHistoryMarks = {"read_secret", "read_untrusted"};

// history.calls.NAME: calls that were allowed in that time.
struct HistoryWindow {
  std::string_view name;
  std::int64_t ms;
};
inline constexpr std::array<HistoryWindow, 5> kHistoryWindows = {
    {{"1m", 60'000}, {"5m", 300'000}, {"15m", 900'000}, {"60m", 3'600'000}, {"24h", 86'400'000}}};

}  // namespace casemate::policies
