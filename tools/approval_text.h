// What a person sees of a call before they approve it. Made of the normalised call only: what will
// run, never what a model says about it. Everything in it is shown as `Visible` does, bounded in
// length, and cut only with the size and the digest of the whole. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "policies/approvals/approval.h"
#include "policies/engine/policy_engine.h"

namespace casemate::tools {

struct ApprovalFacts {
  const policies::ApprovalCall& call;
  const nlohmann::json& args;     // normalised
  const nlohmann::json& context;  // as policy sees it
  const policies::Decision& decision;
};

policies::ApprovalText DescribeForApproval(const ApprovalFacts& facts);

// "5 min", "90 s", "12 h": how long something still holds, never longer than it does.
std::string InWords(std::int64_t ms);

}  // namespace casemate::tools
