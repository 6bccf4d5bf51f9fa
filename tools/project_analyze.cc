// The tool `project_analyze`: what a directory of source code consists of, how it is built and run.
#include <array>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/analysis/analyse.h"
#include "tools/analysis/analysis_json.h"
#include "tools/build_call.h"
#include "tools/build_tools.h"
#include "tools/icon.h"
#include "tools/places.h"
#include "tools/project_excerpt.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 2> kNames = {"workspace", "app"};
// One keeps up to 64 MiB of files and all names in memory, and works on one processor.
constexpr int kMostAtOnce = 2;
constexpr std::size_t kPathsTold = 8;

Error Cancelled() {
  return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
}

Error NoSuchApp(const std::string& app, const analysis::Analysis& analysis) {
  std::vector<std::string> paths;
  std::vector<std::string_view> candidates;
  for (const analysis::App& each : analysis.apps) {
    candidates.emplace_back(each.directory);
    if (each.directory.empty()) {
      candidates.back() = ".";
    }
    if (paths.size() < kPathsTold) {
      paths.push_back(Quoted(candidates.back()));
    }
  }
  const auto nearest = NearestName(app, candidates);
  Error error{ErrorCode::kNotFound, "there is no application at " + Quoted(app), "args.app", {}, 0};
  if (nearest) {
    error.message += "; did you mean " + Quoted(*nearest) + "?";
  }
  error.remedy = paths.empty()
                     ? "leave `app` out: no application was found, and the notes say why"
                     : "use one of " + Join(paths, ", ") +
                           (candidates.size() > paths.size() ? ", …" : "") + ", or leave `app` out";
  return error;
}

class AnalyzeCall : public BuildCall {
 public:
  AnalyzeCall(const BuildToolOptions& options, OpenedWorkspace workspace, const std::string& app,
              Places& places)
      : BuildCall(options, std::move(workspace), app.empty() ? json::object() : json{{"app", app}}),
        app_(app),
        places_(places) {}
  ToolResult Run(const policies::Grant& grant, CallContext& context) override;

 private:
  const std::string app_;  // "." is the root; empty: all
  Places& places_;
};

ToolResult AnalyzeCall::Run(const policies::Grant& grant, CallContext& context) {
  const auto directory = Directory(grant);
  if (!directory) {
    return ErrorResult(directory.error());
  }
  std::optional<Place> place(std::in_place, places_, context.stop);
  if (!place->is_taken()) {
    return ErrorResult(Cancelled());
  }
  auto analysis = analysis::AnalyseProject(*directory, {}, context.stop);
  place.reset();
  if (!analysis) {
    Error error = std::move(analysis).error();
    if (error.code != ErrorCode::kCancelled) {
      error.field = "args.workspace";
    }
    if (error.code == ErrorCode::kPermissionDenied) {
      error.remedy = "ask your user to let the server's own user read that directory";
    }
    return ErrorResult(error);
  }
  if (!app_.empty() && !KeepApp(*analysis, app_)) {
    return ErrorResult(NoSuchApp(app_, *analysis));
  }
  ToolResult result;
  result.audit = {
      {"status", "completed"}, {"apps", analysis->apps.size()}, {"files", analysis->files}};
  PutExcerpt(*std::move(analysis), result);
  result.structured["status"] = "completed";
  return result;
}

json InputSchema() {
  return {{"type", "object"},
          {"properties",
           {{"workspace", WorkspaceSchema()},
            {"app",
             {{"type", "string"},
              {"description",
               "Only the application at this path, relative to `workspace`; `.` is its root."}}}}},
          {"required", {"workspace"}},
          {"additionalProperties", false}};
}

json OutputSchema() {
  json schema = analysis::AnalysisSchema();
  schema["properties"]["status"] = {{"type", "string"}};
  schema["properties"]["total_apps"] = {{"type", "integer"}};
  schema["properties"]["error"] = {{"type", "object"}};
  schema["required"] = {"status"};
  return schema;
}

class ProjectAnalyzeTool : public Tool {
 public:
  ProjectAnalyzeTool(sandbox::SandboxRunner& runner, BuildToolOptions options)
      : runner_(runner), options_(std::move(options)) {
    spec_.name = "project_analyze";
    spec_.title = "What a project is";
    spec_.icon = IconOf("M0 0h5v5H0zM1 1v3h3V1zM5 4l3 3-1 1-3-3z");
    spec_.description =
        "Says which applications a directory of source code holds, in which language and "
        "framework, how each is built and started, its ports, variables, services and system "
        "packages, each with the file it was read in. Reads only: nothing is run.";
    spec_.input_schema = InputSchema();
    spec_.output_schema = OutputSchema();
    spec_.toolset = "build";
    spec_.task = TaskSupport::kWhenSlow;
    spec_.annotations = {
        .read_only = true, .destructive = false, .idempotent = true, .open_world = false};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override {
    ArgErrors errors;
    ArgReader reader(args, "args", kNames, errors);
    const std::string path = ReadWorkspace(reader, errors);
    if (path.empty()) {
      errors.Expected("args.workspace", "the directory of the project", "nothing");
    }
    const std::string app = ReadInnerPath(reader, "app", errors);
    if (const auto& error = errors.first()) {
      return *error;
    }
    auto workspace = OpenWorkspace(runner_, path, options_.roots);
    if (!workspace) {
      return std::move(workspace).error();
    }
    return std::unique_ptr<PreparedCall>(
        std::make_unique<AnalyzeCall>(options_, *std::move(workspace), app, places_));
  }

 private:
  sandbox::SandboxRunner& runner_;
  const BuildToolOptions options_;
  mutable Places places_{kMostAtOnce};
  ToolSpec spec_;
};

}  // namespace

std::unique_ptr<Tool> MakeProjectAnalyzeTool(sandbox::SandboxRunner& runner,
                                             BuildToolOptions options) {
  return std::make_unique<ProjectAnalyzeTool>(runner, std::move(options));
}

}  // namespace casemate::tools
