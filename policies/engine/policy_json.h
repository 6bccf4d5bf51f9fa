// PolicyInput and Decision as JSON, the same for every engine, for tests, for `explain` and for
// whoever reads the trail: docs/policy/input.schema.json and decision.schema.json, version 1. Pure;
// thread-safe.
#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "policies/engine/policy_engine.h"

namespace casemate::policies {

inline constexpr int kPolicyInputVersion = 1;
inline constexpr int kDecisionVersion = 1;

nlohmann::json InputJson(const PolicyInput& input);
nlohmann::json DecisionJson(const Decision& decision);
nlohmann::json ContainerRightsJson(const ContainerRights& rights);  // names
nlohmann::json RightsJson(const Rights& rights);
nlohmann::json LimitsJson(const Limits& limits);
nlohmann::json ApprovalJson(const ApprovalTerms& terms);

std::string_view ToString(WorkspaceAccess access);  // "private", "host_read", "host_write"
std::string_view ToString(Approver approver);       // "client", "operator", "second_person"
std::string_view ToString(Remember remember);       // "never", "same_call", "same_rule"

}  // namespace casemate::policies
