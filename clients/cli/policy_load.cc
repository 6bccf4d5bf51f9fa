#include "clients/cli/policy_load.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <utility>

#include "base/text.h"
#include "clients/cli/command_line.h"
#include "policies/check/run_suites.h"
#include "policies/source/policy_files.h"
#include "policies/source/shipped.h"
#include "tools/action_names.h"

namespace casemate::cli {

namespace {

namespace fs = std::filesystem;

Result<void> RequireAbout(const policies::TestSuite& suite, const std::string& name) {
  if (suite.policy.empty()) {
    return {};
  }
  auto meant = policies::FindPolicy(suite.policy, fs::path(suite.file).parent_path().string());
  if (!meant) {
    return InvalidArgument(suite.file, "`policy`: " + meant.error().message);
  }
  const auto tested = policies::FindPolicy(name, "");
  if (tested && tested->origin != meant->origin) {
    return InvalidArgument(suite.file,
                           "this suite is about " + meant->name + ", not about " + tested->name);
  }
  return {};
}

}  // namespace

NamedPolicy LoadNamed(const std::string& name, const std::string& fallback) {
  const std::string& chosen = name.empty() ? fallback : name;
  NamedPolicy named{chosen, Result<std::unique_ptr<policies::YamlPolicy>>(Error{}), {}};
  named.policy = policies::LoadPolicy({chosen, tools::ActionNames()}, nullptr, &named.problems);
  if (chosen.empty()) {
    named.name = std::string(policies::kShippedPrefix) +
                 std::string(policies::ShippedPolicies().front().name);
  }
  return named;
}

Result<std::vector<policies::TestSuite>> SuitesFor(const std::string& name,
                                                   const std::vector<std::string>& files) {
  std::vector<std::string> all = policies::SuitesBeside(name);
  for (const std::string& file : files) {
    std::error_code failure;
    const bool is_known = std::ranges::any_of(
        all, [&](const std::string& other) { return fs::equivalent(file, other, failure); });
    if (!is_known) {
      all.push_back(file);
    }
  }
  auto suites = policies::LoadSuites(all);
  if (!suites) {
    return suites;
  }
  for (const policies::TestSuite& suite : *suites) {
    if (auto about = RequireAbout(suite, name); !about) {
      return about.error();
    }
  }
  return suites;
}

int ComplainOf(const Error& error, int code) {
  std::cerr << "casemate: " << EscapeControls(Describe(error), false) << '\n';
  return code;
}

int CannotLoad(const NamedPolicy& named) {
  ComplainOf(named.policy.error(), kExitUsage);
  if (named.problems.size() > 1) {
    std::cerr << "casemate: and " << Count(named.problems.size() - 1, "more problem")
              << ": `casemate policy lint " << EscapeControls(named.name, false)
              << "` prints all\n";
  }
  return kExitUsage;
}

std::string Count(std::size_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

}  // namespace casemate::cli
