// The subcommands of `casemate` other than `serve`. Each prints to standard output, complains on
// standard error, and returns the process's exit code. Called from the main thread.
#pragma once

#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "clients/cli/command_line.h"
#include "policies/audit/audit_log.h"
#include "policies/grant.h"
#include "policies/identity/token_store.h"
#include "sandbox/native/mode.h"
#include "tools/tool.h"

namespace casemate::cli {

// `run` and `profile list` go through the same executor, policy and audit as a call over MCP: here
// is the call that the flags mean (reads files and standard input), and what is printed of its
// result. `signal`: the one that took the call back, or 0.
Result<nlohmann::json> RunCall(const RunArgs& args);
int PrintRun(const RunArgs& args, const tools::ToolResult& result, int signal);
int PrintProfiles(const ProfileListArgs& args, const tools::ToolResult& result);

int DoctorCommand(const DoctorArgs& args, const policies::Grant& grant,
                  const std::string& incarnation, sandbox::Mode mode);
int PrintAppArmorProfile();

// Executes the battery that was built with this program, in place of it; returns only if it cannot.
int SelftestCommand(const SelftestArgs& args);

using IsAlive = std::function<bool(const std::string& incarnation)>;
int AuditTailCommand(const AuditTailArgs& args, policies::AuditLog& audit);
int AuditVerifyCommand(const AuditVerifyArgs& args, policies::AuditLog& audit,
                       const IsAlive& is_alive);
int AuditExportCommand(policies::AuditLog& audit);

// Both are on record in the trail.
int TokenAddCommand(const TokenAddArgs& args, policies::TokenStore& tokens,
                    policies::AuditLog& audit);
int TokenRmCommand(const TokenRmArgs& args, policies::TokenStore& tokens,
                   policies::AuditLog& audit);
int TokenListCommand(const TokenListArgs& args, policies::TokenStore& tokens);

}  // namespace casemate::cli
