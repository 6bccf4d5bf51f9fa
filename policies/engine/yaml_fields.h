// Reading typed fields of the policy text, with errors that begin with file:line:column. Load-time
// only; pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "base/text.h"  // Quoted
#include "base/yaml.h"
#include "policies/engine/condition.h"

namespace casemate::policies {

// kInvalidArgument whose field is "file:line:column", as the readers of base/yaml.h make them.
Error ErrorAt(const YamlNode& node, const std::string& message);
// A reader's error without a place, put at `node`.
Error ErrorAt(const YamlNode& node, const Error& error);

// A required field of a map.
Result<YamlNode> Required(const YamlNode& map, std::string_view key);
// One of `names`; the error names the nearest.
Result<std::size_t> Choice(const YamlNode& node, std::span<const std::string_view> names);
// A list of one or more distinct, non-empty strings.
Result<std::vector<std::string>> StringList(const YamlNode& node);
// Text for people: at most 1000 bytes, not starting with "policy_error:", which only failures of
// the engine itself may claim.
Result<std::string> Prose(const YamlNode& node);
// true, false, integers, numbers, strings. 012 and 0x1f, which YAML dialects read differently, must
// be quoted; null is refused.
Result<Scalar> ReadScalar(const YamlNode& node);
// Any node as JSON; used for the arguments of examples.
Result<nlohmann::json> ReadJson(const YamlNode& node);

}  // namespace casemate::policies
