// What an engine answered, as a Result: its status as an error, its body as JSON, members of that
// which may be missing or of another type. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "sandbox/container/engine/types.h"

namespace casemate::container {

// The error that an answer with a status of 300 or more is. `what` was asked for; the engine's
// words are made visible and cut.
Error ErrorOfAnswer(std::string_view what, int status, std::string_view body);
// An answer of an engine must be JSON of this type; kInternal otherwise.
Result<nlohmann::json> ParseObject(std::string_view what, std::string_view body);
Result<nlohmann::json> ParseArray(std::string_view what, std::string_view body);

// The member, or null when `from` is no object or has none.
const nlohmann::json& MemberOf(const nlohmann::json& from, const char* name);
// Empty, 0 or false when it is missing or of another type. Texts are cut at 64 KiB.
std::string TextOf(const nlohmann::json& from, const char* name);
std::int64_t NumberOf(const nlohmann::json& from, const char* name);  // cut to what it can hold
int SmallNumberOf(const nlohmann::json& from, const char* name);
bool FlagOf(const nlohmann::json& from, const char* name);
std::vector<std::string> TextsOf(const nlohmann::json& from, const char* name);
Labels LabelsOf(const nlohmann::json& from, const char* name);
// Nanoseconds since 1970 of an RFC 3339 time; 0 when there is none, or it is before 1970.
std::int64_t TimeOf(const nlohmann::json& from, const char* name);

}  // namespace casemate::container
