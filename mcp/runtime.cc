#include "mcp/runtime.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "mcp/build.h"
#include "mcp/config_containers.h"
#include "mcp/containers.h"
#include "mcp/rego.h"
#include "policies/live/reload_report.h"
#include "policies/profiles/profile.h"
#include "tools/container_resources.h"
#include "tools/documents.h"
#include "tools/job_tools.h"
#include "tools/policy_explain.h"
#include "tools/run.h"
#include "tools/run_prompts.h"
#include "tools/run_resources.h"
#include "tools/stop_after.h"

namespace casemate {
namespace {

// Of each stream: what an agent reads costs its context, and all of it is kept.
constexpr std::int64_t kReplyKb = 4;
constexpr std::array<std::string_view, 3> kToolsets = {"core", "containers", "build"};
constexpr std::size_t kMaxProblemBytes = 4096;
constexpr std::chrono::milliseconds kRemovalPatience{2000};  // at the end

tools::RunStoreOptions RunOptions(const Config& config, const std::string& state_dir) {
  tools::RunStoreOptions options;
  options.directory = state_dir + "/runs";
  options.max_runs = static_cast<std::int64_t>(config.runs.keep);
  options.max_age_ms = static_cast<std::int64_t>(config.runs.keep_days) * 24 * 3600 * 1000;
  options.max_total_bytes = static_cast<std::int64_t>(config.runs.keep_mb) << 20;
  return options;
}

}  // namespace

Result<Trail> OpenTrail(const std::string& state_dir, const std::string& incarnation) {
  Trail trail;
  auto store = Store::Open(state_dir + "/casemate.db");
  if (!store) {
    return std::move(store).error();
  }
  trail.store = *std::move(store);
  auto audit = policies::AuditLog::Open(*trail.store, incarnation);
  if (!audit) {
    return std::move(audit).error();
  }
  trail.audit = *std::move(audit);
  return trail;
}

Result<Trail> OpenTrailToRead(const Config& config) {
  Trail trail;
  auto store = Store::OpenToRead(config.state_dir + "/casemate.db");
  if (!store) {
    Error error = std::move(store).error();
    if (error.code == ErrorCode::kNotFound) {
      error.message = "there is no audit trail in " + config.state_dir + ": " + error.message;
      error.remedy = "check --state-dir and CASEMATE_STATE_DIR; a trail that was there is gone";
    }
    return error;
  }
  trail.store = *std::move(store);
  auto audit = policies::AuditLog::OpenToRead(*trail.store);
  if (!audit) {
    Error error = std::move(audit).error();
    error.message = config.state_dir + "/casemate.db: " + error.message;
    return error;
  }
  trail.audit = *std::move(audit);
  return trail;
}

Result<std::string> StateDirectory(const Config& config, ServiceUser& user) {
  if (auto made = MakePrivateDirectories(config.state_dir); !made) {
    return std::move(made).error();
  }
  return user.Assume(config.state_dir);
}

Result<std::unique_ptr<Runtime>> Runtime::Start(const Config& config, const std::string& channel,
                                                ServiceUser& user) {
  auto rego = ReadRego(config);
  if (!rego) {
    return std::move(rego).error();
  }
  // Beside the launcher's start, in which the kernel does most; nothing is served before both.
  policies::LoadedPolicy loaded;
  loaded.read_ms = WallClockMs();
  auto loading = std::async(std::launch::async, [&] { return ReadYaml(config, loaded.files); });
  if (!config.policy_file.empty() || !config.policy_shadow.empty()) {
    loading.wait();  // while this process may still read everything
  }
  if (auto profile = policies::FindProfile(config.default_profile); !profile) {
    Error error = std::move(profile).error();
    error.field = "default_profile";
    return error;
  }
  for (const gid_t group : SocketGroups(config)) {
    user.AlsoIn(group);
  }
  auto state_dir = StateDirectory(config, user);
  if (!state_dir) {
    return std::move(state_dir).error();
  }
  auto incarnation = policies::Incarnation::Begin(*state_dir);
  if (!incarnation) {
    return std::move(incarnation).error();
  }
  std::unique_ptr<Runtime> runtime(new Runtime(*std::move(state_dir), *std::move(incarnation)));

  auto roots = LauncherRoots(config, *rego, runtime->state_dir_);
  if (!roots) {
    return std::move(roots).error();
  }
  auto launcher =
      sandbox::LauncherClient::Start(runtime->incarnation_.id(), config.sandbox_mode,
                                     channel == "cli" ? 0 : config.warm_sandboxes, *roots);
  if (!launcher) {
    return std::move(launcher).error();
  }
  runtime->launcher_ = *std::move(launcher);
  auto policy = loading.get();
  if (!policy) {
    return std::move(policy).error();
  }
  runtime->runner_ = std::make_unique<sandbox::SandboxRunner>(*runtime->launcher_);
  auto containers = MakeContainers(config, runtime->state_dir_, runtime->incarnation_.id());
  if (!containers) {
    return std::move(containers).error();
  }
  runtime->containers_ = *std::move(containers);
  if (auto taken =
          runtime->TakePolicy(config, *std::move(policy), *std::move(rego), std::move(loaded));
      !taken) {
    return std::move(taken).error();
  }
  auto trail = OpenTrail(runtime->state_dir_, runtime->incarnation_.id());
  if (!trail) {
    return std::move(trail).error();
  }
  runtime->trail_ = *std::move(trail);

  if (channel != "cli") {
    if (auto opened = runtime->OpenStores(config); !opened) {
      return std::move(opened).error();
    }
  }
  if (auto filled = runtime->FillCatalog(config, channel); !filled) {
    return std::move(filled).error();
  }
  if (auto opened = runtime->OpenGate(config); !opened) {
    return std::move(opened).error();
  }
  runtime->ReapDead();
  runtime->NoteStart(config, channel);
  return runtime;
}

Result<void> Runtime::TakePolicy(const Config& config, YamlPolicies yaml,
                                 std::optional<policies::OpaSources> rego,
                                 policies::LoadedPolicy loaded) {
  assembly_ = std::make_unique<PolicyAssembly>(config, *runner_, state_dir_, incarnation_.id());
  auto engine = assembly_->Assemble(std::move(yaml), std::move(rego));
  if (!engine) {
    return std::move(engine).error();
  }
  const auto of_rego = RegoFiles(config);
  loaded.files.insert(loaded.files.end(), of_rego.begin(), of_rego.end());
  loaded.engine = *std::move(engine);
  policy_ = std::make_unique<policies::LivePolicy>(
      std::move(loaded), [assembly = assembly_.get()](std::vector<std::string>& files) {
        return assembly->ReadAgain(files);
      });
  return {};
}

Result<void> Runtime::OpenGate(const Config& config) {
  gate_ = std::make_unique<tools::Gate>(*policy_, *trail_.audit);
  if (auto added = catalog_.Add(tools::MakePolicyExplainTool(catalog_, *gate_)); !added) {
    return added;
  }
  executor_ = std::make_unique<tools::ToolExecutor>(catalog_, *gate_);
  approval_desk_ = std::make_unique<policies::ApprovalDesk>(*trail_.store, *trail_.audit);
  approvals_ = std::make_unique<tools::Approvals>(*gate_, *approval_desk_);
  executor_->set_approvals(approvals_.get());
  resources_ = std::make_unique<tools::ResourceReader>(catalog_, *gate_);
  prompts_ = std::make_unique<tools::PromptReader>(catalog_, *gate_);
  return StartJobs(config);
}

void Runtime::NoteStart(const Config& config, const std::string& channel) {
  nlohmann::json start = {{"version", CASEMATE_VERSION},
                          {"channel", channel},
                          {"sandbox_mode", sandbox::NameOf(config.sandbox_mode)},
                          {"policy_revision", policy_->revision()}};
  if (assembly_->rego() != nullptr) {
    const policies::OpaStatus status = assembly_->rego()->status();
    start["rego"] = {{"bundle", status.bundle},
                     {"revision", status.revision},
                     {"opa", status.version},
                     {"opa_sha256", status.sha256}};
  }
  trail_.audit->NoteFirst("server_start", start);
}

void Runtime::OfferMetrics() {
  metrics_ = std::make_unique<ServerMetrics>(*gate_, *policy_);
  gate_->set_metrics(&metrics_->calls());
  executor_->set_metrics(&metrics_->calls());
}

Result<void> Runtime::FollowPolicy() {
  return policy_->Follow([this](const policies::LivePolicy::Status& status, bool changed) {
    if (status.problem) {
      policies::ReportReloadProblem(state_dir_, {incarnation_.id(), *status.problem});
    } else {
      policies::ForgetReloadProblem(state_dir_, incarnation_.id());
    }
    if (status.failures == 0 && status.problem) {
      return;  // nothing was rejected: it only cannot be followed
    }
    nlohmann::json detail = {{"policy_revision", status.revision}};
    if (!status.commit.empty()) {
      detail["commit"] = status.commit;
    }
    if (status.problem) {
      detail["problem"] = ToValidUtf8(status.problem->substr(0, kMaxProblemBytes));
    }
    const auto noted =
        trail_.audit->Note(status.problem ? "policy_rejected" : "policy_loaded", detail);
    if (!noted) {
      Log(LogLevel::kError, "cannot record the change of policy: " + Describe(noted.error()));
    }
    if (changed) {
      changes_.Announce({tools::Change::Kind::kToolList});
    }
  });
}

Result<void> Runtime::OpenStores(const Config& config) {
  auto runs = tools::RunStore::Open(*trail_.store, RunOptions(config, state_dir_), &changes_);
  if (!runs) {
    return std::move(runs).error();
  }
  runs_ = *std::move(runs);
  auto jobs = tools::JobStore::Open(*trail_.store, incarnation_.id(),
                                    [state_dir = state_dir_](const std::string& id) {
                                      return policies::Incarnation::IsAlive(state_dir, id);
                                    });
  if (!jobs) {
    return std::move(jobs).error();
  }
  job_store_ = *std::move(jobs);
  return {};
}

Result<void> Runtime::StartJobs(const Config& config) {
  if (job_store_ == nullptr) {
    return {};
  }
  jobs_ = std::make_unique<tools::JobRunner>(
      *executor_, *job_store_, &changes_,
      tools::JobOptions{.max_running = config.jobs.max_running,
                        .max_running_each = ShareOfOne(config, config.jobs.max_running)});
  executor_->set_jobs(jobs_.get());
  std::vector<std::unique_ptr<tools::Tool>> followers;
  followers.push_back(tools::MakeJobStatusTool(*jobs_));
  followers.push_back(tools::MakeJobOutputTool(*jobs_, *runs_));
  followers.push_back(tools::MakeJobCancelTool(*jobs_));
  for (auto& tool : followers) {
    if (auto added = catalog_.Add(std::move(tool)); !added) {
      return added;
    }
  }
  catalog_.Add(tools::MakeRunResources(*runs_));
  return {};
}

Result<void> Runtime::FillCatalog(const Config& config, const std::string& channel) {
  for (const std::string& name : config.toolsets) {
    if (std::ranges::find(kToolsets, name) == kToolsets.end()) {
      return InvalidArgument("toolsets",
                             "expected `core`, `containers` or `build`, got `" + name + "`");
    }
  }
  auto run = tools::MakeRunTool(*runner_, {.roots = config.workspace_roots,
                                           .default_profile = config.default_profile,
                                           .config_file = config.config_file,
                                           .store = runs_.get(),
                                           .reply_kb = runs_ == nullptr ? 0 : kReplyKb,
                                           .containers = containers_.get()});
  if (auto added = catalog_.Add(std::move(run)); !added) {
    return added;
  }
  if (auto added = catalog_.Add(tools::MakeProfileListTool()); !added) {
    return added;
  }
  if (containers_ != nullptr) {
    if (auto added = AddContainerTools(config, channel, *containers_, *runner_, catalog_); !added) {
      return added;
    }
    if (runs_ != nullptr) {  // a server
      catalog_.Add(tools::MakeContainerResources(*containers_, *trail_.store, changes_));
    }
  }
  if (HasBuild(config)) {
    auto artifacts = artifacts::ArtifactStore::Open(*trail_.store, state_dir_);
    if (!artifacts) {
      return std::move(artifacts).error();
    }
    artifacts_ = *std::move(artifacts);
    if (auto added =
            AddBuildTools(config, {*runner_, containers_.get(), *artifacts_, state_dir_}, catalog_);
        !added) {
      return added;
    }
  }
  catalog_.Add(tools::MakeDocsResource());
  catalog_.Add(tools::MakeProfileResource());
  catalog_.Add(tools::MakeAuditResource(*trail_.audit));
  return AddPrompts(config);
}

Result<void> Runtime::AddPrompts(const Config& config) {
  if (auto added = catalog_.Add(tools::MakeRunAndExplainPrompt()); !added) {
    return added;
  }
  tools::RunPromptSources sources;
  sources.roots = config.workspace_roots;
  sources.run_ids = [this](std::string_view prefix, const policies::Principal& principal) {
    const tools::ResourceProvider* runs = catalog_.ProviderOf("casemate://runs/");
    return runs == nullptr ? std::vector<std::string>()
                           : runs->Complete("casemate://runs/{id}/result", "id", prefix, principal);
  };
  sources.read = [this](std::string_view uri, const tools::CallContext& context) {
    return resources_->Read(uri, context);
  };
  if (auto added = catalog_.Add(tools::MakeFixFailingCommandPrompt(std::move(sources))); !added) {
    return added;
  }
  return HasBuild(config) ? AddBuildPrompt(config, catalog_) : Result<void>();
}

void Runtime::ReapDead() {
  for (policies::Incarnation::Dead& dead : policies::Incarnation::ClaimDead(state_dir_)) {
    if (auto reaped = launcher_->Reap(dead.id); !reaped) {
      Log(LogLevel::kWarning, "cannot reap " + dead.id + ": " + Describe(reaped.error()));
    } else if (containers_ != nullptr && containers_->MayHaveLeft(dead.id)) {
      with_containers_.push_back(std::move(dead));
    } else {
      Bury(dead);
    }
  }
}

void Runtime::ReapContainers() {
  if (with_containers_.empty()) {
    return;
  }
  reaper_ = std::jthread([this](const std::stop_token& stop) {
    for (policies::Incarnation::Dead& dead : with_containers_) {
      if (auto removed = containers_->Reap(dead.id, stop)) {
        Bury(dead);
      } else if (!stop.stop_requested()) {
        Log(LogLevel::kWarning,
            "cannot remove the containers that " + dead.id + " left: " + Describe(removed.error()));
      }
    }
  });
}

void Runtime::Bury(policies::Incarnation::Dead& dead) {
  ForgetRego(state_dir_, dead.id);
  policies::ForgetReloadProblem(state_dir_, dead.id);
  auto unfinished = trail_.audit->UnfinishedIntents(dead.id);
  if (!unfinished) {
    Log(LogLevel::kWarning,
        "cannot read what " + dead.id + " left unfinished: " + Describe(unfinished.error()));
    return;
  }
  auto noted = trail_.audit->Note(
      "reaped", {{"dead_incarnation", dead.id}, {"unfinished_intents", *unfinished}});
  if (!noted) {
    Log(LogLevel::kWarning, "cannot record the reaping: " + Describe(noted.error()));
    return;
  }
  dead.Forget();
}

Runtime::~Runtime() {
  if (policy_ != nullptr) {
    policy_->StopFollowing();  // its observer uses what goes next
  }
  if (jobs_ != nullptr) {
    jobs_->Shutdown();  // while there is still a trail to record it, and a launcher to stop them
  }
  reaper_ = {};  // what it has not removed stays for the next start
  if (containers_ != nullptr &&
      !containers_->RemoveLeft(tools::StopAfter({}, kRemovalPatience).token())) {
    Log(LogLevel::kWarning, "containers of commands may be left; the next start removes them");
    incarnation_.LeaveToReaper();
  }
  if (assembly_ != nullptr && assembly_->rego() != nullptr) {
    assembly_->rego()->Shutdown();  // likewise, and before it would be started again
    ForgetRego(state_dir_, incarnation_.id());
  }
  if (executor_ == nullptr) {
    return;
  }
  auto noted = trail_.audit->Note("server_stop", nlohmann::json::object());
  if (!noted) {
    Log(LogLevel::kWarning, "cannot record the stop: " + Describe(noted.error()));
  }
  if (!launcher_->Stop()) {
    Log(LogLevel::kWarning, "the sandbox launcher had died; the next start removes its cgroups");
    incarnation_.LeaveToReaper();
  }
}

}  // namespace casemate
