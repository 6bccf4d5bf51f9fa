// Rego of the configuration, beside the YAML policy: what Runtime and doctor need of it. In the
// order of use: ReadRego while this process may still read everything, LauncherRoots before the
// launcher starts, StartRego when there is a runner.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "mcp/config.h"
#include "policies/engine/policy_engine.h"
#include "policies/opa/opa_engine.h"
#include "policies/workspace_root.h"
#include "sandbox/native/doctor.h"
#include "sandbox/native/runner.h"

namespace casemate {

// None: no Rego is configured.
Result<std::optional<policies::OpaSources>> ReadRego(const Config& config);

// The workspace roots of the launcher: those of the configuration, and with `rego` where opa works.
Result<std::vector<policies::WorkspaceRoot>> LauncherRoots(
    const Config& config, const std::optional<policies::OpaSources>& rego,
    const std::string& state_dir);

// The `number`th engine of this server. An error when opa cannot decide.
Result<std::shared_ptr<policies::OpaEngine>> StartRego(policies::OpaSources rego,
                                                       sandbox::SandboxRunner& runner,
                                                       const std::string& state_dir,
                                                       const std::string& incarnation, int number);

// The files that Rego is read from, to watch: the bundle with its directories, and the key.
std::vector<std::string> RegoFiles(const Config& config);

// Removes the directories of opa: of a server that died, or has shut it down.
void ForgetRego(const std::string& state_dir, const std::string& incarnation);

// For `casemate doctor`: starts it, asks, and ends it. Empty when no Rego is configured.
std::vector<sandbox::Probe> ProbeRego(const Config& config,
                                      Result<std::optional<policies::OpaSources>> rego,
                                      const std::string& state_dir, const std::string& incarnation);

}  // namespace casemate
