// An explanation (policies/engine/explain.h) in words, for people and models. Pure; thread-safe.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace casemate::policies {

// Ends with a newline; control characters of the call and the policy are escaped.
std::string ExplainText(const nlohmann::json& explanation);

}  // namespace casemate::policies
