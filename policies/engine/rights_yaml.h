// Reads what a rule grants and demands: `limits`, `workspace`, `sandbox`, `containers`
// and `approval`. What is not stated stays as it was. Load-time only; pure.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/yaml.h"
#include "policies/approval_terms.h"
#include "policies/grant.h"

namespace casemate::policies {

inline constexpr std::int64_t kMaxApprovalSeconds = std::int64_t{7} * 24 * 3600;

// `node` is the map that holds the keys.
Result<void> ReadRights(const YamlNode& node, Rights& rights);
Result<void> ReadApproval(const YamlNode& node, ApprovalTerms& terms);

}  // namespace casemate::policies
