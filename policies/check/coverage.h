// Which rules of a policy its examples and tests exercise. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "policies/check/suite_yaml.h"
#include "policies/engine/yaml_policy.h"

namespace casemate::policies {

// A rule that no example and no test matched.
struct UncoveredRule {
  std::string id;
  std::string where;  // "file:line:column"
};

// A comparison that was never true, or always.
struct OneSidedComparison {
  std::string rule;
  std::string where;      // of the rule
  std::string condition;  // in words
  bool was_true = false;
  bool was_not_true = false;  // false, or undecidable
};

struct Coverage {
  std::size_t rules = 0;
  std::size_t comparisons = 0;
  std::vector<UncoveredRule> uncovered;
  std::vector<OneSidedComparison> one_sided;

  [[nodiscard]] std::size_t rules_covered() const { return rules - uncovered.size(); }
  [[nodiscard]] std::size_t comparisons_covered() const { return comparisons - one_sided.size(); }
  // Percent of the rules; 100 where there are none.
  [[nodiscard]] double percent() const {
    return rules == 0 ? 100.0
                      : 100.0 * static_cast<double>(rules_covered()) / static_cast<double>(rules);
  }
};

// Counts the examples of all layers and `suites`. A comparison counts where its rule covers tool
// and caller.
Coverage MeasureCoverage(const YamlPolicy& policy, std::span<const TestSuite> suites);

}  // namespace casemate::policies
