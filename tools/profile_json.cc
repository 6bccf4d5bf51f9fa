#include "tools/profile_json.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "tools/run_args.h"

namespace casemate::tools {

nlohmann::json ProfileJson(const policies::Profile& profile) {
  nlohmann::json limits = LimitsJson(profile.limits);
  limits["timeout_ms"] = profile.limits.wall_ms;
  return {{"name", profile.name},
          {"description", profile.description},
          {"workspace_mode", policies::ToString(profile.workspace_mode)},
          {"limits", std::move(limits)}};
}

std::vector<std::string_view> ProfileNames() {
  std::vector<std::string_view> names;
  for (const policies::Profile& profile : policies::ShippedProfiles()) {
    names.emplace_back(profile.name);
  }
  return names;
}

}  // namespace casemate::tools
