// Haskell: Stack (stack.yaml, package.yaml) and Cabal; Servant, Scotty, Yesod and others.
// Traits: "haskell.resolver" (the snapshot of Stackage).
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

struct Known {
  std::string_view package;
  std::string_view framework;
  std::string_view port;
};
constexpr auto kFrameworks = std::to_array<Known>({
    {"yesod", "yesod", "3000"},
    {"ihp", "ihp", "8000"},
    {"servant-server", "servant", "8080"},
    {"scotty", "scotty", "3000"},
    {"Spock", "spock", "8080"},
    {"snap-server", "snap", "8000"},
    {"happstack-server", "happstack", "8000"},
    {"warp", "warp", "3000"},
});

struct Package {
  std::string_view name;
  std::string_view service;
  std::string_view run;
  std::string_view build;
};
constexpr auto kPackages = std::to_array<Package>({
    {"postgresql-simple", "postgres", "libpq5", "libpq-dev"},
    {"postgresql-libpq", "postgres", "libpq5", "libpq-dev"},
    {"persistent-postgresql", "postgres", "libpq5", "libpq-dev"},
    {"hasql", "postgres", "libpq5", "libpq-dev"},
    {"mysql-simple", "mysql", "libmariadb3", "libmariadb-dev"},
    {"persistent-mysql", "mysql", "libmariadb3", "libmariadb-dev"},
    {"persistent-sqlite", "sqlite", "", ""},
    {"sqlite-simple", "sqlite", "", ""},
    {"hedis", "redis", "", ""},
    {"mongoDB", "mongodb", "", ""},
    {"amqp", "rabbitmq", "", ""},
    {"hw-kafka-client", "kafka", "librdkafka1", "librdkafka-dev"},
    {"zlib", "", "zlib1g", "zlib1g-dev"},
});

CodePatterns Patterns() {
  CodePatterns patterns;
  patterns.suffixes = {".hs"};
  patterns.environment = {
      {R"re(\bgetEnv\s+"([A-Za-z_][A-Za-z0-9_]*)")re", true},
      {R"re(\blookupEnv\s+"([A-Za-z_][A-Za-z0-9_]*)")re"},
  };
  patterns.ports = {R"re(\b(?:scotty|run|runEnv|runSpock|setPort|scottyT)\s+(\d{2,5}))re",
                    R"re((?m)\bport\s*=\s*(\d{2,5}))re", R"re("PORT"[^\n]*?(\d{4,5}))re"};
  patterns.comments = {"--"};
  return patterns;
}

// What package.yaml or the .cabal file says.
struct Manifest {
  std::string file;
  std::string name;
  std::vector<std::string> executables;
};

void AddPackages(const json& list, const std::string& file, App& app) {
  if (!list.is_array()) {
    return;
  }
  for (const json& entry : list) {
    const std::string text = TextOf(entry);
    const std::size_t end = text.find_first_of(" <>=^");
    AddDependency(app, text.substr(0, end),
                  end == std::string::npos ? "" : std::string(Trim(text.substr(end))), file);
  }
}

Manifest ReadHpack(const SourceTree& tree, const std::string& path, App& app) {
  const json document = ReadYamlFile(tree, path);
  Manifest manifest{path, TextAt(document, "name"), {}};
  AddPackages(At(document, "dependencies"), path, app);
  AddPackages(At(document, "library.dependencies"), path, app);
  if (const json& list = At(document, "executables"); list.is_object()) {
    for (const auto& [name, executable] : list.items()) {
      manifest.executables.push_back(name);
      AddPackages(At(executable, "dependencies"), path, app);
    }
  } else if (!At(document, "executable").is_null()) {
    manifest.executables.push_back(manifest.name);
    AddPackages(At(document, "executable.dependencies"), path, app);
  }
  return manifest;
}

// Fields of a stanza go on over lines that are indented deeper.
void ReadBuildDepends(const std::string& text, const std::string& path, App& app) {
  static const RE2 kField(
      R"((?im)^[ \t]+build-depends\s*:((?:[^\n]*)(?:\n[ \t]*[,][^\n]*|\n[ \t]{6,}[\w-][^\n:]*)*))");
  re2::StringPiece rest(text);
  std::string list;
  while (RE2::FindAndConsume(&rest, kField, &list)) {
    re2::StringPiece entries(list);
    std::string name;
    static const RE2 kName(R"((?:^|,|\n)\s*([A-Za-z][\w-]*))");
    while (RE2::FindAndConsume(&entries, kName, &name)) {
      AddDependency(app, name, "", path);
    }
  }
}

Manifest ReadCabal(const SourceTree& tree, const std::string& path, App& app) {
  std::string text = TextOfFile(tree, path, "--");
  Manifest manifest{path, FirstMatch(text, R"((?im)^name\s*:\s*([\w-]+))"), {}};
  manifest.executables = AllMatches(text, R"((?im)^executable\s+([\w-]+))");
  const std::size_t tests = text.find("\ntest-suite");
  ReadBuildDepends(text.substr(0, tests), path, app);
  return manifest;
}

std::string CabalIn(const SourceTree& tree, const std::string& directory) {
  for (const std::string& name : tree.In(directory)) {
    if (name.ends_with(".cabal")) {
      return JoinPath(directory, name);
    }
  }
  return {};
}

