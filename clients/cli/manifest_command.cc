#include "clients/cli/manifest_command.h"

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "clients/cli/command_line.h"
#include "sandbox/container/registry/image_name.h"
#include "sandbox/container/registry/registry.h"
#include "tools/analysis/analyse.h"
#include "tools/containerize/save.h"
#include "tools/package/graph.h"
#include "tools/package/identity.h"
#include "tools/package/manifest_diff.h"
#include "tools/package/manifest_generate.h"
#include "tools/package/manifest_read.h"
#include "tools/package/manifest_schema.h"

namespace casemate::cli {

namespace {

using nlohmann::json;

// What was wrong with what was asked is 2, with what was found 1.
int Fail(const Error& error, int code = kExitFailure) {
  std::cerr << "casemate: " << Describe(error) << '\n';
  return code;
}

// Where a manifest lies.
struct Place {
  UniqueFd directory;
  std::string file;  // in it
  std::string shown;
};

Result<Place> PlaceOf(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) {
    return ErrnoError("cannot open " + Quoted(path), errno);
  }
  Place place;
  std::string directory = path;
  place.file = std::string(package::kManifestFile);
  if (!S_ISDIR(info.st_mode)) {
    const std::size_t slash = path.rfind('/');
    directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    place.file = slash == std::string::npos ? path : path.substr(slash + 1);
  }
  place.directory.Reset(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!place.directory.valid()) {
    return ErrnoError("cannot open the directory " + Quoted(directory), errno);
  }
  place.shown = directory.back() == '/' ? directory + place.file : directory + "/" + place.file;
  return place;
}

struct Loaded {
  Place place;
  json document;
  package::Manifest manifest;
};

Result<json> LoadDocument(const Place& place) {
  const auto text = ReadFile(place.shown, package::kMaxManifestBytes);
  if (!text) {
    Error error = text.error();
    if (error.sys_errno == ENOENT) {
      error.remedy = "`casemate manifest init --save` writes one";
    }
    return error;
  }
  return package::ParseManifest(*text);
}

Result<Loaded> Load(const std::string& path) {
  auto place = PlaceOf(path);
  if (!place) {
    return place.error();
  }
  auto document = LoadDocument(*place);
  if (!document) {
    return document.error();
  }
  auto manifest = package::ReadManifest(*document);
  if (!manifest) {
    return manifest.error();
  }
  return Loaded{*std::move(place), *std::move(document), *std::move(manifest)};
}

std::string NameOfDirectory(const std::string& path) {
  char* real = realpath(path.c_str(), nullptr);
  const std::string whole = real == nullptr ? path : real;
  std::free(real);  // NOLINT(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory)
  return whole.substr(whole.rfind('/') + 1);
}

int Save(const Place& place, const std::string& text, bool overwrite) {
  const auto saved = containerize::SaveFile(place.directory.get(), place.file, text, overwrite);
  if (!saved) {
    Error error = saved.error();
    if (error.field == "overwrite") {
      error.remedy = "--overwrite replaces it; `casemate manifest diff` compares";
    }
    return Fail(error);
  }
  std::cout << (saved->written.empty() ? "kept " : "wrote ") << place.shown
            << (saved->written.empty() ? ", which was there" : "") << '\n'
            << std::flush;
  return kExitOk;
}

int Init(const ManifestArgs& args) {
  const auto place = PlaceOf(args.path);
  if (!place) {
    return Fail(place.error(), kExitUsage);
  }
  const auto analysis = analysis::AnalyseProject(place->directory.get(), {}, {});
  if (!analysis) {
    return Fail(analysis.error());
  }
  const auto made = package::GenerateManifest(
      *analysis, args.name.empty() ? NameOfDirectory(args.path) : args.name);
  if (!made) {
    return Fail(made.error());
  }
  for (const std::string& note : made->notes) {
    std::cerr << "note: " << note << '\n';
  }
  if (args.save) {
    return Save(*place, made->text, args.overwrite);
  }
  std::cout << made->text << std::flush;
  return kExitOk;
}

int Validate(const ManifestArgs& args) {
  const auto loaded = Load(args.path);
  if (args.json) {
    json report{{"valid", loaded.ok()}};
    if (!loaded) {
      report["error"] = {{"path", loaded.error().field},
                         {"message", loaded.error().message},
                         {"remedy", loaded.error().remedy}};
    }
    std::cout << report.dump(2) << '\n' << std::flush;
    return loaded ? kExitOk : kExitFailure;
  }
  if (!loaded) {
    return Fail(loaded.error());
  }
  std::cout << loaded->place.shown << ": " << loaded->manifest.applications.size()
            << (loaded->manifest.applications.size() == 1 ? " application, " : " applications, ")
            << loaded->manifest.containers.size()
            << (loaded->manifest.containers.size() == 1 ? " container" : " containers") << '\n'
            << std::flush;
  return kExitOk;
}

int Hash(const ManifestArgs& args) {
  const auto loaded = Load(args.path);
  if (!loaded) {
    return Fail(loaded.error());
  }
  if (args.canonical) {
    const auto canonical = package::CanonicalManifest(loaded->document);
    if (!canonical) {
      return Fail(canonical.error());
    }
    std::cout << *canonical << std::flush;
    return kExitOk;
  }
  const auto sources = package::Sources::Scan(
      loaded->place.directory.get(), package::SourcesOf(loaded->manifest, loaded->place.file), {});
  if (!sources) {
    return Fail(sources.error());
  }
  const auto identity = package::IdentityOf(loaded->document, loaded->manifest, *sources);
  if (!identity) {
    return Fail(identity.error());
  }
  for (const std::string& path : sources->skipped()) {
    std::cerr << "note: " << Quoted(path) << " is no file and no source\n";
  }
  if (args.json) {
    std::cout << json{{"id", identity->Id()},
                      {"hash", identity->hash},
                      {"manifest_hash", identity->manifest_hash},
                      {"source_hash", identity->source_hash},
                      {"canonicalization", "jcs"},
                      {"files", sources->files().size()},
                      {"bytes", sources->bytes()}}
                     .dump(2)
              << '\n'
              << std::flush;
    return kExitOk;
  }
  std::cout << identity->Id() << "\nmanifest  " << identity->manifest_hash << "\nsources   "
            << identity->source_hash << "  (" << sources->files().size() << " files)\n"
            << std::flush;
  return kExitOk;
}

int Graph(const ManifestArgs& args) {
  const auto loaded = Load(args.path);
  if (!loaded) {
    return Fail(loaded.error());
  }
  if (args.format == "dot") {
    std::cout << package::GraphDot(loaded->manifest) << std::flush;
    return kExitOk;
  }
  const auto order = package::BuildOrder(loaded->manifest);
  const auto text = package::GraphText(loaded->manifest);
  if (!order || !text) {
    return Fail(order ? text.error() : order.error());
  }
  if (args.format == "text") {
    std::cout << *text << std::flush;
    return kExitOk;
  }
  json report{{"build_order", *order}, {"applications", json::array()}};
  for (const package::Application& app : loaded->manifest.applications) {
    report["applications"].push_back({{"name", app.name}, {"depends_on", app.depends_on}});
  }
  for (const package::Container& container : loaded->manifest.containers) {
    report["containers"].push_back(
        {{"name", container.name}, {"applications", container.applications}});
  }
  std::cout << report.dump(2) << '\n' << std::flush;
  return kExitOk;
}

std::string_view Sign(package::ManifestChange::Kind kind) {
  using Kind = package::ManifestChange::Kind;
  return kind == Kind::kAdded ? "+" : kind == Kind::kRemoved ? "-" : "~";
}

int Diff(const ManifestArgs& args) {
  const auto before = Load(args.path);
  const auto after = before ? Load(args.other) : Result<Loaded>(before.error());
  if (!after) {
    return Fail(after.error(), kExitUsage);
  }
  const auto changes = package::DiffManifests(before->document, after->document);
  json report = json::array();
  for (const package::ManifestChange& change : changes) {
    if (args.json) {
      report.push_back({{"change", Sign(change.kind)},
                        {"path", change.path},
                        {"before", change.before},
                        {"after", change.after}});
      continue;
    }
    std::cout << Sign(change.kind) << ' ' << change.path << ": " << change.before
              << (change.before.empty() || change.after.empty() ? "" : " → ") << change.after
              << '\n';
  }
  if (args.json) {
    std::cout << report.dump(2) << '\n';
  }
  std::cout << std::flush;
  return changes.empty() ? kExitOk : kExitFailure;
}

int Pin(const ManifestArgs& args) {
  auto name = registry::ParseImageName(args.image);
  if (!name) {
    return Fail(name.error(), kExitUsage);
  }
  registry::RegistryOptions options;
  options.plain_http = args.plain_http;
  auto registry = registry::Registry::Open(*name, options, {});
  const auto resolved = registry ? (*registry)->Resolve(registry::ReferenceOf(*name), {})
                                 : Result<registry::Resolved>(registry.error());
  if (!resolved) {
    return Fail(resolved.error());
  }
  if (name->tag.empty() && name->digest.empty()) {
    name->tag = "latest";
  }
  name->digest = resolved->descriptor.digest;
  std::cout << registry::TextOf(*name) << '\n' << std::flush;
  return kExitOk;
}

}  // namespace

