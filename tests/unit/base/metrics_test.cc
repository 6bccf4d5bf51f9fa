#include "base/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <ctime>
#include <limits>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/process_metrics.h"
#include "base/unique_fd.h"

namespace casemate {
namespace {

using Samples = std::vector<MetricSample>;

// The value after the line's name; the process must tell it.
double ValueOf(const MetricsRegistry& registry, const std::string& name) {
  std::istringstream lines(registry.Render());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) {
      return std::stod(line.substr(name.size() + 1));
    }
  }
  FAIL("there is no " << name);
  return 0;
}

TEST_CASE("Metrics are rendered sorted, each family with its help and type", "[metrics]") {
  MetricsRegistry registry;
  auto& calls = registry.AddCounters("calls_total", "Calls.", {"tool", "status"});
  registry.AddGauges("build_info", "What runs.", {"version"}).With({"1.0"}).Set(1);
  registry.AddCounters("plain_total", "No labels.").With({}).Add(3);
  registry.AddCounters("unused_total", "Nothing happened.", {"why"});
  registry.AddSource(MetricType::kGauge, "asked", "Asked for.", {"n"},
                     [] { return Samples{{{"b"}, 0.5}, {{"a"}, -2}}; });
  calls.With({"run", "exited"}).Add();
  calls.With({"run", "cancelled"}).Add(2);
  calls.With({"job_status", "exited"}).Add();
  CHECK(&calls.With({"run", "exited"}) == &calls.With({"run", "exited"}));
  CHECK(registry.Render() ==
        "# HELP asked Asked for.\n"
        "# TYPE asked gauge\n"
        "asked{n=\"a\"} -2\n"
        "asked{n=\"b\"} 0.5\n"
        "# HELP build_info What runs.\n"
        "# TYPE build_info gauge\n"
        "build_info{version=\"1.0\"} 1\n"
        "# HELP calls_total Calls.\n"
        "# TYPE calls_total counter\n"
        "calls_total{tool=\"job_status\",status=\"exited\"} 1\n"
        "calls_total{tool=\"run\",status=\"cancelled\"} 2\n"
        "calls_total{tool=\"run\",status=\"exited\"} 1\n"
        "# HELP plain_total No labels.\n"
        "# TYPE plain_total counter\n"
        "plain_total 3\n"
        "# HELP unused_total Nothing happened.\n"
        "# TYPE unused_total counter\n");
  CHECK(registry.Render() == registry.Render());
}

TEST_CASE("No label or help breaks a line or a quotation", "[metrics]") {
  MetricsRegistry registry;
  registry.AddGauges("odd", "back\\slash \"quoted\"\nnext\r", {"value"})
      .With({"a\\b\"c\nodd 1 \xff{}"})
      .Set(1);
  CHECK(registry.Render() ==
        "# HELP odd back\\\\slash \"quoted\"\\nnext\r\n"
        "# TYPE odd gauge\n"
        "odd{value=\"a\\\\b\\\"c\\nodd 1 \xef\xbf\xbd{}\"} 1\n");
}

TEST_CASE("Numbers are the shortest that read the same", "[metrics]") {
  MetricsRegistry registry;
  using Limits = std::numeric_limits<double>;
  registry.AddSource(MetricType::kGauge, "n", "Numbers.", {"which"}, [] {
    return Samples{{{"a"}, Limits::infinity()},    {{"b"}, -Limits::infinity()},
                   {{"c"}, Limits::quiet_NaN()},   {{"d"}, 1785000000.125},
                   {{"e"}, 9007199254740992.0},    {{"f"}, 0.1},
                   {{"g"}, -Limits::denorm_min()}, {{"h"}, -Limits::max()}};
  });
  CHECK(registry.Render() ==
        "# HELP n Numbers.\n# TYPE n gauge\n"
        "n{which=\"a\"} +Inf\nn{which=\"b\"} -Inf\nn{which=\"c\"} NaN\n"
        "n{which=\"d\"} 1785000000.125\nn{which=\"e\"} 9007199254740992\nn{which=\"f\"} 0.1\n"
        "n{which=\"g\"} -5e-324\nn{which=\"h\"} -1.7976931348623157e+308\n");
}

TEST_CASE("A sample that fits no series is left out, and a second of the same", "[metrics]") {
  MetricsRegistry registry;
  registry.AddSource(MetricType::kGauge, "g", "Gauge.", {"l"},
                     [] { return Samples{{{}, 1}, {{"x", "y"}, 2}, {{"x"}, 3}, {{"x"}, 4}}; });
  registry.AddCounters("c_total", "Counter.", {"l"}).With({}).Add();
  CHECK(registry.Render() ==
        "# HELP c_total Counter.\n# TYPE c_total counter\n"
        "# HELP g Gauge.\n# TYPE g gauge\ng{l=\"x\"} 3\n");
}

TEST_CASE("Nothing that threads count is lost, whoever renders meanwhile", "[metrics]") {
  MetricsRegistry registry;
  auto& family = registry.AddCounters("n_total", "Count.", {"which"});
  constexpr int kThreads = 8;
  constexpr int kEach = 5000;
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&family, i] {
      Counter& own = family.With({std::to_string(i)});
      for (int k = 0; k < kEach; ++k) {
        family.With({"all"}).Add();
        own.Add();
      }
    });
  }
  double seen = 0;
  bool ascends = true;
  while (seen < static_cast<double>(kThreads) * kEach) {
    const std::string text = registry.Render();
    const auto at = text.find("{which=\"all\"} ");
    const double now = at == std::string::npos ? 0 : std::stod(text.substr(at + 14));
    ascends = ascends && now >= seen;
    seen = now;
  }
  threads.clear();
  CHECK(ascends);
  CHECK(family.With({"all"}).value() == kThreads * kEach);
  CHECK(family.With({"3"}).value() == kEach);
}

TEST_CASE("What the process tells of itself is so", "[metrics]") {
  MetricsRegistry registry;
  AddProcessMetrics(registry);
  const double fds = ValueOf(registry, "process_open_fds");
  const UniqueFd more(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(ValueOf(registry, "process_open_fds") == fds + 1);

  const double resident = ValueOf(registry, "process_resident_memory_bytes");
  CHECK(resident > 1 << 20);
  const std::string memory(std::size_t{32} << 20, 'x');
  CHECK(ValueOf(registry, "process_resident_memory_bytes") > resident + (16 << 20));
  CHECK(memory.back() == 'x');

  const double cpu = ValueOf(registry, "process_cpu_seconds_total");
  timespec used{};
  while (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0 &&
         static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9 < cpu + 0.1) {
  }
  CHECK(ValueOf(registry, "process_cpu_seconds_total") > cpu + 0.05);

  const double start = ValueOf(registry, "process_start_time_seconds");
  const double now = static_cast<double>(WallClockMs()) / 1000;
  CHECK(start <= now + 1);
  CHECK(start > now - 3600);
  CHECK(ValueOf(registry, "process_start_time_seconds") == start);
}

}  // namespace
}  // namespace casemate
