// The tool `container_optimize`: proposes what would free memory or disk, and does of that what it
// is told to, with the plan's id. Nothing is cleared that was not in a plan.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/container_call.h"
#include "tools/container_optimize_result.h"
#include "tools/container_optimize_run.h"
#include "tools/container_tools.h"
#include "tools/icon.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kNames = {"container", "plan_id", "actions"};
constexpr TextRule kIdRule = {.min_bytes = 1, .max_bytes = 64, .allow_nul = false};

// What all calls of the tool share. Thread-safe.
struct Shared {
  container::Containers& containers;
  ContainerMeter meter{};  // NOLINT(readability-redundant-member-init)
  OptimizePlans plans;
};

ToolResult KeepPlan(Shared& shared, const OptimizeFacts& facts, std::vector<OptimizeAction> actions,
                    const CallContext& context) {
  const OptimizeProposal proposal = Arrange(std::move(actions));
  OptimizePlan plan;
  for (const OptimizeAction& action : proposal.actions) {
    if (IsAdvice(action.kind)) {
      continue;
    }
    const auto concerned =
        std::ranges::find(facts.containers, action.container,
                          [](const ContainerFacts& each) { return each.details.summary.id; });
    if (concerned != facts.containers.end()) {
      plan.containers.emplace(action.container, *concerned);
    }
  }
  plan.actions = proposal.actions;
  const bool has_work = std::ranges::any_of(
      plan.actions, [](const OptimizeAction& action) { return !IsAdvice(action.kind); });
  const std::string id =
      has_work ? shared.plans.Put(std::move(plan), context.principal) : std::string();
  return PlanResult(proposal, facts, id);
}

class PlanOneCall : public ContainerCall {
 public:
  PlanOneCall(Shared& shared, container::ContainerDetails container, std::string named)
      : ContainerCall(shared.containers, std::move(container), std::move(named),
                      {{"phase", "plan"}}, false),
        shared_(shared) {}

  ToolResult Run(const policies::Grant& /*grant*/, CallContext& context) override {
    auto engine = containers().engine(context.stop);
    if (!engine) {
      return ErrorResult(engine.error());
    }
    auto details = FindContainer(containers(), id(), context.stop);
    if (!details) {
      return ErrorResult(details.error());
    }
    const OptimizeSource source{**engine, containers(), shared_.meter, context};
    const OptimizeFacts facts = GatherOne(source, *std::move(details));
    return KeepPlan(shared_, facts, ProposeFor(facts.containers.front(), facts.engine, true),
                    context);
  }

 private:
  Shared& shared_;
};

class PlanAllCall : public PreparedCall {
 public:
  explicit PlanAllCall(Shared& shared) : shared_(shared) {}
  [[nodiscard]] const json& normalised() const override { return normalised_; }
  [[nodiscard]] const json& context() const override { return context_; }

  ToolResult Run(const policies::Grant& /*grant*/, CallContext& context) override {
    auto engine = shared_.containers.engine(context.stop);
    if (!engine) {
      return ErrorResult(engine.error());
    }
    const OptimizeSource source{**engine, shared_.containers, shared_.meter, context};
    auto facts = GatherAll(source);
    if (!facts) {
      return ErrorResult(AsArgument(std::move(facts).error()));
    }
    std::vector<OptimizeAction> actions = ProposeForEngine(facts->containers, facts->engine);
    for (const ContainerFacts& container : facts->containers) {
      std::ranges::move(ProposeFor(container, facts->engine, false), std::back_inserter(actions));
    }
    return KeepPlan(shared_, *facts, std::move(actions), context);
  }

 private:
  Shared& shared_;
  json normalised_ = {{"phase", "plan"}};
  json context_ = json::object();
};

class ExecuteCall : public PreparedCall {
 public:
  ExecuteCall(Shared& shared, std::string plan_id, std::vector<std::string> ids)
      : shared_(shared), plan_id_(std::move(plan_id)), ids_(std::move(ids)) {
    normalised_ = {{"phase", "execute"}, {"plan_id", plan_id_}, {"actions", json::array()}};
    for (const std::string& id : ids_) {
      normalised_["actions"].push_back({{"id", id}});
    }
  }
  // Only now it is known whose plan it must be: nobody's eyes see that of another.
  Result<void> Bind(const policies::Principal& principal) override;
  [[nodiscard]] const json& normalised() const override { return normalised_; }
  [[nodiscard]] const json& context() const override { return context_; }
  ToolResult Run(const policies::Grant& grant, CallContext& context) override;

