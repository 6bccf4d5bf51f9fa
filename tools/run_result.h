// Turns the outcome of a sandboxed command into the result of `run`: structured content, readable
// text and the record for the trail. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "policies/grant.h"
#include "sandbox/native/outcome.h"
#include "sandbox/native/spec.h"
#include "tools/tool.h"

namespace casemate::tools {

// Where all of the output is when the reply holds a part of it.
struct KeptOutput {
  std::string id;
  std::uint64_t stdout_bytes = 0;  // less than was written if it was beyond all limits
  std::uint64_t stderr_bytes = 0;
};

// What the result needs to know about the call beyond its outcome.
struct RunFacts {
  std::string program;      // argv[0] or the language's program
  policies::Limits limits;  // in force
  policies::Limits granted;
  sandbox::WorkspaceKind workspace = sandbox::WorkspaceKind::kPrivate;
  std::size_t max_text_bytes = 0;  // of the result's text; 0: as limits.output_kb allows
  std::optional<KeptOutput> kept;
  std::string not_kept;      // why it should have been kept and was not
  bool is_streamed = false;  // the caller has all of the output, whatever the result holds
};

ToolResult MakeRunResult(const sandbox::SandboxOutcome& outcome, const RunFacts& facts);

// "SIGKILL"; real-time signals as "SIG34".
std::string SignalName(int number);

}  // namespace casemate::tools
