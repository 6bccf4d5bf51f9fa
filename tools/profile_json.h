// A sandbox profile as JSON: what `profile_list` and casemate://profiles/{name} show. Pure;
// thread-safe.
#pragma once

#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "policies/profiles/profile.h"

namespace casemate::tools {

// {name, description, workspace_mode, limits: {memory_mb, cpus, pids, output_kb, disk_mb,
// timeout_ms}}
nlohmann::json ProfileJson(const policies::Profile& profile);
// Of the shipped profiles, the default first.
std::vector<std::string_view> ProfileNames();

}  // namespace casemate::tools
