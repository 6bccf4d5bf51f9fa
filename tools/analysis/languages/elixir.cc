// Elixir: Mix projects, alone and in umbrellas: Phoenix, Plug, other supervised applications, and
// escripts.
// Traits: "elixir.otp" (the major version of Erlang/OTP to build with), "elixir.release" (its
// name), "elixir.escript" = "true", "phoenix.version" (as asked for).
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

namespace {

// The newest OTP that each version of Elixir was released for.
constexpr auto kOtpOf = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"1.19", "28"},
    {"1.18", "27"},
    {"1.17", "27"},
    {"1.16", "26"},
    {"1.15", "26"},
    {"1.14", "25"},
    {"1.13", "24"},
    {"1.12", "24"},
    {"1.11", "23"},
    {"1.10", "22"},
    {"1.9", "22"},
    {"1.8", "21"},
});

CodePatterns Patterns() {
  CodePatterns patterns;
  patterns.suffixes = {".ex",
                       "config/runtime.exs",
                       "config/prod.exs",
                       "config/config.exs",
                       "config/releases.exs",
                       "config/prod.secret.exs"};
  patterns.environment = {
      {R"re(System\.get_env\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\)\s*\|\|\s*raise)re", true},
      {R"re(System\.fetch_env!\(\s*"([A-Za-z_][A-Za-z0-9_]*)")re", true},
      {R"re(System\.get_env\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\)\s*\|\|\s*"([^"]*)")re"},
      {R"re(System\.get_env\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*,\s*"([^"]*)"\s*\))re"},
      {R"re(System\.(?:get_env|fetch_env)\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\))re"},
      {R"re("([A-Z_][A-Z0-9_]*)"\s*\|>\s*System\.fetch_env!)re", true},
  };
  patterns.ports = {
      R"re(System\.get_env\(\s*"PORT"\s*(?:,|\)\s*\|\|)\s*"(\d{2,5})")re",
      R"re((?:http:|options:)\s*\[[^\]]*?\bport:\s*(\d{2,5}))re",
      R"re(\{\s*(?:Bandit|Plug\.Cowboy)\s*,[^}]*?\bport:\s*(\d{2,5}))re",
      R"re(:gen_tcp\.listen\(\s*(\d{2,5}))re",
  };
  patterns.comments = {"#"};
  return patterns;
}

std::string ReadMix(const SourceTree& tree, const std::string& directory) {
  return TextOfFile(tree, JoinPath(directory, "mix.exs"), "#");
}

// Dependencies of development and of tests are left out; so are other parts of the umbrella.
void ReadDependencies(const std::string& mix, const std::string& path, App& app) {
  static const RE2 kDependency(
      R"re(\{\s*:(\w+)\s*,\s*(?:"([^"]*)"\s*,?)?([^{}]*(?:\{[^{}]*\}[^{}]*)?)\})re");
  re2::StringPiece rest(mix);
  // Before its list there are tuples of other kinds: `mod: {Shop.Application, []}`.
  const std::size_t begin = mix.find("defp deps");
  if (begin != std::string::npos) {
    rest.remove_prefix(begin);
  }
  std::string name;
  std::string version;
  std::string options;
  while (RE2::FindAndConsume(&rest, kDependency, &name, &version, &options)) {
    const bool is_for_development = RE2::PartialMatch(options, R"(only:\s*(\[[^\]]*\]|:\w+))") &&
                                    !RE2::PartialMatch(options, R"(only:\s*(\[[^\]]*)?:prod)");
    if (!is_for_development && options.find("in_umbrella: true") == std::string::npos) {
      AddDependency(app, name, version, path);
    }
    version.clear();
  }
}

void FindVersion(const SourceTree& tree, const std::string& directory, const std::string& mix,
                 App& app) {
  Choice choice;
  if (const auto tool = ToolVersion(tree, directory, {"elixir"})) {
    choice.Add(tool->value, tool->source);
  }
  choice.Add(FirstLine(tree, JoinPath(directory, ".elixir-version")),
             {JoinPath(directory, ".elixir-version"), ""});
  const std::string buildpack = JoinPath(directory, "elixir_buildpack.config");
  const std::string settings = TextOfFile(tree, buildpack, "#");
  choice.Add(FirstMatch(settings, R"((?m)^elixir_version=['"]?([\w.-]+))"),
             {buildpack, "elixir_version"});
  choice.Add(FirstMatch(mix, R"re(\belixir:\s*"([^"]+)")re"),
             {JoinPath(directory, "mix.exs"), "elixir"});
  app.version = choice.Best();

  std::string otp;
  if (const auto tool = ToolVersion(tree, directory, {"erlang"})) {
    otp = FirstMatch(tool->value, R"((\d+))");
  }
  if (otp.empty()) {
    otp = FirstMatch(FirstLine(tree, JoinPath(directory, ".erlang-version")), R"((\d+))");
  }
  if (otp.empty()) {
    otp = FirstMatch(settings, R"((?m)^erlang_version=['"]?(\d+))");
  }
  const std::string version = app.version ? app.version->value : "";
  if (otp.empty()) {
    otp = FirstMatch(version, R"(-otp-(\d+))");
  }
  const std::string minor = FirstMatch(version, R"((\d+\.\d+))");
  for (const auto& [elixir, newest] : kOtpOf) {
    if (otp.empty() && elixir == minor) {
      otp = newest;
    }
  }
  if (!otp.empty()) {
    app.traits["elixir.otp"] = otp;
  }
}

std::string ReleaseName(const std::string& mix, const std::string& name) {
  const std::string stated = FirstMatch(mix, R"(releases:\s*\[\s*(?:\{:)?(\w+)\s*[:,])");
  const std::string function = FirstMatch(mix, R"(def[p]?\s+releases(?:\(\))?\s+do\s+\[\s*(\w+):)");
  const std::string& chosen = stated.empty() ? function : stated;
  return chosen.empty() ? name : chosen;
}

void DescribeRelease(const SourceTree& tree, const std::string& directory, const std::string& mix,
                     const std::string& name, App& app) {
  const std::string path = JoinPath(directory, "mix.exs");
  const std::string release = ReleaseName(mix, name);
  const std::string place = "_build/prod/rel/" + release;
  app.traits["elixir.release"] = release;
  const std::string command = release == name ? "mix release" : "mix release " + release;
  app.build.push_back(Likely("MIX_ENV=prod " + command, path, "releases"));
  app.output = Likely(place, path, "releases");
  if (tree.Has(JoinPath(directory, "rel/overlays/bin/server"))) {
    app.run = Certain(place + "/bin/server", JoinPath(directory, "rel/overlays/bin/server"));
    return;
  }
  const std::string runtime = JoinPath(directory, "config/runtime.exs");
  const bool waits = TextOfFile(tree, runtime, "#").find("PHX_SERVER") != std::string::npos;
  app.run = Likely((waits ? "env PHX_SERVER=true " : "") + place + "/bin/" + release + " start",
                   path, "releases");
}

void DescribeAssets(const SourceTree& tree, const std::string& directory,
                    const std::string& web_directory, const std::string& mix, App& app) {
  const std::string inner =
      web_directory == directory
          ? ""
          : web_directory.substr(directory.empty() ? 0 : directory.size() + 1);
  const std::string enter = inner.empty() ? "" : "cd " + inner + " && ";
  const std::string path = JoinPath(web_directory, "mix.exs");
  const std::string assets = JoinPath(inner, "assets");
  const std::string web_mix = web_directory == directory ? mix : ReadMix(tree, web_directory);
  const bool has_alias = RE2::PartialMatch(web_mix, R"("assets\.deploy"\s*:)") ||
                         RE2::PartialMatch(mix, R"("assets\.deploy"\s*:)");
  AddWebAssets(tree, directory, assets, has_alias ? "" : "deploy", app);
  if (has_alias) {
    app.build.push_back(
        Likely(enter + "MIX_ENV=prod mix assets.deploy", path, "aliases.assets.deploy"));
  } else if (tree.HasDirectory(JoinPath(directory, assets))) {
    app.build.push_back(Likely(enter + "MIX_ENV=prod mix phx.digest", path));
  }
}

void FindFramework(const std::string& path, App& app) {
  for (const auto& [package, name] :
       std::to_array<std::pair<std::string_view, std::string_view>>({{"phoenix", "phoenix"},
                                                                     {"plug_cowboy", "plug"},
                                                                     {"bandit", "plug"},
                                                                     {"plug", "plug"}})) {
    if (DependsOn(app, package)) {
      app.framework = Certain(std::string(name), path, std::string(package));
      break;
    }
  }
  for (const Dependency& dependency : app.dependencies) {
    if (dependency.name == "phoenix" && !dependency.version.empty()) {
      app.traits["phoenix.version"] = dependency.version;
    }
  }
}

// Directories of an umbrella's parts.
std::vector<std::string> PartsOf(const SourceTree& tree, const std::string& directory,
                                 const std::string& mix) {
  std::vector<std::string> parts;
  const std::string place = FirstMatch(mix, R"re(apps_path:\s*"([^"]+)")re");
  if (place.empty()) {
    return parts;
  }
  const std::string prefix = JoinPath(directory, place);
  for (const std::string& path : tree.Below(prefix, "/mix.exs")) {
    if (ParentOf(ParentOf(path)) == prefix) {
      parts.emplace_back(ParentOf(path));
    }
  }
  return parts;
}

// What mix fetched, when it was not left out of the tree.
bool IsFetched(const SourceTree& tree, const std::string& directory) {
  const std::string_view above = ParentOf(directory);
  return NameOf(above) == "deps" && tree.Has(JoinPath(ParentOf(above), "mix.exs"));
}

bool IsPartOfUmbrella(const SourceTree& tree, const std::string& directory) {
  const std::string above(ParentOf(ParentOf(directory)));
  return directory.find('/') != std::string::npos && tree.Has(JoinPath(above, "mix.exs")) &&
         ReadMix(tree, above).find("apps_path:") != std::string::npos;
}

void FindInstall(const SourceTree& tree, const std::string& directory, App& app) {
  const std::string lock = JoinPath(directory, "mix.lock");
  const std::string path = JoinPath(directory, "mix.exs");
  app.package_manager = Certain("mix", path);
  if (tree.Has(lock)) {
    app.lock_file = Certain(lock, lock);
  }
  app.install.push_back(Likely("mix local.hex --force", path));
  app.install.push_back(Likely("mix local.rebar --force", path));
  app.install.push_back(Likely(
      tree.Has(lock) ? "mix deps.get --only prod --check-locked" : "mix deps.get --only prod",
      tree.Has(lock) ? lock : path));
}

Claim Describe(const SourceTree& tree, const std::string& directory, const std::string& mix,
               const std::vector<std::string>& parts, bool& is_library, App& app) {
  const std::string path = JoinPath(directory, "mix.exs");
  std::string web_directory = directory;
  bool is_supervised = RE2::PartialMatch(mix, R"(\bmod:\s*\{)");
  for (const std::string& part : parts) {
    const std::string text = ReadMix(tree, part);
    ReadDependencies(text, JoinPath(part, "mix.exs"), app);
    is_supervised = is_supervised || RE2::PartialMatch(text, R"(\bmod:\s*\{)");
    if (text.find("{:phoenix,") != std::string::npos) {
      web_directory = part;
    }
  }
  FindFramework(path, app);
  AddNeeds(Ecosystem::kHex, app);
  if (!app.native_modules.empty()) {
    for (const char* package : {"gcc", "make", "libc6-dev"}) {
      app.system_packages.push_back({Likely(package, path), true});
    }
  }
  FindInstall(tree, directory, app);
  const std::string name = FirstMatch(mix, R"(\bapp:\s*:(\w+))");
  SetName(app, name, path, "app");
  if (app.framework) {
    app.kind = AppKind::kService;
    GuessPort(app, "4000");
  } else if (!app.ports.empty()) {
    app.kind = AppKind::kService;
  }
  if (mix.find("escript:") != std::string::npos && !app.framework) {
    app.traits["elixir.escript"] = "true";
    app.build.push_back(Likely("MIX_ENV=prod mix escript.build", path, "escript"));
    app.output = Likely(name, path, "escript");
    app.run = Likely("./" + name, path, "escript");
    app.kind = AppKind::kProgram;
    app.ports.clear();
    return Claim::kRunnable;
  }
  const bool has_releases = mix.find("releases:") != std::string::npos;
  is_library = !is_supervised && !has_releases;
  if (is_library) {
    return Claim::kManifest;
  }
  app.build.push_back(Likely("MIX_ENV=prod mix compile", path));
  if (app.framework && app.framework->value == "phoenix") {
    DescribeAssets(tree, directory, web_directory, mix, app);
  }
  DescribeRelease(tree, directory, mix, name.empty() ? app.name.value : name, app);
  return app.framework ? Claim::kFramework : Claim::kRunnable;
}

}  // namespace

LanguageFindings AnalyseElixir(const SourceTree& tree, const std::string& directory) {
  const std::string path = JoinPath(directory, "mix.exs");
  if (!tree.Has(path) || IsFetched(tree, directory)) {
    return {};
  }
  const std::string mix = ReadMix(tree, directory);
  LanguageFindings findings;
  Claimed claimed;
  claimed.app = BeginApp(directory, "elixir", path);
  if (IsPartOfUmbrella(tree, directory)) {
    claimed.is_library = true;
    findings.apps.push_back(std::move(claimed));
    return findings;
  }
  const std::vector<std::string> parts = PartsOf(tree, directory, mix);
  ReadDependencies(mix, path, claimed.app);
  FindVersion(tree, directory, mix, claimed.app);
  AddCodeFacts(ScanCode(tree, directory, Patterns()), claimed.app);
  claimed.claim = Describe(tree, directory, mix, parts, claimed.is_library, claimed.app);
  if (!parts.empty()) {
    findings.monorepo = Certain("mix", path, "apps_path");
  }
  findings.apps.push_back(std::move(claimed));
  return findings;
}

}  // namespace casemate::analysis
