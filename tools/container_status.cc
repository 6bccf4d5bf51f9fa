// The tool `container_status`: one container in detail, or all of them in a line each.
#include <array>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/container_call.h"
#include "tools/container_list.h"
#include "tools/container_report.h"
#include "tools/container_tools.h"
#include "tools/icon.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 4> kNames = {"container", "state", "match", "label"};
constexpr std::array<std::string_view, 6> kStates = {"created",    "running", "paused",
                                                     "restarting", "exited",  "dead"};
constexpr TextRule kFilterRule = {.min_bytes = 1, .max_bytes = 256, .allow_nul = false};

class OneCall : public ContainerCall {
 public:
  // Its result has lines of its output and words of its labels.
  OneCall(container::Containers& containers, container::ContainerDetails container,
          std::string named, ContainerMeter& meter)
      : ContainerCall(containers, std::move(container), std::move(named), json::object(), true),
        meter_(meter) {}

  ToolResult Run(const policies::Grant& /*grant*/, CallContext& context) override {
    auto engine = containers().engine(context.stop);
    if (!engine) {
      return ErrorResult(engine.error());
    }
    // As it is now: an approval may have taken a while.
    auto details = FindContainer(containers(), id(), context.stop);
    if (!details) {
      return ErrorResult(details.error());
    }
    const ContainerReport report = GatherReport(**engine, meter_, containers().signatures(),
                                                *std::move(details), context.stop);
    ToolResult result;
    result.text = ReportText(report);
    result.structured = {{"status", "completed"}, {"container", ReportJson(report)}};
    result.audit = {{"status", "completed"},
                    {"state", report.details.summary.state},
                    {"findings", report.findings.size()}};
    return result;
  }

 private:
  ContainerMeter& meter_;
};

class ListCall : public PreparedCall {
 public:
  ListCall(container::Containers& containers, ListArgs args, ContainerMeter& meter)
      : containers_(containers), args_(std::move(args)), meter_(meter) {
    for (const auto& [name, value] :
         {std::pair("state", args_.state), {"match", args_.match}, {"label", args_.label}}) {
      if (!value.empty()) {
        normalised_[name] = value;
      }
    }
  }
  [[nodiscard]] const json& normalised() const override { return normalised_; }
  [[nodiscard]] const json& context() const override { return context_; }

  ToolResult Run(const policies::Grant& /*grant*/, CallContext& context) override {
    auto engine = containers_.engine(context.stop);
    if (!engine) {
      return ErrorResult(engine.error());
    }
    container::ListFilter filter;
    if (!args_.label.empty()) {
      filter.labels.push_back(args_.label);
    }
    auto all = (*engine)->List(filter, {.stop = context.stop});
    if (!all) {
      return ErrorResult(AsArgument(std::move(all).error()));
    }
    LeaveOutHidden(**engine, containers_.options().engine_directory, context.principal, *all);
    const std::size_t count = all->size();
    auto listed = Pick(*std::move(all), args_);
    std::vector<std::string> ids;
    for (const container::ContainerSummary& container : listed) {
      if (container.state == "running" || container.state == "paused") {
        ids.push_back(container.id);
      }
    }
    const auto measured = meter_.Measure(**engine, ids, context.stop);
    SortByNeed(listed, measured);
    json rows;
    ToolResult result;
    result.text = ShowList(listed, measured, rows);
    if (context.raw_output) {
      rows = FullRows(listed, measured,
                      LookInsideAll(**engine, containers_.signatures(), ids,
                                    container::ProcessTable::Scan("/proc"), context.stop));
    }
    result.structured = {{"status", "completed"},
                         {"total", listed.size()},
                         {"shown", rows.size()},
                         {"containers", std::move(rows)}};
    result.audit = {{"status", "completed"}, {"containers", listed.size()}, {"of", count}};
    return result;
  }

 private:
  container::Containers& containers_;
  const ListArgs args_;
  ContainerMeter& meter_;
  json normalised_ = json::object();
  json context_ = json::object();
};

json InputSchema() {
  const auto text = [](const char* description) {
    return json{
        {"type", "string"}, {"minLength", 1}, {"maxLength", 256}, {"description", description}};
  };
  json container = ContainerSchema();
  container["description"] = "Name or id of one; without it all are listed.";
  return {{"type", "object"},
          {"properties",
           {{"container", std::move(container)},
            {"state", {{"type", "string"}, {"enum", kStates}}},
            {"match", text("Part of a name or image.")},
            {"label", text("`name` or `name=value`.")}}},
          {"additionalProperties", false}};
}

json OutputSchema() {
  return {{"type", "object"},
          {"properties",
           {{"status", {{"type", "string"}}},
            {"container", {{"type", "object"}, {"properties", ReportSchema()}}},
            {"containers", {{"type", "array"}, {"items", {{"type", "object"}}}}},
            {"total", {{"type", "integer"}}},
            {"shown", {{"type", "integer"}}},
            {"error", {{"type", "object"}}}}},
          {"required", {"status"}}};
}

class ContainerStatusTool : public Tool {
 public:
  explicit ContainerStatusTool(container::Containers& containers) : containers_(containers) {
    spec_.name = "container_status";
    spec_.title = "State of containers";
    spec_.icon = IconOf("M0 1h8v6H0zM1 3h2v2H1zM5 3h2v2H5z");
    spec_.description =
        "Without `container`: all containers, a line each, what needs attention first. With it: "
        "state, health, use of its limits, services inside, ports, mounts, and, when something is "
        "wrong, what and the next step.";
    spec_.input_schema = InputSchema();
    spec_.output_schema = OutputSchema();
    spec_.toolset = "containers";
    spec_.annotations = {
        .read_only = true, .destructive = false, .idempotent = true, .open_world = false};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& stop) const override;

 private:
  container::Containers& containers_;
  mutable ContainerMeter meter_;  // thread-safe; remembers for the next call
  ToolSpec spec_;
};

Result<std::unique_ptr<PreparedCall>> ContainerStatusTool::Prepare(
    const json& args, const std::stop_token& stop) const {
  ArgErrors errors;
  ArgReader reader(args, "args", kNames, errors);
  const auto name = ReadContainer(reader);
  ListArgs list;
  list.state = reader.Choice("state", kStates).value_or("");
  list.match = reader.Text("match", kFilterRule).value_or("");
  list.label = reader.Text("label", kFilterRule).value_or("");
  for (const std::string_view filter : {"state", "match", "label"}) {
    if (name && reader.Has(filter)) {
      errors.Expected(reader.PathOf(filter), "no filter together with `container`", "one",
                      "leave one of them out");
    }
  }
  if (const auto& error = errors.first()) {
    return *error;
  }
  if (!name) {
    return std::unique_ptr<PreparedCall>(
        std::make_unique<ListCall>(containers_, std::move(list), meter_));
  }
  auto container = FindContainer(containers_, *name, stop);
  if (!container) {
    return std::move(container).error();
  }
  return std::unique_ptr<PreparedCall>(
      std::make_unique<OneCall>(containers_, *std::move(container), *name, meter_));
}

}  // namespace

std::unique_ptr<Tool> MakeContainerStatusTool(container::Containers& containers) {
  return std::make_unique<ContainerStatusTool>(containers);
}

}  // namespace casemate::tools
