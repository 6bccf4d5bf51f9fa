// The composition root: reads flags and configuration, puts the layers together, runs one command.
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <iostream>
#include <optional>
#include <stop_token>

#include <nlohmann/json.hpp>

#include "clients/cli/command_line.h"
#include "clients/cli/commands.h"
#include "mcp/build.h"
#include "mcp/config.h"
#include "mcp/config_containers.h"
#include "mcp/rego.h"
#include "mcp/runtime.h"
#include "mcp/serve.h"
#include "mcp/service_user.h"
#include "mcp/signals.h"
#include "policies/approvals/approval_desk.h"
#include "policies/identity/incarnation.h"
#include "policies/identity/token_store.h"
#include "tools/artifacts/artifact_store.h"

namespace casemate {
namespace {

int Complain(const Error& error, int code) {
  std::cerr << "casemate: " << Describe(error) << '\n';
  return code;
}

// A grant for the doctor's own trial run: the policy in force is asked, as for any call.
Result<policies::Grant> GrantForProbe(const Config& config) {
  std::vector<std::string> files;
  auto policy = ReadYaml(config, files);
  if (!policy) {
    return std::move(policy).error();
  }
  const nlohmann::json args = {
      {"command", {"/bin/true"}}, {"network", "none"}, {"profile", "small"}};
  const nlohmann::json context = nlohmann::json::object();
  policies::Decision decision =
      policy->in_force->Decide({"run", {}, args, context, policies::NoHistory()});
  if (!decision.grant.has_value()) {
    return Error{ErrorCode::kPermissionDenied,
                 "the policy in force refuses `run` of /bin/true: " + decision.reason, "policy",
                 decision.remedy, 0};
  }
  return *std::move(decision.grant);
}

int RunDoctor(const cli::DoctorArgs& args, const Config& config) {
  if (args.apparmor_profile) {
    return cli::PrintAppArmorProfile();
  }
  auto grant = GrantForProbe(config);
  if (!grant) {
    return Complain(grant.error(), cli::kExitUsage);
  }
  auto rego = ReadRego(config);
  auto user = ServiceUser::Choose(config.user);
  auto state_dir = user ? StateDirectory(config, *user) : Result<std::string>(user.error());
  if (!state_dir) {
    return Complain(state_dir.error(), cli::kExitFailure);
  }
  // So that the next start reaps what a killed doctor leaves.
  auto incarnation = policies::Incarnation::Begin(*state_dir);
  int code = cli::kExitFailure;
  std::vector<sandbox::Probe> more;
  if (incarnation) {
    more = ProbePolicy(config, *state_dir);
    const auto of_rego = ProbeRego(config, std::move(rego), *state_dir, incarnation->id());
    more.insert(more.end(), of_rego.begin(), of_rego.end());
  }
  auto examined = !incarnation ? Result<void>(incarnation.error()) : user->AsRoot([&] {
    const auto engines =
        container::ReportEngines(container::DiscoveryInput::Current(config.containers.socket));
    code = cli::DoctorCommand(args, *grant, incarnation->id(), config.sandbox_mode, more, engines);
    return Result<void>();
  });
  return examined ? code : Complain(examined.error(), cli::kExitFailure);
}

// The whole stack, for calls that the usual signals take back.
class Stack : public cli::ToolCalls {
 public:
  explicit Stack(Runtime& runtime) : runtime_(runtime) {}
  Result<void> Watch() {
    auto signals = SignalWatch::Start([this](int signal) {
      received_ = signal;
      stop_.request_stop();
    });
    if (!signals) {
      return std::move(signals).error();
    }
    signals_ = *std::move(signals);
    return {};
  }
  Result<tools::ToolResult> Call(std::string_view tool, const nlohmann::json& args,
                                 const Options& options) override {
    tools::CallContext context;
    context.channel = "cli";
    context.stop = stop_.get_token();
    context.raw_output = options.raw;
    context.output = options.output;
    context.progress = options.progress;
    return runtime_.executor().Call(tool, args, context);
  }
  [[nodiscard]] std::stop_token stop() const override { return stop_.get_token(); }
  [[nodiscard]] int signal() const override { return received_; }
  void Cancel() override { stop_.request_stop(); }

