#include "tools/container_since.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "base/text.h"

namespace casemate::tools {
namespace {

constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::int64_t kSecondsPerMinute = 60;
constexpr std::int64_t kSecondsPerHour = 3600;
constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kLongestSeconds = 36'500 * kSecondsPerDay;

// Takes exactly `count` digits off the front.
std::optional<int> TakeDigits(std::string_view& text, std::size_t count) {
  const std::string_view digits = text.substr(0, count);
  if (digits.size() < count || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  int value = 0;
  for (const char c : digits) {
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool TakeOne(std::string_view& text, std::string_view choices) {
  if (text.empty() || choices.find(text.front()) == std::string_view::npos) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

// Seconds east of Greenwich, and nothing after it.
std::optional<int> TakeOffset(std::string_view text) {
  if (text == "Z" || text == "z") {
    return 0;
  }
  const bool is_west = text.starts_with('-');
  if (!TakeOne(text, "+-")) {
    return std::nullopt;
  }
  const auto hours = TakeDigits(text, 2);
  const bool has_colon = TakeOne(text, ":");
  const auto minutes = TakeDigits(text, 2);
  if (!hours || !has_colon || !minutes || !text.empty() || *hours > 23 || *minutes > 59) {
    return std::nullopt;
  }
  const int seconds = (*hours * 60 + *minutes) * 60;
  return is_west ? -seconds : seconds;
}

std::optional<std::int64_t> ParseTime(std::string_view text) {
  const auto year = TakeDigits(text, 4);
  const bool first_dash = TakeOne(text, "-");
  const auto month = TakeDigits(text, 2);
  const bool second_dash = TakeOne(text, "-");
  const auto day = TakeDigits(text, 2);
  const bool letter = TakeOne(text, "Tt ");
  const auto hour = TakeDigits(text, 2);
  const bool first_colon = TakeOne(text, ":");
  const auto minute = TakeDigits(text, 2);
  const bool second_colon = TakeOne(text, ":");
  const auto second = TakeDigits(text, 2);
  if (!year || !first_dash || !month || !second_dash || !day || !letter || !hour || !first_colon ||
      !minute || !second_colon || !second) {
    return std::nullopt;
  }
  std::int64_t ms = 0;
  if (TakeOne(text, ".")) {
    std::int64_t unit = 100;
    const auto digits = text.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos) {
      return std::nullopt;
    }
    for (const char c : text.substr(0, digits)) {
      ms += (c - '0') * unit;
      unit /= 10;
    }
    text.remove_prefix(digits);
  }
  const auto offset = TakeOffset(text);
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!offset || !date.ok() || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = days * kSecondsPerDay + *hour * kSecondsPerHour +
                               *minute * kSecondsPerMinute + *second - *offset;
  return seconds * kMsPerSecond + ms;
}

std::int64_t SecondsOf(char unit) {
  switch (unit) {
    case 'd':
      return kSecondsPerDay;
    case 'h':
      return kSecondsPerHour;
    case 'm':
      return kSecondsPerMinute;
    case 's':
      return 1;
    default:
      return 0;
  }
}

// Seconds of "600" or "1h30m".
std::optional<std::int64_t> ParseDuration(std::string_view text) {
  std::int64_t total = 0;
  bool has_unit = false;
  while (!text.empty()) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0 || value > kLongestSeconds) {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::int64_t unit = 1;
    if (!text.empty()) {
      unit = SecondsOf(text.front());
      text.remove_prefix(1);
      has_unit = true;
    } else if (has_unit) {
      return std::nullopt;  // "1h30": of what?
    }
    if (unit == 0) {
      return std::nullopt;
    }
    total = std::min(total + value * unit, kLongestSeconds);
  }
  return total;
}

}  // namespace

Result<std::int64_t> ParseSince(std::string_view text, std::int64_t now_ms) {
  if (const auto time = ParseTime(text); time && *time > 0) {
    return *time;
  }
  if (const auto seconds = ParseDuration(text); seconds && !text.empty()) {
    return std::max<std::int64_t>(1, now_ms - *seconds * kMsPerSecond);
  }
  Error error = InvalidArgument("args.since",
                                "expected seconds (`600`), a duration (`10m`, `1h30m`) or a time "
                                "of RFC 3339 (`2026-07-28T09:30:00Z`), got " +
                                    Quoted(text));
  error.remedy = "write, for instance, `10m` for the last ten minutes";
  return error;
}

}  // namespace casemate::tools
