// Swift: packages with executable targets (Vapor, Hummingbird, command lines).
// Traits: "swift.product" (the executable).
#include <re2/re2.h>

#include <array>
#include <utility>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

namespace {

constexpr auto kFrameworks = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"vapor", "vapor"},
    {"hummingbird", "hummingbird"},
    {"Kitura", "kitura"},
    {"Perfect-HTTPServer", "perfect"},
    {"smoke-framework", "smoke"},
});

constexpr auto kServices = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"fluent-postgres-driver", "postgres"},
    {"postgres-nio", "postgres"},
    {"fluent-mysql-driver", "mysql"},
    {"mysql-nio", "mysql"},
    {"fluent-sqlite-driver", "sqlite"},
    {"fluent-mongo-driver", "mongodb"},
    {"mongo-swift-driver", "mongodb"},
    {"MongoKitten", "mongodb"},
    {"redis", "redis"},
    {"RediStack", "redis"},
    {"queues-redis-driver", "redis"},
});

CodePatterns Patterns() {
  CodePatterns patterns;
  patterns.suffixes = {".swift"};
  patterns.environment = {
      {R"re(Environment\.get\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\)(?:\s*\?\?\s*"([^"]*)")?)re"},
      {R"re(Environment\.get\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\)!)re", true},
      {R"re(processInfo\.environment\[\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\](?:\s*\?\?\s*"([^"]*)")?)re"},
      {R"re(\.get\(\s*"([A-Z][A-Z0-9_]*)"(?:,\s*as:[^)]*)?\))re"},
  };
  patterns.ports = {R"re(configuration\.port\s*=\s*(?:[^\n]*\?\?\s*)?(\d{2,5}))re",
                    R"re(hostname\([^,()]+,\s*port:\s*(\d{2,5}))re",
                    R"re(\bbind\([^)]*port:\s*(\d{2,5}))re"};
  patterns.comments = {"//", "*"};
  return patterns;
}

std::string NameOfUrl(const std::string& url) {
  std::string name(NameOf(url));
  return name.ends_with(".git") ? name.substr(0, name.size() - 4) : name;
}

void ReadDependencies(const std::string& text, const std::string& path, App& app) {
  static const RE2 kPackage(
      R"re(\.package\((?:\s*name:\s*"[^"]*",)?\s*url:\s*"([^"]+)"\s*,?\s*([^\n]*))re");
  re2::StringPiece rest(text);
  std::string url;
  std::string version;
  while (RE2::FindAndConsume(&rest, kPackage, &url, &version)) {
    AddDependency(app, NameOfUrl(url), FirstMatch(version, R"re("([\d.]+)")re"), path);
  }
  for (const auto& [package, service] : kServices) {
    if (DependsOn(app, package)) {
      AddService(app, Likely(std::string(service), path, std::string(package)));
    }
  }
}

// Targets with @main or main.swift; older manifests call them .target and leave a main.swift.
std::vector<std::string> Executables(const SourceTree& tree, const std::string& directory,
                                     const std::string& text) {
  std::vector<std::string> names =
      AllMatches(text, R"re(\.executableTarget\(\s*name:\s*"([^"]+)")re");
  for (const std::string& name : AllMatches(text, R"re(\.target\(\s*name:\s*"([^"]+)")re")) {
    if (tree.Has(JoinPath(directory, "Sources/" + name + "/main.swift"))) {
      names.push_back(name);
    }
  }
  for (const std::string& name : AllMatches(text, R"re(\.executable\(\s*name:\s*"([^"]+)")re")) {
    if (names.empty()) {
      names.push_back(name);
    }
  }
  return names;
}

void FindVersion(const SourceTree& tree, const std::string& directory, const std::string& text,
                 App& app) {
  Choice choice;
  choice.Add(FirstLine(tree, JoinPath(directory, ".swift-version")),
             {JoinPath(directory, ".swift-version"), ""});
  if (const auto tool = ToolVersion(tree, directory, {"swift"})) {
    choice.Add(tool->value, tool->source);
  }
  choice.Add(FirstMatch(text, R"(swift-tools-version\s*:\s*([\d.]+))"),
             {JoinPath(directory, "Package.swift"), "swift-tools-version"});
  app.version = choice.Best();
}

void Describe(const std::string& path, const std::vector<std::string>& executables, bool is_vapor,
              App& app) {
  const std::string& main = executables.front();
  app.traits["swift.product"] = main;
  app.build.push_back(Likely("swift build -c release --product " + main, path));
  app.output = Likely(".build/release/" + main, path);
  app.run = Likely(".build/release/" + main +
                       (is_vapor ? " serve --env production --hostname 0.0.0.0 "
                                   "--port ${PORT:-8080}"
                                 : ""),
                   path);
  for (std::size_t i = 1; i < executables.size(); ++i) {
    app.processes.push_back(
        {PlainName(executables[i], ""), Likely(".build/release/" + executables[i], path)});
  }
}

}  // namespace

LanguageFindings AnalyseSwift(const SourceTree& tree, const std::string& directory) {
  const std::string path = JoinPath(directory, "Package.swift");
  if (!tree.Has(path)) {
    return {};
  }
  const std::string whole = TextOfFile(tree, path);
  const std::string text = TextOfFile(tree, path, "//");
  Claimed claimed;
  App& app = claimed.app;
  app = BeginApp(directory, "swift", path);
  SetName(app, FirstMatch(text, R"re(Package\(\s*name:\s*"([^"]+)")re"), path, "name");
  FindVersion(tree, directory, whole, app);
  app.package_manager = Certain("swiftpm", path);
  const std::string lock = JoinPath(directory, "Package.resolved");
  if (tree.Has(lock)) {
    app.lock_file = Certain(lock, lock);
  }
  ReadDependencies(text, path, app);
  AddCodeFacts(ScanCode(tree, directory, Patterns()), app);
  for (const auto& [package, name] : kFrameworks) {
    if (!app.framework && DependsOn(app, package)) {
      app.framework = Certain(std::string(name), path, std::string(package));
    }
  }
  app.install.push_back(Likely(
      app.lock_file ? "swift package resolve --force-resolved-versions" : "swift package resolve",
      path));
  const std::vector<std::string> executables = Executables(tree, directory, text);
  const std::string framework = app.framework ? app.framework->value : "";
  if (!executables.empty()) {
    Describe(path, executables, framework == "vapor", app);
  }
  if (!framework.empty() || !app.ports.empty()) {
    app.kind = AppKind::kService;
    GuessPort(app, "8080");
  }
  claimed.is_library = executables.empty();
  claimed.claim = claimed.is_library ? Claim::kManifest
                  : app.framework    ? Claim::kFramework
                                     : Claim::kRunnable;
  LanguageFindings findings;
  findings.apps.push_back(std::move(claimed));
  return findings;
}

}  // namespace casemate::analysis
