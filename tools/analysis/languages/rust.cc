// Rust: packages of Cargo, alone or in a workspace, and every binary of them.
//
// All binaries of a package are applications that begin in its directory, told apart by their
// names, the one that `cargo run` would start first. Traits: "rust.package", "rust.binary",
// "rust.edition", "rust.build_script" ("1": build.rs), "rust.sqlx_offline" ("1": queries are
// checked from .sqlx), "rust.target" (a target triple that .cargo/config.toml sets),
// "rust.files" (files and directories that the program opens when it runs, by space).
#include <re2/re2.h>

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/languages/rust_crate.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

using nlohmann::json;

namespace {

struct RustFramework {
  std::string_view crate;
  std::string_view port;   // that it listens on by itself, or by custom
  std::string_view proof;  // code without which it only calls others; empty: none is needed
};

// Those that wrap others come first.
constexpr auto kFrameworks = std::to_array<RustFramework>({
    {"loco-rs", "5150", ""},
    {"rocket", "8000", ""},
    {"actix-web", "8080", ""},
    {"poem", "3000", ""},
    {"salvo", "5800", ""},
    {"warp", "3030", ""},
    {"tide", "8080", ""},
    {"ntex", "8080", ""},
    {"gotham", "7878", ""},
    {"viz", "3000", ""},
    {"dropshot", "8080", ""},
    {"pingora", "6188", ""},
    {"axum", "3000", ""},
    {"tonic", "50051", "Server::builder"},
    {"tiny_http", "8000", ""},
    {"hyper", "3000", "serve_connection"},
});

const CodePatterns& Patterns() {
  static const CodePatterns kPatterns{
      .suffixes = {".rs"},
      .environment =
          {
              {R"re(\bvar\(\s*"(\w+)"\s*\)\s*\.unwrap_or(?:_else)?\(\s*(?:\|\w*\|\s*)?(?:String::from\(\s*)?"([^"]*)")re"},
              {R"re(\bvar\(\s*"(\w+)"\s*\)[^;]{0,120}?\.unwrap_or\(\s*(\d+|true|false)\s*\))re"},
              {R"re(\bvar\(\s*"(\w+)"\s*\)[^;]{0,120}?\.unwrap_or_else\(\|\w*\|\s*"([^"]*)")re"},
              {R"re(\bvar\(\s*"(\w+)"\s*\)\s*(?:\.(?:expect|unwrap)\(|\?|\.(?:context|with_context|map_err|wrap_err|ok_or_else|ok_or)\([^;]{0,160}?\)\s*\?|\.unwrap_or_else\(\|\w*\|\s*(?:panic!|\{\s*panic!)))re",
               true},
              {R"re(\b(?:var|var_os)\(\s*"(\w+)"\s*\))re"},
              {R"re(#\[(?:arg|clap|structopt)\([^\]]*\benv\s*=\s*"(\w+)"[^\]]*\bdefault_value(?:_t)?\s*=\s*"?([^",\])]*))re"},
              {R"re(#\[(?:arg|clap|structopt)\([^\]]*\bdefault_value[^\]]*\benv\s*=\s*"(\w+)")re"},
              {R"re(#\[(?:arg|clap|structopt)\([^\]]*\benv\s*=\s*"(\w+)"[^\]]*\)\]\s*(?:pub(?:\([a-z]+\))?\s+)?\w+\s*:\s*(?:[A-NP-Z]|[a-z]))re",
               true},
              {R"re(#\[(?:arg|clap|structopt)\([^\]]*\benv\s*=\s*"(\w+)")re"},
              {R"re(Env::(?:var|var_or)\(\s*"(\w+)")re"},
          },
      .ports =
          {
              R"re(\bbind\w*\(\s*&?"[^":\s]*:(\d{2,5})")re",
              R"re(\bbind\w*\(\s*\(\s*"[^"]*"\s*,\s*(\d{2,5})\s*\))re",
              R"re(\(\s*\[\s*[\d, ]+\s*\]\s*,\s*(\d{2,5})\s*\))re",
              R"re(Ipv[46]Addr::\w+(?:\([^)]*\))?\)?\s*,\s*(\d{2,5})\s*\))re",
              R"re("(?:0\.0\.0\.0|\[::1?\]):(\d{2,5})")re",
              R"re((?i:"\w*(?:port|addr|address|listen|bind)")\s*\)[^;]{0,160}?(?:unwrap_or|unwrap_or_else|map_or)\(\s*(?:\|\w*\|\s*)?(?:String::from\(\s*)?"?(?:[^":;\s]*:)?(\d{2,5})\b)re",
              R"re((?i:\b\w*port)\s*:\s*u16\s*=\s*(\d{2,5}))re",
              R"re((?i:\b\w*(?:addr|address|listen|bind)\w*)\s*(?::[^=;]{1,40})?=\s*"[^"\s]*:(\d{2,5})")re",
              R"re(#\[(?:arg|clap|structopt)\([^\]]*default_value(?:_t)?\s*=\s*"?(?:[^":\]]*:)?(\d{2,5})"?[^\]]*\)\]\s*(?:pub\s+)?\w*(?:port|addr|listen|bind))re",
              R"re(\bport:\s*(\d{4,5})\b)re",
              R"re(warp::serve[^;]*\.run\([^;]*,\s*(\d{2,5})\s*\)\s*\))re",
          },
  };
  return kPatterns;
}

struct Crate {
  const SourceTree& tree;
  std::string directory;
  std::string file;  // its Cargo.toml
  json manifest;
  std::string workspace;
  json workspace_manifest;
  std::vector<RustBinary> binaries;
  std::vector<std::string> library;  // its files
  RustDependencies dependencies;
  std::optional<Finding> version;
};

std::optional<Finding> VersionOf(const Crate& crate) {
  Choice choice;
  for (const char* name : {"rust-toolchain", "rust-toolchain.toml"}) {
    const auto place = FindUpwards(crate.tree, crate.directory, name);
    if (!place) {
      continue;
    }
    const std::string path = JoinPath(*place, name);
    const std::string first = FirstLine(crate.tree, path);
    if (first.starts_with('[')) {
      choice.Add(TextAt(ReadTomlFile(crate.tree, path), "toolchain.channel"),
                 {path, "toolchain.channel"});
    } else {
      choice.Add(first, {path, ""});
    }
  }
  if (TextAt(crate.manifest, "package.rust-version.workspace") == "true") {
    choice.Add(TextAt(crate.workspace_manifest, "workspace.package.rust-version"),
               {JoinPath(crate.workspace, "Cargo.toml"), "workspace.package.rust-version"});
  } else {
    choice.Add(TextAt(crate.manifest, "package.rust-version"),
               {crate.file, "package.rust-version"});
  }
  if (const auto pinned = ToolVersion(crate.tree, crate.directory, {"rust"})) {
    choice.Add(pinned->value, pinned->source, pinned->confidence);
  }
  if (const auto place = FindUpwards(crate.tree, crate.directory, ".rust-version")) {
    const std::string path = JoinPath(*place, ".rust-version");
    choice.Add(FirstLine(crate.tree, path), {path, ""});
  }
  return choice.Best();
}

std::string EditionOf(const Crate& crate) {
  return TextAt(crate.manifest, "package.edition.workspace") == "true"
             ? TextAt(crate.workspace_manifest, "workspace.package.edition")
             : TextAt(crate.manifest, "package.edition");
}

// How code names a crate.
std::string IdentifierOf(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class Program {
 public:
  Program(const Crate& crate, const RustBinary& binary) : crate_(crate), binary_(binary) {
    shared_ = crate.library;
    for (const std::string& place : crate.dependencies.crates) {
      for (std::string& file : crate.tree.Below(JoinPath(place, "src"), ".rs")) {
        shared_.push_back(std::move(file));
      }
    }
  }

  Claimed Describe() {
    app_.directory = crate_.directory;
    app_.workspace = crate_.workspace;
    app_.name = Finding(PlainName(binary_.name, crate_.directory), {binary_.root, ""},
                        Confidence::kCertain);
    app_.language = Finding("rust", {crate_.file, "package"}, Confidence::kCertain);
    app_.version = crate_.version;
    app_.package_manager = Finding("cargo", {crate_.file, ""}, Confidence::kCertain);
    AddDependencies();
    AddServing();
    AddCommands();
    AddTraits();
    AddRuntimeFiles();
    const bool serves = app_.kind == AppKind::kService;
    return {std::move(app_), serves ? Claim::kFramework : Claim::kRunnable, false};
  }

 private:
  void AddDependencies();
  void AddServing();
  void AddConfiguredPorts();
  void AddCommands();
  void AddTraits();
  void AddRuntimeFiles();
  [[nodiscard]] bool Mentions(const std::vector<std::string>& files, const RE2& pattern) const;
  [[nodiscard]] bool Serves(const RustFramework& framework, const Dependency& dependency) const;

  const Crate& crate_;
  const RustBinary& binary_;
  std::vector<std::string> shared_;  // files that it is built from beside its own
  App app_;
};

void Program::AddDependencies() {
  app_.dependencies = crate_.dependencies.direct;
  const std::size_t direct = app_.dependencies.size();
  app_.dependencies.insert(app_.dependencies.end(), crate_.dependencies.implied.begin(),
                           crate_.dependencies.implied.end());
  AddNeeds(Ecosystem::kCargo, app_);
  app_.dependencies.resize(direct);
}

bool Program::Mentions(const std::vector<std::string>& files, const RE2& pattern) const {
  return std::any_of(files.begin(), files.end(), [&](const std::string& file) {
    const std::string* text = crate_.tree.Read(file);
    return text != nullptr && RE2::PartialMatch(*text, pattern);
  });
}

// Whether this binary of its package is one that serves with the framework.
bool Program::Serves(const RustFramework& framework, const Dependency& dependency) const {
  if (!framework.proof.empty()) {
    const RE2 proof{std::string(framework.proof)};
    if (!Mentions(binary_.files, proof) && !Mentions(shared_, proof)) {
      return false;
    }
  }
  const bool is_only = crate_.binaries.size() == 1 && dependency.source.file == crate_.file;
  const RE2 named("\\b" + IdentifierOf(std::string(framework.crate)) + "\\b");
  if (is_only || Mentions(binary_.files, named)) {
    return true;
  }
  // It may leave that to a library of the project, which then is called by what it does.
  static const RE2 kServing(
      R"(\b(?:\w*(?:serve|server|router|startup|start_http|listen|web|http|Application|launch)\w*)\b|::(?:run|start|app|main)\()");
  return Mentions(shared_, named) && Mentions({binary_.root}, kServing);
}

void Program::AddServing() {
  std::string_view default_port;
  for (const RustFramework& framework : kFrameworks) {
    const auto at =
        std::find_if(app_.dependencies.begin(), app_.dependencies.end(),
                     [&](const Dependency& other) { return other.name == framework.crate; });
    if (at != app_.dependencies.end() && Serves(framework, *at)) {
      app_.framework = Finding(std::string(framework.crate), at->source, Confidence::kCertain);
      default_port = framework.port;
      break;
    }
  }
  static const RE2 kListens(R"(TcpListener::bind|UdpSocket::bind|\.bind\(\s*&?(?:addr|"))");
  const bool listens = app_.framework || Mentions(binary_.files, kListens) ||
                       (crate_.binaries.size() == 1 && Mentions(shared_, kListens));
  app_.kind = listens ? AppKind::kService : AppKind::kProgram;
  if (listens) {
    AddConfiguredPorts();
  }
  AddCodeFacts(ScanFiles(crate_.tree, binary_.files, Patterns()), app_);
  AddCodeFacts(ScanFiles(crate_.tree, shared_, Patterns()), app_);
  std::erase_if(app_.ports, [](const Finding& port) { return IsPortOfAnotherService(port.value); });
  if (!listens) {
    app_.ports.clear();
    app_.health.reset();
  } else if (app_.ports.empty() && !default_port.empty()) {
    app_.ports.emplace_back(std::string(default_port), Source{}, Confidence::kGuess);
  }
}

// Files that its framework or crates for configuration read when it starts.
void Program::AddConfiguredPorts() {
  struct Place {
    std::string_view file;
    std::string_view field;
  };
  static constexpr auto kPlaces = std::to_array<Place>({
      {"Rocket.toml", "release.port"},
      {"Rocket.toml", "global.port"},
      {"Rocket.toml", "default.port"},
      {"config/production.yaml", "server.port"},
      {"config/development.yaml", "server.port"},
      {"configuration/base.yaml", "application.port"},
      {"configuration.yaml", "application_port"},
      {"configuration.yaml", "application.port"},
      {"config/default.toml", "server.port"},
      {"config/default.toml", "port"},
      {"config.toml", "server.port"},
      {"config.toml", "port"},
      {"Settings.toml", "server.port"},
  });
  for (const Place& place : kPlaces) {
    const std::string path = JoinPath(crate_.directory, place.file);
    if (!crate_.tree.Has(path)) {
      continue;
    }
    const std::string port = TextAt(
        path.ends_with(".toml") ? ReadTomlFile(crate_.tree, path) : ReadYamlFile(crate_.tree, path),
        place.field);
    if (!port.empty() && port.find_first_not_of("0123456789") == std::string::npos) {
      app_.ports.emplace_back(port, Source{path, std::string(place.field)}, Confidence::kCertain);
      return;
    }
  }
}

void Program::AddCommands() {
  const std::string lock = JoinPath(crate_.workspace, "Cargo.lock");
  const bool is_locked = crate_.tree.Has(lock);
  if (is_locked) {
    app_.lock_file = Finding(lock, {lock, ""}, Confidence::kCertain);
  }
  const std::string locked = is_locked ? " --locked" : "";
  app_.install.emplace_back("cargo fetch" + locked, Source{is_locked ? lock : crate_.file, ""},
                            Confidence::kLikely);
  std::string build = "cargo build --release" + locked + " --bin " + binary_.name;
  if (!binary_.features.empty()) {
    build += " --features " + binary_.features;
  }
  app_.build.emplace_back(build, Source{binary_.root, ""}, Confidence::kLikely);

  std::string target = "target";
  for (const char* name : {".cargo/config.toml", ".cargo/config"}) {
    const std::string path = JoinPath(crate_.workspace, name);
    if (!crate_.tree.Has(path)) {
      continue;
    }
    const json config = ReadTomlFile(crate_.tree, path);
    const std::string place = TextAt(config, "build.target-dir");
    target = place.empty() || place.starts_with('/') ? target : place;
    if (const std::string triple = TextAt(config, "build.target"); !triple.empty()) {
      app_.traits["rust.target"] = triple;
      target += "/" + triple;
    }
  }
  std::string up;
  for (std::string at = crate_.directory; at != crate_.workspace && !at.empty();
       at = std::string(ParentOf(at))) {
    up += "../";
  }
  const std::string output = up + target + "/release/" + binary_.name;
  app_.output = Finding(output, {binary_.root, ""}, Confidence::kLikely);
  app_.run = Finding((up.empty() ? "./" : "") + output, {binary_.root, ""}, Confidence::kLikely);
}

void Program::AddTraits() {
  app_.traits["rust.package"] = TextAt(crate_.manifest, "package.name");
  app_.traits["rust.binary"] = binary_.name;
  if (const std::string edition = EditionOf(crate_); !edition.empty()) {
    app_.traits["rust.edition"] = edition;
  }
  if (crate_.tree.Has(JoinPath(crate_.directory, "build.rs"))) {
    app_.traits["rust.build_script"] = "1";
  }
  if (crate_.tree.HasDirectory(JoinPath(crate_.workspace, ".sqlx")) ||
      crate_.tree.HasDirectory(JoinPath(crate_.directory, ".sqlx"))) {
    app_.traits["rust.sqlx_offline"] = "1";
  }
}

void Program::AddRuntimeFiles() {
  static const RE2 kOpened(
      R"re((?:Tera::new|ServeDir::new|ServeFile::new|FileServer::(?:from|new)|Files::new|fs::(?:dir|file|read_to_string|read)|File::open|StaticFilesEndpoint::new|File::with_name|Migrator::new|path_loader|serve_dir|from_filename)\((?:\s*(?:std::path::)?(?:Path::new\()?"/[\w/]*"\s*,)?\s*(?:std::path::)?(?:Path::new\()?"(?:\./)?([A-Za-z_][\w.-]*)[^"]*")re");
  std::set<std::string> names;
  for (const char* name : {"Rocket.toml", "templates", "config", "configuration"}) {
    const bool is_read = (name != std::string_view("templates") ||
                          app_.framework.value_or(Finding()).value == "rocket") &&
                         app_.kind == AppKind::kService;
    const std::string path = JoinPath(crate_.directory, name);
    if (is_read && (crate_.tree.Has(path) || crate_.tree.HasDirectory(path))) {
      names.insert(name);
    }
  }
  for (const std::vector<std::string>* files :
       {&binary_.files, static_cast<const std::vector<std::string>*>(&shared_)}) {
    for (const std::string& file : *files) {
      const std::string* text = crate_.tree.Read(file);
      re2::StringPiece rest(text == nullptr ? std::string_view() : std::string_view(*text));
      std::string name;
      while (RE2::FindAndConsume(&rest, kOpened, &name)) {
        const std::string path = JoinPath(crate_.directory, name);
        if (crate_.tree.Has(path) || crate_.tree.HasDirectory(path)) {
          names.insert(name);
        }
      }
    }
  }
  std::string list;
  for (const std::string& name : names) {
    list += (list.empty() ? "" : " ") + name;
  }
  if (!list.empty()) {
    app_.traits["rust.files"] = list;
  }
}

// What runs in a browser: Trunk builds it to files.
std::optional<Claimed> BrowserApp(const Crate& crate) {
  const std::string trunk = JoinPath(crate.directory, "Trunk.toml");
  std::optional<Finding> framework;
  for (const char* name : {"yew", "leptos", "sycamore", "dioxus", "seed", "egui"}) {
    for (const Dependency& dependency : crate.dependencies.direct) {
      if (dependency.name == name && !framework) {
        framework = Finding(name, dependency.source, Confidence::kCertain);
      }
    }
  }
  const bool has_page = crate.tree.Has(JoinPath(crate.directory, "index.html"));
  if (!crate.tree.Has(trunk) && !(framework && has_page)) {
    return std::nullopt;
  }
  Claimed claimed{{}, Claim::kFramework, false};
  App& app = claimed.app;
  app.directory = crate.directory;
  app.workspace = crate.workspace;
  const std::string name = TextAt(crate.manifest, "package.name");
  app.name =
      Finding(PlainName(name, crate.directory), {crate.file, "package.name"}, Confidence::kCertain);
  app.language = Finding("rust", {crate.file, "package"}, Confidence::kCertain);
  app.kind = AppKind::kStaticSite;
  app.framework = framework;
  app.version = crate.version;
  app.package_manager = Finding("cargo", {crate.file, ""}, Confidence::kCertain);
  const std::string lock = JoinPath(crate.workspace, "Cargo.lock");
  if (crate.tree.Has(lock)) {
    app.lock_file = Finding(lock, {lock, ""}, Confidence::kCertain);
  }
  app.dependencies = crate.dependencies.direct;
  app.install.emplace_back(app.lock_file ? "cargo fetch --locked" : "cargo fetch",
                           Source{crate.file, ""}, Confidence::kLikely);
  const Source source{crate.tree.Has(trunk) ? trunk : crate.file, ""};
  app.build.emplace_back("trunk build --release", source, Confidence::kLikely);
  const std::string stated = TextAt(ReadTomlFile(crate.tree, trunk), "build.dist");
  app.output = Finding(stated.empty() ? "dist" : stated, source, Confidence::kLikely);
  app.traits["rust.target"] = "wasm32-unknown-unknown";
  app.traits["rust.edition"] = EditionOf(crate);
  return claimed;
}

}  // namespace

LanguageFindings AnalyseRust(const SourceTree& tree, const std::string& directory) {
  LanguageFindings findings;
  const std::string file = JoinPath(directory, "Cargo.toml");
  if (!tree.Has(file)) {
    return findings;
  }
  Crate crate{tree, directory, file, ReadTomlFile(tree, file), {}, {}, {}, {}, {}, {}};
  if (const json& members = At(crate.manifest, "workspace.members");
      members.is_array() && !members.empty()) {
    findings.monorepo = Finding("cargo", {file, "workspace.members"}, Confidence::kCertain);
  }
  if (TextAt(crate.manifest, "package.name").empty()) {
    return findings;
  }
  crate.workspace = WorkspaceOf(tree, directory, crate.manifest);
  crate.workspace_manifest = ReadTomlFile(tree, JoinPath(crate.workspace, "Cargo.toml"));
  crate.binaries = BinariesOf(tree, directory, crate.manifest);
  crate.library = LibraryFilesOf(tree, directory, crate.binaries);
  crate.dependencies = DependenciesOf(tree, directory, crate.manifest, crate.workspace);
  crate.version = VersionOf(crate);
  if (auto site = BrowserApp(crate)) {
    findings.apps.push_back(*std::move(site));
    return findings;
  }
  for (const RustBinary& binary : crate.binaries) {
    findings.apps.push_back(Program(crate, binary).Describe());
  }
  if (crate.binaries.empty()) {
    Claimed library;
    library.is_library = true;
    library.app.directory = directory;
    library.app.workspace = crate.workspace;
    library.app.language = Finding("rust", {file, "package"}, Confidence::kCertain);
    findings.apps.push_back(std::move(library));
  }
  return findings;
}

}  // namespace casemate::analysis
