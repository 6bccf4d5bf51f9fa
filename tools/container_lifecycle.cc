// The tool `container_lifecycle`: makes containers, changes their state, removes them, fetches
// images.
#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "sandbox/container/run/container_spec.h"
#include "sandbox/container/run/dangers.h"
#include "tools/container_call.h"
#include "tools/container_create.h"
#include "tools/container_lifecycle_args.h"
#include "tools/container_tools.h"
#include "tools/icon.h"
#include "tools/run_target.h"

namespace casemate::tools {
namespace {

using nlohmann::json;
using policies::ContainerRight;

constexpr std::int64_t kBetweenReportsNs = 100'000'000;

bool Begins(LifecycleAction action) {
  return action == LifecycleAction::kStart || action == LifecycleAction::kRestart;
}

const char* Done(LifecycleAction action) {
  switch (action) {
    case LifecycleAction::kStart:
      return "started";
    case LifecycleAction::kStop:
      return "stopped";
    case LifecycleAction::kRestart:
      return "restarted";
    case LifecycleAction::kKill:
      return "killed";
    case LifecycleAction::kPause:
      return "paused";
    case LifecycleAction::kUnpause:
      return "unpaused";
    case LifecycleAction::kRemove:
      return "removed";
    case LifecycleAction::kCreate:
    case LifecycleAction::kPull:
      break;
  }
  return "done";
}

class ActionCall : public ContainerCall {
 public:
  ActionCall(container::Containers& containers, container::ContainerDetails container,
             const LifecycleArgs& args)
      : ContainerCall(containers, std::move(container), args.container, Normalise(args),
                      Begins(args.action)),
        action_(args.action),
        grace_s_(args.grace_s),
        force_(args.force) {}
  ToolResult Run(const policies::Grant& grant, CallContext& context) override;

 private:
  static json Normalise(const LifecycleArgs& args);
  [[nodiscard]] Result<void> Check(const policies::Grant& grant) const;
  [[nodiscard]] Result<void> Act(const container::Engine& engine) const;

  const LifecycleAction action_;
  const int grace_s_;
  const bool force_;
};

json ActionCall::Normalise(const LifecycleArgs& args) {
  json normal = {{"action", ToString(args.action)}};
  if (args.action == LifecycleAction::kStop || args.action == LifecycleAction::kRestart) {
    normal["grace_s"] = args.grace_s;
  }
  if (args.action == LifecycleAction::kRemove) {
    normal["force"] = args.force;
  }
  return normal;
}

Result<void> ActionCall::Check(const policies::Grant& grant) const {
  const std::string what = "to " + std::string(ToString(action_)) + " a container";
  if (auto may =
          container::Demand(grant.containers(), ContainerRight::kUse, what, "args.container");
      !may) {
    return may;
  }
  if (const auto dangers = container::DangersOf(container()); !dangers.empty()) {
    auto may = container::Demand(
        grant.containers(), ContainerRight::kPrivilegedTargets,
        what + " that is as good as root on the host (" + Join(dangers, ", ") + ")",
        "args.container");
    if (!may) {
      return may;
    }
  }
  return origin().purpose != "run" || is_own() ? Result<void>()
                                               : HoldsCallOfAnother("args.container");
}

Result<void> ActionCall::Act(const container::Engine& engine) const {
  switch (action_) {
    case LifecycleAction::kStart:
      return engine.Start(id());
    case LifecycleAction::kStop:
      return engine.Stop(id(), grace_s_);
    case LifecycleAction::kRestart:
      return engine.Restart(id(), grace_s_);
    case LifecycleAction::kKill:
      return engine.Kill(id(), "SIGKILL");
    case LifecycleAction::kPause:
      return engine.Pause(id());
    case LifecycleAction::kUnpause:
      return engine.Unpause(id());
    case LifecycleAction::kRemove:
      return engine.Remove(id(), force_);
    case LifecycleAction::kCreate:
    case LifecycleAction::kPull:
      break;
  }
  return Error{ErrorCode::kInternal, "an action without a container", {}, {}, 0};
}

ToolResult ActionCall::Run(const policies::Grant& grant, CallContext& context) {
  if (auto checked = Check(grant); !checked) {
    return ErrorResult(checked.error());
  }
  auto engine = containers().engine(context.stop);
  if (!engine) {
    return ErrorResult(engine.error());
  }
  if (auto acted = Act(**engine); !acted) {
    Error error = Begins(action_) ? CannotBegin(acted.error()) : AsArgument(acted.error());
    if (action_ == LifecycleAction::kRemove && !force_ &&
        error.code == ErrorCode::kInvalidArgument) {
      error.field = "args.force";
      error.remedy = "stop it first, or set `force`";
    }
    return ErrorResult(error);
  }
  if (action_ == LifecycleAction::kRemove) {
    return ActionResult(action_, Done(action_), container());
  }
  if (Begins(action_)) {
    return BegunResult(**engine, id(), action_, Done(action_), context);
  }
  auto now = (*engine)->Inspect(id());
  return now ? ActionResult(action_, Done(action_), *now) : ErrorResult(AsArgument(now.error()));
}

class PullCall : public PreparedCall {
 public:
  // `pulled`: what the engine is to be asked for.
  PullCall(container::Containers& containers, std::string pulled, container::FoundImage image)
      : containers_(containers),
        pulled_(std::move(pulled)),
        image_(std::move(image)),
        normalised_({{"action", "pull"}, {"image", image_.reference}}),
        context_({{"image", FactsOf(image_)}}) {}
  [[nodiscard]] const json& normalised() const override { return normalised_; }
  [[nodiscard]] const json& context() const override { return context_; }
  ToolResult Run(const policies::Grant& grant, CallContext& context) override;

