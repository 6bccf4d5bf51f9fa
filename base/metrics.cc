#include "base/metrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace casemate {
namespace {

// A line of its own for each sample, whatever is in it. `quotes`: as within a label's value.
std::string Escaped(std::string_view text, bool quotes) {
  std::string escaped;
  for (const char c : ToValidUtf8(text)) {
    if (c == '\n') {
      escaped += "\\n";
    } else if (c == '\\' || (quotes && c == '"')) {
      escaped += '\\';
      escaped += c;
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string NumberText(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value > 0 ? "+Inf" : "-Inf";
  }
  std::array<char, 32> digits{};  // the shortest that reads the same: 24 at most
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

}  // namespace

void MetricsRegistry::AddSource(MetricType type, MetricName name, std::string help, Labels labels,
                                Source source) {
  Entry entry{type, std::move(help), {}, std::move(source)};
  for (const MetricName& label : labels) {
    entry.labels.emplace_back(label.text());
  }
  entries_.emplace(name.text(), std::move(entry));
}

template <typename Metric>
MetricFamily<Metric>& MetricsRegistry::AddFamily(MetricType type, MetricName name, std::string help,
                                                 Labels labels) {
  const auto family = std::make_shared<MetricFamily<Metric>>();
  AddSource(type, name, std::move(help), labels, [family] { return family->Samples(); });
  return *family;
}

MetricFamily<Counter>& MetricsRegistry::AddCounters(MetricName name, std::string help,
                                                    Labels labels) {
  return AddFamily<Counter>(MetricType::kCounter, name, std::move(help), labels);
}

MetricFamily<Gauge>& MetricsRegistry::AddGauges(MetricName name, std::string help, Labels labels) {
  return AddFamily<Gauge>(MetricType::kGauge, name, std::move(help), labels);
}

void MetricsRegistry::RenderEntry(const std::string& name, const Entry& entry, std::string& text) {
  std::map<std::vector<std::string>, double> samples;  // sorted, and each once
  for (MetricSample& sample : entry.source()) {
    if (sample.labels.size() == entry.labels.size()) {
      samples.try_emplace(std::move(sample.labels), sample.value);
    }
  }
  text += "# HELP " + name + " " + Escaped(entry.help, false) + "\n# TYPE " + name +
          (entry.type == MetricType::kCounter ? " counter\n" : " gauge\n");
  for (const auto& [values, value] : samples) {
    text += name;
    for (std::size_t i = 0; i < values.size(); ++i) {
      text += i == 0 ? '{' : ',';
      text.append(entry.labels[i]).append("=\"").append(Escaped(values[i], true)).append("\"");
    }
    text.append(values.empty() ? " " : "} ").append(NumberText(value)).append("\n");
  }
}

std::string MetricsRegistry::Render() const {
  std::string text;
  for (const auto& [name, entry] : entries_) {
    RenderEntry(name, entry, text);
  }
  return text;
}

}  // namespace casemate
