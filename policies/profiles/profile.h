// Sandbox profiles: named requests for limits and for how a host workspace is mounted. A profile
// asks, policy grants: effective rights are profile ∩ grant. Immutable; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "policies/grant.h"

namespace casemate::policies {

enum class WorkspaceMode {
  kReadWrite,  // the host directory itself; disk use cannot be limited
  kReadOnly,   // the host directory, read-only
  kOverlay,    // copy-on-write: changes live in memory and are dropped at the end
};

struct Profile {
  std::string name;
  std::string description;
  Limits limits;
  WorkspaceMode workspace_mode = WorkspaceMode::kReadWrite;  // used when a host workspace is given
};

// The shipped profiles, the default ("default") first.
std::span<const Profile> ShippedProfiles();
// Errors: kInvalidArgument for field "args.profile" naming the nearest valid one.
Result<Profile> FindProfile(std::string_view name);
std::string_view ToString(WorkspaceMode mode);

}  // namespace casemate::policies
