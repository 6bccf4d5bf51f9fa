#include "mcp/runtime.h"

#include <future>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/log.h"
#include "policies/engine/yaml_policy.h"
#include "policies/profiles/profile.h"
#include "tools/documents.h"
#include "tools/job_tools.h"
#include "tools/run.h"
#include "tools/run_prompts.h"
#include "tools/run_resources.h"

namespace casemate {
namespace {

constexpr std::size_t kMaxPolicyBytes = std::size_t{1} << 20;
// Of each stream: what an agent reads costs its context, and all of it is kept.
constexpr std::int64_t kReplyKb = 4;
constexpr const char* kCoreToolset = "core";

tools::RunStoreOptions RunOptions(const Config& config, const std::string& state_dir) {
  tools::RunStoreOptions options;
  options.directory = state_dir + "/runs";
  options.max_runs = static_cast<std::int64_t>(config.runs.keep);
  options.max_age_ms = static_cast<std::int64_t>(config.runs.keep_days) * 24 * 3600 * 1000;
  options.max_total_bytes = static_cast<std::int64_t>(config.runs.keep_mb) << 20;
  return options;
}

struct PolicyText {
  std::string text;
  std::string name;
};

Result<PolicyText> ReadPolicy(const Config& config) {
  if (config.policy_file.empty()) {
    return PolicyText{std::string(policies::DefaultPolicyText()), "shipped policy"};
  }
  auto text = ReadFile(config.policy_file, kMaxPolicyBytes);
  if (!text) {
    return std::move(text).error();
  }
  return PolicyText{*std::move(text), config.policy_file};
}

}  // namespace

Result<std::unique_ptr<policies::PolicyEngine>> LoadPolicy(const Config& config) {
  auto policy = ReadPolicy(config);
  if (!policy) {
    return std::move(policy).error();
  }
  return policies::LoadYamlPolicy(policy->text, policy->name);
}

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
  auto text = ReadPolicy(config);
  if (!text) {
    return std::move(text).error();
  }
  // Beside the launcher's start, in which the kernel does most; nothing is served before both.
  auto loading = std::async(std::launch::async, [policy = *std::move(text)] {
    return policies::LoadYamlPolicy(policy.text, policy.name);
  });
  if (auto profile = policies::FindProfile(config.default_profile); !profile) {
    Error error = std::move(profile).error();
    error.field = "default_profile";
    return error;
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

  auto launcher = sandbox::LauncherClient::Start(runtime->incarnation_.id(), config.sandbox_mode,
                                                 channel == "cli" ? 0 : config.warm_sandboxes,
                                                 config.workspace_roots);
  if (!launcher) {
    return std::move(launcher).error();
  }
  runtime->launcher_ = *std::move(launcher);
  auto policy = loading.get();
  if (!policy) {
    return std::move(policy).error();
  }
  runtime->policy_ = *std::move(policy);
  runtime->runner_ = std::make_unique<sandbox::SandboxRunner>(*runtime->launcher_);

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
  if (auto filled = runtime->FillCatalog(config); !filled) {
    return std::move(filled).error();
  }
  runtime->gate_ = std::make_unique<tools::Gate>(*runtime->policy_, *runtime->trail_.audit);
  runtime->executor_ = std::make_unique<tools::ToolExecutor>(runtime->catalog_, *runtime->gate_);
  runtime->resources_ = std::make_unique<tools::ResourceReader>(runtime->catalog_, *runtime->gate_);
  runtime->prompts_ = std::make_unique<tools::PromptReader>(runtime->catalog_, *runtime->gate_);
  if (auto started = runtime->StartJobs(config); !started) {
    return std::move(started).error();
  }
  runtime->ReapDead();
  runtime->trail_.audit->NoteFirst("server_start",
                                   {{"version", CASEMATE_VERSION},
                                    {"channel", channel},
                                    {"sandbox_mode", sandbox::NameOf(config.sandbox_mode)},
                                    {"policy_revision", runtime->policy_->revision()}});
  return runtime;
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

Result<void> Runtime::FillCatalog(const Config& config) {
  for (const std::string& name : config.toolsets) {
    if (name != kCoreToolset) {  // the only one so far
      return InvalidArgument("toolsets", "expected `core`, got `" + name + "`");
    }
  }
  auto run = tools::MakeRunTool(*runner_, {.roots = config.workspace_roots,
                                           .default_profile = config.default_profile,
                                           .config_file = config.config_file,
                                           .store = runs_.get(),
                                           .reply_kb = runs_ == nullptr ? 0 : kReplyKb});
  if (auto added = catalog_.Add(std::move(run)); !added) {
    return added;
  }
  if (auto added = catalog_.Add(tools::MakeProfileListTool()); !added) {
    return added;
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
  return catalog_.Add(tools::MakeFixFailingCommandPrompt(std::move(sources)));
}

void Runtime::ReapDead() {
  for (policies::Incarnation::Dead& dead : policies::Incarnation::ClaimDead(state_dir_)) {
    if (auto reaped = launcher_->Reap(dead.id); !reaped) {
      Log(LogLevel::kWarning, "cannot reap " + dead.id + ": " + Describe(reaped.error()));
      continue;
    }
    auto unfinished = trail_.audit->UnfinishedIntents(dead.id);
    if (!unfinished) {
      Log(LogLevel::kWarning,
          "cannot read what " + dead.id + " left unfinished: " + Describe(unfinished.error()));
      continue;
    }
    auto noted = trail_.audit->Note(
        "reaped", {{"dead_incarnation", dead.id}, {"unfinished_intents", *unfinished}});
    if (!noted) {
      Log(LogLevel::kWarning, "cannot record the reaping: " + Describe(noted.error()));
      continue;
    }
    dead.Forget();
  }
}

Runtime::~Runtime() {
  if (executor_ == nullptr) {
    return;
  }
  if (jobs_ != nullptr) {
    jobs_->Shutdown();  // while there is still a trail to record it, and a launcher to stop them
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
