// The tool `generate_dockerfile`: a Dockerfile and a .dockerignore for a project, as text or
// written into it.
#include <fcntl.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/unique_fd.h"
#include "tools/analysis/analyse.h"
#include "tools/build_call.h"
#include "tools/build_tools.h"
#include "tools/containerize/engine_digests.h"
#include "tools/containerize/generate.h"
#include "tools/containerize/save.h"
#include "tools/icon.h"
#include "tools/places.h"

namespace casemate::tools {
namespace {

using containerize::Generated;
using containerize::Saved;
using nlohmann::json;

constexpr std::array<std::string_view, 7> kNames = {"workspace", "app",      "explain", "save",
                                                    "overwrite", "base_map", "pin"};
constexpr std::array<std::string_view, 3> kPins = {"local", "registry", "none"};
constexpr int kMostAtOnce = 2;  // as of project_analyze, which is the work here
constexpr std::size_t kMaxMaps = 50;
constexpr TextRule kName = {.min_bytes = 1, .max_bytes = 4095, .allow_nul = false};

struct GenerateArgs {
  std::string workspace;
  std::string app;  // empty: the only one
  bool explain = false;
  bool save = false;
  bool overwrite = false;
  std::vector<std::string> base_map;
  std::string pin = "local";
};

Result<GenerateArgs> Decode(const json& args) {
  ArgErrors errors;
  ArgReader reader(args, "args", kNames, errors);
  GenerateArgs wanted;
  wanted.workspace = ReadWorkspace(reader, errors);
  if (wanted.workspace.empty()) {
    errors.Expected("args.workspace", "the directory of the project", "nothing");
  }
  wanted.app = reader.Text("app", kName).value_or("");
  wanted.explain = reader.Boolean("explain").value_or(false);
  wanted.save = reader.Boolean("save").value_or(false);
  wanted.overwrite = reader.Boolean("overwrite").value_or(false);
  if (wanted.overwrite && !wanted.save) {
    errors.Expected("args.overwrite", "`save` with it", "`overwrite` alone", "set `save`, too");
  }
  wanted.pin = reader.Choice("pin", kPins).value_or("local");
  const json* maps = reader.Array("base_map", kMaxMaps, "an array of `FROM=TO`");
  for (std::size_t i = 0; maps != nullptr && i < maps->size(); ++i) {
    wanted.base_map.push_back(
        ReadText((*maps)[i], "args.base_map." + std::to_string(i), kName, errors).value_or(""));
  }
  if (auto parsed = containerize::BaseMap::Parse(wanted.base_map); !parsed) {
    Error error = parsed.error();
    error.field = "args.base_map";
    errors.Add(std::move(error));
  }
  if (const auto& error = errors.first()) {
    return *error;
  }
  return wanted;
}

// What is left out is not there for policy: `args.save` exists exactly when something is written.
json Normalise(const GenerateArgs& wanted) {
  json normal = {{"pin", wanted.pin}};
  if (!wanted.app.empty()) {
    normal["app"] = wanted.app;
  }
  for (const auto& [name, is_set] : {std::pair("explain", wanted.explain),
                                     {"save", wanted.save},
                                     {"overwrite", wanted.overwrite}}) {
    if (is_set) {
      normal[name] = true;
    }
  }
  if (!wanted.base_map.empty()) {
    normal["base_map"] = wanted.base_map;
  }
  return normal;
}

class GenerateCall : public BuildCall {
 public:
  GenerateCall(const BuildToolOptions& options, OpenedWorkspace workspace, GenerateArgs wanted,
               Places& places)
      : BuildCall(options, std::move(workspace), Normalise(wanted)),
        options_(options),
        wanted_(std::move(wanted)),
        places_(places) {}
  ToolResult Run(const policies::Grant& grant, CallContext& context) override;

