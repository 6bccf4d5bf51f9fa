#include "tools/package/manifest_read.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/canonical_json.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "tools/arguments/args.h"
#include "tools/package/graph.h"
#include "tools/package/manifest_fields.h"

namespace casemate::package {
namespace {

using nlohmann::json;
using tools::ArgErrors;
using tools::ArgReader;

constexpr std::size_t kMaxItems = 256;          // of each list of a manifest
constexpr std::int64_t kMaxEpoch = 4102444800;  // 2100-01-01
constexpr std::size_t kMaxText = 1000;

constexpr auto kRoot =
    std::to_array<std::string_view>({"$schema", "manifest_version", "project", "applications",
                                     "containers", "packaging", "ci_name", "ci_capabilities"});
constexpr auto kProject = std::to_array<std::string_view>({"name", "version", "description"});
constexpr auto kApplication = std::to_array<std::string_view>(
    {"name", "path", "language", "framework", "version", "build", "command", "port", "environment",
     "health_check", "depends_on"});
constexpr auto kBuild = std::to_array<std::string_view>({"commands", "outputs"});
constexpr auto kContainer = std::to_array<std::string_view>(
    {"name", "applications", "builder", "base", "dockerfile", "files", "user", "working_directory",
     "entrypoint", "command", "environment", "ports", "volumes", "labels", "stop_signal",
     "health_check", "limits"});
constexpr auto kPackaging = std::to_array<std::string_view>(
    {"build_order", "registry", "tagging", "source_date_epoch", "architecture"});
constexpr auto kTaggings = std::to_array<std::string_view>({"hash", "version", "git-sha"});
constexpr auto kBuilders = std::to_array<std::string_view>({"auto", "oci", "engine", "buildah"});
constexpr auto kArchitectures = std::to_array<std::string_view>(
    {"amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64"});

template <typename Choices>
std::size_t ChoiceOf(ArgReader& reader, std::string_view name, const Choices& choices) {
  const auto text = reader.Choice(name, choices);
  const auto found = text ? std::ranges::find(choices, *text) : choices.begin();
  return static_cast<std::size_t>(found - choices.begin());
}

Application ReadApplication(const json& value, const std::string& path, ArgErrors& errors) {
  ArgReader reader(value, path, kApplication, errors);
  Application app;
  app.name = ReadName(reader, "name", errors);
  app.path = ReadRelativePath(reader, "path", errors);
  app.language = TextOf(reader, "language");
  app.framework = TextOf(reader, "framework");
  app.version = TextOf(reader, "version");
  if (const json* build = reader.Object("build")) {
    ArgReader inner(*build, reader.PathOf("build"), kBuild, errors);
    app.build_commands = ReadTexts(inner, "commands", errors);
    app.build_outputs = ReadRelativePaths(inner, "outputs", errors);
  }
  app.command = ReadTexts(reader, "command", errors);
  if (const auto port = reader.Integer("port", 1, kMaxPort)) {
    app.port = static_cast<int>(*port);
  }
  app.environment = ReadEnvironment(reader, "environment", errors);
  app.health_check = ReadHealthCheck(reader, "health_check", app.port, errors);
  app.depends_on = ReadNames(reader, "depends_on", errors);
  return app;
}

// Which of the two ways to make an image it says.
void CheckWay(const Container& container, const std::string& path, ArgErrors& errors) {
  if (container.base.empty() == container.dockerfile.empty()) {
    errors.Expected(path,
                    "either `base` (Casemate writes the image) or `dockerfile` (an engine does)",
                    container.base.empty() ? "neither" : "both");
    return;
  }
  const bool writes = !container.base.empty();
  if (writes != (container.builder == BuilderKind::kOci) &&
      container.builder != BuilderKind::kAuto) {
    errors.Expected(path + ".builder",
                    writes ? "\"oci\" or \"auto\" beside `base`"
                           : "\"engine\", \"buildah\" or \"auto\" beside `dockerfile`",
                    Quoted(ToString(container.builder)));
  }
  if (!writes && !container.files.empty()) {
    errors.Expected(path + ".files", "no files beside `dockerfile`, which copies them itself",
                    std::to_string(container.files.size()) + " of them");
  }
}

Container ReadContainer(const json& value, const std::string& path, ArgErrors& errors) {
  ArgReader reader(value, path, kContainer, errors);
  Container container;
  container.name = ReadName(reader, "name", errors);
  container.applications = ReadNames(reader, "applications", errors);
  container.builder = static_cast<BuilderKind>(ChoiceOf(reader, "builder", kBuilders));
  container.base = ReadBase(reader, "base", errors);
  container.dockerfile = ReadRelativePath(reader, "dockerfile", errors);
  container.files = ReadFiles(reader, "files", errors);
  if (reader.Has("user")) {
    container.user = ReadUser(reader, "user", errors);
  }
  container.working_directory = ReadAbsolutePath(reader, "working_directory", errors);
  container.entrypoint = ReadTexts(reader, "entrypoint", errors);
  container.command = ReadTexts(reader, "command", errors);
  container.environment = ReadEnvironment(reader, "environment", errors);
  container.ports = ReadPorts(reader, "ports", errors);
  container.volumes = ReadAbsolutePaths(reader, "volumes", errors);
  container.labels = ReadLabels(reader, "labels", errors);
  container.stop_signal = ReadSignal(reader, "stop_signal", errors);
  container.health_check = ReadHealthCheck(reader, "health_check", std::nullopt, errors);
  container.limits = ReadLimits(reader, "limits", errors);
  CheckWay(container, path, errors);
  return container;
}

Packaging ReadPackaging(const json& value, const std::string& path, ArgErrors& errors) {
  ArgReader reader(value, path, kPackaging, errors);
  Packaging packaging;
  packaging.build_order = ReadNames(reader, "build_order", errors);
  packaging.registry = ReadRegistry(reader, "registry", errors);
  packaging.tagging = static_cast<Tagging>(ChoiceOf(reader, "tagging", kTaggings));
  packaging.source_date_epoch =
      reader.Integer("source_date_epoch", 0, kMaxEpoch).value_or(kDefaultEpoch);
  packaging.architecture =
      std::string(kArchitectures[ChoiceOf(reader, "architecture", kArchitectures)]);
  return packaging;
}

// Names once each, and all that are referred to there.
template <typename Named>
void CheckOnce(const std::vector<Named>& all, const std::string& list, ArgErrors& errors) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto first = std::ranges::find(all, all[i].name, &Named::name);
    if (first != all.begin() + static_cast<std::ptrdiff_t>(i)) {
      errors.Expected(list + "[" + std::to_string(i) + "].name", "a name that is not taken",
                      Quoted(all[i].name) + ", which is " + list + "[" +
                          std::to_string(first - all.begin()) + "]");
    }
  }
}

