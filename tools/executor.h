// ToolExecutor: the only caller of tools. find → check against the schema → prepare → policy →
// audit intent → run → audit outcome. MCP, jobs and the CLI enter here, so nothing runs without
// policy and audit. Thread-safe: calls run concurrently on the callers' threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "policies/engine/policy_engine.h"
#include "tools/catalog.h"
#include "tools/gate.h"

namespace casemate::tools {

// A call that policy allowed and whose intent is on disk: it must be passed to Finish, once.
struct AdmittedCall {
  const ToolSpec* spec = nullptr;
  std::unique_ptr<PreparedCall> prepared;
  policies::Decision decision;
  std::int64_t audit_seq = 0;
};
// The result when the call was not admitted: bad arguments, refused, not recorded.
using Admission = std::variant<AdmittedCall, ToolResult>;

class ToolExecutor {
 public:
  // Borrows both for its lifetime.
  ToolExecutor(const Catalog& catalog, Gate& gate) : catalog_(catalog), gate_(gate) {}

  // The tools that `principal` could ever be allowed to call.
  [[nodiscard]] std::vector<const ToolSpec*> List(const policies::Principal& principal) const;

  // Error only when there is no such tool (kNotFound); everything else, bad arguments, refusals and
  // failures included, is a ToolResult with is_error. Admit and Finish in one.
  Result<ToolResult> Call(std::string_view name, const nlohmann::json& args, CallContext& context);
  // The first half: everything up to the durable intent. Sets context.audit_seq.
  Result<Admission> Admit(std::string_view name, const nlohmann::json& args, CallContext& context);
  // The second half: runs it and records the outcome.
  ToolResult Finish(AdmittedCall& call, CallContext& context);

 private:
  const Catalog& catalog_;
  Gate& gate_;
};

}  // namespace casemate::tools
