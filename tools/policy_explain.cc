#include "tools/policy_explain.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "policies/check/explain_text.h"
#include "policies/engine/explain.h"
#include "tools/arguments/args.h"
#include "tools/icon.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

// "args.limits.pids" of the call that is asked about, as a place in ours.
std::string Inner(const std::string& field) {
  constexpr std::string_view kArgs = "args";
  return field.starts_with(kArgs) ? "args.arguments" + field.substr(kArgs.size()) : field;
}

class PolicyExplainCall : public PreparedCall {
 public:
  PolicyExplainCall(const Gate& gate, std::string tool, std::unique_ptr<PreparedCall> asked)
      : gate_(gate), tool_(std::move(tool)), asked_(std::move(asked)) {
    normalised_ = {{"tool", tool_}, {"arguments", asked_->normalised()}};
  }

  Result<void> Bind(const policies::Principal& principal) override {
    auto bound = asked_->Bind(principal);
    if (bound) {
      return bound;
    }
    Error error = std::move(bound).error();
    error.field = Inner(error.field);
    return error;
  }
  [[nodiscard]] const json& normalised() const override { return normalised_; }
  [[nodiscard]] const json& context() const override { return context_; }

  ToolResult Run(const policies::Grant& /*grant*/, CallContext& context) override {
    const Operation operation{tool_,           context.principal,    context.channel,
                              context.session, asked_->normalised(), asked_->context()};
    ToolResult result;
    result.structured = policies::CallersView(gate_.Explain(operation));
    result.text = policies::ExplainText(result.structured);
    const json& decision = result.structured["decision"];
    result.audit = {{"status", "completed"},
                    {"effect", decision.value("effect", "deny")},
                    {"rule", decision.value("rule", "")}};
    return result;
  }

 private:
  const Gate& gate_;
  std::string tool_;
  std::unique_ptr<PreparedCall> asked_;
  json normalised_;
  json context_ = json::object();
};

Error NoSuchTool(const Catalog& catalog, const std::string& name) {
  std::vector<std::string_view> names;
  for (const auto& tool : catalog.tools()) {
    names.emplace_back(tool->spec().name);
  }
  std::string message = "expected the name of a tool, got `" +
                        EscapeControls(ToValidUtf8(name.substr(0, 64)), false) + "`";
  if (const auto nearest = NearestName(name, names)) {
    message += "; did you mean `" + *nearest + "`?";
  }
  Error error = InvalidArgument("args.tool", message);
  error.remedy = "use one of: " + Join(std::vector<std::string>(names.begin(), names.end()), ", ");
  return error;
}

class PolicyExplainTool : public Tool {
 public:
  PolicyExplainTool(const Catalog& catalog, const Gate& gate) : catalog_(catalog), gate_(gate) {
    spec_.name = "policy_explain";
    spec_.title = "Explain the policy";
    spec_.icon = IconOf("M3 0h2v5H3zM3 6h2v2H3z");
    spec_.description =
        "Whether policy would allow a call, which rules say so, and what would have to change. "
        "Runs nothing.";
    spec_.input_schema = {
        {"type", "object"},
        {"properties", {{"tool", {{"type", "string"}}}, {"arguments", {{"type", "object"}}}}},
        {"required", {"tool"}},
        {"additionalProperties", false}};
    spec_.output_schema = {{"type", "object"}};
    spec_.is_short = false;  // what it judges by may be long
    spec_.annotations = {
        .read_only = true, .destructive = false, .idempotent = true, .open_world = false};
  }

  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }

  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& stop) const override {
    static constexpr std::array<std::string_view, 2> kNames = {"tool", "arguments"};
    ArgErrors errors;
    const ArgReader reader(args, "args", kNames, errors);
    if (const auto& error = errors.first()) {
      return *error;
    }
    if (!args.contains("tool") || !args["tool"].is_string()) {
      return InvalidArgument("args.tool", "expected the name of a tool");
    }
    const auto name = args["tool"].get<std::string>();
    const Tool* tool = catalog_.FindTool(name);
    if (tool == nullptr) {
      return NoSuchTool(catalog_, name);
    }
    const json asked = args.value("arguments", json::object());
    if (const auto violations = catalog_.SchemaOf(*tool).Check(asked); !violations.empty()) {
      Error error = InvalidArgument(Inner(violations.front().path), violations.front().message);
      error.remedy = violations.front().remedy;
      return error;
    }
    auto prepared = tool->Prepare(asked, stop);
    if (!prepared) {
      Error error = std::move(prepared).error();
      error.field = Inner(error.field);
      return error;
    }
    return std::unique_ptr<PreparedCall>(
        std::make_unique<PolicyExplainCall>(gate_, name, *std::move(prepared)));
  }

 private:
  const Catalog& catalog_;
  const Gate& gate_;
  ToolSpec spec_;
};

}  // namespace

std::unique_ptr<Tool> MakePolicyExplainTool(const Catalog& catalog, const Gate& gate) {
  return std::make_unique<PolicyExplainTool>(catalog, gate);
}

}  // namespace casemate::tools
