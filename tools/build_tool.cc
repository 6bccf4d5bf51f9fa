// The tool `build`: the containers of a project's manifest, packaged as images by Casemate itself:
// recorded with bills of materials and signed provenance, and pushed where that is asked for.
#include <array>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sandbox/container/registry/registry.h"
#include "tools/build_call.h"
#include "tools/build_tools.h"
#include "tools/icon.h"
#include "tools/package/manifest_read.h"
#include "tools/package/project_build.h"
#include "tools/places.h"

namespace casemate::tools {
namespace {

using nlohmann::json;
using package::BuiltContainer;

constexpr std::array<std::string_view, 7> kNames = {"workspace", "manifest", "containers", "format",
                                                    "no_cache",  "verify",   "push"};
constexpr std::array<std::string_view, 2> kFormats = {"oci", "docker"};
constexpr std::size_t kMaxContainers = 64;
constexpr int kMostAtOnce = 2;  // each compresses on all processors
constexpr TextRule kName = {.min_bytes = 1, .max_bytes = 63, .allow_nul = false};

struct BuildArgs {
  std::string workspace;
  std::string manifest = std::string(package::kManifestFile);
  std::vector<std::string> containers;  // empty: all
  std::string format = "oci";
  bool no_cache = false;
  bool verify = false;
  bool push = false;
};

Result<BuildArgs> Decode(const json& args) {
  ArgErrors errors;
  ArgReader reader(args, "args", kNames, errors);
  BuildArgs wanted;
  wanted.workspace = ReadWorkspace(reader, errors);
  if (wanted.workspace.empty()) {
    errors.Expected("args.workspace", "the directory of the project", "nothing");
  }
  if (reader.Has("manifest")) {
    wanted.manifest = ReadInnerPath(reader, "manifest", errors);
  }
  const json* names = reader.Array("containers", kMaxContainers, "an array of names");
  for (std::size_t i = 0; names != nullptr && i < names->size(); ++i) {
    wanted.containers.push_back(
        ReadText((*names)[i], "args.containers." + std::to_string(i), kName, errors).value_or(""));
  }
  wanted.format = reader.Choice("format", kFormats).value_or("oci");
  wanted.no_cache = reader.Boolean("no_cache").value_or(false);
  wanted.verify = reader.Boolean("verify").value_or(false);
  wanted.push = reader.Boolean("push").value_or(false);
  if (const auto& error = errors.first()) {
    return *error;
  }
  return wanted;
}

// What the manifest says, read once: what policy judges is what is built.
struct ReadProject {
  json document;
  package::Manifest manifest;
};

Error InArgs(Error error, const std::string& manifest) {
  if (!error.field.starts_with("args.")) {
    error.message =
        Quoted(manifest) + ": " + (error.field.empty() ? "" : error.field + ": ") + error.message;
    error.field = "args.manifest";
  }
  return error;
}

Result<ReadProject> ReadProjectIn(int directory, const std::string& file) {
  auto text = ReadBelow(directory, file, package::kMaxManifestBytes);
  if (!text) {
    Error error = text.error();
    error.field = "args.manifest";
    if (error.code == ErrorCode::kNotFound) {
      error.message = "there is no manifest " + Quoted(file) + " in the workspace";
      error.remedy = "make one with generate_manifest, or name where it is";
    }
    return error;
  }
  auto document = package::ParseManifest(*text);
  if (!document) {
    return InArgs(document.error(), file);
  }
  auto manifest = package::ReadManifest(*document);
  if (!manifest) {
    return InArgs(manifest.error(), file);
  }
  return ReadProject{*std::move(document), *std::move(manifest)};
}

// The repository that a container is pushed to.
std::string RepositoryOf(const package::Manifest& manifest, const std::string& container) {
  return manifest.packaging.registry + "/" + container;
}

bool IsAllowed(const std::vector<container::ImageRule>& rules, const std::string& reference) {
  const auto parsed = container::ParseImageReference(reference, "containers");
  if (!parsed) {
    return false;
  }
  const auto found = container::FindImageRule(rules, *parsed, "containers");
  const auto permission = found ? *found : std::nullopt;
  return permission && (permission->digest.empty() || permission->digest == parsed->digest);
}

class PackageCall : public BuildCall {
 public:
  PackageCall(const BuildToolOptions& options, OpenedWorkspace workspace, json normalised,
              BuildArgs wanted, Result<ReadProject> project, const json& facts, Places& places)
      : BuildCall(options, std::move(workspace), std::move(normalised)),
        options_(options),
        wanted_(std::move(wanted)),
        project_(std::move(project)),
        context_(BuildCall::context()),
        places_(places) {
    context_.update(facts);
  }
  [[nodiscard]] const json& context() const override { return context_; }
  ToolResult Run(const policies::Grant& grant, CallContext& context) override;

