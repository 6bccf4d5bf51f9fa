// The subcommands of `casemate policy`. Each prints to standard output, complains on standard
// error, and returns the process's exit code. Called from the main thread.
#pragma once

#include <functional>
#include <string>

#include "clients/cli/policy_args.h"
#include "policies/audit/audit_log.h"

namespace casemate::cli {

// Opens the trail to read, calls `body` with it and returns what that returns; or complains.
using WithTrail = std::function<int(const std::function<int(policies::AuditLog&)>& body)>;

// `configured`: the policy of the configuration; empty: the first that ships.
int PolicyLintCommand(const PolicyLintArgs& args, const std::string& configured);
int PolicyTestCommand(const PolicyTestArgs& args, const std::string& configured);
int PolicyExplainCommand(const PolicyExplainArgs& args, const std::string& configured);
int PolicyDiffCommand(const PolicyDiffArgs& args);
int PolicySimulateCommand(const PolicySimulateArgs& args, const std::string& configured,
                          const WithTrail& with_trail);

// Whichever was given.
int PolicyCommand(const PolicyArgs& args, const std::string& configured,
                  const WithTrail& with_trail);

}  // namespace casemate::cli
