// Time as the rest of Casemate sees it. Stateless; thread-safe.
#pragma once

#include <cstdint>

namespace casemate {

// Milliseconds since the Unix epoch (UTC); may step when the clock is set.
std::int64_t WallClockMs();
// Nanoseconds of CLOCK_MONOTONIC, for durations and deadlines.
std::int64_t MonotonicNs();

}  // namespace casemate
