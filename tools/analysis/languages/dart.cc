// Dart: servers (shelf, dart_frog, Serverpod) and command lines that are compiled ahead of time,
// and sites that Flutter builds.
// Traits: "dart.flutter" = "true" (the SDK of Flutter is needed), "dart.entry" (what is compiled).
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

constexpr auto kFrameworks = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"dart_frog", "dart_frog"},
    {"serverpod", "serverpod"},
    {"shelf", "shelf"},
    {"alfred", "alfred"},
    {"conduit", "conduit"},
    {"angel3_framework", "angel3"},
    {"jaspr", "jaspr"},
});

CodePatterns Patterns() {
  CodePatterns patterns;
  patterns.suffixes = {".dart"};
  patterns.environment = {
      {R"re(Platform\.environment\[\s*['"]([A-Za-z_][A-Za-z0-9_]*)['"]\s*\](?:\s*\?\?\s*['"]([^'"]*)['"])?)re"},
      {R"re(Platform\.environment\[\s*['"]([A-Za-z_][A-Za-z0-9_]*)['"]\s*\]!)re", true},
  };
  patterns.ports = {
      R"re(\[['"]PORT['"]\]\s*\?\?\s*['"]?(\d{2,5}))re",
      R"re(\b(?:serve|bind)\([^,;]+,\s*[^,;]+,\s*(\d{2,5}))re",
      R"re((?i)\bport\s*[:=]\s*(\d{2,5}))re",
      R"re(\.listen\(\s*(\d{2,5}))re",
  };
  patterns.comments = {"//", "*"};
  return patterns;
}

void ReadPubspec(const SourceTree& tree, const std::string& path, const json& pubspec, App& app) {
  SetName(app, TextAt(pubspec, "name"), path, "name");
  if (const json& list = At(pubspec, "dependencies"); list.is_object()) {
    for (const auto& [name, version] : list.items()) {
      AddDependency(app, name, version.is_object() ? TextAt(version, "version") : TextOf(version),
                    path);
    }
  }
  const std::string lock = JoinPath(app.directory, "pubspec.lock");
  app.package_manager = Certain("pub", path);
  if (tree.Has(lock)) {
    app.lock_file = Certain(lock, lock);
  }
}

void FindVersion(const SourceTree& tree, const json& pubspec, const std::string& path,
                 bool is_flutter, App& app) {
  Choice choice;
  if (is_flutter) {
    const std::string fvm = JoinPath(app.directory, ".fvmrc");
    choice.Add(tree.Has(fvm) ? TextAt(ReadJsonFile(tree, fvm, true), "flutter") : "",
               {fvm, "flutter"});
    if (const auto tool = ToolVersion(tree, app.directory, {"flutter"})) {
      choice.Add(tool->value, tool->source);
    }
    choice.Add(TextAt(pubspec, "environment.flutter"), {path, "environment.flutter"});
  } else if (const auto tool = ToolVersion(tree, app.directory, {"dart"})) {
    choice.Add(tool->value, tool->source);
  }
  choice.Add(TextAt(pubspec, "environment.sdk"), {path, "environment.sdk"});
  app.version = choice.Best();
}

std::string EntryIn(const SourceTree& tree, const std::string& directory,
                    const std::string& package) {
  for (const std::string& name :
       std::vector<std::string>{"bin/server.dart", "bin/" + package + ".dart", "bin/main.dart"}) {
    if (tree.Has(JoinPath(directory, name))) {
      return name;
    }
  }
  std::string only;
  for (const std::string& name : tree.In(JoinPath(directory, "bin"))) {
    if (name.ends_with(".dart")) {
      if (only.empty()) {
        only = "bin/";
        only += name;
      }
    }
  }
  return only;
}

void DescribeFlutter(const SourceTree& tree, const std::string& path, App& app) {
  app.framework = Certain("flutter", path, "dependencies.flutter");
  app.kind = AppKind::kStaticSite;
  app.traits["dart.flutter"] = "true";
  app.install.push_back(
      Likely(app.lock_file ? "flutter pub get --enforce-lockfile" : "flutter pub get", path));
  app.build.push_back(
      Likely("flutter build web --release", tree.HasDirectory(JoinPath(app.directory, "web"))
                                                ? JoinPath(app.directory, "web/index.html")
                                                : ""));
  app.output = Likely("build/web");
  app.ports.clear();
  GuessPort(app, "80");
}

void DescribeFrog(const std::string& path, App& app) {
  app.install.insert(app.install.begin(), Likely("dart pub global activate dart_frog_cli", path));
  app.build.push_back(Likely("dart_frog build", path));
  app.build.push_back(Likely("dart compile exe build/bin/server.dart -o build/bin/server", path));
  app.output = Likely("build/bin/server", path);
  app.run = Likely("./build/bin/server", path);
}

void DescribeProgram(const std::string& directory, const std::string& entry, App& app) {
  const std::string output = entry.substr(0, entry.rfind('.'));
  const std::string path = JoinPath(directory, entry);
  app.traits["dart.entry"] = entry;
  app.build.push_back(Likely("dart compile exe " + entry + " -o " + output, path));
  app.output = Likely(output, path);
  app.run = Likely("./" + output, path);
}

}  // namespace

LanguageFindings AnalyseDart(const SourceTree& tree, const std::string& directory) {
  const std::string path = JoinPath(directory, "pubspec.yaml");
  if (!tree.Has(path)) {
    return {};
  }
  const json pubspec = ReadYamlFile(tree, path);
  Claimed claimed;
  App& app = claimed.app;
  app = BeginApp(directory, "dart", path);
  ReadPubspec(tree, path, pubspec, app);
  const bool is_flutter = DependsOn(app, "flutter");
  FindVersion(tree, pubspec, path, is_flutter, app);
  AddCodeFacts(ScanCode(tree, directory, Patterns()), app);
  AddNeeds(Ecosystem::kOther, app);
  const std::string entry = EntryIn(tree, directory, TextAt(pubspec, "name"));
  if (is_flutter) {
    // Packages of Flutter have no main of their own.
    claimed.is_library = !tree.Has(JoinPath(directory, "lib/main.dart"));
    DescribeFlutter(tree, path, app);
  } else {
    for (const auto& [package, name] : kFrameworks) {
      if (!app.framework && DependsOn(app, package)) {
        app.framework = Certain(std::string(name), path, "dependencies." + std::string(package));
      }
    }
    app.install.push_back(
        Likely(app.lock_file ? "dart pub get --enforce-lockfile" : "dart pub get", path));
    if (app.framework && app.framework->value == "dart_frog") {
      DescribeFrog(path, app);
    } else if (!entry.empty()) {
      DescribeProgram(directory, entry, app);
    }
    if (app.run && (app.framework || !app.ports.empty())) {
      app.kind = AppKind::kService;
      GuessPort(app, "8080");
    }
    claimed.is_library = !app.run;
  }
  claimed.claim = claimed.is_library ? Claim::kManifest
                  : app.framework    ? Claim::kFramework
                                     : Claim::kRunnable;
  LanguageFindings findings;
  findings.apps.push_back(std::move(claimed));
  return findings;
}

}  // namespace casemate::analysis
