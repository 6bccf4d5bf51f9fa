// The tool `run`: decodes, opens the workspace, and, once policy has granted, builds the sandbox
// from the grant and runs the command in it.
#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "sandbox/native/native_backend.h"
#include "tools/languages.h"
#include "tools/run.h"
#include "tools/run_args.h"
#include "tools/run_files.h"
#include "tools/run_limits.h"
#include "tools/run_output.h"
#include "tools/run_result.h"
#include "tools/run_schema.h"
#include "tools/run_target.h"
#include "tools/run_workspace.h"
#include "tools/secret_signs.h"

namespace casemate::tools {

namespace {

using nlohmann::json;
using sandbox::WorkspaceKind;

constexpr unsigned kScriptMode = 0755;
constexpr unsigned kFileMode = 0644;
constexpr std::size_t kBytesPerKb = 1024;
constexpr std::size_t kMaxRootsTold = 8;

Error OutsideOfRoots() {
  Error error;
  error.code = ErrorCode::kPermissionDenied;
  error.field = "args.workspace";
  error.message = "the directory is not below an allowed root or does not exist";
  error.remedy = "leave `workspace` out, or use a directory below a configured workspace root";
  return error;
}

class RunCall : public PreparedCall {
 public:
  // `native`: where it runs without a target.
  RunCall(sandbox::Backend& native, const RunOptions& options, RunArgs args, std::string program,
          OpenedWorkspace workspace, std::optional<ResolvedTarget> target, json context)
      : native_(native),
        options_(options),
        args_(std::move(args)),
        program_(std::move(program)),
        workspace_(std::move(workspace)),
        target_(std::move(target)),
        normalised_(NormaliseRunArgs(args_, workspace_.path)),
        context_(std::move(context)) {
    if (target_) {
      normalised_["target"] = target_->Normalised();
      context_.update(target_->Facts());
    }
  }

  // Errors: as ResolvedTarget::Resolve, of a container that is hidden from `principal`.
  Result<void> Bind(const policies::Principal& principal) override;

  [[nodiscard]] const json& normalised() const override { return normalised_; }
  [[nodiscard]] const json& context() const override { return context_; }
  [[nodiscard]] bool background() const override { return args_.background; }
  // The values of variables; all else is in normalised(), as it is or as its digest.
  [[nodiscard]] std::string Unshown() const override {
    std::string unshown;
    for (const auto& [name, value] : args_.env) {  // lengths first: any bytes, without doubt
      unshown += std::to_string(name.size()) + ":" + std::to_string(value.size()) + ":";
      unshown += name + value;
    }
    return unshown;
  }
  // Launches what has a private workspace; its command waits for Run.
  void GetReady(const policies::Grant& grant, CallContext& context) override;
  ToolResult Run(const policies::Grant& grant, CallContext& context) override;
  // For a workspace that lies below no root: the roots, and none.
  [[nodiscard]] std::vector<OtherWay> OtherWays() const override;

 private:
  // private, or how the host directory is mounted under this grant.
  [[nodiscard]] Result<WorkspaceKind> Kind(const policies::Grant& grant) const;
  sandbox::Command Build(WorkspaceKind kind, const policies::Limits& limits);
  void AddProgram(sandbox::Command& command);
  [[nodiscard]] bool is_in_container() const {
    return args_.target && args_.target->kind == RunTarget::Kind::kContainer;
  }
  // That of the target, made now, or the native one.
  Result<sandbox::Backend*> ChooseBackend();
  // Consumes the arguments: called once. Sets `launched_`, or `failed_`.
  void Launch(const policies::Grant& grant, CallContext& context, bool hold);

  sandbox::Backend& native_;
  const RunOptions& options_;  // of the tool
  RunArgs args_;
  std::string program_;  // of the language; empty for a command
  OpenedWorkspace workspace_;
  std::optional<ResolvedTarget> target_;
  bool is_own_target_ = false;  // a container that the caller made
  json normalised_;
  json context_;
  std::unique_ptr<sandbox::Backend> backend_;  // of the target

