// What the last words of a command that failed say about the sandbox it ran in: hints for a caller
// who sees only an exit code and a message of some library. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "tools/run_result.h"

namespace casemate::tools {

// For commands that ended by themselves without success; empty for all others.
std::vector<std::string> SymptomNotes(const sandbox::SandboxOutcome& outcome,
                                      const RunFacts& facts);

}  // namespace casemate::tools
