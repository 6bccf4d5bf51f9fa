#include "sandbox/container/services/usage_rates.h"

namespace casemate::container {
namespace {

constexpr double kNsPerMs = 1e6;
constexpr double kMsPerSecond = 1e3;
constexpr double kPercent = 100;

}  // namespace

std::optional<UsageRates> RatesBetween(const Usage& before, const Usage& after) {
  const auto grew = [](std::int64_t earlier, std::int64_t later) {
    return earlier >= 0 && later >= earlier;
  };
  if (!grew(before.read_ms, after.read_ms) || !grew(before.cpu_ns, after.cpu_ns) ||
      !grew(before.network_received, after.network_received) ||
      !grew(before.network_sent, after.network_sent) || !grew(before.disk_read, after.disk_read) ||
      !grew(before.disk_written, after.disk_written)) {
    return std::nullopt;
  }
  const std::int64_t interval = after.read_ms - before.read_ms;
  if (interval < kShortestIntervalMs) {
    return std::nullopt;
  }
  const double seconds = static_cast<double>(interval) / kMsPerSecond;
  const auto rate = [&](std::int64_t earlier, std::int64_t later) {
    return static_cast<double>(later - earlier) / seconds;
  };
  return UsageRates{
      .interval_ms = interval,
      .cpu_percent = kPercent * static_cast<double>(after.cpu_ns - before.cpu_ns) /
                     (static_cast<double>(interval) * kNsPerMs),
      .network_received = rate(before.network_received, after.network_received),
      .network_sent = rate(before.network_sent, after.network_sent),
      .disk_read = rate(before.disk_read, after.disk_read),
      .disk_written = rate(before.disk_written, after.disk_written),
  };
}

std::optional<double> MeanCpuPercent(const Usage& usage, std::int64_t started_ms) {
  if (started_ms <= 0 || usage.read_ms < started_ms || usage.cpu_ns < 0) {
    return std::nullopt;
  }
  const std::int64_t interval = usage.read_ms - started_ms;
  if (interval < kShortestIntervalMs) {
    return std::nullopt;
  }
  return kPercent * static_cast<double>(usage.cpu_ns) / (static_cast<double>(interval) * kNsPerMs);
}

}  // namespace casemate::container