  struct Launched {
    Launched(RunStore* store, const CallContext& context) : output(store, context) {}
    RunFacts facts;
    RunOutput output;
    std::unique_ptr<sandbox::Run> run;  // last: it uses the output
    bool is_held = false;
  };
  std::unique_ptr<Launched> launched_;
  std::optional<ToolResult> failed_;
};

Result<WorkspaceKind> RunCall::Kind(const policies::Grant& grant) const {
  if (args_.workspace.empty()) {
    return WorkspaceKind::kPrivate;
  }
  // Whatever a policy says: what lies outside of the configured roots was never opened.
  if (workspace_.root == nullptr || !workspace_.directory.valid()) {
    return OutsideOfRoots();
  }
  // A root that is configured read-only stays so under a policy that is too generous.
  const auto access = workspace_.root->writable ? grant.workspace_access()
                                                : std::min(grant.workspace_access(),
                                                           policies::WorkspaceAccess::kHostRead);
  auto kind = MountKind(args_.profile.workspace_mode, access);
  if (kind && *kind == WorkspaceKind::kReadOnly && !args_.files.empty()) {
    return FilesNeedWriting();
  }
  return kind;
}

// The output of a container that somebody else made is not the caller's own.
Result<void> RunCall::Bind(const policies::Principal& principal) {
  if (!target_ || !args_.target || !is_in_container()) {
    return {};
  }
  const Origin origin = target_->MadeBy();
  if (IsHiddenFrom(origin, principal)) {
    return NoSuchTarget(args_.target->name);
  }
  is_own_target_ = IsOf(origin, principal);
  context_["container"]["own"] = is_own_target_;
  if (!is_own_target_) {
    context_["untrusted"] = true;
  }
  return {};
}

Result<sandbox::Backend*> RunCall::ChooseBackend() {
  if (!target_) {
    return &native_;
  }
  // Whatever policy says, and whoever sees it.
  if (target_->MadeBy().purpose == "run" && !is_own_target_) {
    return HoldsCallOfAnother("args.target.container");
  }
  auto made = target_->MakeBackend();
  if (!made) {
    return std::move(made).error();
  }
  backend_ = *std::move(made);
  return backend_.get();
}

void RunCall::AddProgram(sandbox::Command& command) {
  if (args_.language == nullptr) {
    command.argv = std::move(args_.command);
    return;
  }
  if (is_in_container()) {
    const Language& language = *args_.language;
    if (!language.inline_flag.empty() && args_.code.size() <= kMaxArgumentBytes) {
      command.argv = InlineCommand(language, std::move(args_.code));
      return;
    }
    command.files = LanguageFiles(language, std::move(args_.code), kPlacesBeside);
    command.argv = LanguageCommand(language, std::string(language.program), kPlacesBeside);
    return;
  }
  for (const auto& [name, value] : args_.language->env) {
    command.env.emplace_back(name, value);
  }
  command.files = LanguageFiles(*args_.language, std::move(args_.code), kOwnPlaces);
  command.argv = LanguageCommand(*args_.language, program_, kOwnPlaces);
}

sandbox::Command RunCall::Build(WorkspaceKind kind, const policies::Limits& limits) {
  sandbox::Command command;
  command.limits = limits;
  command.must_hold_cpus = args_.explicit_limits.cpu_millis.has_value();
  AddProgram(command);
  for (auto& variable : args_.env) {  // after the language's: the caller's win
    command.env.push_back(std::move(variable));
  }
  command.stdin_data = std::move(args_.stdin_data).value_or(std::string());
  for (RunFile& file : args_.files) {
    const unsigned mode = file.content.starts_with("#!") ? kScriptMode : kFileMode;
    command.files.push_back({std::move(file.path), std::move(file.content), mode});
  }
  command.workspace = kind;
  if (kind != WorkspaceKind::kPrivate) {
    command.workspace_fd = std::move(workspace_.directory);
    command.workspace_path = workspace_.path;
  }
  return command;
}

void RunCall::Launch(const policies::Grant& grant, CallContext& context, bool hold) {
  const auto kind = Kind(grant);
  if (!kind) {
    failed_ = ErrorResult(kind.error());
    return;
  }
  const auto limits = LimitsUnder(grant.limits(), args_);
  if (!limits) {
    failed_ = ErrorResult(limits.error());
    return;
  }
  auto launched = std::make_unique<Launched>(options_.store, context);
  RunFacts& facts = launched->facts;
  facts.program = args_.language == nullptr ? args_.command.front() : program_;
  facts.granted = grant.limits();
  facts.workspace = *kind;
  facts.limits = policies::Intersect(grant.limits(), *limits);
  if (options_.reply_kb > 0 && !args_.explicit_limits.output_kb) {
    facts.max_text_bytes = 2 * kBytesPerKb * static_cast<std::size_t>(options_.reply_kb);
  }
  auto backend = ChooseBackend();
  if (!backend) {
    failed_ = ErrorResult(backend.error());
    return;
  }
  auto run = (*backend)->Start(grant, Build(*kind, *limits), context.stop, &launched->output, hold);
  if (!run) {
    failed_ = ErrorResult(run.error());
    return;
  }
  launched->run = *std::move(run);
  launched->is_held = hold;
  launched_ = std::move(launched);
}

void RunCall::GetReady(const policies::Grant& grant, CallContext& context) {
  // Files in a host's directory could be seen, and so could a container.
  if (args_.workspace.empty() && !target_) {
    Launch(grant, context, true);
  }
}

std::vector<OtherWay> RunCall::OtherWays() const {
  std::vector<OtherWay> ways;
  if (args_.workspace.empty() || workspace_.root != nullptr) {
    return ways;
  }
  for (const policies::WorkspaceRoot& root :
       std::span(options_.roots).first(std::min(options_.roots.size(), kMaxRootsTold))) {
    OtherWay way{normalised_, context_, "use `" + root.path + "` or a directory below it"};
    way.normalised["workspace"] = root.path;
    way.context.erase("config_file");
    way.context["workspace"] = root.path;
    way.context["workspace_root"] = root.path;
    way.context["workspace_writable"] = root.writable;
    way.words += root.writable ? "" : " (read-only)";
    ways.push_back(std::move(way));
  }
  OtherWay none{normalised_,
                {{"profile", args_.profile.name}},
                "leave `workspace` out and pass what it needs in `files`"};
  none.normalised.erase("workspace");
  ways.push_back(std::move(none));
  return ways;
}

ToolResult RunCall::Run(const policies::Grant& grant, CallContext& context) {
  if (launched_ == nullptr && !failed_) {
    Launch(grant, context, false);
  }
  if (failed_) {
    return *std::move(failed_);
  }
  if (launched_->is_held) {
    launched_->run->Release();
  }
  const auto outcome = launched_->run->Wait();
  if (!outcome) {
    return ErrorResult(outcome.error());
  }
  return launched_->output.Finish(*outcome, std::move(launched_->facts));
}

class RunTool : public Tool {
 public:
  RunTool(sandbox::SandboxRunner& runner, RunOptions options)
      : runner_(runner),
        native_(runner),
        options_(std::move(options)),
        spec_(MakeRunSpec(options_.default_profile, options_.containers != nullptr)) {}

  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& stop) const override;