 private:
  [[nodiscard]] Result<Generated> Generate(int directory, const std::stop_token& stop);
  [[nodiscard]] Result<std::optional<Saved>> Save(int directory, const policies::Grant& grant,
                                                  const Generated& generated) const;
  static ToolResult Show(const Generated& generated, const std::optional<Saved>& saved);

  const BuildToolOptions& options_;
  const GenerateArgs wanted_;
  Places& places_;
};

Result<Generated> GenerateCall::Generate(int directory, const std::stop_token& stop) {
  std::optional<Place> place(std::in_place, places_, stop);
  if (!place->is_taken()) {
    return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
  }
  const auto tree = analysis::SourceTree::Scan(directory, {}, stop);
  if (!tree) {
    return tree.error();
  }
  const auto analysis = analysis::AnalyseTree(*tree, stop);
  if (!analysis) {
    return analysis.error();
  }
  containerize::GenerateOptions options;
  options.app = wanted_.app;
  options.explain = wanted_.explain;
  auto base_map = containerize::BaseMap::Parse(wanted_.base_map);
  if (!base_map) {
    return base_map.error();
  }
  options.base_map = *std::move(base_map);
  if (wanted_.pin != "none" && options_.containers != nullptr) {
    if (auto engine = options_.containers->engine(stop)) {
      const auto scope = wanted_.pin == "registry" ? containerize::DigestScope::kRegistry
                                                   : containerize::DigestScope::kLocal;
      options.digests = containerize::EngineDigests(*std::move(engine), scope, stop);
    }
  }
  auto generated = containerize::GenerateDockerfile(*tree, *analysis, options);
  if (generated && wanted_.pin == "registry" && !options.digests) {
    generated->notes.emplace_back(
        "no registry was asked: that takes the toolset `containers` and an engine that answers");
  }
  return generated;
}

Result<std::optional<Saved>> GenerateCall::Save(int directory, const policies::Grant& grant,
                                                const Generated& generated) const {
  if (!wanted_.save) {
    return std::optional<Saved>();
  }
  if (!context().value("workspace_writable", false)) {
    return Error{ErrorCode::kPermissionDenied, "the workspace lies below a read-only root",
                 "args.save", "leave `save` out: the texts come in the result", 0};
  }
  if (grant.workspace_access() != policies::WorkspaceAccess::kHostWrite) {
    return Error{ErrorCode::kPermissionDenied, "policy lets this call read the directory only",
                 "args.save", "leave `save` out: the texts come in the result", 0};
  }
  auto saved = containerize::SaveGenerated(directory, generated, wanted_.overwrite);
  if (!saved) {
    Error error = std::move(saved).error();
    if (error.sys_errno == EACCES || error.sys_errno == EPERM) {
      error.field = "args.save";
      error.remedy =
          "leave `save` out and write the texts with `run`, or ask your user to let the server's "
          "own user write there";
    }
    return error;
  }
  return std::optional(*std::move(saved));
}

ToolResult GenerateCall::Run(const policies::Grant& grant, CallContext& context) {
  const auto directory = Directory(grant);
  if (!directory) {
    return ErrorResult(directory.error());
  }
  const auto fail = [](Error error) {
    if (error.code != ErrorCode::kCancelled && !error.field.starts_with("args.")) {
      error.field = "args." + (error.field.empty() ? "workspace" : error.field);
    }
    return ErrorResult(error);
  };
  const auto generated = Generate(*directory, context.stop);
  if (!generated) {
    return fail(generated.error());
  }
  const auto saved = Save(*directory, grant, *generated);
  return saved ? Show(*generated, *saved) : fail(saved.error());
}

ToolResult GenerateCall::Show(const Generated& generated, const std::optional<Saved>& saved) {
  ToolResult result;
  result.structured = containerize::GeneratedJson(generated);
  result.structured["status"] = "completed";
  json written = json::array();
  json kept = json::array();
  if (saved) {
    written = saved->written;
    kept = saved->kept;
  }
  result.structured["written"] = written;
  result.structured["kept"] = kept;
  result.audit = {{"status", "completed"},
                  {"app", generated.app},
                  {"images", result.structured["images"]},
                  {"written", written}};
  result.text = generated.dockerfile;
  for (const auto& path : written) {
    result.text += "\n[wrote " + path.get<std::string>() + "]";
  }
  for (const auto& path : kept) {
    result.text += "\n[kept " + path.get<std::string>() + ", which was there]";
  }
  for (const std::string& note : generated.notes) {
    result.text += "\n[" + note + "]";
  }
  return result;
}

json InputSchema() {
  const auto flag = [](const char* description) {
    return json{{"type", "boolean"}, {"default", false}, {"description", description}};
  };
  return {
      {"type", "object"},
      {"properties",
       {{"workspace", WorkspaceSchema()},
        {"app",
         {{"type", "string"},
          {"description", "Directory or name of the application, if there are several."}}},
        {"explain", flag("Comments with the reason for each instruction.")},
        {"save", flag("Write both files, where the result says; else they are only shown.")},
        {"overwrite", flag("With `save`: replace files that are there.")},
        {"base_map",
         {{"type", "array"},
          {"items", {{"type", "string"}}},
          {"maxItems", kMaxMaps},
          {"description", "Mirrors, `FROM=TO`: `docker.io/=mirror.example.com/hub/`."}}},
        {"pin",
         {{"type", "string"},
          {"enum", kPins},
          {"default", "local"},
          {"description",
           "Digests of base images: of those the engine has, also by their registries, none."}}}}},
      {"required", {"workspace"}},
      {"additionalProperties", false}};
}

json OutputSchema() {
  json schema = containerize::GeneratedSchema();
  const json texts = {{"type", "array"}, {"items", {{"type", "string"}}}};
  schema["properties"]["written"] = texts;
  schema["properties"]["kept"] = texts;
  schema["properties"]["status"] = {{"type", "string"}};
  schema["properties"]["error"] = {{"type", "object"}};
  schema["required"] = {"status"};
  return schema;
}

class GenerateDockerfileTool : public Tool {
 public:
  GenerateDockerfileTool(sandbox::SandboxRunner& runner, BuildToolOptions options)
      : runner_(runner), options_(std::move(options)) {
    spec_.name = "generate_dockerfile";
    spec_.title = "Write a Dockerfile";
    spec_.icon = IconOf("M0 3h2v2H0zM3 3h2v2H3zM3 0h2v2H3zM6 3h2v2H6zM0 6h8v2H0z");
    spec_.description =
        "Makes a Dockerfile and a .dockerignore for a project from what is in it: multi-stage, "
        "dependencies before sources, cache mounts, numeric user, health check, no secrets. "
        "Nothing is built, and nothing is written without `save`.";
    spec_.input_schema = InputSchema();
    spec_.output_schema = OutputSchema();
    spec_.toolset = "build";
    spec_.task = TaskSupport::kWhenSlow;
    spec_.annotations = {
        .read_only = false, .destructive = true, .idempotent = true, .open_world = true};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override {
    auto wanted = Decode(args);
    if (!wanted) {
      return std::move(wanted).error();
    }
    auto workspace = OpenWorkspace(runner_, wanted->workspace, options_.roots);
    if (!workspace) {
      return std::move(workspace).error();
    }
    return std::unique_ptr<PreparedCall>(std::make_unique<GenerateCall>(
        options_, *std::move(workspace), *std::move(wanted), places_));
  }

 private:
  sandbox::SandboxRunner& runner_;
  const BuildToolOptions options_;
  mutable Places places_{kMostAtOnce};
  ToolSpec spec_;
};

}  // namespace

std::unique_ptr<Tool> MakeGenerateDockerfileTool(sandbox::SandboxRunner& runner,
                                                 BuildToolOptions options) {
  return std::make_unique<GenerateDockerfileTool>(runner, std::move(options));
}

}  // namespace casemate::tools
