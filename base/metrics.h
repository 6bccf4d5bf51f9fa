// Metrics: counters, gauges and values asked for when somebody looks, written in the text
// exposition format 0.0.4 of Prometheus. Families are added before anything is counted; from then
// on all of it is thread-safe: counting is one atomic addition, finding a series by its labels a
// short lock. References to series stay valid as long as the registry.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace casemate {

// The name of a metric or a label: [a-zA-Z_][a-zA-Z0-9_]*, else it does not compile.
class MetricName {
 public:
  consteval MetricName(const char* text) : text_(text) {  // NOLINT(google-explicit-constructor)
    bool is_valid = !text_.empty() && !(text_[0] >= '0' && text_[0] <= '9');
    for (const char c : text_) {
      is_valid = is_valid && (c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9'));
    }
    if (!is_valid) {
      throw "not the name of a metric or a label";
    }
  }
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

enum class MetricType { kCounter, kGauge };

class Counter {
 public:
  void Add(std::uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  [[nodiscard]] double value() const {
    return static_cast<double>(value_.load(std::memory_order_relaxed));
  }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_ = 0;
};

struct MetricSample {
  std::vector<std::string> labels;  // values, in the order of the family's names
  double value = 0;
};

// All series of one name. What is asked for by other labels begins at zero; values come from closed
// sets, for a series stays.
template <typename Metric>
class MetricFamily {
 public:
  // As many values as the family has label names.
  Metric& With(std::initializer_list<std::string_view> values) {
    const std::lock_guard lock(mutex_);
    return series_[std::vector<std::string>(values.begin(), values.end())];
  }
  [[nodiscard]] std::vector<MetricSample> Samples() const {
    const std::lock_guard lock(mutex_);
    std::vector<MetricSample> samples;
    for (const auto& [labels, metric] : series_) {
      samples.push_back({labels, metric.value()});
    }
    return samples;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::vector<std::string>, Metric> series_;  // guarded by mutex_
};

class MetricsRegistry {
 public:
  using Labels = std::initializer_list<MetricName>;
  // Asked on the thread that renders; returns nothing for what cannot be told now.
  using Source = std::function<std::vector<MetricSample>()>;

  // A name is added once. `help` is one sentence.
  MetricFamily<Counter>& AddCounters(MetricName name, std::string help, Labels labels = {});
  MetricFamily<Gauge>& AddGauges(MetricName name, std::string help, Labels labels = {});
  void AddSource(MetricType type, MetricName name, std::string help, Labels labels, Source source);

  // Sorted by name, then by label values; the same for the same values. Never a broken line: a
  // sample with a wrong number of labels, or with those of another, is left out.
  [[nodiscard]] std::string Render() const;

 private:
  struct Entry {
    MetricType type;
    std::string help;
    std::vector<std::string> labels;  // names
    Source source;
  };
  template <typename Metric>
  MetricFamily<Metric>& AddFamily(MetricType type, MetricName name, std::string help,
                                  Labels labels);
  static void RenderEntry(const std::string& name, const Entry& entry, std::string& text);

  std::multimap<std::string, Entry> entries_;  // by name
};

}  // namespace casemate