 private:
  [[nodiscard]] Result<void> CheckRules() const;
  Result<package::ProjectBuild> Build(int directory, const policies::Grant& grant,
                                      CallContext& context);
  // Each image to its repository; names of what was pushed.
  Result<json> Push(const package::ProjectBuild& built, const policies::Grant& grant,
                    const package::Reporter& report, const std::stop_token& stop);
  static ToolResult Show(const package::ProjectBuild& built, const json& pushed);

  const BuildToolOptions& options_;
  const BuildArgs wanted_;
  const Result<ReadProject> project_;  // an error is told once policy has allowed the call
  json context_;
  Places& places_;
};

// Whatever policy says: servers speak to the registries alone that their configuration names.
Result<void> PackageCall::CheckRules() const {
  if (!context_.value("bases_allowed", true)) {
    return Error{ErrorCode::kPermissionDenied,
                 "a base of this manifest is none of the images that the configuration allows",
                 "args.manifest", "use an image of `containers.images`, or ask your user to add it",
                 0};
  }
  if (wanted_.push && !context_.value("push_allowed", false)) {
    return Error{ErrorCode::kPermissionDenied,
                 project_->manifest.packaging.registry.empty()
                     ? "the manifest names no registry to push to"
                     : "the configuration allows no push to " +
                           Quoted(project_->manifest.packaging.registry),
                 "args.push", "leave `push` out, or ask your user to add it to `packages.push`", 0};
  }
  return {};
}

package::Reporter ReporterOf(CallContext& context) {
  return [sink = context.progress, count = 0.0](std::string_view words) mutable {
    if (sink != nullptr) {
      sink->Report(++count, std::nullopt, words);
    }
  };
}

registry::RegistryOptions RegistryOf(const PackageRules& rules) {
  registry::RegistryOptions options;
  options.credentials = rules.credentials;
  options.ca_file = rules.ca_file;
  return options;
}

Result<package::ProjectBuild> PackageCall::Build(int directory, const policies::Grant& grant,
                                                 CallContext& context) {
  std::optional<Place> place(std::in_place, places_, context.stop);
  if (!place->is_taken()) {
    return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
  }
  auto key = SigningKey::LoadOrMake(options_.state_dir);
  if (!key) {
    return key.error();
  }
  package::ProjectBuildOptions wanted;
  wanted.containers = wanted_.containers;
  wanted.format = wanted_.format == "oci" ? oci::ImageFormat::kOci : oci::ImageFormat::kDocker;
  wanted.use_cache = !wanted_.no_cache;
  wanted.verify = wanted_.verify;
  wanted.registry = RegistryOf(options_.packages);
  wanted.owner = {grant.principal_id(), grant.tenant()};
  wanted.invocation_id = grant.decision_id();
  const package::Project project{project_->manifest, project_->document, directory,
                                 wanted_.manifest};
  return package::BuildProject(project, wanted, *key, *options_.artifacts, ReporterOf(context),
                               context.stop);
}

Result<json> PackageCall::Push(const package::ProjectBuild& built, const policies::Grant& grant,
                               const package::Reporter& report, const std::stop_token& stop) {
  json pushed = json::array();
  const artifacts::ArtifactOwner owner{grant.principal_id(), grant.tenant()};
  for (const BuiltContainer& each : built.containers) {
    auto name = registry::ParseImageName(RepositoryOf(project_->manifest, each.name));
    if (!name) {
      return name.error();
    }
    report("pushing " + each.name + " to " + registry::TextOf(*name));
    auto registry = registry::Registry::Open(*name, RegistryOf(options_.packages), stop);
    if (!registry) {
      return registry.error();
    }
    const auto told = [&](const registry::Progress& progress) {
      if (progress.kind == registry::Progress::Kind::kAgain) {
        report("the registry broke off: " + std::string(progress.words));
      }
    };
    const oci::BlobStore& blobs = options_.artifacts->blobs();
    const auto image = oci::ReadImage(each.artifact.image_digest, blobs);
    if (!image) {
      return image.error();
    }
    const auto done = (*registry)->Push(image->manifest, {each.artifact.tag}, blobs, told, stop);
    if (!done) {
      return done.error();
    }
    name->tag = each.artifact.tag;
    const std::string reference = registry::TextOf(*name);
    if (auto marked = options_.artifacts->MarkPushed(owner, each.artifact.id, reference); !marked) {
      return marked.error();
    }
    pushed.push_back({{"reference", reference},
                      {"digest", done->manifest.digest},
                      {"blobs_pushed", done->blobs_pushed},
                      {"blobs_present", done->blobs_present},
                      {"bytes_pushed", done->bytes_pushed}});
  }
  return pushed;
}

ToolResult PackageCall::Run(const policies::Grant& grant, CallContext& context) {
  const auto directory = Directory(grant);
  if (!directory) {
    return ErrorResult(directory.error());
  }
  if (!project_) {
    return ErrorResult(project_.error());
  }
  if (auto allowed = CheckRules(); !allowed) {
    return ErrorResult(allowed.error());
  }
  const auto built = Build(*directory, grant, context);
  if (!built) {
    return ErrorResult(InArgs(built.error(), wanted_.manifest));
  }
  json pushed = json::array();
  if (wanted_.push) {
    auto done = Push(*built, grant, ReporterOf(context), context.stop);
    if (!done) {
      Error error = done.error();
      error.field = "args.push";
      error.message += "; what was packaged is kept";
      return ErrorResult(error);
    }
    pushed = *std::move(done);
  }
  return Show(*built, pushed);
}

// What differs, by file and by member of the configuration.
json DriftJson(const oci::ImageDrift& drift) {
  json files = json::array();
  for (const oci::FileDrift& file : drift.files) {
    files.push_back({{"layer", file.layer},
                     {"path", ToValidUtf8(file.path)},
                     {"change", !file.before  ? "added"
                                : !file.after ? "removed"
                                              : "changed"},
                     {"attributes", file.attributes}});
  }
  json config = json::array();
  for (const oci::ConfigDrift& each : drift.config) {
    config.push_back({{"pointer", each.pointer}, {"before", each.before}, {"after", each.after}});
  }
  return {{"layers", drift.layers.size()},
          {"files", files},
          {"more_files", drift.more_files},
          {"config", config}};
}

json ContainerJson(const BuiltContainer& built) {
  json shown = {{"name", built.name},
                {"artifact", built.artifact.id},
                {"reference", built.artifact.Reference()},
                {"image_digest", built.artifact.image_digest},
                {"sbom_digest", built.artifact.sbom_digest},
                {"provenance_digest", built.artifact.provenance_digest},
                {"bytes", built.artifact.bytes},
                {"cached", built.cached},
                {"layers_written", built.layers_written},
                {"layers_cached", built.layers_cached},
                {"duration_ms", built.duration_ms},
                {"notes", built.notes}};
  if (built.drift) {
    shown["reproduced"] = built.drift->empty();
    if (!built.drift->empty()) {
      shown["drift"] = DriftJson(*built.drift);
    }
  }
  return shown;
}

std::string_view WordsOf(const std::optional<oci::ImageDrift>& drift) {
  return !drift ? "" : drift->empty() ? "  reproduced" : "  NOT reproduced";
}

ToolResult PackageCall::Show(const package::ProjectBuild& built, const json& pushed) {
  ToolResult result;
  json containers = json::array();
  json digests = json::array();
  for (const BuiltContainer& each : built.containers) {
    containers.push_back(ContainerJson(each));
    digests.push_back(
        {{"name", each.name}, {"digest", each.artifact.image_digest}, {"cached", each.cached}});
    result.text += each.artifact.Reference() + "  " + each.artifact.image_digest +
                   (each.cached ? "  unchanged" : "") + std::string(WordsOf(each.drift)) + "\n";
  }
  for (const json& each : pushed) {
    result.text += "[pushed " + each["reference"].get<std::string>() + "]\n";
  }
  for (const std::string& note : built.notes) {
    result.text += "[" + note + "]\n";
  }
  result.structured = {{"status", "completed"},
                       {"id", built.identity.Id()},
                       {"hash", built.identity.hash},
                       {"manifest_hash", built.identity.manifest_hash},
                       {"source_hash", built.identity.source_hash},
                       {"source_files", built.source_files},
                       {"containers", containers},
                       {"pushed", pushed},
                       {"notes", built.notes}};
  result.audit = {{"status", "completed"},
                  {"id", built.identity.Id()},
                  {"images", digests},
                  {"pushed", pushed}};
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
        {"manifest",
         {{"type", "string"},
          {"default", package::kManifestFile},
          {"description", "The manifest, relative to the workspace."}}},
        {"containers",
         {{"type", "array"},
          {"items", {{"type", "string"}}},
          {"maxItems", kMaxContainers},
          {"description", "Which of the manifest's containers; default: all."}}},
        {"format",
         {{"type", "string"},
          {"enum", kFormats},
          {"default", "oci"},
          {"description", "Media types of the image. Podman takes health checks from docker."}}},
        {"no_cache", flag("Make all of it anew.")},
        {"verify", flag("Make all of it twice, and tell drift by file.")},
        {"push", flag("Push to the manifest's registry, where the configuration allows it.")}}},
      {"required", {"workspace"}},
      {"additionalProperties", false}};
}

