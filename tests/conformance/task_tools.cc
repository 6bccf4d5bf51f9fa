// Tools that become tasks.
#include <stdexcept>

#include "tests/conformance/fixtures.h"

namespace casemate::conformance {

using tools::AskKind;
using tools::CallContext;
using tools::TaskSupport;
using tools::ToolResult;

namespace {

json Fields(std::initializer_list<std::pair<const char*, const char*>> fields) {
  json properties = json::object();
  for (const auto& [name, type] : fields) {
    properties[name] = {{"type", type}};
  }
  return properties;
}

ToolResult Slow(const json& args, CallContext& context) {
  const bool waited = Wait(context, static_cast<int>(args.value("seconds", 1.0) * 1000));
  ToolResult result = Text("computed " + args.value("label", ""));
  result.is_error = !waited;
  return result;
}

ToolResult Delete(const json& args, CallContext& context) {
  const auto answers = context.Ask(
      {tools::ConfirmQuestion("confirm", "Delete " + args.value("filename", "it") + "?")});
  if (!answers) {
    return tools::ErrorResult(answers.error());
  }
  const auto form = tools::ReadForm(*answers, "confirm", "confirm");
  const bool yes = form.field != nullptr && *form.field == true;
  return Text((yes ? "Deleted " : "Kept ") + args.value("filename", ""));
}

ToolResult MultiInput(CallContext& context) {
  const json form = {{"message", "Name?"},
                     {"requestedSchema",
                      {{"type", "object"},
                       {"properties", {{"name", {{"type", "string"}}}}},
                       {"required", {"name"}}}}};
  const auto answers = context.Ask(
      {{"name", AskKind::kForm, form}, tools::ConfirmQuestion("confirm", "Are you sure?")});
  return answers ? Text("both answered") : tools::ErrorResult(answers.error());
}

// Asks before it becomes a task, which it does because it is slow.
ToolResult AskThenWork(CallContext& context) {
  const json form = {{"message", "What is your name?"},
                     {"requestedSchema",
                      {{"type", "object"},
                       {"properties", {{"name", {{"type", "string"}}}}},
                       {"required", {"name"}}}}};
  const auto answers = context.Ask({{"user_name", AskKind::kForm, form}});
  if (!answers) {
    return tools::ErrorResult(answers.error());
  }
  const auto read = tools::ReadForm(*answers, "user_name", "name");
  const std::string name =
      read.field != nullptr && read.field->is_string() ? read.field->get<std::string>() : "nobody";
  Wait(context, 1000);
  return Text("worked for " + name);
}

}  // namespace

Result<void> AddTaskTools(tools::Catalog& catalog) {
  Result<void> added;
  const auto add = [&](const char* name, FunctionTool::Body body, json properties,
                       TaskSupport task) {
    if (added) {
      added = catalog.Add(std::make_unique<FunctionTool>(name, "For tasks", std::move(body),
                                                         std::move(properties), task));
    }
  };
  add(
      "greet",
      [](const json& args, CallContext&) { return Text("Hello, " + args.value("name", "") + "!"); },
      Fields({{"name", "string"}}), TaskSupport::kNever);
  add("slow_compute", Slow, Fields({{"seconds", "number"}, {"label", "string"}}),
      TaskSupport::kAlways);
  add(
      "failing_job",
      [](const json&, CallContext& context) {
        Wait(context, 1000);
        ToolResult result = Text("this job always fails");
        result.is_error = true;
        return result;
      },
      json::object(), TaskSupport::kRequired);
  add(
      "protocol_error_job",
      [](const json&, CallContext&) -> ToolResult { throw std::runtime_error("it broke"); },
      json::object(), TaskSupport::kAlways);
  add("confirm_delete", Delete, Fields({{"filename", "string"}}), TaskSupport::kAlways);
  add(
      "multi_input", [](const json&, CallContext& context) { return MultiInput(context); },
      json::object(), TaskSupport::kAlways);
  add(
      "test_tool_with_task", [](const json&, CallContext& context) { return AskThenWork(context); },
      json::object(), TaskSupport::kWhenSlow);
  return added;
}

}  // namespace casemate::conformance
