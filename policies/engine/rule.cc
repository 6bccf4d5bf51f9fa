#include "policies/engine/rule.h"

#include <algorithm>

namespace casemate::policies {

namespace {

bool Contains(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

}  // namespace

bool PrincipalSelector::Selects(const Principal& principal) const {
  const bool role_fits =
      roles.empty() || std::ranges::any_of(principal.roles, [&](const std::string& role) {
        return Contains(roles, role);
      });
  return role_fits && (ids.empty() || Contains(ids, principal.id)) &&
         (tenants.empty() || Contains(tenants, principal.tenant));
}

bool Rule::Names(std::string_view tool) const {
  return Contains(tools, "*") || Contains(tools, tool);
}

bool Rule::Covers(std::string_view tool, const Principal& principal) const {
  return Names(tool) && principals.Selects(principal);
}

bool Rule::IsMet(const Attributes& attributes) const {
  return !when || Evaluate(*when, attributes) == Truth::kTrue;
}

bool Rule::Matches(const PolicyInput& input, const Attributes& attributes) const {
  if (!Covers(input.tool, input.principal)) {
    return false;
  }
  if (!when) {
    return true;
  }
  const Truth truth = Evaluate(*when, attributes);
  return truth == Truth::kTrue || (truth == Truth::kError && effect != Effect::kAllow);
}

}  // namespace casemate::policies