void CheckNoneTwice(const std::vector<std::string>& names, const std::string& path,
                    ArgErrors& errors) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::ranges::find(names, names[i]) != names.begin() + static_cast<std::ptrdiff_t>(i)) {
      errors.Expected(path + "[" + std::to_string(i) + "]", "each name once",
                      Quoted(names[i]) + " again");
    }
  }
}

void CheckKnown(const Manifest& manifest, const std::vector<std::string>& names,
                const std::string& path, ArgErrors& errors) {
  std::vector<std::string_view> known;
  known.reserve(manifest.applications.size());
  for (const Application& app : manifest.applications) {
    known.emplace_back(app.name);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string at = path + "[" + std::to_string(i) + "]";
    if (manifest.FindApplication(names[i]) == nullptr) {
      const auto nearest = NearestName(names[i], known);
      errors.Expected(at, "the name of an application", Quoted(names[i]),
                      nearest ? "did you mean " + Quoted(*nearest) + "?" : "");
    }
  }
  CheckNoneTwice(names, path, errors);
}

void CheckNames(const Manifest& manifest, ArgErrors& errors) {
  CheckOnce(manifest.applications, "applications", errors);
  CheckOnce(manifest.containers, "containers", errors);
  for (std::size_t i = 0; i < manifest.applications.size(); ++i) {
    CheckKnown(manifest, manifest.applications[i].depends_on,
               "applications[" + std::to_string(i) + "].depends_on", errors);
  }
  for (std::size_t i = 0; i < manifest.containers.size(); ++i) {
    CheckKnown(manifest, manifest.containers[i].applications,
               "containers[" + std::to_string(i) + "].applications", errors);
  }
  CheckKnown(manifest, manifest.packaging.build_order, "packaging.build_order", errors);
  CheckNoneTwice(manifest.ci_capabilities, "ci_capabilities", errors);
}

