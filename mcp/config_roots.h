// The workspace roots of the configuration: resolved at once, so that the policy compares canonical
// paths with canonical paths. Load-time only.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/yaml.h"
#include "mcp/config.h"

namespace casemate {

// Key `workspace_roots` of the file.
Result<void> ReadRoots(const YamlNode& root, Config& config);
// `source` names the flag or variable in errors.
Result<void> AddRoots(const std::string& source, const std::vector<std::string>& paths,
                      Config& config);
// The agent must not reach our own records through a workspace.
Result<void> RefuseUnsafeRoots(const Config& config);
// A file that decides about calls must not be one that a call can change, nor the way to it. An
// empty path is none.
Result<void> RefuseExposed(const Config& config, const std::string& file, const char* what);

}  // namespace casemate
