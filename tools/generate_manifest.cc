// The tool `generate_manifest`: a manifest for a project, as text or written into it, and the
// identity that the project has with it.
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/analysis/analyse.h"
#include "tools/build_call.h"
#include "tools/build_tools.h"
#include "tools/containerize/save.h"
#include "tools/icon.h"
#include "tools/package/identity.h"
#include "tools/package/manifest_generate.h"
#include "tools/package/manifest_read.h"
#include "tools/places.h"
#include "tools/reply_budget.h"

namespace casemate::tools {
namespace {

using containerize::Saved;
using nlohmann::json;

constexpr std::array<std::string_view, 4> kNames = {"workspace", "name", "save", "overwrite"};
constexpr int kMostAtOnce = 2;                                 // as of project_analyze
constexpr std::size_t kMaxShownBytes = std::size_t{48} << 10;  // of a manifest, in a result
constexpr std::size_t kMaxNoteBytes = std::size_t{8} << 10;
constexpr TextRule kName = {.min_bytes = 1, .max_bytes = 255, .allow_nul = false};

struct ManifestArgs {
  std::string workspace;
  std::string name;  // empty: the directory's
  bool save = false;
  bool overwrite = false;
};

Result<ManifestArgs> Decode(const json& args) {
  ArgErrors errors;
  ArgReader reader(args, "args", kNames, errors);
  ManifestArgs wanted;
  wanted.workspace = ReadWorkspace(reader, errors);
  if (wanted.workspace.empty()) {
    errors.Expected("args.workspace", "the directory of the project", "nothing");
  }
  wanted.name = reader.Text("name", kName).value_or("");
  wanted.save = reader.Boolean("save").value_or(false);
  wanted.overwrite = reader.Boolean("overwrite").value_or(false);
  if (wanted.overwrite && !wanted.save) {
    errors.Expected("args.overwrite", "`save` with it", "`overwrite` alone", "set `save`, too");
  }
  if (const auto& error = errors.first()) {
    return *error;
  }
  return wanted;
}

// What is left out is not there for policy: `args.save` exists exactly when something is written.
json Normalise(const ManifestArgs& wanted) {
  json normal = json::object();
  if (!wanted.name.empty()) {
    normal["name"] = wanted.name;
  }
  if (wanted.save) {
    normal["save"] = true;
  }
  if (wanted.overwrite) {
    normal["overwrite"] = true;
  }
  return normal;
}

// A manifest and what came with it.
struct Made {
  json document;
  std::string text;
  std::vector<std::string> notes;
  json identity;  // null: the sources could not be read, and a note says why
};

json IdentityJson(const package::Identity& identity, const package::Sources& sources) {
  return {{"id", identity.Id()},
          {"hash", identity.hash},
          {"manifest_hash", identity.manifest_hash},
          {"source_hash", identity.source_hash},
          {"files", sources.files().size()}};
}

class GenerateManifestCall : public BuildCall {
 public:
  GenerateManifestCall(const BuildToolOptions& options, OpenedWorkspace workspace,
                       ManifestArgs wanted, Places& places)
      : BuildCall(options, std::move(workspace), Normalise(wanted)),
        wanted_(std::move(wanted)),
        places_(places) {}
  ToolResult Run(const policies::Grant& grant, CallContext& context) override;

 private:
  [[nodiscard]] Result<Made> Generate(int directory, const std::stop_token& stop);
  [[nodiscard]] std::string NameOfProject() const;
  [[nodiscard]] Result<Saved> Save(int directory, const policies::Grant& grant,
                                   const std::string& text) const;
  static ToolResult Show(const Made& made, const Saved& saved);

