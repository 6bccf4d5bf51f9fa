// Runtime: the whole stack of one process, put together in the one right order. Owned by main;
// Start must be called while the process has a single thread (it starts the launcher).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/store/store.h"
#include "mcp/config.h"
#include "policies/audit/audit_log.h"
#include "policies/engine/policy_engine.h"
#include "policies/identity/incarnation.h"
#include "sandbox/native/launcher_client.h"
#include "sandbox/native/runner.h"
#include "tools/catalog.h"
#include "tools/executor.h"
#include "tools/gate.h"

namespace casemate {

// The policy of the configuration: its file, or the shipped text.
Result<std::unique_ptr<policies::PolicyEngine>> LoadPolicy(const Config& config);
// The state directory's database, with the audit trail open for `incarnation`.
struct Trail {
  std::unique_ptr<Store> store;
  std::unique_ptr<policies::AuditLog> audit;
};
Result<Trail> OpenTrail(const Config& config, const std::string& incarnation);

class Runtime {
 public:
  // `channel` is recorded with the start ("mcp-stdio", "cli"). Reaps what dead servers left.
  static Result<std::unique_ptr<Runtime>> Start(const Config& config, const std::string& channel);
  ~Runtime();  // records the stop, ends the launcher, releases the incarnation

  [[nodiscard]] tools::ToolExecutor& executor() { return *executor_; }

 private:
  explicit Runtime(policies::Incarnation incarnation) : incarnation_(std::move(incarnation)) {}
  Result<void> FillCatalog(const Config& config);
  void ReapDead(const std::string& state_dir);

  // In the order of construction: what comes later uses what comes before.
  policies::Incarnation incarnation_;
  std::unique_ptr<sandbox::LauncherClient> launcher_;
  Trail trail_;
  std::unique_ptr<policies::PolicyEngine> policy_;
  std::unique_ptr<sandbox::SandboxRunner> runner_;
  tools::Catalog catalog_;
  std::unique_ptr<tools::Gate> gate_;
  std::unique_ptr<tools::ToolExecutor> executor_;
};

}  // namespace casemate
