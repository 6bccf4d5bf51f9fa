#include "tests/bench/stats.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/clock.h"
#include "tests/bench/child.h"

namespace casemate::bench {

double Percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(p * static_cast<double>(values.size())) - 1;
  return values[static_cast<std::size_t>(std::max(0.0, rank))];
}

double TimeMs(const std::function<void()>& work) {
  const std::int64_t start = MonotonicNs();
  work();
  return static_cast<double>(MonotonicNs() - start) / 1e6;
}

std::vector<double> MediansMs(const std::vector<std::function<void()>>& contenders, int rounds) {
  std::vector<std::vector<double>> all(contenders.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      all[i].push_back(TimeMs(contenders[i]));
    }
  }
  std::vector<double> medians;
  for (std::vector<double>& values : all) {
    medians.push_back(Percentile(std::move(values), 0.5));
  }
  return medians;
}

ScratchDirectory::ScratchDirectory()
    : path_((std::filesystem::temp_directory_path() / "casemate-bench-XXXXXX").string()) {
  if (mkdtemp(path_.data()) == nullptr) {
    Die("cannot make a directory for the servers' state");
  }
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void Print(const std::string& title, const std::vector<Figure>& figures, const Options& options) {
  if (options.json) {
    std::printf("{\"bench\":\"%s\"", title.c_str());
    for (const Figure& figure : figures) {
      std::printf(",\"%s\":%.3f", figure.key.c_str(), figure.value);
      if (figure.peer > 0) {
        std::printf(",\"%s_peer\":%.3f", figure.key.c_str(), figure.peer);
      }
    }
    std::printf("}\n");
    return;
  }
  std::printf("\n%-44s %12s %12s %8s  %s\n", title.c_str(), "casemate", "peer", "ratio", "target");
  for (const Figure& figure : figures) {
    std::printf("%-36s %-7s %12.*f ", figure.name.c_str(), figure.unit.c_str(),
                figure.value < 100 ? 2 : 0, figure.value);
    if (figure.peer > 0) {
      std::printf("%12.*f %8.3f", figure.peer < 100 ? 2 : 0, figure.peer,
                  figure.value / figure.peer);
    } else {
      std::printf("%12s %8s", "-", "-");
    }
    std::printf("  %s\n", figure.target.c_str());
  }
}

}  // namespace casemate::bench
