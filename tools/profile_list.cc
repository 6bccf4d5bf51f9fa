// The tool `profile_list`: which profiles `run` knows.
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "policies/profiles/profile.h"
#include "tools/arguments/args.h"
#include "tools/icon.h"
#include "tools/profile_json.h"
#include "tools/run.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

class ProfileListCall : public PreparedCall {
 public:
  [[nodiscard]] const json& normalised() const override { return empty_; }
  [[nodiscard]] const json& context() const override { return empty_; }

  ToolResult Run(const policies::Grant& /*grant*/, CallContext& /*context*/) override {
    ToolResult result;
    json list = json::array();
    for (const policies::Profile& profile : policies::ShippedProfiles()) {
      const json entry = ProfileJson(profile);
      const json& limits = entry["limits"];
      result.text += profile.name + ": " + profile.description + "\n  memory " +
                     limits["memory_mb"].dump() + " MiB, " + limits["cpus"].dump() + " CPUs, " +
                     limits["pids"].dump() + " processes, " + limits["timeout_ms"].dump() +
                     " ms, output " + limits["output_kb"].dump() + " KiB, disk " +
                     limits["disk_mb"].dump() + " MiB\n";
      list.push_back(entry);
    }
    result.structured = {{"profiles", std::move(list)}};
    result.audit = {{"status", "completed"}};
    return result;
  }

 private:
  json empty_ = json::object();
};

json OutputSchema() {
  const json text = {{"type", "string"}};
  const json profile = {{"type", "object"},
                        {"properties",
                         {{"name", text},
                          {"description", text},
                          {"workspace_mode", text},
                          {"limits", {{"type", "object"}}}}}};
  return {
      {"type", "object"},
      {"properties",
       {{"profiles", {{"type", "array"}, {"items", profile}}}, {"error", {{"type", "object"}}}}}};
}

class ProfileListTool : public Tool {
 public:
  ProfileListTool() {
    spec_.name = "profile_list";
    spec_.title = "List sandbox profiles";
    spec_.icon = IconOf("M0 0h3v3H0zM5 0h3v3H5zM0 5h3v3H0zM5 5h3v3H5z");
    spec_.description =
        "Lists the profiles that `run` accepts, with their limits and how they mount a host "
        "workspace.";
    spec_.input_schema = {{"type", "object"}, {"additionalProperties", false}};
    spec_.output_schema = OutputSchema();
    spec_.is_short = true;
    spec_.annotations = {
        .read_only = true, .destructive = false, .idempotent = true, .open_world = false};
  }

  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override {
    ArgErrors errors;
    const ArgReader reader(args, "args", {}, errors);
    if (const auto& error = errors.first()) {
      return *error;
    }
    return std::unique_ptr<PreparedCall>(std::make_unique<ProfileListCall>());
  }

 private:
  ToolSpec spec_;
};

}  // namespace

std::unique_ptr<Tool> MakeProfileListTool() {
  return std::make_unique<ProfileListTool>();
}

}  // namespace casemate::tools
