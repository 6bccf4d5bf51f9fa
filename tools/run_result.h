// Turns the outcome of a sandboxed command into the result of `run`: structured content, readable
// text and the record for the trail. Pure functions; thread-safe.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "policies/grant.h"
#include "sandbox/native/outcome.h"
#include "sandbox/native/spec.h"
#include "tools/tool.h"

namespace casemate::tools {

// What the result needs to know about the call beyond its outcome.
struct RunFacts {
  std::string program;      // argv[0] or the language's program
  policies::Limits limits;  // in force
  policies::Limits granted;
  sandbox::WorkspaceKind workspace = sandbox::WorkspaceKind::kPrivate;
};

ToolResult MakeRunResult(const sandbox::SandboxOutcome& outcome, const RunFacts& facts);

// "SIGKILL"; real-time signals as "SIG34".
std::string SignalName(int number);

}  // namespace casemate::tools
