// A call as the text of a policy or of its tests states it: {tool, args, context, history,
// principal}; only `tool` is required. Load-time only; pure. A StatedCall is an immutable value and
// cheap to copy.
#pragma once

#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "base/yaml.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {

struct StatedCall {
  std::string tool;
  Principal principal;
  std::shared_ptr<const nlohmann::json> args;     // never null; objects
  std::shared_ptr<const nlohmann::json> context;  // likewise
  std::shared_ptr<const nlohmann::json> history;  // NoHistory() with what is stated

  // Borrows this.
  [[nodiscard]] PolicyInput input() const { return {tool, principal, *args, *context, *history}; }
};

// Errors: kInvalidArgument with file:line:column.
Result<StatedCall> ReadCall(const YamlNode& node);

}  // namespace casemate::policies
