#include "tools/container_create.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "sandbox/container/guard/protocol.h"
#include "sandbox/container/run/image_backend.h"
#include "sandbox/container/services/symptoms.h"
#include "tools/container_call.h"
#include "tools/container_report.h"
#include "tools/run_limits.h"
#include "tools/run_target.h"
#include "tools/run_workspace.h"
#include "tools/secret_signs.h"
#include "tools/stop_after.h"

namespace casemate::tools {
namespace {

using container::ContainerSpec;
using container::FoundImage;
using nlohmann::json;

constexpr const char* kWorkspace = "/workspace";
constexpr std::int64_t kRunTmpfs = std::int64_t{16} << 20;
// What cannot work ends sooner than that.
constexpr std::chrono::milliseconds kFirstMoment{300};

bool IsOrdinaryUser(std::string_view user) {
  const bool is_number =
      !user.empty() && user.find_first_not_of("0123456789:") == std::string_view::npos;
  return is_number && user.front() != '0' && user.front() != ':';
}

class CreateCall : public PreparedCall {
 public:
  CreateCall(container::Containers& containers, CreateArgs args, FoundImage image,
             OpenedWorkspace workspace)
      : containers_(containers),
        args_(std::move(args)),
        image_(std::move(image)),
        workspace_(std::move(workspace)),
        normalised_(NormaliseCreate(args_, image_.reference, workspace_.path)),
        context_({{"image", FactsOf(image_)}}) {
    AddWorkspaceFacts();
  }
  [[nodiscard]] const json& normalised() const override { return normalised_; }
  [[nodiscard]] const json& context() const override { return context_; }
  // The values of variables: lengths first, so that any bytes are without doubt.
  [[nodiscard]] std::string Unshown() const override {
    std::string unshown;
    for (const auto& [name, value] : args_.env) {
      unshown += std::to_string(name.size()) + ":" + std::to_string(value.size()) + ":";
      unshown += name + value;
    }
    return unshown;
  }
  ToolResult Run(const policies::Grant& grant, CallContext& context) override;

 private:
  void AddWorkspaceFacts();
  [[nodiscard]] Result<ContainerSpec> Build(const policies::Grant& grant,
                                            const container::Engine& engine,
                                            const container::ImageDetails& image);
  // Adds the workspace; what the guard is to find there.
  [[nodiscard]] Result<std::string> MountWorkspace(const policies::Grant& grant,
                                                   container::ContainerSpecBuilder& builder) const;
  [[nodiscard]] std::string User(const container::ImageDetails& image) const;
  [[nodiscard]] Result<std::vector<std::string>> Command(
      const container::ImageDetails& image) const;

