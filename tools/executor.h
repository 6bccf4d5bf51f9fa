// ToolExecutor: the only caller of tools. find → prepare → policy → audit intent → run → audit
// outcome. MCP and the CLI both enter here, so nothing runs without policy and audit.
// Thread-safe: calls run concurrently on the callers' threads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "policies/audit/audit_log.h"
#include "policies/engine/policy_engine.h"
#include "tools/catalog.h"

namespace casemate::tools {

class ToolExecutor {
 public:
  // Borrows all three for its lifetime.
  ToolExecutor(const Catalog& catalog, const policies::PolicyEngine& policy,
               policies::AuditLog& audit)
      : catalog_(catalog), policy_(policy), audit_(audit) {}

  // The tools that `principal` could ever be allowed to call.
  [[nodiscard]] std::vector<const ToolSpec*> List(const policies::Principal& principal) const;

  // Error only when there is no such tool (kNotFound); everything else, bad arguments, refusals and
  // failures included, is a ToolResult with is_error.
  Result<ToolResult> Call(std::string_view name, const nlohmann::json& args, CallContext& context);

 private:
  const Catalog& catalog_;
  const policies::PolicyEngine& policy_;
  policies::AuditLog& audit_;
};

}  // namespace casemate::tools
