// `casemate policy lint|test`.
#include "clients/cli/policy_commands.h"

#include <unistd.h>

#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "clients/cli/command_line.h"
#include "clients/cli/policy_load.h"
#include "clients/cli/terminal.h"
#include "policies/check/coverage.h"
#include "policies/check/run_suites.h"
#include "policies/source/policy_files.h"

namespace casemate::cli {
namespace {

using nlohmann::json;
using policies::Coverage;

// "file:line:column: message", as editors read it.
std::string ProblemLine(const Error& error) {
  return EscapeControls(Describe(error), false);
}

std::size_t ExamplesOf(const policies::Layer& layer) {
  std::size_t examples = 0;
  for (const policies::Rule& rule : layer.rules) {
    examples += rule.examples.size();
  }
  return examples;
}

json LintJson(const NamedPolicy& named) {
  json report = {{"policy", named.name},
                 {"ok", named.problems.empty() && named.policy.ok()},
                 {"problems", json::array()}};
  for (const Error& problem : named.problems) {
    json entry = {{"where", problem.field}, {"message", problem.message}};
    if (!problem.remedy.empty()) {
      entry["remedy"] = problem.remedy;
    }
    report["problems"].push_back(std::move(entry));
  }
  if (!named.policy) {
    return report;
  }
  const policies::YamlPolicy& policy = **named.policy;
  report["revision"] = policy.revision();
  report["commit"] = policy.commit();
  report["layers"] = json::array();
  for (const policies::Layer& layer : policy.layers()) {
    report["layers"].push_back({{"layer", layer.name},
                                {"kind", policies::ToString(layer.kind)},
                                {"rules", layer.rules.size()},
                                {"examples", ExamplesOf(layer)}});
  }
  return report;
}

std::string LintSummary(const NamedPolicy& named) {
  const policies::YamlPolicy& policy = **named.policy;
  std::size_t rules = 0;
  std::size_t examples = 0;
  for (const policies::Layer& layer : policy.layers()) {
    rules += layer.rules.size();
    examples += ExamplesOf(layer);
  }
  return EscapeControls(named.name, false) + ": fine; " + Count(policy.layers().size(), "layer") +
         ", " + Count(rules, "rule") + ", " + Count(examples, "example") + ", revision " +
         policy.revision() + (policy.commit().empty() ? "" : ", commit " + policy.commit());
}

json CoverageJson(const Coverage& coverage) {
  json uncovered = json::array();
  for (const auto& rule : coverage.uncovered) {
    uncovered.push_back({{"rule", rule.id}, {"where", rule.where}});
  }
  json one_sided = json::array();
  for (const auto& part : coverage.one_sided) {
    one_sided.push_back({{"rule", part.rule},
                         {"where", part.where},
                         {"condition", part.condition},
                         {"was_true", part.was_true},
                         {"was_not_true", part.was_not_true}});
  }
  return {{"percent", coverage.percent()},
          {"rules", coverage.rules},
          {"rules_covered", coverage.rules_covered()},
          {"uncovered", std::move(uncovered)},
          {"comparisons", coverage.comparisons},
          {"comparisons_covered", coverage.comparisons_covered()},
          {"one_sided", std::move(one_sided)}};
}

// 7 of 8 is 87 %: a threshold of 88 is not met.
std::string Percent(const Coverage& coverage) {
  return std::to_string(static_cast<int>(coverage.percent())) + " %";
}

void PrintCoverage(const Coverage& coverage) {
  for (const auto& rule : coverage.uncovered) {
    std::cout << rule.where << ": rule `" << rule.id << "` is matched by no example and no test\n";
  }
  for (const auto& part : coverage.one_sided) {
    std::cout << part.where << ": rule `" << part.rule << "`: `"
              << EscapeControls(part.condition, false) << "` was never "
              << (!part.was_true && !part.was_not_true ? "looked at"
                  : part.was_true                      ? "other than true"
                                                       : "true")
              << '\n';
  }
  std::cout << "coverage: " << coverage.rules_covered() << " of " << Count(coverage.rules, "rule")
            << " (" << Percent(coverage) << "), " << coverage.comparisons_covered() << " of "
            << Count(coverage.comparisons, "comparison") << " both true and not\n";
}

struct TestRun {
  policies::SuiteReport report;
  Coverage coverage;
  std::size_t examples = 0;
  std::size_t suites = 0;
  bool is_below = false;

