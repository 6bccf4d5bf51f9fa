// The tool `run`: decodes, opens the workspace, and, once policy has granted, builds the sandbox
// from the grant and runs the command in it.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/languages.h"
#include "tools/run.h"
#include "tools/run_args.h"
#include "tools/run_files.h"
#include "tools/run_limits.h"
#include "tools/run_output.h"
#include "tools/run_result.h"
#include "tools/run_schema.h"
#include "tools/run_workspace.h"

namespace casemate::tools {

namespace {

using nlohmann::json;
using sandbox::SandboxSpecBuilder;
using sandbox::WorkspaceKind;

constexpr unsigned kScriptMode = 0755;
constexpr unsigned kFileMode = 0644;
constexpr std::size_t kBytesPerKb = 1024;

Error OutsideOfRoots() {
  Error error;
  error.code = ErrorCode::kPermissionDenied;
  error.field = "args.workspace";
  error.message = "the directory is not below an allowed root or does not exist";
  error.remedy = "use a directory below one of the configured `workspace_roots`";
  return error;
}

class RunCall : public PreparedCall {
 public:
  RunCall(sandbox::SandboxRunner& runner, const RunOptions& options, RunArgs args,
          std::string program, OpenedWorkspace workspace, json context)
      : runner_(runner),
        options_(options),
        args_(std::move(args)),
        program_(std::move(program)),
        workspace_(std::move(workspace)),
        normalised_(NormaliseRunArgs(args_, workspace_.path)),
        context_(std::move(context)) {}

  [[nodiscard]] const json& normalised() const override { return normalised_; }
  [[nodiscard]] const json& context() const override { return context_; }
  [[nodiscard]] bool background() const override { return args_.background; }
  // Launches what has a private workspace; its command waits for Run.
  void GetReady(const policies::Grant& grant, CallContext& context) override;
  ToolResult Run(const policies::Grant& grant, CallContext& context) override;

 private:
  // private, or how the host directory is mounted under this grant.
  [[nodiscard]] Result<WorkspaceKind> Kind(const policies::Grant& grant) const;
  Result<sandbox::SandboxSpec> Build(const policies::Grant& grant, WorkspaceKind kind,
                                     const policies::Limits& limits);
  void AddProgram(SandboxSpecBuilder& builder);
  // Consumes the arguments: called once. Sets `launched_`, or `failed_`.
  void Launch(const policies::Grant& grant, CallContext& context, bool hold);

  sandbox::SandboxRunner& runner_;
  const RunOptions& options_;  // of the tool
  RunArgs args_;
  std::string program_;  // of the language; empty for a command
  OpenedWorkspace workspace_;
  json normalised_;
  json context_;

  struct Launched {
    Launched(RunStore* store, const CallContext& context) : output(store, context) {}
    RunFacts facts;
    RunOutput output;
    std::unique_ptr<sandbox::SandboxRun> run;  // last: it uses the output
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

void RunCall::AddProgram(SandboxSpecBuilder& builder) {
  if (args_.language == nullptr) {
    builder.Command(std::move(args_.command));
    return;
  }
  for (const auto& [name, value] : args_.language->env) {
    builder.Env(std::string(name), std::string(value));
  }
  for (sandbox::InjectedFile& file : LanguageFiles(*args_.language, std::move(args_.code))) {
    builder.File(std::move(file));
  }
  builder.Command(LanguageCommand(*args_.language, program_));
}

Result<sandbox::SandboxSpec> RunCall::Build(const policies::Grant& grant, WorkspaceKind kind,
                                            const policies::Limits& limits) {
  SandboxSpecBuilder builder(grant);
  builder.Limits(limits);
  if (args_.explicit_limits.cpu_millis) {
    builder.MustHoldCpus();
  }
  AddProgram(builder);
  for (auto& [name, value] : args_.env) {  // after the language's: the caller's win
    builder.Env(std::move(name), std::move(value));
  }
  if (args_.stdin_data) {
    builder.Stdin(*std::move(args_.stdin_data));
  }
  for (RunFile& file : args_.files) {
    const unsigned mode = file.content.starts_with("#!") ? kScriptMode : kFileMode;
    builder.File({std::move(file.path), std::move(file.content), mode});
  }
  if (kind != WorkspaceKind::kPrivate) {
    builder.HostWorkspace(std::move(workspace_.directory), workspace_.path, kind);
  }
  return std::move(builder).Build();
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
  auto spec = Build(grant, *kind, *limits);
  if (!spec) {
    failed_ = ErrorResult(spec.error());
    return;
  }
  facts.limits = spec->limits;
  if (options_.reply_kb > 0 && !args_.explicit_limits.output_kb) {
    facts.max_text_bytes = 2 * kBytesPerKb * static_cast<std::size_t>(options_.reply_kb);
  }
  auto run = runner_.Start(*std::move(spec), context.stop, &launched->output, hold);
  if (!run) {
    failed_ = ErrorResult(run.error());
    return;
  }
  launched->run = *std::move(run);
  launched->is_held = hold;
  launched_ = std::move(launched);
}

void RunCall::GetReady(const policies::Grant& grant, CallContext& context) {
  if (args_.workspace.empty()) {  // files in a host's directory could be seen
    Launch(grant, context, true);
  }
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
        options_(std::move(options)),
        spec_(MakeRunSpec(options_.default_profile)) {}

  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(const json& args) const override;

 private:
  [[nodiscard]] json Context(const RunArgs& args, const OpenedWorkspace& workspace) const;

  sandbox::SandboxRunner& runner_;
  RunOptions options_;
  ToolSpec spec_;
};

json RunTool::Context(const RunArgs& args, const OpenedWorkspace& workspace) const {
  json context = {{"profile", args.profile.name}};
  if (args.workspace.empty()) {
    return context;
  }
  context["workspace"] = workspace.path;
  context["workspace_mode"] = policies::ToString(args.profile.workspace_mode);
  if (workspace.root != nullptr) {
    context["workspace_root"] = workspace.root->path;
    context["workspace_writable"] = workspace.root->writable;
  } else if (!options_.config_file.empty()) {
    context["config_file"] = options_.config_file;  // for the remedy of the refusal
  }
  return context;
}

Result<std::unique_ptr<PreparedCall>> RunTool::Prepare(const json& args) const {
  auto decoded = DecodeRunArgs(args, options_.default_profile);
  if (!decoded) {
    return decoded.error();
  }
  if (options_.reply_kb > 0 && !decoded->explicit_limits.output_kb) {
    decoded->limits.output_kb = std::min(decoded->limits.output_kb, options_.reply_kb);
  }
  std::string program;
  if (decoded->language != nullptr) {
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
  json context = Context(*decoded, workspace);
  return std::unique_ptr<PreparedCall>(
      std::make_unique<RunCall>(runner_, options_, *std::move(decoded), std::move(program),
                                std::move(workspace), std::move(context)));
}

}  // namespace

std::unique_ptr<Tool> MakeRunTool(sandbox::SandboxRunner& runner, RunOptions options) {
  return std::make_unique<RunTool>(runner, std::move(options));
}

}  // namespace casemate::tools
