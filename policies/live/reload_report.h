// What a running server tells other commands about a policy that it could not take into use: one
// file below its state directory, there as long as the problem is. Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace casemate::policies {

struct ReloadProblem {
  std::string incarnation;  // of the server
  std::string text;
};

// What cannot be written is logged: the trail has it too.
void ReportReloadProblem(const std::string& state_dir, const ReloadProblem& problem);
void ForgetReloadProblem(const std::string& state_dir, const std::string& incarnation);
std::vector<ReloadProblem> ReadReloadProblems(const std::string& state_dir);

}  // namespace casemate::policies
