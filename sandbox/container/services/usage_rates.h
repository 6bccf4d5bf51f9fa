// How fast a container uses what it uses, from two readings of its counters. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "sandbox/container/engine/types.h"

namespace casemate::container {

struct UsageRates {
  std::int64_t interval_ms = 0;
  double cpu_percent = 0;       // of one processor: two busy ones are 200
  double network_received = 0;  // bytes a second
  double network_sent = 0;
  double disk_read = 0;
  double disk_written = 0;
};

// nullopt when they tell nothing: in the wrong order, less than kShortestIntervalMs apart, or a
// counter went back because the container was started anew in between.
inline constexpr std::int64_t kShortestIntervalMs = 20;
std::optional<UsageRates> RatesBetween(const Usage& before, const Usage& after);

// Of one reading: the mean since its start, so that a first look has a number too.
std::optional<double> MeanCpuPercent(const Usage& usage, std::int64_t started_ms);

}  // namespace casemate::container
