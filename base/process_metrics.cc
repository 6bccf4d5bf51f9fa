#include "base/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"

namespace casemate {
namespace {

constexpr std::size_t kMaxProcBytes = 65536;
constexpr double kMicro = 1e-6;
constexpr double kNano = 1e-9;
constexpr double kMilli = 1e-3;

// The number in field `index`, from 0, of fields that are one space apart.
std::optional<std::uint64_t> FieldOf(std::string_view text, std::size_t index) {
  for (; index > 0; --index) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) {
      return std::nullopt;
    }
    text.remove_prefix(space + 1);
  }
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.begin(), text.end(), number);
  return code == std::errc() ? std::optional(number) : std::nullopt;
}

std::vector<MetricSample> One(double value) {
  return {{{}, value}};
}

std::vector<MetricSample> ResidentBytes() {
  const auto statm = ReadFile("/proc/self/statm", kMaxProcBytes);
  const auto pages = statm ? FieldOf(*statm, 1) : std::nullopt;
  if (!pages) {
    return {};
  }
  return One(static_cast<double>(*pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
}

std::vector<MetricSample> OpenFds() {
  const std::size_t names = ListNames("/proc/self/fd").size();
  if (names == 0) {
    return {};
  }
  return One(static_cast<double>(names - 1));  // without the one by which they were read
}

std::vector<MetricSample> CpuSeconds() {
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) != 0) {
    return {};
  }
  return One(static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
             static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * kMicro);
}

// Seconds since the Unix epoch, by the clock as it is now.
std::optional<double> StartTime() {
  const auto stat = ReadFile("/proc/self/stat", kMaxProcBytes);
  timespec since_boot{};
  if (!stat || ::clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0) {
    return std::nullopt;
  }
  // The name of the program comes before, in parentheses, and may hold anything.
  const std::size_t after = stat->rfind(") ");
  constexpr std::size_t kStartField = 22 - 3;  // proc(5): starttime, counted from `state`
  const auto ticks = after == std::string::npos
                         ? std::nullopt
                         : FieldOf(std::string_view(*stat).substr(after + 2), kStartField);
  if (!ticks) {
    return std::nullopt;
  }
  const double age = static_cast<double>(since_boot.tv_sec) +
                     static_cast<double>(since_boot.tv_nsec) * kNano -
                     static_cast<double>(*ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return static_cast<double>(WallClockMs()) * kMilli - age;
}

std::vector<MetricSample> StartSeconds() {
  // Once: clocks are set, and a start that moves looks like another process.
  static const std::optional<double> start = StartTime();
  return start ? One(*start) : std::vector<MetricSample>();
}

}  // namespace

void AddProcessMetrics(MetricsRegistry& registry) {
  registry.AddSource(MetricType::kGauge, "process_resident_memory_bytes",
                     "Resident memory size in bytes.", {}, ResidentBytes);
  registry.AddSource(MetricType::kGauge, "process_open_fds", "Number of open file descriptors.", {},
                     OpenFds);
  registry.AddSource(MetricType::kCounter, "process_cpu_seconds_total",
                     "Total user and system CPU time spent in seconds.", {}, CpuSeconds);
  registry.AddSource(MetricType::kGauge, "process_start_time_seconds",
                     "Start time of the process since unix epoch in seconds.", {}, StartSeconds);
}

}  // namespace casemate
