// ContainerMeter: what running containers use now, for any number of them in one look. Reads the
// control groups where it can, asks the engine where it cannot, and remembers the last reading of
// each, so that the rate of a second look costs no waiting. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "sandbox/container/engine/engine.h"
#include "sandbox/container/services/cgroup_usage.h"
#include "sandbox/container/services/usage_rates.h"

namespace casemate::tools {

struct Measurement {
  container::Usage usage;
  std::optional<double> cpu_percent;  // of one processor; none: too early to tell
  std::optional<container::UsageRates> rates;
  std::string health{};  // as Health::status; NOLINT(readability-redundant-member-init)
};

class ContainerMeter {
 public:
  // `proc`: where procfs is mounted.
  explicit ContainerMeter(const std::string& proc = "/proc")
      : cgroups_(container::CgroupUsage::Open(proc)) {}

  // By id, of those of `ids` that run and can be measured: not one that the engine says nothing of
  // within some seconds. A first look takes a tenth of a second more, unless `stop` is requested.
  std::map<std::string, Measurement> Measure(const container::Engine& engine,
                                             std::span<const std::string> ids,
                                             const std::stop_token& stop);
  // Of one that was inspected just now.
  std::optional<Measurement> Measure(const container::Engine& engine,
                                     const container::ContainerDetails& details,
                                     const std::stop_token& stop);

 private:
  struct Known {
    container::ContainerDetails details;
    std::optional<container::Usage> usage;  // the last reading
  };
  struct Reading {
    Known before;  // details as they are now, and the reading before, if there is one
    std::optional<container::Usage> now;
  };
  [[nodiscard]] std::optional<container::Usage> ReadOnce(const container::Engine& engine,
                                                         const container::ContainerDetails& details,
                                                         const std::stop_token& stop) const;
  void ReadAll(const container::Engine& engine, std::span<const std::string> ids,
               std::map<std::string, Reading>& readings, const std::stop_token& stop) const;
  std::map<std::string, Measurement> Finish(const container::Engine& engine,
                                            std::map<std::string, Reading> readings,
                                            const std::stop_token& stop);

  const container::CgroupUsage cgroups_;
  std::mutex mutex_;
  std::map<std::string, Known> known_;  // by id; guarded by mutex_
};

}  // namespace casemate::tools
