// What differs between two manifests. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace casemate::package {

struct ManifestChange {
  enum class Kind { kAdded, kRemoved, kChanged };
  Kind kind = Kind::kChanged;
  std::string path;    // "applications[api].port": elements with a name by that, others by place
  std::string before;  // JSON; empty when added
  std::string after;   // empty when removed
};

// In the order of their paths; `$schema` does not count. The order of named elements counts as one
// change of the array.
std::vector<ManifestChange> DiffManifests(const nlohmann::json& before,
                                          const nlohmann::json& after);

}  // namespace casemate::package
