#include "tools/container_meter.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <thread>
#include <utility>

#include "base/clock.h"

namespace casemate::tools {
namespace {

using container::ContainerDetails;
using container::Engine;
using container::Usage;

constexpr std::size_t kThreads = 4;
constexpr std::size_t kFewContainers = 4;  // are asked for one after the other
constexpr std::int64_t kOneMs = 5000;      // with one that its engine has locked
constexpr std::size_t kMaxKnown = 1000;
constexpr std::int64_t kOldestMs = 60'000;  // of a reading that still tells a rate of now
constexpr std::chrono::milliseconds kBetween{100};

// Calls `work` for each of 0 … count-1, on some threads when there are many.
template <typename Work>
void ForEach(std::size_t count, const Work& work) {
  std::atomic<std::size_t> next = 0;
  const auto take = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      work(i);
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; count > kFewContainers && i < kThreads; ++i) {
    threads.emplace_back(take);
  }
  take();
}

void Wait(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, kBetween, [] { return false; });
}

}  // namespace

std::optional<Usage> ContainerMeter::ReadOnce(const Engine& engine, const ContainerDetails& details,
                                              const std::stop_token& stop) const {
  if (auto usage = cgroups_.Read(details)) {
    return usage;
  }
  auto asked = engine.Stats(details.summary.id, {.total_ms = kOneMs, .stop = stop});
  return asked ? std::optional(*std::move(asked)) : std::nullopt;
}

void ContainerMeter::ReadAll(const Engine& engine, std::span<const std::string> ids,
                             std::map<std::string, Reading>& readings,
                             const std::stop_token& stop) const {
  std::vector<Reading*> slots;
  for (const std::string& id : ids) {
    slots.push_back(&readings[id]);
  }
  ForEach(ids.size(), [&](std::size_t i) {
    Reading& reading = *slots[i];
    // What is remembered holds as long as its process is in a control group of its name; the
    // health of one that has a check does not.
    if (reading.before.details.pid > 0 && reading.before.details.health.status.empty()) {
      reading.now = cgroups_.Read(reading.before.details);
    }
    if (reading.now) {
      return;
    }
    auto details = engine.Inspect(ids[i], {.total_ms = kOneMs, .stop = stop});
    if (!details || details->pid == 0) {
      return;
    }
    if (details->started_ms != reading.before.details.started_ms) {
      reading.before.usage.reset();  // of an earlier run
    }
    reading.before.details = *std::move(details);
    reading.now = ReadOnce(engine, reading.before.details, stop);
  });
}

std::map<std::string, Measurement> ContainerMeter::Finish(const Engine& engine,
                                                          std::map<std::string, Reading> readings,
                                                          const std::stop_token& stop) {
  std::vector<Reading*> first;  // those without a reading to compare with
  for (auto& [id, reading] : readings) {
    const auto& before = reading.before.usage;
    const bool is_old = before && reading.now && reading.now->read_ms - before->read_ms > kOldestMs;
    if (reading.now && (!before || is_old)) {
      first.push_back(&reading);
    }
  }
  if (!first.empty() && !stop.stop_requested()) {
    Wait(stop);
    ForEach(first.size(), [&](std::size_t i) {
      Reading& reading = *first[i];
      if (auto again = ReadOnce(engine, reading.before.details, stop)) {
        reading.before.usage = std::exchange(reading.now, again);
      }
    });
  }
  std::map<std::string, Measurement> measured;
  const std::lock_guard lock(mutex_);
  if (known_.size() > kMaxKnown) {
    known_.clear();
  }
  for (auto& [id, reading] : readings) {
    if (!reading.now) {
      known_.erase(id);
      continue;
    }
    Measurement measurement{*reading.now, std::nullopt, std::nullopt, {}};
    if (reading.before.usage) {
      measurement.rates = container::RatesBetween(*reading.before.usage, *reading.now);
    }
    measurement.cpu_percent =
        measurement.rates
            ? std::optional(measurement.rates->cpu_percent)
            : container::MeanCpuPercent(*reading.now, reading.before.details.started_ms);
    measurement.health = reading.before.details.health.status;
    measured.emplace(id, measurement);
    reading.before.usage = reading.now;
    known_[id] = std::move(reading.before);
  }
  return measured;
}

std::map<std::string, Measurement> ContainerMeter::Measure(const Engine& engine,
                                                           std::span<const std::string> ids,
                                                           const std::stop_token& stop) {
  std::map<std::string, Reading> readings;
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& id : ids) {
      const auto known = known_.find(id);
      readings[id].before = known == known_.end() ? Known() : known->second;
    }
  }
  ReadAll(engine, ids, readings, stop);
  return Finish(engine, std::move(readings), stop);
}

std::optional<Measurement> ContainerMeter::Measure(const Engine& engine,
                                                   const ContainerDetails& details,
                                                   const std::stop_token& stop) {
  if (details.pid == 0) {
    return std::nullopt;
  }
  const std::string& id = details.summary.id;
  std::map<std::string, Reading> readings;
  Reading& reading = readings[id];
  reading.before.details = details;
  {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(id);
    if (known != known_.end() && known->second.details.started_ms == details.started_ms) {
      reading.before.usage = known->second.usage;
    }
  }
  reading.now = ReadOnce(engine, details, stop);
  auto measured = Finish(engine, std::move(readings), stop);
  const auto found = measured.find(id);
  return found == measured.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace casemate::tools
