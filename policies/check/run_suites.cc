#include "policies/check/run_suites.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "policies/engine/policy_json.h"
#include "policies/engine/rule.h"

namespace casemate::policies {

namespace {

namespace fs = std::filesystem;

std::string ListOf(std::vector<std::string> names) {
  std::ranges::sort(names);
  return "[" + Join(names, ", ") + "]";
}

class Comparer {
 public:
  void Check(const std::string& what, const std::string& expected, const std::string& got) {
    if (expected != got) {
      problems_.push_back(what + ": expected " + expected + ", got " + got);
    }
  }
  void Note(std::string problem) { problems_.push_back(std::move(problem)); }
  std::vector<std::string> Take() { return std::move(problems_); }

 private:
  std::vector<std::string> problems_;
};

void CheckRights(const Expectation& expect, const Rights& rights, Comparer& compare) {
  struct Field {
    const char* name;
    std::int64_t Limits::* member;
  };
  constexpr std::array<Field, 7> kFields = {{{"memory_mb", &Limits::memory_mb},
                                             {"cpu_millis", &Limits::cpu_millis},
                                             {"pids", &Limits::pids},
                                             {"wall_ms", &Limits::wall_ms},
                                             {"output_kb", &Limits::output_kb},
                                             {"disk_mb", &Limits::disk_mb},
                                             {"io_mb_s", &Limits::io_mb_s}}};
  for (const Field& field : kFields) {
    const std::int64_t expected = expect.limits.*field.member;
    if (expected != -1) {
      compare.Check(std::string("limits: ") + field.name, std::to_string(expected),
                    std::to_string(rights.limits.*field.member));
    }
  }
  if (expect.workspace) {
    compare.Check("workspace", std::string(ToString(*expect.workspace)),
                  std::string(ToString(rights.workspace)));
  }
  if (expect.strict_sandbox && !rights.strict_sandbox) {
    compare.Note("sandbox: expected strict, got any");
  }
  if (expect.containers) {
    compare.Check("containers", ContainerRightsJson(*expect.containers).dump(),
                  ContainerRightsJson(rights.containers).dump());
  }
}

void CheckApproval(const Expectation& expect, const ApprovalTerms& terms, Comparer& compare) {
  if (expect.by) {
    compare.Check("approval: by", std::string(ToString(*expect.by)),
                  std::string(ToString(terms.by)));
  }
  if (expect.expires_ms) {
    compare.Check("approval: expires_s", std::to_string(*expect.expires_ms / 1000),
                  std::to_string(terms.expires_ms / 1000));
  }
  if (expect.remember) {
    compare.Check("approval: remember", std::string(ToString(*expect.remember)),
                  std::string(ToString(terms.remember)));
  }
}

Result<TestSuite> LoadSuite(const std::string& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & S_IWOTH) != 0) {
    return Error{ErrorCode::kPermissionDenied, file + " may be written to by everybody", "",
                 "chmod o-w " + file, 0};
  }
  auto text = ReadFile(file, kMaxSuiteBytes);
  if (!text) {
    return text.error();
  }
  return ReadSuite(*text, file);
}

}  // namespace

std::vector<std::string> SuitesBeside(const std::string& policy_file) {
  if (policy_file.find('/') == std::string::npos && policy_file.find('.') == std::string::npos) {
    return {};
  }
  fs::path suite(policy_file);
  suite.replace_extension(".test.yaml");
  std::error_code failure;
  // Whatever stands there: one that cannot be read must not pass for none.
  return fs::exists(fs::symlink_status(suite, failure)) ? std::vector{suite.string()}
                                                        : std::vector<std::string>{};
}

Result<std::vector<TestSuite>> LoadSuites(std::span<const std::string> files) {
  std::vector<TestSuite> suites;
  for (const std::string& file : files) {
    auto suite = LoadSuite(file);
    if (!suite) {
      return suite.error();
    }
    suites.push_back(*std::move(suite));
  }
  return suites;
}

std::vector<std::string> ProblemsOf(const PolicyTest& test, const Decision& decision) {
  const Expectation& expect = test.expect;
  Comparer compare;
  if (expect.effect != decision.effect) {
    compare.Note("effect: expected " + std::string(ToString(expect.effect)) + ", got " +
                 std::string(ToString(decision.effect)) + " (rule `" + decision.rule_id +
                 "`: " + EscapeControls(decision.reason, false) + ")");
  }
  if (expect.rule) {
    compare.Check("rule", *expect.rule, decision.rule_id);
  }
  if (expect.matched) {
    compare.Check("matched", ListOf(*expect.matched), ListOf(decision.matched));
  }
  if (expect.marks) {
    compare.Check("marks", ListOf(*expect.marks), ListOf(decision.marks));
  }
  for (const std::string& part : expect.reason_contains) {
    if (decision.reason.find(part) == std::string::npos) {
      compare.Note("reason: expected it to contain `" + part + "`, got `" +
                   EscapeControls(decision.reason, false) + "`");
    }
  }
  if (decision.grant || decision.asked) {
    CheckRights(expect, decision.grant ? decision.grant->rights() : *decision.asked, compare);
  }
  if (decision.approval) {
    CheckApproval(expect, *decision.approval, compare);
  }
  return compare.Take();
}

SuiteReport RunSuites(const PolicyEngine& policy, std::span<const TestSuite> suites) {
  SuiteReport report;
  for (const TestSuite& suite : suites) {
    for (const PolicyTest& test : suite.tests) {
      ++report.tests;
      auto problems = ProblemsOf(test, policy.Decide(test.call.input()));
      if (!problems.empty()) {
        report.failures.push_back({test.name, test.where, std::move(problems)});
      }
    }
  }
  return report;
}

Result<SuiteReport> RunSuites(const PolicyEngine& policy, std::span<const std::string> files) {
  auto suites = LoadSuites(files);
  if (!suites) {
    return suites.error();
  }
  return RunSuites(policy, std::span<const TestSuite>(*suites));
}

Result<void> RequireSuites(const PolicyEngine& policy, std::span<const std::string> files) {
  auto report = RunSuites(policy, files);
  if (!report) {
    return report.error();
  }
  if (report->failures.empty()) {
    return {};
  }
  const TestFailure& first = report->failures.front();
  return InvalidArgument(first.where, "the policy fails " +
                                          std::to_string(report->failures.size()) + " of " +
                                          std::to_string(report->tests) + " of its tests; `" +
                                          first.name + "`: " + Join(first.problems, "; "));
}

}  // namespace casemate::policies
