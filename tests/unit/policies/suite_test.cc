#include <sys/stat.h>

#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/check/coverage.h"
#include "policies/check/run_suites.h"
#include "tests/unit/policies/fixtures.h"

namespace casemate::policies {

using test::TempDir;

namespace {

constexpr const char* kPolicy = R"(
version: 1
rules:
  - id: go
    effect: allow
    tools: [run]
    when: {path: args.network, eq: none}
    limits: {memory_mb: 100, cpus: 0.5}
    workspace: host_read
    marks: [read_secret]
    reason: no network
  - id: think
    effect: ask
    tools: [run]
    when: {path: args.n, gt: 3}
    approval: {by: operator, expires_s: 60, remember: same_call}
)";

std::unique_ptr<YamlPolicy> Policy(const std::string& text = kPolicy) {
  auto policy = LoadYamlPolicy(text, "policy.yaml");
  INFO((policy ? std::string() : Describe(policy.error())));
  REQUIRE(policy);
  return *std::move(policy);
}

std::string SuiteText(const std::string& call, const std::string& expect) {
  return "version: 1\ntests:\n  - {name: a, call: " + call + ", expect: " + expect + "}\n";
}

std::string SuiteError(const std::string& text) {
  auto suite = ReadSuite(text, "x.test.yaml");
  REQUIRE_FALSE(suite);
  CHECK(suite.error().code == ErrorCode::kInvalidArgument);
  return Describe(suite.error());
}

constexpr const char* kCall = "{tool: run, args: {network: none, n: 1}}";
constexpr const char* kAsked = "{tool: run, args: {network: none, n: 9}}";

// What the test of one call and one expectation reports.
std::vector<std::string> Problems(const std::string& call, const std::string& expect) {
  auto suite = ReadSuite(SuiteText(call, expect), "x.test.yaml");
  INFO((suite ? std::string() : Describe(suite.error())));
  REQUIRE(suite);
  const SuiteReport report = RunSuites(*Policy(), std::span<const TestSuite>(&*suite, 1));
  CHECK(report.tests == 1);
  return report.failures.empty() ? std::vector<std::string>() : report.failures.front().problems;
}

}  // namespace

TEST_CASE("A suite passes when everything that it states is so") {
  CHECK(
      Problems(kCall,
               "{effect: allow, rule: go, matched: [go], limits: {memory_mb: 100, cpus: 0.5, pids: "
               "128}, workspace: host_read, marks: [read_secret], reason_contains: [no, network]}")
          .empty());
  CHECK(Problems(kAsked,
                 "{effect: ask, rule: think, matched: [think, go], approval: {by: operator, "
                 "expires_s: 60, remember: same_call}, workspace: host_read}")
            .empty());
  CHECK(Problems("{tool: run}", "{effect: deny, rule: default-deny, matched: [think], marks: []}")
            .empty());
}

TEST_CASE("A suite says each thing that is otherwise") {
  const std::vector<std::array<const char*, 3>> wrong = {
      {kCall, "{effect: deny}", "effect: expected deny, got allow (rule `go`"},
      {kCall, "{effect: allow, rule: og}", "rule: expected og, got go"},
      {kCall, "{effect: allow, matched: [go, think]}", "matched: expected [go, think], got [go]"},
      {kCall, "{effect: allow, matched: []}", "matched: expected [], got [go]"},
      {kCall, "{effect: allow, limits: {memory_mb: 99}}", "memory_mb: expected 99, got 100"},
      {kCall, "{effect: allow, limits: {cpus: 1}}", "cpu_millis: expected 1000, got 500"},
      {kCall, "{effect: allow, workspace: private}", "workspace: expected private, got host_read"},
      {kCall, "{effect: allow, sandbox: strict}", "sandbox: expected strict"},
      {kCall, "{effect: allow, marks: []}", "marks: expected [], got [read_secret]"},
      {kCall, "{effect: allow, reason_contains: cake}", "reason: expected it to contain `cake`"},
      {kAsked, "{effect: ask, approval: {by: client}}", "by: expected client, got operator"},
      {kAsked, "{effect: ask, approval: {expires_s: 5}}", "expires_s: expected 5, got 60"},
      {kAsked, "{effect: ask, approval: {remember: never}}",
       "remember: expected never, got same_call"},
  };
  for (const auto& [call, expect, problem] : wrong) {
    INFO(expect);
    const auto problems = Problems(call, expect);
    REQUIRE(problems.size() == 1);
    CHECK_THAT(problems.front(), Catch::Contains(problem));
  }
}