  container::Containers& containers_;
  const CreateArgs args_;
  const FoundImage image_;
  const OpenedWorkspace workspace_;
  json normalised_;
  json context_;
};

void CreateCall::AddWorkspaceFacts() {
  const auto is_secret = [](const auto& variable) {
    return IsSecretName(variable.first) || HoldsSecret(variable.second);
  };
  std::int64_t secrets = std::ranges::count_if(args_.env, is_secret);
  if (!args_.workspace.empty()) {
    context_["workspace"] = workspace_.path;
    if (workspace_.root != nullptr) {
      context_["workspace_root"] = workspace_.root->path;
      context_["workspace_writable"] = workspace_.root->writable;
    }
    if (workspace_.directory.valid()) {
      secrets += CountSecretFiles(workspace_.directory.get());
    }
  }
  if (secrets > 0) {
    context_["secrets"] = secrets;
  }
}

// Whoever owns the workspace, else as the image says, else as the configuration does: never root
// without being asked for.
std::string CreateCall::User(const container::ImageDetails& image) const {
  struct stat facts{};
  if (!args_.user.empty()) {
    return args_.user;
  }
  if (workspace_.directory.valid() && fstat(workspace_.directory.get(), &facts) == 0 &&
      facts.st_uid != 0) {
    return std::to_string(facts.st_uid) + ":" + std::to_string(facts.st_gid);
  }
  return IsOrdinaryUser(image.user) ? image.user : containers_.options().user;
}

Result<std::vector<std::string>> CreateCall::Command(const container::ImageDetails& image) const {
  std::vector<std::string> command = image.entry_point;
  const auto& rest = args_.command.empty() ? image.command : args_.command;
  command.insert(command.end(), rest.begin(), rest.end());
  if (command.empty()) {
    Error error = InvalidArgument(
        "args.command", "expected a command, for the image has none of its own, got none");
    error.remedy = "give `command` as an array of program and arguments";
    return error;
  }
  return command;
}

Result<std::string> CreateCall::MountWorkspace(const policies::Grant& grant,
                                               container::ContainerSpecBuilder& builder) const {
  if (workspace_.root == nullptr || !workspace_.directory.valid()) {
    return Error{ErrorCode::kPermissionDenied,
                 "the directory is not below an allowed root or does not exist", "args.workspace",
                 "leave `workspace` out, or use a directory below a configured workspace root", 0};
  }
  const auto access = workspace_.root->writable ? grant.workspace_access()
                                                : std::min(grant.workspace_access(),
                                                           policies::WorkspaceAccess::kHostRead);
  auto kind = MountKind(policies::WorkspaceMode::kReadWrite, access);
  if (!kind) {
    return std::move(kind).error();
  }
  struct stat facts{};
  if (fstat(workspace_.directory.get(), &facts) != 0) {
    return ErrnoError("cannot look at the workspace", errno);
  }
  builder.HostWorkspace(workspace_.path, kWorkspace, *kind == sandbox::WorkspaceKind::kReadWrite);
  // The engine takes a path, at each start anew, and a path can be exchanged (attack: symlink
  // swap): the guard runs nothing in another directory than the one that policy judged.
  return std::to_string(facts.st_dev) + ":" + std::to_string(facts.st_ino);
}

Result<ContainerSpec> CreateCall::Build(const policies::Grant& grant,
                                        const container::Engine& engine,
                                        const container::ImageDetails& image) {
  RunArgs asked;
  asked.explicit_limits = args_.stated;
  asked.limits = args_.limits;
  auto limits = LimitsUnder(grant.limits(), asked);
  if (!limits) {
    return std::move(limits).error();
  }
  auto command = Command(image);
  if (!command) {
    return std::move(command).error();
  }
  container::ContainerSpecBuilder builder(grant, {image.id, image_.is_pinned}, engine.info());
  builder.Limits(*limits);
  ContainerSpec& spec = builder.spec();
  const std::string& directory = image.working_directory;
  spec.entry_point = {container::guard::kProgram, "service",
                      directory.empty() ? std::string("/") : directory};
  if (!args_.workspace.empty()) {
    auto place = MountWorkspace(grant, builder);
    if (!place) {
      return std::move(place).error();
    }
    spec.entry_point.back() = kWorkspace;
    spec.entry_point.push_back(*std::move(place));
    spec.working_directory = "/";  // the guard changes to it, once it is mounted
  }
  spec.entry_point.emplace_back("--");
  spec.command = *std::move(command);
  spec.name = args_.name;
  for (const auto& [name, value] : args_.env) {
    spec.environment.push_back(name);
    spec.environment.back().append("=").append(value);
  }
  spec.user = User(image);
  spec.labels = args_.labels;
  const auto own = container::OwnLabels(grant, containers_.options().incarnation, "service");
  spec.labels.insert(spec.labels.end(), own.begin(), own.end());
  spec.network = args_.network;
  spec.ports = args_.ports;
  spec.capabilities = args_.capabilities;
  spec.restart_policy = args_.restart;
  spec.read_only_root = !args_.writable_root;
  if (spec.read_only_root) {  // where services usually write to
    spec.tmpfs = {{"/tmp", limits->disk_mb << 20, 01777}, {"/run", kRunTmpfs, 01777}};
  }
  // A root that can be written to has room for what the image keeps in volumes; another has not.
  if (spec.read_only_root) {
    builder.CoverVolumes(image.volumes, limits->disk_mb << 20);
  }
  spec.health_check = image.health_check;
  // Before anything is written for containers: what is not granted leaves nothing behind.
  if (auto may = container::Demand(grant.containers(), policies::ContainerRight::kCreate,
                                   "a new container", "args.image");
      !may) {
    return std::move(may).error();
  }
  auto files = containers_.GuardFiles();
  if (!files) {
    return std::move(files).error();
  }
  builder.OwnFiles(*std::move(files), container::guard::kDirectory);
  return std::move(builder).Build();
}

ToolResult CreateCall::Run(const policies::Grant& grant, CallContext& context) {
  if (!image_.is_allowed) {
    return ErrorResult(AsArgument(ImageNotAllowed(image_.reference)));
  }
  auto engine = containers_.engine(context.stop);
  if (!engine) {
    return ErrorResult(engine.error());
  }
  if (!image_.details) {
    return ErrorResult(Error{ErrorCode::kNotFound, "the engine has no image " + image_.reference,
                             "args.image", "pull it first: action `pull`", 0});
  }
  auto spec = Build(grant, **engine, *image_.details);
  if (!spec) {
    return ErrorResult(AsArgument(std::move(spec).error()));
  }
  auto id = (*engine)->Create(*spec);
  if (!id) {
    return ErrorResult(CannotBegin(std::move(id).error()));
  }
  if (auto begun = (*engine)->Start(*id); !begun) {
    // What never ran is of no use to anybody.
    [[maybe_unused]] const auto removed = (*engine)->Remove(*id, true);
    return ErrorResult(CannotBegin(std::move(begun).error()));
  }
  return BegunResult(**engine, *id, LifecycleAction::kCreate, "created", context);
}

}  // namespace

Error CannotBegin(Error error) {
  error = AsArgument(std::move(error));
  if (const auto symptom = container::FindInEngineError(error.message)) {
    error.remedy = symptom->symptom->next_step;
  }
  return error;
}

ToolResult ActionResult(LifecycleAction action, const std::string& text,
                        const container::ContainerDetails& container) {
  ToolResult result;
  result.structured = {{"status", "completed"},
                       {"action", ToString(action)},
                       {"container", container.summary.id},
                       {"name", container.summary.name}};
  result.text = text + " " + container.summary.name + " (" + ShortId(container.summary.id) + ")";
  if (action != LifecycleAction::kRemove) {
    result.structured["state"] = container.summary.state;
    result.text += ": " + container.summary.state;
    if (container.pid == 0 && container.finished_ms > 0) {
      result.structured["exit_code"] = container.exit_code;
      result.text += " with exit code " + std::to_string(container.exit_code);
    }
  }
  for (const container::Port& port : container.summary.ports) {
    if (port.host_port != 0) {
      result.structured["ports"].push_back(PortText(port));
      result.text += ", " + PortText(port);
    }
  }
  result.audit = {{"status", "completed"},
                  {"action", ToString(action)},
                  {"container", container.summary.id},
                  {"name", container.summary.name},
                  {"state", container.summary.state}};
  return result;
}

ToolResult BegunResult(const container::Engine& engine, const std::string& container,
                       LifecycleAction action, const std::string& done, CallContext& context) {
  const StopAfter moment(context.stop, kFirstMoment);
  const auto ended = engine.Wait(container, moment.token());
  auto details = engine.Inspect(container);
  if (!details) {
    return ErrorResult(AsArgument(std::move(details).error()));
  }
  ToolResult result = ActionResult(action, done, *details);
  // Some engines look for the end now and then only.
  if (!ended && (details->pid != 0 || details->finished_ms == 0)) {
    return result;
  }
  const auto findings = DiagnoseNow(engine, *details, std::nullopt, 0, context.stop);
  const std::string diagnosis = container::InOneParagraph(findings);
  result.structured["diagnosis"] = diagnosis;
  result.text += ". It has ended already." + (diagnosis.empty() ? "" : " " + diagnosis);
  return result;
}

Result<std::unique_ptr<PreparedCall>> PrepareCreate(container::Containers& containers,
                                                    sandbox::SandboxRunner& runner,
                                                    std::span<const policies::WorkspaceRoot> roots,
                                                    LifecycleArgs args,
                                                    const std::stop_token& stop) {
  OpenedWorkspace workspace;
  if (!args.create.workspace.empty()) {
    auto opened = OpenWorkspace(runner, args.create.workspace, roots);
    if (!opened) {
      return std::move(opened).error();
    }
    workspace = *std::move(opened);
  }
  auto image = containers.FindImage(args.image, stop);
  if (!image) {
    return AsArgument(std::move(image).error());
  }
  return std::unique_ptr<PreparedCall>(std::make_unique<CreateCall>(
      containers, std::move(args.create), *std::move(image), std::move(workspace)));
}

}  // namespace casemate::tools