 private:
  [[nodiscard]] Result<void> Check(const policies::Grant& grant) const;

  container::Containers& containers_;
  const std::string pulled_;
  const container::FoundImage image_;
  json normalised_;
  json context_;
};

Result<void> PullCall::Check(const policies::Grant& grant) const {
  if (!image_.is_allowed) {
    return AsArgument(ImageNotAllowed(image_.reference));
  }
  if (auto may = container::Demand(grant.containers(), ContainerRight::kCreate, "to pull an image",
                                   "args.image");
      !may) {
    return may;
  }
  return image_.is_pinned ? Result<void>()
                          : container::Demand(grant.containers(), ContainerRight::kUnpinned,
                                              "an image without a digest", "args.image");
}

ToolResult PullCall::Run(const policies::Grant& grant, CallContext& context) {
  if (auto checked = Check(grant); !checked) {
    return ErrorResult(checked.error());
  }
  auto engine = containers_.engine(context.stop);
  if (!engine) {
    return ErrorResult(engine.error());
  }
  std::int64_t told_ns = 0;
  double lines = 0;
  const auto tell = [&](std::string_view words) {
    ++lines;
    if (context.progress != nullptr && MonotonicNs() - told_ns >= kBetweenReportsNs) {
      told_ns = MonotonicNs();
      context.progress->Report(lines, std::nullopt, ToValidUtf8(words));
    }
  };
  if (auto pulled = (*engine)->Pull(pulled_, tell, context.stop); !pulled) {
    return ErrorResult(AsArgument(pulled.error()));
  }
  // It may be another than the one that the configuration pins.
  auto found = containers_.FindImage(image_.reference, context.stop);
  if (!found) {
    return ErrorResult(AsArgument(std::move(found).error()));
  }
  const auto& details = found->details;
  if (!details) {
    return ErrorResult(Error{ErrorCode::kUnavailable,
                             "the engine has pulled " + image_.reference + " and does not have it",
                             "args.image", "call again; if it fails again, tell your user", 0});
  }
  ToolResult result;
  result.structured = {{"status", "completed"},
                       {"action", "pull"},
                       {"image", found->reference},
                       {"image_id", details->id}};
  result.text = "pulled " + found->reference + ": " + details->id;
  result.audit = result.structured;
  return result;
}

// What the rules say of it; the engine is not asked, for what it has now does not matter.
Result<std::unique_ptr<PreparedCall>> PreparePull(container::Containers& containers,
                                                  const std::string& named) {
  auto reference = container::ParseImageReference(named, "args.image");
  if (!reference) {
    return std::move(reference).error();
  }
  const auto judged =
      container::FindImageRule(containers.options().images, *reference, "args.image");
  if (!judged) {
    return judged.error();
  }
  const std::optional<container::ImagePermission>& permission = *judged;
  container::FoundImage image;
  image.reference = container::ToString(*reference);
  std::string pulled;
  if (permission) {
    image.is_allowed = true;
    image.is_pinned = permission->is_pinned;
    pulled = container::EngineName(*reference, *permission);
  }
  return std::unique_ptr<PreparedCall>(
      std::make_unique<PullCall>(containers, std::move(pulled), std::move(image)));
}

json OutputSchema() {
  json properties = json::object();
  for (const char* name :
       {"status", "action", "container", "name", "state", "diagnosis", "image", "image_id"}) {
    properties[name] = {{"type", "string"}};
  }
  properties["exit_code"] = {{"type", "integer"}};
  properties["ports"] = {{"type", "array"}, {"items", {{"type", "string"}}}};
  properties["error"] = {{"type", "object"}};
  return {{"type", "object"}, {"properties", std::move(properties)}, {"required", {"status"}}};
}

class ContainerLifecycleTool : public Tool {
 public:
  ContainerLifecycleTool(container::Containers& containers, sandbox::SandboxRunner& runner,
                         ContainerToolOptions options)
      : containers_(containers), runner_(runner), options_(std::move(options)) {
    spec_.name = "container_lifecycle";
    spec_.title = "Create and control containers";
    spec_.icon = IconOf("M0 2h6v5H0zM7 0h1v8H7z");
    spec_.description =
        "Creates and starts a container from an allowed image, or starts, stops, restarts, kills, "
        "pauses, unpauses or removes one, or pulls an image. New ones have a read-only root (/tmp "
        "and /run can be written), no network, no capabilities and an ordinary user unless stated "
        "otherwise, and policy must grant each such opening.";
    spec_.input_schema = LifecycleInputSchema();
    spec_.output_schema = OutputSchema();
    spec_.toolset = "containers";
    spec_.task = TaskSupport::kWhenSlow;
    spec_.annotations = {
        .read_only = false, .destructive = true, .idempotent = false, .open_world = true};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& stop) const override {
    auto decoded = DecodeLifecycleArgs(args);
    if (!decoded) {
      return std::move(decoded).error();
    }
    if (decoded->action == LifecycleAction::kCreate) {
      return PrepareCreate(containers_, runner_, options_.roots, *std::move(decoded), stop);
    }
    if (decoded->action == LifecycleAction::kPull) {
      return PreparePull(containers_, decoded->image);
    }
    auto container = FindContainer(containers_, decoded->container, stop);
    if (!container) {
      return std::move(container).error();
    }
    return std::unique_ptr<PreparedCall>(
        std::make_unique<ActionCall>(containers_, *std::move(container), *decoded));
  }

 private:
  container::Containers& containers_;
  sandbox::SandboxRunner& runner_;
  const ContainerToolOptions options_;
  ToolSpec spec_;
};

}  // namespace

std::unique_ptr<Tool> MakeContainerLifecycleTool(container::Containers& containers,
                                                 sandbox::SandboxRunner& runner,
                                                 ContainerToolOptions options) {
  return std::make_unique<ContainerLifecycleTool>(containers, runner, std::move(options));
}

}  // namespace casemate::tools
