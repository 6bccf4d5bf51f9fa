#include "base/clock.h"

#include <array>
#include <chrono>
#include <ctime>

namespace casemate {

std::int64_t WallClockMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t MonotonicNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string Rfc3339(std::int64_t unix_ms) {
  constexpr std::int64_t kMsPerSecond = 1000;
  const auto seconds = static_cast<std::time_t>(unix_ms / kMsPerSecond);
  std::tm utc{};
  std::array<char, 40> text{};
  const bool fits = unix_ms >= 0 && ::gmtime_r(&seconds, &utc) != nullptr;
  const std::size_t size =
      fits ? std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc) : 0;
  if (size == 0) {
    return "1970-01-01T00:00:00.000Z";
  }
  const std::string ms = std::to_string(kMsPerSecond + unix_ms % kMsPerSecond).substr(1);
  return std::string(text.data(), size) + "." + ms + "Z";
}

}  // namespace casemate
