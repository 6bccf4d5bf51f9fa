// Runtime: the whole stack of one process, put together in the one right order. Owned by main;
// Start starts the launcher: call it early, see launcher_client.h.
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
#include "tools/changes.h"
#include "tools/executor.h"
#include "tools/gate.h"
#include "tools/job_runner.h"
#include "tools/job_store.h"
#include "tools/prompt_reader.h"
#include "tools/resource_reader.h"
#include "tools/run_store.h"

namespace casemate {

// The policy of the configuration: its file, or the shipped text.
Result<std::unique_ptr<policies::PolicyEngine>> LoadPolicy(const Config& config);
// The state directory's database, with the audit trail open for `incarnation`.
struct Trail {
  std::unique_ptr<Store> store;
  std::unique_ptr<policies::AuditLog> audit;
};
Result<Trail> OpenTrail(const Config& config, const std::string& incarnation);
// To read it: makes nothing, changes nothing, and takes a copy that nobody may write to.
Result<Trail> OpenTrailToRead(const Config& config);

class Runtime {
 public:
  // `channel` is recorded with the start ("mcp-stdio", "cli"). Reaps what dead servers left.
  static Result<std::unique_ptr<Runtime>> Start(const Config& config, const std::string& channel);
  ~Runtime();  // records the stop, ends the launcher, releases the incarnation

  [[nodiscard]] tools::ToolExecutor& executor() { return *executor_; }
  [[nodiscard]] tools::Gate& gate() { return *gate_; }
  [[nodiscard]] tools::Changes& changes() { return changes_; }
  [[nodiscard]] tools::ResourceReader& resources() { return *resources_; }
  [[nodiscard]] tools::PromptReader& prompts() { return *prompts_; }
  // null on the command line: nobody is there to follow a job.
  [[nodiscard]] tools::JobRunner* jobs() { return jobs_.get(); }

 private:
  explicit Runtime(policies::Incarnation incarnation) : incarnation_(std::move(incarnation)) {}
  Result<void> FillCatalog(const Config& config);
  Result<void> AddPrompts(const Config& config);
  // What only a server needs, in two steps: the stores, and, with an executor, the jobs.
  Result<void> OpenStores(const Config& config);
  Result<void> StartJobs(const Config& config);
  void ReapDead(const std::string& state_dir);

  // In the order of construction: what comes later uses what comes before.
  policies::Incarnation incarnation_;
  std::unique_ptr<sandbox::LauncherClient> launcher_;
  Trail trail_;
  std::unique_ptr<policies::PolicyEngine> policy_;
  std::unique_ptr<sandbox::SandboxRunner> runner_;
  tools::Changes changes_;
  std::unique_ptr<tools::RunStore> runs_;       // null on the command line
  std::unique_ptr<tools::JobStore> job_store_;  // likewise
  tools::Catalog catalog_;
  std::unique_ptr<tools::Gate> gate_;
  std::unique_ptr<tools::ToolExecutor> executor_;
  std::unique_ptr<tools::ResourceReader> resources_;
  std::unique_ptr<tools::PromptReader> prompts_;
  std::unique_ptr<tools::JobRunner> jobs_;  // likewise; its threads use all of the above
};

}  // namespace casemate
