// The policies that ship in the binary: policies/shipped/*.yaml. Constants.
#pragma once

#include <span>
#include <string_view>

namespace casemate::policies {

struct ShippedPolicy {
  std::string_view name;  // "developer"
  std::string_view text;
};

// The first is the one in force where nobody names another: `run` in private workspaces without
// network, host workspaces only below configured roots, everything else refused.
std::span<const ShippedPolicy> ShippedPolicies();

}  // namespace casemate::policies
