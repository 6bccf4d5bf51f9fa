// What the subcommands of `casemate policy` share. Reads disk; called from the main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "policies/check/suite_yaml.h"
#include "policies/engine/yaml_policy.h"

namespace casemate::cli {

// A policy and all that its text says wrong.
struct NamedPolicy {
  std::string name;  // for people
  Result<std::unique_ptr<policies::YamlPolicy>> policy;
  std::vector<Error> problems;
};

// `name`, or `fallback` where it is empty; both empty: the first that ships.
NamedPolicy LoadNamed(const std::string& name, const std::string& fallback);

// The suites in `files`, and those beside the policy `name`. Errors: those of LoadSuites;
// kInvalidArgument for a suite about another policy.
Result<std::vector<policies::TestSuite>> SuitesFor(const std::string& name,
                                                   const std::vector<std::string>& files);

// Complains on standard error; returns kExitUsage.
int CannotLoad(const NamedPolicy& named);
int ComplainOf(const Error& error, int code);
// "2 rules", "1 rule".
std::string Count(std::size_t count, const std::string& thing);

}  // namespace casemate::cli
