// The YAML policy language, version 1: deny by default, explicit deny wins, order-independent.
// docs/policy.md describes it. The loaded engine is immutable and thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {

// The policy that ships in the binary: `run` in private workspaces without network, host workspaces
// only below configured roots, everything else refused.
std::string_view DefaultPolicyText();

// `origin` is the file name used in errors ("policy.yaml:7:3: unknown key …").
// Errors: kInvalidArgument for unknown keys, wrong types, duplicate ids, failing examples.
Result<std::unique_ptr<PolicyEngine>> LoadYamlPolicy(std::string_view text,
                                                     const std::string& origin);

}  // namespace casemate::policies
