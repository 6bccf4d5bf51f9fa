#include "policies/check/coverage.h"

#include <map>

#include <nlohmann/json.hpp>

namespace casemate::policies {

namespace {

struct Sides {
  bool was_true = false;
  bool was_not_true = false;
};

class Meter {
 public:
  explicit Meter(std::span<const Layer> layers) : layers_(layers) {
    for (const Layer& layer : layers_) {
      for (const Rule& rule : layer.rules) {
        if (rule.when) {
          Add(*rule.when);
        }
      }
    }
  }

  // `own`: the rule whose example this is; its layer need not be about the call.
  void Count(const StatedCall& call, const Rule* own) {
    const PolicyInput input = call.input();
    const Attributes attributes(input);
    for (const Layer& layer : layers_) {
      const bool is_about = layer.IsAbout(input);
      for (const Rule& rule : layer.rules) {
        if ((!is_about && &rule != own) || !rule.Covers(input.tool, input.principal)) {
          continue;
        }
        if (rule.Matches(input, attributes)) {
          matched_[&rule] = true;
        }
        if (rule.when) {
          Note(*rule.when, attributes);
        }
      }
    }
  }

  [[nodiscard]] Coverage Take() const {
    Coverage coverage;
    coverage.comparisons = sides_.size();
    for (const Layer& layer : layers_) {
      for (const Rule& rule : layer.rules) {
        ++coverage.rules;
        if (!matched_.contains(&rule)) {
          coverage.uncovered.push_back({rule.id, rule.where});
        }
        if (rule.when) {
          List(rule, *rule.when, coverage.one_sided);
        }
      }
    }
    return coverage;
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion): loading bounds the nesting by kMaxConditionDepth.
  void Add(const Condition& condition) {
    if (condition.kind == Condition::Kind::kComparison) {
      sides_[&condition] = {};
    }
    for (const Condition& child : condition.children) {
      Add(child);
    }
  }

  // NOLINTNEXTLINE(misc-no-recursion): see Add.
  void Note(const Condition& condition, const Attributes& attributes) {
    if (condition.kind == Condition::Kind::kComparison) {
      const bool is_true = Evaluate(condition, attributes) == Truth::kTrue;
      (is_true ? sides_[&condition].was_true : sides_[&condition].was_not_true) = true;
    }
    for (const Condition& child : condition.children) {
      Note(child, attributes);
    }
  }

  // NOLINTNEXTLINE(misc-no-recursion): see Add.
  void List(const Rule& rule, const Condition& condition,
            std::vector<OneSidedComparison>& one_sided) const {
    if (condition.kind == Condition::Kind::kComparison) {
      const Sides& sides = sides_.at(&condition);
      if (!sides.was_true || !sides.was_not_true) {
        one_sided.push_back(
            {rule.id, rule.where, ToString(condition), sides.was_true, sides.was_not_true});
      }
    }
    for (const Condition& child : condition.children) {
      List(rule, child, one_sided);
    }
  }

  std::span<const Layer> layers_;
  std::map<const Rule*, bool> matched_;
  std::map<const Condition*, Sides> sides_;
};

}  // namespace

Coverage MeasureCoverage(const YamlPolicy& policy, std::span<const TestSuite> suites) {
  Meter meter(policy.layers());
  for (const Layer& layer : policy.layers()) {
    for (const Rule& rule : layer.rules) {
      for (const RuleExample& example : rule.examples) {
        meter.Count(example.call, &rule);
      }
    }
  }
  for (const TestSuite& suite : suites) {
    for (const PolicyTest& test : suite.tests) {
      meter.Count(test.call, nullptr);
    }
  }
  return meter.Take();
}

}  // namespace casemate::policies