json OutputSchema() {
  const json text = {{"type", "string"}};
  const json number = {{"type", "integer"}};
  const json texts = {{"type", "array"}, {"items", text}};
  const json container = {{"type", "object"},
                          {"properties",
                           {{"name", text},
                            {"artifact", text},
                            {"reference", text},
                            {"image_digest", text},
                            {"sbom_digest", text},
                            {"provenance_digest", text},
                            {"bytes", number},
                            {"cached", {{"type", "boolean"}}},
                            {"layers_written", number},
                            {"layers_cached", number},
                            {"duration_ms", number},
                            {"reproduced", {{"type", "boolean"}}},
                            {"drift", {{"type", "object"}}},
                            {"notes", texts}}}};
  return {{"type", "object"},
          {"properties",
           {{"status", text},
            {"id", text},
            {"hash", text},
            {"manifest_hash", text},
            {"source_hash", text},
            {"source_files", number},
            {"containers", {{"type", "array"}, {"items", container}}},
            {"pushed", {{"type", "array"}, {"items", {{"type", "object"}}}}},
            {"notes", texts},
            {"error", {{"type", "object"}}}}},
          {"required", {"status"}}};
}

class BuildTool : public Tool {
 public:
  BuildTool(sandbox::SandboxRunner& runner, BuildToolOptions options)
      : runner_(runner), options_(std::move(options)) {
    spec_.name = "build";
    spec_.title = "Package a project";
    spec_.icon = IconOf("M0 2l4-2 4 2v4l-4 2-4-2zM1 3v3l3 1V4z");
    spec_.description =
        "Packages the containers of a project's manifest as OCI images, without an engine and "
        "running nothing: the same sources give the same digest. Each is recorded with its bill of "
        "materials and signed provenance. generate_manifest makes the manifest.";
    spec_.input_schema = InputSchema();
    spec_.output_schema = OutputSchema();
    spec_.toolset = "build";
    spec_.task = TaskSupport::kWhenSlow;
    spec_.annotations = {
        .read_only = false, .destructive = false, .idempotent = true, .open_world = true};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& stop) const override;

