// Crystal: shard.yml with its targets; Kemal, Lucky, Amber and others.
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

namespace casemate::analysis {

namespace {

using nlohmann::json;

struct Known {
  std::string_view shard;
  std::string_view framework;
  std::string_view port;
};
constexpr auto kFrameworks = std::to_array<Known>({
    {"kemal", "kemal", "3000"},
    {"lucky", "lucky", "5000"},
    {"amber", "amber", "3000"},
    {"grip", "grip", "3000"},
    {"athena", "athena", "3000"},
    {"marten", "marten", "8000"},
    {"spider-gazelle", "spider-gazelle", "3000"},
});

constexpr auto kServices = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"pg", "postgres"},
    {"avram", "postgres"},
    {"mysql", "mysql"},
    {"sqlite3", "sqlite"},
    {"redis", "redis"},
    {"mosquito", "redis"},
    {"cryomongo", "mongodb"},
    {"amqp-client", "rabbitmq"},
});

CodePatterns Patterns() {
  CodePatterns patterns;
  patterns.suffixes = {".cr"};
  patterns.environment = {
      {R"re(ENV\.fetch\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*,\s*"?([^")]*)"?\s*\))re"},
      {R"re(ENV\.fetch\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\)\s*\{\s*"?([^"}]*?)"?\s*\})re"},
      {R"re(ENV\[\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\]\?(?:\s*\|\|\s*"?([^"\s)]*)"?)?)re"},
      {R"re(ENV\[\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\](?:[^?]|$))re", true},
  };
  patterns.ports = {R"re(Kemal\.config\.port\s*=\s*(?:\(?ENV[^\n]*?)?(\d{2,5}))re",
                    R"re(Kemal\.run(?:\(|\s+)(?:port:\s*)?(\d{2,5}))re",
                    R"re(bind_tcp(?:\(|\s+)\s*(?:"[^"]*",\s*)?(\d{2,5}))re",
                    R"re("PORT"[^\n]*?(\d{4,5}))re"};
  patterns.comments = {"#"};
  return patterns;
}

void ReadShard(const SourceTree& tree, const std::string& path, const json& shard, App& app) {
  SetName(app, TextAt(shard, "name"), path, "name");
  if (const json& list = At(shard, "dependencies"); list.is_object()) {
    for (const auto& [name, entry] : list.items()) {
      AddDependency(app, name, TextAt(entry, "version"), path);
    }
  }
  app.package_manager = Certain("shards", path);
  const std::string lock = JoinPath(app.directory, "shard.lock");
  if (tree.Has(lock)) {
    app.lock_file = Certain(lock, lock);
  }
  Choice choice;
  const std::string pinned = JoinPath(app.directory, ".crystal-version");
  choice.Add(FirstLine(tree, pinned), {pinned, ""});
  if (const auto tool = ToolVersion(tree, app.directory, {"crystal"})) {
    choice.Add(tool->value, tool->source);
  }
  choice.Add(TextAt(shard, "crystal"), {path, "crystal"});
  app.version = choice.Best();
  for (const auto& [name, service] : kServices) {
    if (DependsOn(app, name)) {
      AddService(app, Likely(std::string(service), path, std::string(name)));
    }
  }
}

void AddPackages(const std::string& path, App& app) {
  // The runtime of Crystal is linked with these.
  constexpr auto kPackages =
      std::to_array<std::pair<std::string_view, bool>>({{"libgc1", false},
                                                        {"libevent-2.1-7", false},
                                                        {"libpcre2-8-0", false},
                                                        {"libgc-dev", true},
                                                        {"libevent-dev", true},
                                                        {"libpcre2-dev", true}});
  for (const auto& [name, is_for_build] : kPackages) {
    app.system_packages.push_back({Likely(std::string(name), path), is_for_build});
  }
  if (app.framework) {
    app.system_packages.push_back({Likely("libssl3", path), false});
    app.system_packages.push_back({Likely("libssl-dev", path), true});
  }
  if (DependsOn(app, "sqlite3")) {
    app.system_packages.push_back({Likely("libsqlite3-0", path, "sqlite3"), false});
    app.system_packages.push_back({Likely("libsqlite3-dev", path, "sqlite3"), true});
  }
}

std::vector<std::string> TargetsOf(const SourceTree& tree, const json& shard,
                                   const std::string& directory, const std::string& name) {
  std::vector<std::string> targets;
  if (const json& list = At(shard, "targets"); list.is_object()) {
    for (const auto& [target, entry] : list.items()) {
      targets.push_back(target);
    }
    // The one that is named like the whole is the main one.
    if (const auto main = std::find(targets.begin(), targets.end(), name); main != targets.end()) {
      std::rotate(targets.begin(), main, main + 1);
    }
  }
  if (targets.empty() && tree.Has(JoinPath(directory, "src/start_server.cr"))) {
    targets.emplace_back("start_server");
  }
  return targets;
}

}  // namespace

LanguageFindings AnalyseCrystal(const SourceTree& tree, const std::string& directory) {
  const std::string path = JoinPath(directory, "shard.yml");
  if (!tree.Has(path)) {
    return {};
  }
  const json shard = ReadYamlFile(tree, path);
  Claimed claimed;
  App& app = claimed.app;
  app = BeginApp(directory, "crystal", path);
  ReadShard(tree, path, shard, app);
  AddCodeFacts(ScanCode(tree, directory, Patterns()), app);
  std::string port;
  for (const Known& known : kFrameworks) {
    if (!app.framework && DependsOn(app, known.shard)) {
      app.framework =
          Certain(std::string(known.framework), path, "dependencies." + std::string(known.shard));
      port = known.port;
    }
  }
  AddPackages(path, app);
  const std::vector<std::string> targets = TargetsOf(tree, shard, directory, TextAt(shard, "name"));
  app.install.push_back(
      Likely(app.lock_file ? "shards install --production --frozen" : "shards install --production",
             path));
  if (!targets.empty()) {
    app.build.push_back(Likely("shards build --production --release --no-debug", path, "targets"));
    app.output = Certain("bin/" + targets.front(), path, "targets");
    app.run = Certain("./bin/" + targets.front(), path, "targets");
    for (std::size_t i = 1; i < targets.size(); ++i) {
      app.processes.push_back(
          {PlainName(targets[i], ""), Certain("./bin/" + targets[i], path, "targets")});
    }
  } else if (app.framework) {
    const std::string main = "src/" + TextAt(shard, "name") + ".cr";
    app.build.push_back(Likely("crystal build --release --no-debug -o bin/app " + main, path));
    app.output = Likely("bin/app");
    app.run = Likely("./bin/app");
  }
  if (app.framework || !app.ports.empty()) {
    app.kind = AppKind::kService;
    GuessPort(app, port.empty() ? "3000" : port);
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