 private:
  [[nodiscard]] json Context(const RunArgs& args, const OpenedWorkspace& workspace) const;

  sandbox::SandboxRunner& runner_;
  // What holds no state of a call.
  mutable sandbox::NativeBackend native_;
  RunOptions options_;
  ToolSpec spec_;
};

json RunTool::Context(const RunArgs& args, const OpenedWorkspace& workspace) const {
  json context = {{"profile", args.profile.name}};
  const std::int64_t secrets =
      CountSecrets(args) +
      (workspace.directory.valid() ? CountSecretFiles(workspace.directory.get()) : 0);
  if (secrets > 0) {
    context["secrets"] = secrets;
  }
  if (args.workspace.empty()) {
    return context;
  }
  context["workspace"] = workspace.path;
  context["workspace_mode"] = policies::ToString(args.profile.workspace_mode);
  if (workspace.root != nullptr) {
    context["workspace_root"] = workspace.root->path;
    context["workspace_writable"] = workspace.root->writable;
    if (!workspace.root->writable) {
      context["untrusted"] = true;  // somebody else's: the caller only looks
    }
  } else if (!options_.config_file.empty()) {
    context["config_file"] = options_.config_file;  // for the remedy of the refusal
  }
  return context;
}

Result<std::unique_ptr<PreparedCall>> RunTool::Prepare(const json& args,
                                                       const std::stop_token& stop) const {
  auto decoded = DecodeRunArgs(args, options_.default_profile, options_.containers != nullptr);
  if (!decoded) {
    return decoded.error();
  }
  if (options_.reply_kb > 0 && !decoded->explicit_limits.output_kb) {
    decoded->limits.output_kb = std::min(decoded->limits.output_kb, options_.reply_kb);
  }
  std::string program;
  if (decoded->language != nullptr && decoded->target) {
    program = decoded->language->program;  // the image's own
  } else if (decoded->language != nullptr) {
    auto found = FindToolchain(*decoded->language, ToolchainDirectories());
    if (!found) {
      return found.error();
    }
    program = *std::move(found);
  }
  OpenedWorkspace workspace;
  if (!decoded->workspace.empty()) {
    auto opened = OpenWorkspace(runner_, decoded->workspace, options_.roots);
    if (!opened) {
      return opened.error();
    }
    workspace = *std::move(opened);
  }
  std::optional<ResolvedTarget> target;
  if (const auto& asked = decoded->target; asked) {
    auto resolved = ResolvedTarget::Resolve(*options_.containers, *asked, stop);
    if (!resolved) {
      return resolved.error();
    }
    target = *std::move(resolved);
  }
  json context = Context(*decoded, workspace);
  return std::unique_ptr<PreparedCall>(
      std::make_unique<RunCall>(native_, options_, *std::move(decoded), std::move(program),
                                std::move(workspace), std::move(target), std::move(context)));
}

}  // namespace

std::unique_ptr<Tool> MakeRunTool(sandbox::SandboxRunner& runner, RunOptions options) {
  return std::make_unique<RunTool>(runner, std::move(options));
}

}  // namespace casemate::tools