 private:
  // What policy is told of the manifest.
  [[nodiscard]] Result<json> FactsOf(const ReadProject& project, const BuildArgs& wanted) const;

  sandbox::SandboxRunner& runner_;
  const BuildToolOptions options_;
  mutable Places places_{kMostAtOnce};
  ToolSpec spec_;
};

Result<json> BuildTool::FactsOf(const ReadProject& project, const BuildArgs& wanted) const {
  const auto chosen = package::ChosenContainers(project.manifest, wanted.containers);
  if (!chosen) {
    return chosen.error();
  }
  json bases = json::array();
  json targets = json::array();
  bool bases_allowed = true;
  bool push_allowed = !project.manifest.packaging.registry.empty();
  for (const package::Container* container : *chosen) {
    if (container->base != "scratch") {
      bases.push_back(container->base);
      bases_allowed = bases_allowed && IsAllowed(options_.packages.bases, container->base);
    }
    const std::string target = RepositoryOf(project.manifest, container->name);
    targets.push_back(target);
    push_allowed = push_allowed && IsAllowed(options_.packages.push, target);
  }
  json facts = {
      {"project", project.manifest.name}, {"bases", bases}, {"bases_allowed", bases_allowed}};
  if (wanted.push) {
    facts["push_to"] = targets;
    facts["push_allowed"] = push_allowed;
  }
  return facts;
}

