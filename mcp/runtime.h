// Runtime: the whole stack of one process, put together in the one right order. Owned by main;
// Start starts the launcher: call it early, see launcher_client.h.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/store/store.h"
#include "mcp/config.h"
#include "mcp/policy.h"
#include "mcp/server_metrics.h"
#include "mcp/service_user.h"
#include "policies/approvals/approval_desk.h"
#include "policies/audit/audit_log.h"
#include "policies/engine/policy_engine.h"
#include "policies/identity/incarnation.h"
#include "policies/opa/opa_engine.h"
#include "sandbox/container/containers.h"
#include "sandbox/native/launcher_client.h"
#include "sandbox/native/runner.h"
#include "tools/approvals.h"
#include "tools/artifacts/artifact_store.h"
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

// The database in `state_dir`, with the audit trail open for `incarnation`.
struct Trail {
  std::unique_ptr<Store> store;
  std::unique_ptr<policies::AuditLog> audit;
};
Result<Trail> OpenTrail(const std::string& state_dir, const std::string& incarnation);
// To read it: makes nothing, changes nothing, and takes a copy that nobody may write to.
Result<Trail> OpenTrailToRead(const Config& config);

// Makes the state directory where there is none; root's process works as `user` from then on.
// Returns the path by which this process reaches it.
Result<std::string> StateDirectory(const Config& config, ServiceUser& user);

class Runtime {
 public:
  // `channel` is recorded with the start ("mcp-stdio", "cli"). Reaps what dead servers left. Root's
  // process works as `user` when this returns, and can still become root again: see Become there.
  static Result<std::unique_ptr<Runtime>> Start(const Config& config, const std::string& channel,
                                                ServiceUser& user);
  ~Runtime();  // records the stop, ends the launcher, releases the incarnation

  // The path by which this process reaches it: not the one of the configuration.
  [[nodiscard]] const std::string& state_dir() const { return state_dir_; }
  [[nodiscard]] tools::ToolExecutor& executor() { return *executor_; }
  [[nodiscard]] tools::Gate& gate() { return *gate_; }
  [[nodiscard]] tools::Changes& changes() { return changes_; }
  [[nodiscard]] tools::ResourceReader& resources() { return *resources_; }
  [[nodiscard]] tools::PromptReader& prompts() { return *prompts_; }
  // Takes up changes of the policy's files from here on. Once this process is who it will be: it
  // starts a thread.
  Result<void> FollowPolicy();
  // Likewise: removes the containers that dead servers left, beside what is served, for engines are
  // slow, and one that hangs is to hold nobody up.
  void ReapContainers();
  // null on the command line: nobody is there to follow a job.
  [[nodiscard]] tools::JobRunner* jobs() { return jobs_.get(); }
  // Counts from here on. Call before the first call.
  void OfferMetrics();
  // null: they are not offered.
  [[nodiscard]] const tools::MetricsReader* metrics() const {
    return metrics_ == nullptr ? nullptr : &metrics_->reader();
  }

 private:
  Runtime(std::string state_dir, policies::Incarnation incarnation)
      : state_dir_(std::move(state_dir)), incarnation_(std::move(incarnation)) {}
  // The parts of Start, in their order.
  Result<void> TakePolicy(const Config& config, YamlPolicies yaml,
                          std::optional<policies::OpaSources> rego, policies::LoadedPolicy loaded);
  Result<void> FillCatalog(const Config& config, const std::string& channel);
  Result<void> AddPrompts(const Config& config);
  // What only a server needs, in two steps: the stores, and, with an executor, the jobs.
  Result<void> OpenStores(const Config& config);
  Result<void> StartJobs(const Config& config);
  Result<void> OpenGate(const Config& config);
  void ReapDead();
  // Of whose things all are gone.
  void Bury(policies::Incarnation::Dead& dead);
  void NoteStart(const Config& config, const std::string& channel);

  // In the order of construction: what comes later uses what comes before.
  std::string state_dir_;
  policies::Incarnation incarnation_;
  std::unique_ptr<sandbox::LauncherClient> launcher_;
  Trail trail_;
  std::unique_ptr<sandbox::SandboxRunner> runner_;
  std::unique_ptr<container::Containers> containers_;  // null: the toolset is off
  std::unique_ptr<PolicyAssembly> assembly_;
  std::unique_ptr<policies::LivePolicy> policy_;
  tools::Changes changes_;
  std::unique_ptr<tools::RunStore> runs_;                // null on the command line
  std::unique_ptr<tools::JobStore> job_store_;           // likewise
  std::unique_ptr<artifacts::ArtifactStore> artifacts_;  // null: the toolset `build` is off
  tools::Catalog catalog_;
  std::unique_ptr<tools::Gate> gate_;
  std::unique_ptr<policies::ApprovalDesk> approval_desk_;
  std::unique_ptr<tools::Approvals> approvals_;
  std::unique_ptr<tools::ToolExecutor> executor_;
  std::unique_ptr<tools::ResourceReader> resources_;
  std::unique_ptr<tools::PromptReader> prompts_;
  std::unique_ptr<ServerMetrics> metrics_;  // null: nobody can see them
  std::unique_ptr<tools::JobRunner>
      jobs_;  // null on the command line; its threads use all of the above
  std::vector<policies::Incarnation::Dead> with_containers_;  // until ReapContainers
  std::jthread reaper_;
};

}  // namespace casemate