  [[nodiscard]] bool ok() const { return report.failures.empty() && !is_below; }
};

void PrintTests(const PolicyTestArgs& args, const TestRun& run) {
  for (const auto& failure : run.report.failures) {
    std::cout << Paint(STDOUT_FILENO, Colour::kRed, "FAILED") << ' '
              << EscapeControls(failure.where, false) << ": " << EscapeControls(failure.name, false)
              << '\n';
    for (const std::string& problem : failure.problems) {
      std::cout << "  " << EscapeControls(problem, false) << '\n';
    }
  }
  if (args.coverage || args.threshold) {
    PrintCoverage(run.coverage);
  }
  if (run.is_below) {
    std::cout << Paint(STDOUT_FILENO, Colour::kRed, "too little") << ": expected "
              << args.threshold.value_or(0) << " % of the rules to be covered\n";
  }
  std::cout << Count(run.report.tests, "test") << " in " << Count(run.suites, "suite") << " and "
            << Count(run.examples, "example") << ": ";
  if (run.report.failures.empty()) {
    std::cout << Paint(STDOUT_FILENO, Colour::kGreen, "all as expected") << '\n';
  } else {
    std::cout << run.report.failures.size() << " failed\n";
  }
}

json TestJson(const PolicyTestArgs& args, const NamedPolicy& named, const TestRun& run) {
  json failures = json::array();
  for (const auto& failure : run.report.failures) {
    failures.push_back(
        {{"name", failure.name}, {"where", failure.where}, {"problems", failure.problems}});
  }
  json found = {{"policy", named.name},
                {"ok", run.ok()},
                {"revision", (*named.policy)->revision()},
                {"suites", run.suites},
                {"tests", run.report.tests},
                {"examples", run.examples},
                {"failures", std::move(failures)},
                {"coverage", CoverageJson(run.coverage)}};
  if (args.threshold) {
    found["threshold"] = *args.threshold;
  }
  return found;
}

// Of a policy that does not load.
int PrintProblems(const NamedPolicy& named, bool as_json) {
  // There is nothing to look at: a wrong name, not a wrong policy.
  if (named.problems.size() <= 1 && named.policy.error().code != ErrorCode::kInvalidArgument) {
    return ComplainOf(named.policy.error(), kExitUsage);
  }
  if (as_json) {
    std::cout << DumpJson(LintJson(named)) << '\n';
  } else {
    for (const Error& problem : named.problems) {
      std::cout << ProblemLine(problem) << '\n';
    }
  }
  return Flushed(kExitFailure, kExitFailure);
}

// The policy to test: as named, or what the first suite says, or that of the configuration.
Result<std::string> PolicyToTest(const PolicyTestArgs& args, const std::string& configured) {
  if (!args.policy.empty() || args.suites.empty()) {
    return args.policy.empty() ? configured : args.policy;
  }
  auto suites = policies::LoadSuites(std::span(args.suites).first(1));
  if (!suites) {
    return suites.error();
  }
  const std::string& stated = suites->front().policy;
  if (stated.empty()) {
    return configured;
  }
  const auto directory = std::filesystem::path(args.suites.front()).parent_path();
  auto text = policies::FindPolicy(stated, directory.string());
  if (!text) {
    return text.error();
  }
  return text->origin.starts_with('/') ? text->name : stated;
}

}  // namespace

int PolicyLintCommand(const PolicyLintArgs& args, const std::string& configured) {
  const NamedPolicy named = LoadNamed(args.policy, configured);
  if (!named.policy) {
    return PrintProblems(named, args.json);
  }
  std::cout << (args.json ? DumpJson(LintJson(named)) : LintSummary(named)) << '\n';
  return Flushed(kExitOk, kExitFailure);
}

int PolicyTestCommand(const PolicyTestArgs& args, const std::string& configured) {
  const auto name = PolicyToTest(args, configured);
  if (!name) {
    return ComplainOf(name.error(), kExitUsage);
  }
  const NamedPolicy named = LoadNamed(*name, "");
  if (!named.policy) {
    return PrintProblems(named, args.json);  // an example that fails is one of them
  }
  auto suites = SuitesFor(*name, args.suites);
  if (!suites) {
    return ComplainOf(suites.error(), kExitUsage);
  }
  const policies::YamlPolicy& policy = **named.policy;
  TestRun run;
  run.suites = suites->size();
  run.report = policies::RunSuites(policy, std::span<const policies::TestSuite>(*suites));
  run.coverage = policies::MeasureCoverage(policy, *suites);
  for (const policies::Layer& layer : policy.layers()) {
    run.examples += ExamplesOf(layer);
  }
  run.is_below = args.threshold && run.coverage.percent() < static_cast<double>(*args.threshold);
  if (args.json) {
    std::cout << DumpJson(TestJson(args, named, run)) << '\n';
  } else {
    PrintTests(args, run);
  }
  return Flushed(run.ok() ? kExitOk : kExitFailure, kExitFailure);
}

int PolicyCommand(const PolicyArgs& args, const std::string& configured,
                  const WithTrail& with_trail) {
  if (const auto* lint = std::get_if<PolicyLintArgs>(&args.work)) {
    return PolicyLintCommand(*lint, configured);
  }
  if (const auto* test = std::get_if<PolicyTestArgs>(&args.work)) {
    return PolicyTestCommand(*test, configured);
  }
  if (const auto* explain = std::get_if<PolicyExplainArgs>(&args.work)) {
    return PolicyExplainCommand(*explain, configured);
  }
  if (const auto* diff = std::get_if<PolicyDiffArgs>(&args.work)) {
    return PolicyDiffCommand(*diff);
  }
  return PolicySimulateCommand(std::get<PolicySimulateArgs>(args.work), configured, with_trail);
}

}  // namespace casemate::cli