 private:
  [[nodiscard]] Result<std::vector<OptimizeAction>> Choose(const OptimizePlan& plan) const;
  void Describe(const OptimizePlan& plan);

  Shared& shared_;
  const std::string plan_id_;
  const std::vector<std::string> ids_;
  std::vector<OptimizeAction> chosen_;
  std::optional<Error> error_ = Error{ErrorCode::kInternal, "a call without a caller", {}, {}, 0};
  json normalised_;
  // Nothing is executed then.
  json context_ = {{"plan", {{"valid", false}}}};
};

Result<std::vector<OptimizeAction>> ExecuteCall::Choose(const OptimizePlan& plan) const {
  std::vector<OptimizeAction> chosen;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    const auto found = std::ranges::find(plan.actions, ids_[i], &OptimizeAction::id);
    const bool is_there = found != plan.actions.end();
    if (!is_there || IsAdvice(found->kind)) {
      Error error =
          InvalidArgument("args.actions." + std::to_string(i),
                          "expected the id of an action of the plan that can be executed, got " +
                              Quoted(ids_[i]) + (is_there ? ", which is advice" : ""));
      error.remedy = "use ids of that plan, such as `" + plan.actions.front().id + "`";
      return error;
    }
    chosen.push_back(*found);
  }
  // In the order of the plan: limits before restarts.
  std::ranges::sort(chosen, {}, [&](const OptimizeAction& action) {
    return std::ranges::find(plan.actions, action.id, &OptimizeAction::id) - plan.actions.begin();
  });
  return chosen;
}

void ExecuteCall::Describe(const OptimizePlan& plan) {
  json actions = json::array();
  json containers = json::array();
  bool all_own = true;
  bool is_engine_wide = false;
  bool interrupts = false;
  for (const OptimizeAction& action : chosen_) {
    actions.push_back(ActionJson(action));
    interrupts = interrupts || action.kind == OptimizeKind::kRestartContainer;
    const auto concerned = plan.containers.find(action.container);
    if (concerned == plan.containers.end()) {
      is_engine_wide = true;
      continue;
    }
    json facts = FactsOf(concerned->second.details);
    facts["own"] = concerned->second.own;
    all_own = all_own && concerned->second.own;
    if (std::ranges::find(containers, facts) == containers.end()) {
      containers.push_back(std::move(facts));
    }
  }
  normalised_["actions"] = std::move(actions);
  context_ = {{"plan", {{"valid", true}}},
              // Images and build cache are nobody's own.
              {"containers_all_own", all_own && !is_engine_wide},
              {"engine_wide", is_engine_wide},
              {"interrupts", interrupts}};
  if (containers.size() == 1 && !is_engine_wide) {
    context_["container"] = containers.front();
  }
  context_["containers"] = std::move(containers);
}

Result<void> ExecuteCall::Bind(const policies::Principal& principal) {
  const auto plan = shared_.plans.Find(plan_id_, principal);
  if (!plan) {
    error_ = plan.error();
    return {};
  }
  auto chosen = Choose(**plan);
  if (!chosen) {
    error_ = std::move(chosen).error();
    return {};
  }
  chosen_ = *std::move(chosen);
  error_.reset();
  Describe(**plan);
  return {};
}

ToolResult ExecuteCall::Run(const policies::Grant& grant, CallContext& context) {
  if (error_) {
    return ErrorResult(*error_);
  }
  for (const OptimizeAction& action : chosen_) {
    if (auto may = MayExecute(grant, action); !may) {
      return ErrorResult(may.error());
    }
  }
  auto engine = shared_.containers.engine();
  if (!engine) {
    return ErrorResult(engine.error());
  }
  // From here on it is used up, whatever becomes of it (attack: one approval, two executions).
  const auto plan = shared_.plans.Take(plan_id_, context.principal);
  if (!plan) {
    return ErrorResult(plan.error());
  }
  const OptimizeSource source{**engine, shared_.containers, shared_.meter, context};
  return ExecutionResult(chosen_, Execute(source, **plan, chosen_));
}

