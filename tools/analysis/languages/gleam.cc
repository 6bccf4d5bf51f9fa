// Gleam: gleam.toml; Wisp and Mist on Erlang, sites of Lustre, programs for JavaScript.
// Traits: "gleam.target" ("erlang", "javascript").
#include <re2/re2.h>

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

constexpr auto kFrameworks = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"wisp", "wisp"},
    {"glen", "glen"},
    {"mist", "mist"},
    {"elli", "elli"},
    {"gleam_cowboy", "cowboy"},
});

constexpr auto kServices = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"pog", "postgres"},
    {"gleam_pgo", "postgres"},
    {"squirrel", "postgres"},
    {"sqlight", "sqlite"},
    {"radish", "redis"},
    {"valkyrie", "redis"},
    {"carotte", "rabbitmq"},
});

CodePatterns Patterns() {
  CodePatterns patterns;
  patterns.suffixes = {".gleam"};
  patterns.environment = {
      {R"re(let assert Ok\([^)]*\)\s*=\s*(?:\w+\.)?(?:get|get_string|get_int|get_env)\(\s*"([A-Z_][A-Z0-9_]*)")re",
       true},
      {R"re((?:envoy|os|env|glenvy)\.(?:get|get_env|get_string|get_int)\(\s*"([A-Z_][A-Z0-9_]*)")re"},
  };
  patterns.ports = {R"re(mist\.port\(\s*(\d{2,5}))re", R"re(on_port:\s*(\d{2,5}))re",
                    R"re(\bport\s*=\s*(\d{2,5}))re"};
  patterns.comments = {"//"};
  return patterns;
}

void ReadManifest(const SourceTree& tree, const std::string& path, const json& manifest, App& app) {
  if (const json& list = At(manifest, "dependencies"); list.is_object()) {
    for (const auto& [dependency, version] : list.items()) {
      AddDependency(app, dependency, TextOf(version), path);
    }
  }
  Choice choice;
  if (const auto tool = ToolVersion(tree, app.directory, {"gleam"})) {
    choice.Add(tool->value, tool->source);
  }
  choice.Add(TextAt(manifest, "gleam"), {path, "gleam"});
  app.version = choice.Best();
  app.package_manager = Certain("gleam", path);
  const std::string lock = JoinPath(app.directory, "manifest.toml");
  if (tree.Has(lock)) {
    app.lock_file = Certain(lock, lock);
  }
  const std::string stated = TextAt(manifest, "target");
  app.traits["gleam.target"] = stated.empty() ? "erlang" : stated;
  for (const auto& [package, service] : kServices) {
    if (DependsOn(app, package)) {
      AddService(app, Likely(std::string(service), path, std::string(package)));
    }
  }
  for (const auto& [package, framework] : kFrameworks) {
    if (!app.framework && DependsOn(app, package)) {
      app.framework = Certain(std::string(framework), path, "dependencies." + std::string(package));
    }
  }
}

}  // namespace

LanguageFindings AnalyseGleam(const SourceTree& tree, const std::string& directory) {
  const std::string path = JoinPath(directory, "gleam.toml");
  if (!tree.Has(path)) {
    return {};
  }
  const json manifest = ReadTomlFile(tree, path);
  Claimed claimed;
  App& app = claimed.app;
  app = BeginApp(directory, "gleam", path);
  const std::string name = TextAt(manifest, "name");
  SetName(app, name, path, "name");
  ReadManifest(tree, path, manifest, app);
  const std::string& target = app.traits["gleam.target"];
  AddCodeFacts(ScanCode(tree, directory, Patterns()), app);
  const std::string main = JoinPath(directory, "src/" + name + ".gleam");
  const bool is_begun = RE2::PartialMatch(TextOfFile(tree, main, "//"), R"(\bpub fn main\s*\()");
  app.install.push_back(Likely("gleam deps download", path));
  if (is_begun && target == "erlang") {
    app.build.push_back(Likely("gleam export erlang-shipment", path));
    app.output = Likely("build/erlang-shipment");
    app.run = Likely("./build/erlang-shipment/entrypoint.sh run", main);
  } else if (is_begun) {
    app.build.push_back(Likely("gleam build --target javascript", path));
    app.run = Likely("gleam run --target javascript", main);
    app.also.push_back(Certain("javascript", path, "target"));
  }
  if (app.run && (app.framework || !app.ports.empty())) {
    app.kind = AppKind::kService;
    GuessPort(app, app.framework && app.framework->value == "mist" ? "3000" : "8000");
  }
  claimed.is_library = !app.run;
  claimed.claim = claimed.is_library ? Claim::kManifest
                  : app.framework    ? Claim::kFramework
                                     : Claim::kRunnable;
  LanguageFindings findings;
  findings.apps.push_back(std::move(claimed));
  return findings;
}

}  // namespace casemate::analysis
