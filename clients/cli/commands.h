// The subcommands of `casemate` other than `serve`. Each prints to standard output, complains on
// standard error, and returns the process's exit code. Called from the main thread.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "clients/cli/command_line.h"
#include "policies/audit/audit_log.h"
#include "policies/grant.h"
#include "policies/identity/token_store.h"
#include "tools/executor.h"

namespace casemate::cli {

// Goes through the same executor, policy and audit as a call over MCP.
int RunCommand(const RunArgs& args, tools::ToolExecutor& executor, std::stop_token stop);
int ProfileListCommand(const ProfileListArgs& args, tools::ToolExecutor& executor);

int DoctorCommand(const DoctorArgs& args, const policies::Grant& grant);

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