json InputSchema() {
  json container = ContainerSchema();
  container["description"] =
      "Name or id of one to plan for; without it, all and the engine's disk.";
  return {{"type", "object"},
          {"properties",
           {{"container", std::move(container)},
            {"plan_id",
             {{"type", "string"},
              {"minLength", 1},
              {"maxLength", 64},
              {"description", "Of a plan, to execute `actions` of it."}}},
            {"actions",
             {{"type", "array"},
              {"items", {{"type", "string"}}},
              {"minItems", 1},
              {"maxItems", kMaxPlanned},
              {"description",
               "Ids of the plan's actions, such as `restart_container-3f2a9c1b04de`."}}}}},
          {"additionalProperties", false}};
}

class ContainerOptimizeTool : public Tool {
 public:
  ContainerOptimizeTool(container::Containers& containers, std::function<std::int64_t()> now_ns)
      : shared_{.containers = containers, .plans = OptimizePlans(std::move(now_ns))} {
    spec_.name = "container_optimize";
    spec_.title = "Free what containers waste";
    spec_.icon = IconOf("M0 6h8v2H0zM3 0h2v3h2L4 6 1 3h2z");
    spec_.description =
        "Without `plan_id`: a plan of what would free memory or disk or bound what containers take "
        "(restarts for leaks and zombies, limits, stopped containers, images without a name, build "
        "cache), with reasons and what a user would notice; changes nothing. With `plan_id` and "
        "`actions`: does these, once; what has changed meanwhile is skipped.";
    spec_.input_schema = InputSchema();
    spec_.output_schema = OptimizeOutputSchema();
    spec_.toolset = "containers";
    spec_.task = TaskSupport::kWhenSlow;
    spec_.annotations = {
        .read_only = false, .destructive = true, .idempotent = false, .open_world = false};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& stop) const override;

 private:
  mutable Shared shared_;  // thread-safe; plans outlive the calls that made them
  ToolSpec spec_;
};

std::vector<std::string> ReadIds(ArgReader& reader, ArgErrors& errors) {
  std::vector<std::string> ids;
  const json* array = reader.Array("actions", kMaxPlanned, "an array of ids");
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const std::string path = reader.PathOf("actions") + "." + std::to_string(i);
    std::string id = ReadText((*array)[i], path, kIdRule, errors).value_or("");
    if (std::ranges::find(ids, id) != ids.end()) {
      errors.Expected(path, "each id once", "one again");
    }
    ids.push_back(std::move(id));
  }
  return ids;
}

Result<std::unique_ptr<PreparedCall>> ContainerOptimizeTool::Prepare(
    const json& args, const std::stop_token& stop) const {
  ArgErrors errors;
  ArgReader reader(args, "args", kNames, errors);
  const auto name = ReadContainer(reader);
  auto plan_id = reader.Text("plan_id", kIdRule);
  auto ids = ReadIds(reader, errors);
  if (plan_id && ids.empty()) {
    errors.Expected("args.actions", "ids of the plan's actions together with `plan_id`", "none",
                    "name those to execute");
  } else if (!plan_id && reader.Has("actions")) {
    errors.Expected("args.plan_id", "the id of a plan together with `actions`", "nothing",
                    "make a plan first: call without `actions`");
  } else if (plan_id && name) {
    errors.Expected("args.container", "nothing together with `plan_id`", "a container",
                    "leave `container` out: the plan says which");
  }
  if (const auto& error = errors.first()) {
    return *error;
  }
  if (plan_id) {
    return std::unique_ptr<PreparedCall>(
        std::make_unique<ExecuteCall>(shared_, *std::move(plan_id), std::move(ids)));
  }
  if (!name) {
    return std::unique_ptr<PreparedCall>(std::make_unique<PlanAllCall>(shared_));
  }
  auto container = FindContainer(shared_.containers, *name, stop);
  if (!container) {
    return std::move(container).error();
  }
  return std::unique_ptr<PreparedCall>(
      std::make_unique<PlanOneCall>(shared_, *std::move(container), *name));
}

}  // namespace

std::unique_ptr<Tool> MakeContainerOptimizeTool(container::Containers& containers,
                                                std::function<std::int64_t()> now_ns) {
  return std::make_unique<ContainerOptimizeTool>(containers, std::move(now_ns));
}

}  // namespace casemate::tools