  const ManifestArgs wanted_;
  Places& places_;
};

std::string GenerateManifestCall::NameOfProject() const {
  if (!wanted_.name.empty()) {
    return wanted_.name;
  }
  const std::string path = normalised().value("workspace", "");
  return path.substr(path.rfind('/') + 1);
}

// What the project is called with this manifest; a note in its place where the sources cannot all
// be read, for the manifest is of use without it.
Result<void> AddIdentity(int directory, const std::stop_token& stop, Made& made) {
  const auto manifest = package::ReadManifest(made.document);
  if (!manifest) {
    return manifest.error();
  }
  const auto sources = package::Sources::Scan(
      directory, package::SourcesOf(*manifest, std::string(package::kManifestFile)), stop);
  const auto identity = sources ? package::IdentityOf(made.document, *manifest, *sources)
                                : Result<package::Identity>(sources.error());
  if (stop.stop_requested()) {
    return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
  }
  if (!identity) {
    made.notes.push_back("no identity: " + Describe(identity.error()));
    return {};
  }
  for (const std::string& path : sources->skipped()) {
    made.notes.push_back(Quoted(path) + " is no file and no source");
  }
  made.identity = IdentityJson(*identity, *sources);
  return {};
}

Result<Made> GenerateManifestCall::Generate(int directory, const std::stop_token& stop) {
  const Place place(places_, stop);
  if (!place.is_taken()) {
    return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
  }
  const auto analysis = analysis::AnalyseProject(directory, {}, stop);
  if (!analysis) {
    return analysis.error();
  }
  auto generated = package::GenerateManifest(*analysis, NameOfProject());
  if (!generated) {
    Error error = std::move(generated).error();
    error.message = error.code == ErrorCode::kNotFound ? error.message : Describe(error);
    error.field = "workspace";
    error.remedy = "`project_analyze` shows what was seen";
    return error;
  }
  auto document = package::ParseManifest(generated->text);
  if (!document) {
    return document.error();
  }
  Made made{*std::move(document), std::move(generated->text), std::move(generated->notes), nullptr};
  if (auto added = AddIdentity(directory, stop, made); !added) {
    return added.error();
  }
  return made;
}

Result<Saved> GenerateManifestCall::Save(int directory, const policies::Grant& grant,
                                         const std::string& text) const {
  if (!wanted_.save) {
    return Saved();
  }
  if (!context().value("workspace_writable", false)) {
    return Error{ErrorCode::kPermissionDenied, "the workspace lies below a read-only root",
                 "args.save", "leave `save` out: the manifest comes in the result", 0};
  }
  if (grant.workspace_access() != policies::WorkspaceAccess::kHostWrite) {
    return Error{ErrorCode::kPermissionDenied, "policy lets this call read the directory only",
                 "args.save", "leave `save` out: the manifest comes in the result", 0};
  }
  auto saved = containerize::SaveFile(directory, std::string(package::kManifestFile), text,
                                      wanted_.overwrite);
  if (!saved) {
    Error error = std::move(saved).error();
    if (error.sys_errno == EACCES || error.sys_errno == EPERM) {
      error.field = "args.save";
      error.remedy =
          "leave `save` out and write the text with `run`, or ask your user to let the server's "
          "own user write there";
    }
    return error;
  }
  return saved;
}

ToolResult GenerateManifestCall::Run(const policies::Grant& grant, CallContext& context) {
  const auto directory = Directory(grant);
  if (!directory) {
    return ErrorResult(directory.error());
  }
  const auto fail = [](Error error) {
    if (error.code != ErrorCode::kCancelled && !error.field.starts_with("args.")) {
      error.field = error.field == "overwrite" ? "args.overwrite" : "args.workspace";
    }
    return ErrorResult(error);
  };
  const auto made = Generate(*directory, context.stop);
  if (!made) {
    return fail(made.error());
  }
  const auto saved = Save(*directory, grant, made->text);
  return saved ? Show(*made, *saved) : fail(saved.error());
}

ToolResult GenerateManifestCall::Show(const Made& made, const Saved& saved) {
  ToolResult result;
  std::vector<std::string> notes;  // the first of them says what was left out
  const json fitted = Fitted({{"notes", made.notes}}, kMaxNoteBytes, notes);
  const bool is_shown = made.text.size() <= kMaxShownBytes;
  if (!is_shown) {
    notes.push_back("the manifest has " + std::to_string(made.text.size()) +
                    " bytes and is not shown in full: `save` writes it");
  }
  for (const json& note : fitted["notes"]) {
    notes.push_back(note.get<std::string>());
  }
  result.structured = {{"status", "completed"},
                       {"path", package::kManifestFile},
                       {"notes", notes},
                       {"written", saved.written},
                       {"kept", saved.kept}};
  if (is_shown) {
    result.structured["manifest"] = made.document;
  }
  if (!made.identity.is_null()) {
    result.structured["identity"] = made.identity;
  }
  result.audit = {{"status", "completed"},
                  {"applications", made.document["applications"].size()},
                  {"identity", made.identity.is_null() ? json() : made.identity["id"]},
                  {"written", saved.written}};
  result.text = is_shown ? made.text : FittedLines(made.text, kMaxShownBytes);
  for (const std::string& path : saved.written) {
    result.text += "\n[wrote " + path + "]";
  }
  for (const std::string& path : saved.kept) {
    result.text += "\n[kept " + path + ", which was there]";
  }
  if (!made.identity.is_null()) {
    result.text += "\n[identity: " + made.identity["id"].get<std::string>() + "]";
  }
  for (const std::string& note : notes) {
    result.text += "\n[" + note + "]";
  }
  return result;
}

json InputSchema() {
  const auto flag = [](const char* description) {
    return json{{"type", "boolean"}, {"default", false}, {"description", description}};
  };
  return {{"type", "object"},
          {"properties",
           {{"workspace", WorkspaceSchema()},
            {"name",
             {{"type", "string"}, {"description", "Of the project; default: the directory's."}}},
            {"save", flag("Write casemate.json; else it is only shown.")},
            {"overwrite", flag("With `save`: replace one that is there.")}}},
          {"required", {"workspace"}},
          {"additionalProperties", false}};
}

json OutputSchema() {
  const json text = {{"type", "string"}};
  const json texts = {{"type", "array"}, {"items", text}};
  return {{"type", "object"},
          {"properties",
           {{"status", text},
            {"error", {{"type", "object"}}},
            {"path", text},
            {"manifest", {{"type", "object"}}},
            {"notes", texts},
            {"written", texts},
            {"kept", texts},
            {"identity",
             {{"type", "object"},
              {"properties",
               {{"id", text},
                {"hash", text},
                {"manifest_hash", text},
                {"source_hash", text},
                {"files", {{"type", "integer"}}}}}}}}},
          {"required", {"status"}}};
}

class GenerateManifestTool : public Tool {
 public:
  GenerateManifestTool(sandbox::SandboxRunner& runner, BuildToolOptions options)
      : runner_(runner), options_(std::move(options)) {
    spec_.name = "generate_manifest";
    spec_.title = "Write a manifest";
    spec_.icon = IconOf("M0 0h6v1H0zM2 2h6v1H2zM2 4h6v1H2zM0 6h6v1H0z");
    spec_.description =
        "Makes the manifest of a project, casemate.json, from what is in it: its applications, how "
        "they are built and started, a container for each; and its identity, a hash over manifest "
        "and sources. Nothing is built, and nothing is written without `save`.";
    spec_.input_schema = InputSchema();
    spec_.output_schema = OutputSchema();
    spec_.toolset = "build";
    spec_.task = TaskSupport::kWhenSlow;
    spec_.annotations = {
        .read_only = false, .destructive = true, .idempotent = true, .open_world = false};
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
    return std::unique_ptr<PreparedCall>(std::make_unique<GenerateManifestCall>(
        options_, *std::move(workspace), *std::move(wanted), places_));
  }

 private:
  sandbox::SandboxRunner& runner_;
  const BuildToolOptions options_;
  mutable Places places_{kMostAtOnce};
  ToolSpec spec_;
};

}  // namespace

std::unique_ptr<Tool> MakeGenerateManifestTool(sandbox::SandboxRunner& runner,
                                               BuildToolOptions options) {
  return std::make_unique<GenerateManifestTool>(runner, std::move(options));
}

}  // namespace casemate::tools
