// Runs test suites against a policy. For `casemate policy test`, and for whoever takes a policy
// into use: one that fails its own suite must not be. Reads disk; thread-safe.
//
//   if (auto passed = RequireSuites(policy, SuitesBeside(path)); !passed) { refuse the policy }
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "policies/check/suite_yaml.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {

inline constexpr std::size_t kMaxSuiteBytes = std::size_t{4} << 20;

// One test whose call was decided otherwise.
struct TestFailure {
  std::string name;
  std::string where;                  // "file:line:column" of the test
  std::vector<std::string> problems;  // "effect: expected allow, got deny (rule `x`: …)"
};

struct SuiteReport {
  std::size_t tests = 0;
  std::vector<TestFailure> failures;
};

// dir/NAME.test.yaml of dir/NAME.yaml, if there is one; of a policy that ships, none.
std::vector<std::string> SuitesBeside(const std::string& policy_file);
// Errors: kInvalidArgument with file:line:column; kNotFound; kPermissionDenied for a file that
// everybody may write to.
Result<std::vector<TestSuite>> LoadSuites(std::span<const std::string> files);

// One test: what was expected and not got; empty: it passes.
std::vector<std::string> ProblemsOf(const PolicyTest& test, const Decision& decision);
SuiteReport RunSuites(const PolicyEngine& policy, std::span<const TestSuite> suites);
// Errors: those of LoadSuites; never because a test fails.
Result<SuiteReport> RunSuites(const PolicyEngine& policy, std::span<const std::string> files);
// Errors: those of LoadSuites; kInvalidArgument naming the first test that fails and how many do.
Result<void> RequireSuites(const PolicyEngine& policy, std::span<const std::string> files);

}  // namespace casemate::policies