void FindVersion(const SourceTree& tree, const std::string& directory, const std::string& stack,
                 const std::string& cabal, App& app) {
  Choice choice;
  if (!stack.empty()) {
    const json document = ReadYamlFile(tree, stack);
    std::string resolver = TextAt(document, "snapshot");
    resolver = resolver.empty() ? TextAt(document, "resolver") : resolver;
    const std::string url = TextAt(document, "resolver.url") + TextAt(document, "snapshot.url");
    if (resolver.empty() && !url.empty()) {
      resolver = FirstMatch(url, R"(((?:lts|nightly)/[\d/-]+\d))");
      std::replace(resolver.begin(), resolver.end(), '/', '-');
    }
    if (!resolver.empty()) {
      app.traits["haskell.resolver"] = resolver;
    }
    choice.Add(FirstMatch(TextAt(document, "compiler"), R"(ghc-([\d.]+))"), {stack, "compiler"});
    choice.Add(FirstMatch(resolver, R"(^ghc-([\d.]+))"), {stack, "resolver"});
  }
  const std::string project = JoinPath(directory, "cabal.project");
  choice.Add(FirstMatch(TextOfFile(tree, project, "--"), R"(with-compiler:\s*ghc-([\d.]+))"),
             {project, "with-compiler"});
  if (const auto tool = ToolVersion(tree, directory, {"ghc", "haskell"})) {
    choice.Add(tool->value, tool->source);
  }
  choice.Add(FirstMatch(TextOfFile(tree, cabal, "--"), R"((?i)tested-with:\s*GHC\s*==\s*([\d.]+))"),
             {cabal, "tested-with"});
  app.version = choice.Best();
}

void Describe(const SourceTree& tree, const std::string& directory, bool has_stack,
              const Manifest& manifest, App& app) {
  const std::string& main = manifest.executables.front();
  if (has_stack) {
    app.install.push_back(Likely("stack build --only-dependencies"));
    app.build.push_back(Likely("stack install --local-bin-path bin", manifest.file));
  } else {
    app.install.push_back(Likely("cabal update"));
    app.install.push_back(Likely("cabal build --only-dependencies all", manifest.file));
    app.build.push_back(
        Likely("cabal install exe:" + main +
                   " --installdir=bin --install-method=copy --overwrite-policy=always",
               manifest.file));
  }
  const std::string lock =
      JoinPath(directory, has_stack ? "stack.yaml.lock" : "cabal.project.freeze");
  if (tree.Has(lock)) {
    app.lock_file = Certain(lock, lock);
  }
  app.output = Certain("bin/" + main, manifest.file, "executables");
  app.run = Certain("./bin/" + main, manifest.file, "executables");
  for (std::size_t i = 1; i < manifest.executables.size(); ++i) {
    app.processes.push_back(
        {PlainName(manifest.executables[i], ""),
         Certain("./bin/" + manifest.executables[i], manifest.file, "executables")});
  }
}

void FindNeeds(const std::string& file, App& app) {
  for (const Package& package : kPackages) {
    if (!DependsOn(app, package.name)) {
      continue;
    }
    const std::string name(package.name);
    if (!package.service.empty()) {
      AddService(app, Likely(std::string(package.service), file, name));
    }
    if (!package.run.empty() &&
        std::none_of(app.system_packages.begin(), app.system_packages.end(),
                     [&](const auto& other) { return other.package.value == package.run; })) {
      app.system_packages.push_back({Likely(std::string(package.run), file, name), false});
      app.system_packages.push_back({Likely(std::string(package.build), file, name), true});
    }
  }
  // Every program of GHC is linked with it.
  app.system_packages.push_back({Likely("libgmp10", file), false});
  app.system_packages.push_back({Likely("libgmp-dev", file), true});
}

}  // namespace

LanguageFindings AnalyseHaskell(const SourceTree& tree, const std::string& directory) {
  const std::string hpack = JoinPath(directory, "package.yaml");
  const std::string cabal = CabalIn(tree, directory);
  const bool has_hpack = tree.Has(hpack);
  if ((!has_hpack && cabal.empty()) || tree.Below(directory, ".hs").empty()) {
    return {};
  }
  Claimed claimed;
  App& app = claimed.app;
  app = BeginApp(directory, "haskell", has_hpack ? hpack : cabal);
  const Manifest manifest = has_hpack ? ReadHpack(tree, hpack, app) : ReadCabal(tree, cabal, app);
  SetName(app, manifest.name, manifest.file, "name");
  const auto above = FindUpwards(tree, directory, "stack.yaml");
  const bool has_stack = above.has_value();
  if (has_stack) {
    app.workspace = *above;
  }
  app.package_manager = has_stack ? Certain("stack", JoinPath(*above, "stack.yaml"))
                                  : Certain("cabal", manifest.file);
  FindVersion(tree, directory, has_stack ? JoinPath(*above, "stack.yaml") : "", cabal, app);
  AddCodeFacts(ScanCode(tree, directory, Patterns()), app);
  FindNeeds(manifest.file, app);
  for (const Known& known : kFrameworks) {
    if (!app.framework && DependsOn(app, known.package)) {
      app.framework =
          Certain(std::string(known.framework), manifest.file, std::string(known.package));
      GuessPort(app, std::string(known.port));
    }
  }
  claimed.is_library = manifest.executables.empty();
  if (!claimed.is_library) {
    Describe(tree, app.workspace, has_stack, manifest, app);
  }
  app.kind = app.framework || !app.ports.empty() ? AppKind::kService : AppKind::kProgram;
  claimed.claim = claimed.is_library ? Claim::kManifest
                  : app.framework    ? Claim::kFramework
                                     : Claim::kRunnable;
  LanguageFindings findings;
  findings.apps.push_back(std::move(claimed));
  return findings;
}

}  // namespace casemate::analysis
