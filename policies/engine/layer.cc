#include "policies/engine/layer.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace casemate::policies {

std::string_view ToString(LayerKind kind) {
  switch (kind) {
    case LayerKind::kOrganisation:
      return "organisation";
    case LayerKind::kTenant:
      return "tenant";
    case LayerKind::kWorkspace:
      return "workspace";
    case LayerKind::kUnstated:
      return "unstated";
  }
  return "unstated";
}

bool Layer::IsAboutTenant(std::string_view tenant) const {
  return tenants.empty() || std::ranges::find(tenants, tenant) != tenants.end();
}

bool Layer::IsAbout(const PolicyInput& input) const {
  if (!IsAboutTenant(input.principal.tenant)) {
    return false;
  }
  if (workspaces.empty()) {
    return true;
  }
  const auto found = input.context.find("workspace");
  if (found == input.context.end() || !found->is_string()) {
    return false;
  }
  const std::string below = found->get_ref<const std::string&>() + "/";
  return std::ranges::any_of(workspaces,
                             [&](const std::string& prefix) { return below.starts_with(prefix); });
}

bool Layer::SpeaksOf(std::string_view tool) const {
  return is_root || std::ranges::any_of(rules, [&](const Rule& rule) {
           return rule.effect != Effect::kDeny && rule.Names(tool);
         });
}

}  // namespace casemate::policies