Result<std::unique_ptr<PreparedCall>> BuildTool::Prepare(const json& args,
                                                         const std::stop_token& /*stop*/) const {
  auto wanted = Decode(args);
  if (!wanted) {
    return std::move(wanted).error();
  }
  auto workspace = OpenWorkspace(runner_, wanted->workspace, options_.roots);
  if (!workspace) {
    return std::move(workspace).error();
  }
  json normalised = {{"manifest", wanted->manifest}, {"format", wanted->format}};
  if (!wanted->containers.empty()) {
    normalised["containers"] = wanted->containers;
  }
  for (const auto& [name, is_set] : {std::pair("no_cache", wanted->no_cache),
                                     {"verify", wanted->verify},
                                     {"push", wanted->push}}) {
    if (is_set) {
      normalised[name] = true;
    }
  }
  // What is wrong with it is for those whom policy lets read it: nothing will be built.
  Result<ReadProject> project = Error{ErrorCode::kPermissionDenied, "it was not read", {}, {}, 0};
  json facts = {{"bases_allowed", true}, {"push_allowed", true}};
  if (workspace->root != nullptr) {
    project = ReadProjectIn(workspace->directory.get(), wanted->manifest);
    auto told = project ? FactsOf(*project, *wanted) : Result<json>(facts);
    if (told) {
      facts = *std::move(told);
    } else {
      Error error = told.error();
      if (!wanted->containers.empty() && error.field == "containers") {
        error.field = "args.containers";  // the caller's names, not the manifest's
      }
      project = InArgs(std::move(error), wanted->manifest);
    }
  }
  return std::unique_ptr<PreparedCall>(
      std::make_unique<PackageCall>(options_, *std::move(workspace), std::move(normalised),
                                    *std::move(wanted), std::move(project), facts, places_));
}

}  // namespace

std::unique_ptr<Tool> MakeBuildTool(sandbox::SandboxRunner& runner, BuildToolOptions options) {
  return std::make_unique<BuildTool>(runner, std::move(options));
}

}  // namespace casemate::tools