void AddManifest(CLI::App& app, ManifestArgs& args) {
  app.require_subcommand(1);
  const auto add = [&](const char* action, const char* text) {
    CLI::App* command = app.add_subcommand(action, text);
    command->callback([&args, action] { args.action = action; });
    return command;
  };
  const auto add_path = [&](CLI::App& command) {
    command.add_option("path", args.path,
                       "A manifest, or the directory that holds casemate.json; default: this one");
  };
  CLI::App* init = add("init", "A manifest for a project, from what is in it");
  init->add_option("directory", args.path, "The project; default: this directory");
  init->add_option("--name", args.name, "Of the project; default: the directory's");
  init->add_flag("--save", args.save, "Write casemate.json instead of printing it");
  init->add_flag("--overwrite", args.overwrite, "With --save: replace the one that is there");
  CLI::App* validate = add("validate", "Is it right? Exit 1 with the path of what is wrong");
  add_path(*validate);
  validate->add_flag("--json", args.json, "Print JSON");
  CLI::App* hash = add("hash", "The identity NAME:HASH over manifest and sources");
  add_path(*hash);
  hash->add_flag("--canonical", args.canonical,
                 "Print the canonical form (RFC 8785) that the manifest's hash is over");
  hash->add_flag("--json", args.json, "Print JSON");
  CLI::App* graph = add("graph", "In which order applications are built and started");
  add_path(*graph);
  graph->add_option("--format", args.format, "text, dot (Graphviz) or json")
      ->check(CLI::IsMember({"text", "dot", "json"}));
  CLI::App* diff = add("diff", "What differs between two manifests; exit 1 if anything does");
  diff->add_option("before", args.path, "The older one")->required();
  diff->add_option("after", args.other, "The newer one")->required();
  diff->add_flag("--json", args.json, "Print JSON");
  CLI::App* pin = add("pin", "What an image's name stands for now, with its digest: for `base`");
  pin->add_option("image", args.image, "NAME[:TAG], e.g. debian:12-slim")->required();
  pin->add_flag("--plain-http", args.plain_http, "Speak HTTP without TLS to its registry");
  add("schema", "The JSON Schema of manifests, for editors and validators");
}

int ManifestCommand(const ManifestArgs& args) {
  if (args.action == "pin") {
    return Pin(args);
  }
  if (args.action == "init") {
    return Init(args);
  }
  if (args.action == "validate") {
    return Validate(args);
  }
  if (args.action == "hash") {
    return Hash(args);
  }
  if (args.action == "graph") {
    return Graph(args);
  }
  if (args.action == "diff") {
    return Diff(args);
  }
  std::cout << package::ManifestSchemaText() << std::flush;
  return kExitOk;
}

}  // namespace casemate::cli