 private:
  Runtime& runtime_;
  std::stop_source stop_;
  std::atomic<int> received_ = 0;
  std::optional<SignalWatch> signals_;  // last: it uses the others
};

// When this returns, the stack is gone and signals do what they always do: nobody waits for a
// reader that does not read.
Result<void> WithStack(const Config& config, const std::function<void(cli::ToolCalls&)>& body) {
  if (auto blocked = SignalWatch::Block(); !blocked) {
    return blocked;
  }
  Result<void> stood;
  auto user = ServiceUser::Choose(config.user);
  auto runtime =
      user ? Runtime::Start(config, "cli", *user) : Result<std::unique_ptr<Runtime>>(user.error());
  if (runtime) {
    if (auto become = user->Become(); !become) {
      runtime = std::move(become).error();
    }
  }
  if (runtime) {
    {
      Stack stack(**runtime);
      stood = stack.Watch();
      if (stood) {
        body(stack);
      }
    }
    runtime->reset();
  } else {
    stood = std::move(runtime).error();
  }
  SignalWatch::Unblock();
  return stood;
}

struct CliCall {
  Result<tools::ToolResult> result;
  int signal = 0;  // that took the call back
};

CliCall CallOnce(const Config& config, const char* tool, const nlohmann::json& args, bool raw) {
  CliCall call{Error{ErrorCode::kInternal, "no call was made", {}, {}, 0}};
  auto stood = WithStack(config, [&](cli::ToolCalls& calls) {
    call.result = calls.Call(tool, args, {.raw = raw});
    call.signal = calls.signal();
  });
  if (!stood) {
    call.result = std::move(stood).error();
  }
  return call;
}

int RunOnce(const cli::RunArgs& args, const Config& config) {
  // Before signals are blocked: whoever types the input must be able to end it.
  auto call = cli::RunCall(args);
  if (!call) {
    return Complain(call.error(), cli::kExitNotRun);
  }
  auto done = CallOnce(config, "run", *call, !args.json);
  return done.result ? cli::PrintRun(args, *done.result, done.signal)
                     : Complain(done.result.error(), cli::kExitNotRun);
}

int ListProfiles(const cli::ProfileListArgs& args, const Config& config) {
  auto done = CallOnce(config, "profile_list", nlohmann::json::object(), false);
  return done.result ? cli::PrintProfiles(args, *done.result)
                     : Complain(done.result.error(), cli::kExitFailure);
}

template <typename Body>
int WithTrail(const Config& config, const Body& body) {
  auto trail = OpenTrailToRead(config);
  return trail ? body(*trail->audit) : Complain(trail.error(), cli::kExitFailure);
}

template <typename Body>
int WithTokens(const Config& config, const Body& body) {
  auto user = ServiceUser::Choose(config.user);
  auto state_dir = user ? StateDirectory(config, *user) : Result<std::string>(user.error());
  auto trail = state_dir ? OpenTrail(*state_dir, "cli") : Result<Trail>(state_dir.error());
  if (!trail) {
    return Complain(trail.error(), cli::kExitFailure);
  }
  auto tokens = policies::TokenStore::Open(*trail->store);
  return tokens ? body(**tokens, *trail->audit) : Complain(tokens.error(), cli::kExitFailure);
}

template <typename Body>
int WithApprovals(const Config& config, const Body& body) {
  auto user = ServiceUser::Choose(config.user);
  auto state_dir = user ? StateDirectory(config, *user) : Result<std::string>(user.error());
  auto trail = state_dir ? OpenTrail(*state_dir, "cli") : Result<Trail>(state_dir.error());
  if (!trail) {
    return Complain(trail.error(), cli::kExitFailure);
  }
  policies::ApprovalDesk desk(*trail->store, *trail->audit);
  return body(desk);
}

template <typename Body>
int WithArtifacts(const Config& config, const Body& body) {
  auto user = ServiceUser::Choose(config.user);
  auto state_dir = user ? StateDirectory(config, *user) : Result<std::string>(user.error());
  auto store = state_dir ? Store::Open(*state_dir + "/casemate.db")
                         : Result<std::unique_ptr<Store>>(state_dir.error());
  if (!store) {
    return Complain(store.error(), cli::kExitFailure);
  }
  auto artifacts = artifacts::ArtifactStore::Open(**store, *state_dir);
  return artifacts ? body(**artifacts, *state_dir) : Complain(artifacts.error(), cli::kExitFailure);
}

// Who asks for containers by a command need not have asked for the tools before.
Config WithContainers(Config config) {
  if (!HasContainers(config)) {
    config.toolsets.emplace_back("containers");
  }
  return config;
}

// Who names a project here may have it packaged: it is a workspace root for this call.
Config WithProject(Config config, const std::string& directory) {
  if (!HasBuild(config)) {
    config.toolsets.emplace_back("build");
  }
  config.workspace_roots.push_back({.path = directory, .writable = true});
  return config;
}

struct Run {
  const Config& config;
  const cli::GlobalFlags& flags;