TEST_CASE("A suite is read strictly, and errors have a place") {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"[]", "x.test.yaml:1:1: expected a test suite"},
      {"version: 2\ntests: []\n", "x.test.yaml:1:10: expected version 1"},
      {"version: 1\n", "missing key `tests`"},
      {"version: 1\ntests: []\n", "expected a list of 1 to 10000 tests"},
      {"version: 1\ntest: []\n", "did you mean `tests`"},
      {"version: 1\npolicy: \"\"\ntests: [1]\n", "x.test.yaml:2:9"},
      {"version: 1\ntests: [1]\n", "expected a test"},
      {SuiteText(kCall, "{}"), "missing key `effect`"},
      {SuiteText(kCall, "{effect: alow}"), "did you mean `allow`"},
      {SuiteText(kCall, "{effect: allow, ruel: x}"), "did you mean `rule`"},
      {SuiteText(kCall, "{effect: deny, limits: {pids: 1}}"), "`effect: allow` or `ask` only"},
      {SuiteText(kCall, "{effect: allow, limits: {pid: 1}}"), "did you mean `pids`"},
      {SuiteText(kCall, "{effect: allow, approval: {by: client}}"), "`effect: ask` only"},
      {SuiteText(kCall, "{effect: allow, marks: [read_secrets]}"), "did you mean `read_secret`"},
      {SuiteText(kCall, "{effect: allow, marks: read_secret}"), "expected a list of marks"},
      {SuiteText(kCall, "{effect: allow, reason_contains: \"\"}"), "expected a part of the reason"},
      {SuiteText("{args: {}}", "{effect: allow}"), "missing key `tool`"},
      {SuiteText("{tool: run, args: 3}", "{effect: allow}"), "expected a map"},
      {SuiteText(kCall, "{effect: deny}") +
           "  - {name: a, call: {tool: run}, expect: {effect: deny}}",
       "duplicate name `a`; the first is at x.test.yaml:3:5"},
  };
  for (const auto& [text, problem] : wrong) {
    INFO(text);
    CHECK_THAT(SuiteError(text), Catch::Contains(problem));
  }
}

TEST_CASE("A policy that fails its suite, or whose suite cannot be read, can be refused") {
  const TempDir dir;
  const std::string file = dir.path() + "/p.yaml";
  CHECK(SuitesBeside(file).empty());
  CHECK(SuitesBeside("developer").empty());
  const std::string suite = dir.path() + "/p.test.yaml";
  std::ofstream(suite) << SuiteText(kCall, "{effect: allow}");
  REQUIRE(SuitesBeside(file) == std::vector{suite});
  const auto policy = Policy();
  CHECK(RequireSuites(*policy, SuitesBeside(file)));

  std::ofstream(suite) << SuiteText(kCall, "{effect: deny}");
  const auto failed = RequireSuites(*policy, SuitesBeside(file));
  REQUIRE_FALSE(failed);
  CHECK_THAT(Describe(failed.error()), Catch::Contains(suite + ":3:5: the policy fails 1 of 1"));

  REQUIRE(::chmod(suite.c_str(), 0666) == 0);
  const auto open = RequireSuites(*policy, SuitesBeside(file));
  REQUIRE_FALSE(open);
  CHECK(open.error().code == ErrorCode::kPermissionDenied);

  REQUIRE(::unlink(suite.c_str()) == 0);
  REQUIRE(::symlink("nowhere", suite.c_str()) == 0);  // attack: a suite that is there and is not
  CHECK_FALSE(RequireSuites(*policy, SuitesBeside(file)));
}

TEST_CASE("Coverage counts rules that match and comparisons that come out both ways") {
  const auto policy = Policy();
  Coverage none = MeasureCoverage(*policy, {});
  CHECK(none.rules == 2);
  CHECK(none.uncovered.size() == 2);
  CHECK(none.percent() == 0);
  CHECK(none.uncovered.front().where == "policy.yaml:4:5");

  auto suite = ReadSuite(SuiteText(kCall, "{effect: allow}"), "x.test.yaml");
  REQUIRE(suite);
  const Coverage half = MeasureCoverage(*policy, std::span<const TestSuite>(&*suite, 1));
  CHECK(half.percent() == 50);
  REQUIRE(half.uncovered.size() == 1);
  CHECK(half.uncovered.front().id == "think");
  REQUIRE(half.one_sided.size() == 2);
  CHECK(half.one_sided[0].condition == "args.network eq none");
  CHECK((half.one_sided[0].was_true && !half.one_sided[0].was_not_true));
  CHECK((!half.one_sided[1].was_true && half.one_sided[1].was_not_true));

  // An undecidable comparison is one that is not true; an ask that matches by it is covered.
  auto more = ReadSuite(SuiteText("{tool: run}", "{effect: deny}"), "y.test.yaml");
  REQUIRE(more);
  const std::vector<TestSuite> both = {*suite, *more};
  CHECK(MeasureCoverage(*policy, both).percent() == 100);
  CHECK(MeasureCoverage(*policy, both).comparisons_covered() == 1);
}

TEST_CASE("The examples of a rule count as tests of it") {
  const auto policy = Policy(R"(
version: 1
rules:
  - id: go
    effect: allow
    tools: [run]
    when: {path: args.network, eq: none}
    match: [{tool: run, args: {network: none}}]
    not_match: [{tool: run}]
)");
  CHECK(policy->layers().front().rules.front().examples.size() == 2);
  const Coverage coverage = MeasureCoverage(*policy, {});
  CHECK(coverage.percent() == 100);
  CHECK(coverage.one_sided.empty());
}

}  // namespace casemate::policies