// What each container is started by must be known where Casemate writes it.
void CheckStart(const Manifest& manifest, ArgErrors& errors) {
  for (std::size_t i = 0; i < manifest.containers.size(); ++i) {
    const Container& container = manifest.containers[i];
    const std::string path = "containers[" + std::to_string(i) + "]";
    if (container.applications.size() > 1 &&
        (!container.command.empty() || !container.entrypoint.empty())) {
      errors.Expected(
          path + (container.command.empty() ? ".entrypoint" : ".command"),
          "none beside several applications, which the init starts by their own commands", "one");
    }
    if (container.base.empty()) {
      continue;
    }
    for (const std::string& name : container.applications) {
      const Application* app = manifest.FindApplication(name);
      if (app != nullptr && app->command.empty() &&
          (container.applications.size() > 1 ||
           (container.command.empty() && container.entrypoint.empty()))) {
        const auto at = app - manifest.applications.data();
        errors.Expected("applications[" + std::to_string(at) + "].command",
                        "the command that starts it: " + Quoted(container.name) +
                            " holds it and has none of its own",
                        "none");
      }
    }
  }
}

}  // namespace

Result<json> ParseManifest(std::string_view text) {
  JsonLimits limits;
  limits.max_bytes = kMaxManifestBytes;
  return ParseJson(text, limits);
}

Result<Manifest> ReadManifest(const json& document) {
  ArgErrors errors;
  if (!document.is_object()) {
    return InvalidArgument("manifest", "expected an object, got " + tools::DescribeJson(document));
  }
  ArgReader reader(document, "", kRoot, errors);
  Manifest manifest;
  const auto version = reader.Text("manifest_version");
  if (!version || *version != kManifestVersion) {
    errors.Expected("manifest_version", Quoted(kManifestVersion),
                    version ? Quoted(*version) : "none");
  }
  (void)reader.Text("$schema", {.max_bytes = kMaxText});
  if (const json* project = reader.Object("project")) {
    ArgReader inner(*project, "project", kProject, errors);
    manifest.name = ReadName(inner, "name", errors);
    manifest.version = ReadVersion(inner, "version", errors);
    manifest.description = inner.Text("description", {.max_bytes = kMaxText}).value_or("");
  } else {
    errors.Expected("project", "an object with a name", "none");
  }
  if (const json* apps = reader.Array("applications", kMaxItems, "an array of applications")) {
    for (std::size_t i = 0; i < apps->size(); ++i) {
      manifest.applications.push_back(
          ReadApplication((*apps)[i], "applications[" + std::to_string(i) + "]", errors));
    }
  }
  if (const json* containers = reader.Array("containers", kMaxItems, "an array of containers")) {
    for (std::size_t i = 0; i < containers->size(); ++i) {
      manifest.containers.push_back(
          ReadContainer((*containers)[i], "containers[" + std::to_string(i) + "]", errors));
    }
  }
  if (const json* packaging = reader.Object("packaging")) {
    manifest.packaging = ReadPackaging(*packaging, "packaging", errors);
  }
  manifest.ci_name = reader.Text("ci_name", {.max_bytes = kMaxText}).value_or("");
  manifest.ci_capabilities = ReadNames(reader, "ci_capabilities", errors);
  if (!errors.first()) {
    CheckNames(manifest, errors);
    CheckStart(manifest, errors);
  }
  if (manifest.packaging.tagging == Tagging::kVersion && manifest.version.empty()) {
    errors.Expected("project.version", "a version: packaging.tagging is \"version\"", "none");
  }
  if (const auto& error = errors.first()) {
    return *error;
  }
  if (auto order = BuildOrder(manifest); !order) {
    return order.error();
  }
  return manifest;
}

Result<std::string> CanonicalManifest(const json& document) {
  if (!document.is_object() || !document.contains("$schema")) {
    return CanonicalJson(document);
  }
  json copy = document;
  copy.erase("$schema");
  return CanonicalJson(copy);
}

Result<std::string> ManifestHash(const json& document) {
  auto canonical = CanonicalManifest(document);
  if (!canonical) {
    return canonical.error();
  }
  return Sha256Hex(*canonical);
}

}  // namespace casemate::package