  int operator()(const cli::ServeArgs&) const { return Serve(config); }
  int operator()(const cli::RunArgs& args) const { return RunOnce(args, config); }
  int operator()(const cli::ProfileListArgs& args) const { return ListProfiles(args, config); }
  int operator()(const cli::DoctorArgs& args) const { return RunDoctor(args, config); }
  int operator()(const cli::SelftestArgs& args) const { return cli::SelftestCommand(args); }
  int operator()(const cli::AuditTailArgs& args) const {
    return WithTrail(config,
                     [&](policies::AuditLog& audit) { return cli::AuditTailCommand(args, audit); });
  }
  int operator()(const cli::AuditVerifyArgs& args) const {
    const auto is_alive = [this](const std::string& incarnation) {
      return policies::Incarnation::IsAlive(config.state_dir, incarnation);
    };
    return WithTrail(config, [&](policies::AuditLog& audit) {
      return cli::AuditVerifyCommand(args, audit, is_alive);
    });
  }
  int operator()(const cli::AuditExportArgs&) const {
    return WithTrail(config,
                     [](policies::AuditLog& audit) { return cli::AuditExportCommand(audit); });
  }
  int operator()(const cli::TokenAddArgs& args) const {
    return WithTokens(config, [&](policies::TokenStore& tokens, policies::AuditLog& audit) {
      return cli::TokenAddCommand(args, tokens, audit);
    });
  }
  int operator()(const cli::TokenRmArgs& args) const {
    return WithTokens(config, [&](policies::TokenStore& tokens, policies::AuditLog& audit) {
      return cli::TokenRmCommand(args, tokens, audit);
    });
  }
  int operator()(const cli::ApproveListArgs& args) const {
    return WithApprovals(
        config, [&](policies::ApprovalDesk& desk) { return cli::ApproveListCommand(args, desk); });
  }
  int operator()(const cli::ApproveShowArgs& args) const {
    return WithApprovals(
        config, [&](policies::ApprovalDesk& desk) { return cli::ApproveShowCommand(args, desk); });
  }
  int operator()(const cli::ApproveGrantArgs& args) const {
    return WithApprovals(
        config, [&](policies::ApprovalDesk& desk) { return cli::ApproveGrantCommand(args, desk); });
  }
  int operator()(const cli::ApproveDenyArgs& args) const {
    return WithApprovals(
        config, [&](policies::ApprovalDesk& desk) { return cli::ApproveDenyCommand(args, desk); });
  }
  int operator()(const cli::ClientEntryArgs& args) const {
    return cli::ClientEntryCommand(args, flags);
  }
  int operator()(const cli::ClientListArgs&) const { return cli::ClientListCommand(); }
  int operator()(const cli::ClientDoctorArgs& args) const { return cli::ClientDoctorCommand(args); }
  int operator()(const cli::PolicyArgs& args) const {
    return cli::PolicyCommand(args, config.policy_file,
                              [this](const auto& body) { return WithTrail(config, body); });
  }
  int operator()(const cli::PolicyBundleArgs& args) const {
    return cli::PolicyBundleCommand(args, config.rego.opa, config.sandbox_mode);
  }
  int operator()(const cli::DockerfileLintArgs& args) const {
    return cli::DockerfileLintCommand(args);
  }
  int operator()(const cli::DockerfileGenerateArgs& args) const {
    return cli::DockerfileGenerateCommand(args);
  }
  int operator()(const cli::PackageArgs& args) const {
    return cli::PackageCommand(args, [this](const std::string& directory, const auto& body) {
      return WithStack(WithProject(config, directory), body);
    });
  }
  int operator()(const cli::ManifestArgs& args) const { return cli::ManifestCommand(args); }
  int operator()(const cli::AnalyzeArgs& args) const { return cli::AnalyzeCommand(args); }
  int operator()(const cli::ArtifactArgs& args) const {
    return WithArtifacts(config,
                         [&](artifacts::ArtifactStore& store, const std::string& state_dir) {
                           return cli::ArtifactCommand(args, store, state_dir);
                         });
  }
  int operator()(const cli::ContainersArgs& args) const {
    return cli::ContainersCommand(
        args, [this](const auto& body) { return WithStack(WithContainers(config), body); });
  }
  int operator()(const cli::TokenListArgs& args) const {
    return WithTokens(config, [&](policies::TokenStore& tokens, policies::AuditLog&) {
      return cli::TokenListCommand(args, tokens);
    });
  }
};

// A program started with a closed standard descriptor would get its next socket or file there, and
// the output of a confined command, or a reply, would be written into that.
bool OpenStandardDescriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // open(2) takes the lowest free number, which is this one.
    if (fcntl(fd, F_GETFD) < 0 &&
        open("/dev/null", O_RDWR) != fd) {  // NOLINT(android-cloexec-open)
      return false;
    }
  }
  return true;
}

