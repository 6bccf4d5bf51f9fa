// Time as the rest of Casemate sees it. Stateless; thread-safe.
#pragma once

#include <cstdint>
#include <string>

namespace casemate {

// Milliseconds since the Unix epoch (UTC); may step when the clock is set.
std::int64_t WallClockMs();
// Nanoseconds of CLOCK_MONOTONIC, for durations and deadlines.
std::int64_t MonotonicNs();
// RFC 3339 in UTC with milliseconds: "2026-07-28T09:30:00.000Z". Of times before 1970 or beyond
// what a year can hold: "1970-01-01T00:00:00.000Z".
std::string Rfc3339(std::int64_t unix_ms);

}  // namespace casemate
