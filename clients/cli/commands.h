// The subcommands of `casemate` other than `serve`. Each prints to standard output, complains on
// standard error, and returns the process's exit code. Called from the main thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "clients/cli/command_line.h"
#include "clients/cli/containers_commands.h"
#include "clients/cli/policy_commands.h"
#include "policies/approvals/approval_desk.h"
#include "policies/audit/audit_log.h"
#include "policies/grant.h"
#include "policies/identity/token_store.h"
#include "sandbox/container/engine/report.h"
#include "sandbox/native/doctor.h"
#include "sandbox/native/mode.h"
#include "tools/tool.h"

namespace casemate::cli {

// `run` and `profile list` go through the same executor, policy and audit as a call over MCP: here
// is the call that the flags mean (reads files and standard input), and what is printed of its
// result. `signal`: the one that took the call back, or 0.
Result<nlohmann::json> RunCall(const RunArgs& args);
int PrintRun(const RunArgs& args, const tools::ToolResult& result, int signal);
int PrintProfiles(const ProfileListArgs& args, const tools::ToolResult& result);

// `more`: what was tried beyond the sandbox itself. `engines` have no part in the exit code:
// nothing but calls that name a container needs them.
int DoctorCommand(const DoctorArgs& args, const policies::Grant& grant,
                  const std::string& incarnation, sandbox::Mode mode,
                  const std::vector<sandbox::Probe>& more,
                  const std::vector<container::EngineReport>& engines);
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

// Grant and deny are on record in the trail.
int ApproveListCommand(const ApproveListArgs& args, policies::ApprovalDesk& desk);
int ApproveShowCommand(const ApproveShowArgs& args, policies::ApprovalDesk& desk);
int ApproveGrantCommand(const ApproveGrantArgs& args, policies::ApprovalDesk& desk);
int ApproveDenyCommand(const ApproveDenyArgs& args, policies::ApprovalDesk& desk);

// The configuration of hosts. `flags` of this call become arguments of the server that a host
// starts.
int ClientEntryCommand(const ClientEntryArgs& args, const GlobalFlags& flags);
int ClientListCommand();
int ClientDoctorCommand(const ClientDoctorArgs& args);

}  // namespace casemate::cli
