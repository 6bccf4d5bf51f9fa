// Zig: build.zig with its executables, and build.zig.zon.
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
    {"zap", "zap"},
    {"httpz", "httpz"},
    {"http.zig", "httpz"},
    {"jetzig", "jetzig"},
    {"tokamak", "tokamak"},
});

CodePatterns Patterns() {
  CodePatterns patterns;
  patterns.suffixes = {".zig"};
  patterns.environment = {
      {R"re(getEnvVarOwned\([^,]+,\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\)\s*(?:catch|orelse)\s*(?:[^"\n;]*"([^"]*)")?)re"},
      {R"re(try\s+(?:std\.)?process\.getEnvVarOwned\([^,]+,\s*"([A-Za-z_][A-Za-z0-9_]*)")re", true},
      {R"re(posix\.getenv\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\)(?:\s*orelse\s*"([^"]*)")?)re"},
  };
  patterns.ports = {R"re(\.port\s*=\s*(\d{2,5}))re", R"re(parseIp4?\(\s*"[^"]*",\s*(\d{2,5}))re",
                    R"re(Address\.initIp4\([^;]*?,\s*(\d{2,5})\))re",
                    R"re(\bconst\s+port(?::\s*u16)?\s*=\s*(\d{2,5}))re"};
  return patterns;
}

void ReadZon(const SourceTree& tree, const std::string& path, App& app) {
  const std::string text = TextOfFile(tree, path, "//");
  std::string name = FirstMatch(text, R"re((?m)^\s*\.name\s*=\s*(?:\.@?"?|")([\w-]+))re");
  SetName(app, name, path, "name");
  const std::size_t begin = text.find(".dependencies");
  if (begin == std::string::npos) {
    return;
  }
  const std::string list = text.substr(begin);
  for (const std::string& dependency :
       AllMatches(list.substr(0, list.find(".paths")),
                  R"re(\.(?:@")?([\w.-]+)"?\s*=\s*\.\{\s*\.(?:url|path|hash|lazy))re")) {
    AddDependency(app, dependency, "", path);
  }
}

void FindVersion(const SourceTree& tree, const std::string& directory, App& app) {
  Choice choice;
  const std::string path = JoinPath(directory, ".zigversion");
  choice.Add(FirstLine(tree, path), {path, ""});
  choice.Add(FirstLine(tree, JoinPath(directory, ".zig-version")),
             {JoinPath(directory, ".zig-version"), ""});
  if (const auto tool = ToolVersion(tree, directory, {"zig"})) {
    choice.Add(tool->value, tool->source);
  }
  const std::string zon = JoinPath(directory, "build.zig.zon");
  choice.Add(
      FirstMatch(TextOfFile(tree, zon, "//"), R"re(\.minimum_zig_version\s*=\s*"([^"]+)")re"),
      {zon, "minimum_zig_version"});
  app.version = choice.Best();
}

}  // namespace

LanguageFindings AnalyseZig(const SourceTree& tree, const std::string& directory) {
  const std::string path = JoinPath(directory, "build.zig");
  if (!tree.Has(path)) {
    return {};
  }
  const std::string text = TextOfFile(tree, path, "//");
  Claimed claimed;
  App& app = claimed.app;
  app = BeginApp(directory, "zig", path);
  ReadZon(tree, JoinPath(directory, "build.zig.zon"), app);
  FindVersion(tree, directory, app);
  app.package_manager = Certain("zig", path);
  AddCodeFacts(ScanCode(tree, directory, Patterns()), app);
  for (const std::string& library : AllMatches(text, R"re(linkSystemLibrary2?\(\s*"([^"]+)")re")) {
    app.dependencies.push_back(
        {library.starts_with("-l") ? library : "-l" + library, "", {path, "linkSystemLibrary"}});
  }
  AddNeeds(Ecosystem::kOther, app);
  for (const auto& [package, name] : kFrameworks) {
    if (!app.framework && DependsOn(app, package)) {
      app.framework = Certain(std::string(name), JoinPath(directory, "build.zig.zon"),
                              "dependencies." + std::string(package));
    }
  }
  const std::vector<std::string> programs =
      AllMatches(text, R"re(addExecutable\(\s*\.\{[^;]*?\.name\s*=\s*"([^"]+)")re");
  claimed.is_library = programs.empty();
  if (!programs.empty()) {
    app.name = Certain(PlainName(programs.front(), directory), path, "addExecutable");
    if (tree.Has(JoinPath(directory, "build.zig.zon"))) {
      app.install.push_back(Likely("zig build --fetch", JoinPath(directory, "build.zig.zon")));
    }
    app.build.push_back(Likely("zig build -Doptimize=ReleaseSafe", path));
    app.output = Likely("zig-out/bin/" + programs.front(), path, "addExecutable");
    app.run = Likely("./zig-out/bin/" + programs.front(), path, "addExecutable");
    for (std::size_t i = 1; i < programs.size(); ++i) {
      app.processes.push_back({PlainName(programs[i], ""),
                               Likely("./zig-out/bin/" + programs[i], path, "addExecutable")});
    }
  }
  if (app.framework || !app.ports.empty()) {
    app.kind = AppKind::kService;
    GuessPort(app, app.framework && app.framework->value == "httpz" ? "5882" : "3000");
  }
  claimed.claim = claimed.is_library ? Claim::kManifest
                  : app.framework    ? Claim::kFramework
                                     : Claim::kRunnable;
  LanguageFindings findings;
  findings.apps.push_back(std::move(claimed));
  return findings;
}

}  // namespace casemate::analysis