// What is freed goes back to the system. glibc's own thresholds grow with the largest block that
// was ever freed, after which each thread's heap keeps several MiB that nothing uses (mallopt(3)).
void GiveBackFreedMemory() {
  constexpr int kBytes = 128 * 1024;
  // Before any thread starts.
  // NOLINTBEGIN(concurrency-mt-unsafe)
  mallopt(M_MMAP_THRESHOLD, kBytes);
  mallopt(M_TRIM_THRESHOLD, kBytes);
  // NOLINTEND(concurrency-mt-unsafe)
}

ConfigOverrides OverridesOf(const cli::CommandLine& line) {
  ConfigOverrides overrides{.config_file = line.flags.config_file,
                            .state_dir = line.flags.state_dir,
                            .policy_file = line.flags.policy_file,
                            .workspace_roots = line.flags.workspace_roots,
                            .sandbox_mode = line.flags.sandbox_mode};
  if (const auto* serve = std::get_if<cli::ServeArgs>(&line.command)) {
    overrides.workspace_roots.insert(overrides.workspace_roots.end(), serve->roots.begin(),
                                     serve->roots.end());
    overrides.default_profile = serve->profile;
    overrides.http_listen = serve->http;
    overrides.toolsets = serve->toolsets;
    overrides.tls_certificate = serve->tls_certificate;
    overrides.tls_key = serve->tls_key;
  }
  return overrides;
}

// The self-test, what connects hosts and what reads projects have nothing to do with how this user
// configured Casemate.
bool IsAboutThisServer(const cli::Command& command) {
  return !std::holds_alternative<cli::SelftestArgs>(command) &&
         !std::holds_alternative<cli::ClientEntryArgs>(command) &&
         !std::holds_alternative<cli::ClientListArgs>(command) &&
         !std::holds_alternative<cli::AnalyzeArgs>(command) &&
         !std::holds_alternative<cli::DockerfileLintArgs>(command) &&
         !std::holds_alternative<cli::DockerfileGenerateArgs>(command) &&
         !std::holds_alternative<cli::ManifestArgs>(command) &&
         !std::holds_alternative<cli::ClientDoctorArgs>(command);
}

int Main(int argc, char** argv) {
  auto parsed = cli::ParseCommandLine(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) {
    return *code;
  }
  const auto& line = std::get<cli::CommandLine>(parsed);
  auto config =
      IsAboutThisServer(line.command) ? LoadConfig(OverridesOf(line)) : Result<Config>(Config{});
  if (!config) {
    return Complain(config.error(), cli::kExitUsage);
  }
  return std::visit(Run{*config, line.flags}, line.command);
}

}  // namespace
}  // namespace casemate

int main(int argc, char** argv) {
  if (!casemate::OpenStandardDescriptors()) {
    return 1;
  }
  casemate::GiveBackFreedMemory();
  try {
    return casemate::Main(argc, argv);
  } catch (const std::exception& error) {  // libraries only; ours does not throw
    std::cerr << "casemate: internal error: " << error.what() << '\n';
    return 1;
  }
}
