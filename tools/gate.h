// Gate: the one way to policy and audit for whatever is done on a principal's behalf. Tool calls
// use Decide and the trail in two records (ToolExecutor); what only reveals state passes in one
// step: the access is on disk before anything is shown. Thread-safe. Borrows engine and trail.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "policies/audit/audit_log.h"
#include "policies/engine/policy_engine.h"

namespace casemate::tools {

// Something that is done for a principal. `action` is what policy rules call `tools`: a tool's
// name, "resource_read", "prompt_get", …
struct Operation {
  std::string action;
  const policies::Principal& principal;
  std::string channel;            // "mcp-stdio", "mcp-http", "cli"
  const nlohmann::json& args;     // normalised, secrets redacted
  const nlohmann::json& context;  // facts that we established
};

class Gate {
 public:
  Gate(const policies::PolicyEngine& policy, policies::AuditLog& audit)
      : policy_(policy), audit_(audit) {}

  // Never allows without a grant.
  [[nodiscard]] policies::Decision Decide(const Operation& operation) const;
  // The sequence number of the record, which is on disk.
  Result<std::int64_t> Begin(const Operation& operation, const policies::Decision& decision);
  Result<void> End(std::int64_t audit_seq, const nlohmann::json& outcome);
  // Decides and records an access. Errors: kPermissionDenied with the policy's reason and remedy;
  // kUnavailable when it could not be recorded, and so must not happen.
  Result<void> Pass(const Operation& operation);
  [[nodiscard]] bool MayEverAllow(const std::string& action,
                                  const policies::Principal& principal) const {
    return policy_.MayEverAllow(action, principal);
  }

 private:
  const policies::PolicyEngine& policy_;
  policies::AuditLog& audit_;
};

// What a caller is told when the trail cannot be written. `what` says what did not happen.
Error AuditUnavailable(const std::string& what, const Error& cause);

}  // namespace casemate::tools
