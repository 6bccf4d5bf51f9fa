// JavaScript and TypeScript: package.json, run by Node.js or Bun, or made for browsers.
// Traits: "node.runtime" (node, bun), "yarn.berry", "next.output" (standalone),
// "sveltekit.adapter", "node.builds_in_workspace", "node.uses_prisma".
#include <re2/re2.h>

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/languages/node_code.h"
#include "tools/analysis/languages/node_frameworks.h"
#include "tools/analysis/languages/node_nx.h"
#include "tools/analysis/languages/node_package.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

// Scripts that watch and reload, for people who write the code.
bool IsForDevelopment(const std::string& script) {
  static const RE2 kWatches(
      R"((?:^|\s|/)(?:nodemon|ts-node-dev|tsx watch|vite(?:\s+(?:dev|serve|--host|--port \d+))?$|vite$|next dev|nuxt dev|nuxi dev|astro dev|remix dev|remix vite:dev|react-router dev|ng serve|react-scripts start|vue-cli-service serve|webpack(?:-dev-server| serve)|nest start --watch|nest start$|parcel(?: serve)? \S*\.html|gatsby develop|docusaurus start|expo start|svelte-kit dev|node --watch|bun --watch|bun --hot|strapi develop|concurrently|turbo run dev|nx serve(?: \S+)?|nx dev|nx run \S+:serve|vinxi dev|eleventy --serve)(?:\s|$))");
  static const RE2 kRebuilds(
      R"(--watch\b|--serve\b|(?:tsc|tsup|rollup|webpack|tsdx|vite build|esbuild)\b.*\s(?:-w\b|watch\b)|storybook|run (?:\S+:)?(?:watch|dev)\b|run \S+:(?:watch|dev)\b|run build:watch|^(?:yarn|pnpm) (?:\S+:)?(?:watch|dev)\b)");
  return RE2::PartialMatch(script, kWatches) || RE2::PartialMatch(script, kRebuilds);
}

bool IsPlainCommand(const std::string& script) {
  static const RE2 kPlain(R"((?:node|bun|deno)(?: run)? [A-Za-z0-9_./@:=, -]+)");
  return RE2::FullMatch(script, kPlain);
}

class NodeAnalysis {
 public:
  explicit NodeAnalysis(NodePackage& package) : package_(package) {}
  Claimed Analyse();

 private:
  void ChooseLanguage();
  void ChooseBuild();
  void AddPrisma();
  [[nodiscard]] json ReadOptionalJson(const std::string& path) const {
    return package_.tree().Has(path) ? ReadJsonFile(package_.tree(), path, true) : json();
  }
  void ChooseStart(Choice& choice) const;
  void ChooseRun();
  [[nodiscard]] std::string EntryFile(bool is_bun) const;
  void ChooseTypeScript(Choice& choice) const;
  void ChoosePorts();
  [[nodiscard]] bool HasStart() const;
  [[nodiscard]] bool IsRunByDevelopers() const;
  [[nodiscard]] bool IsLibrary() const;
  [[nodiscard]] std::vector<std::string> PackagesBelow() const;

  NodePackage& package_;
  const NodeFramework* framework_ = nullptr;
  App app_;
};

void NodeAnalysis::ChooseLanguage() {
  const std::string tsconfig = package_.FirstOf({"tsconfig.json", "tsconfig.app.json"});
  if (!tsconfig.empty()) {
    app_.language =
        Finding("typescript", {JoinPath(package_.directory(), tsconfig), {}}, Confidence::kLikely);
  } else if (package_.Uses("typescript") &&
             !package_.tree().Below(package_.directory(), ".ts").empty()) {
    app_.language =
        Finding("typescript", {package_.path(), "devDependencies.typescript"}, Confidence::kLikely);
  } else {
    app_.language = Finding("javascript", {package_.path(), {}}, Confidence::kCertain);
  }
}

// Prisma's client is generated code: without it nothing that imports it runs.
void NodeAnalysis::AddPrisma() {
  const bool is_used = package_.Uses("@prisma/client") && package_.Has("prisma/schema.prisma");
  if (!is_used) {
    return;
  }
  app_.traits["node.uses_prisma"] = "true";
  const std::string scripts =
      package_.Script("postinstall") + package_.Script("prebuild") + package_.Script("build");
  if (scripts.find("prisma generate") == std::string::npos) {
    app_.build.emplace_back(package_.Execute("prisma generate"),
                            Source{JoinPath(package_.directory(), "prisma/schema.prisma"), {}},
                            Confidence::kLikely);
  }
  std::string provider;
  if (RE2::PartialMatch(package_.Text("prisma/schema.prisma"),
                        R"re(datasource[^}]*provider\s*=\s*"(\w+)")re", &provider)) {
    const std::string service = provider == "postgresql"  ? "postgres"
                                : provider == "sqlserver" ? "mssql"
                                                          : provider;
    const bool is_known = std::any_of(app_.services.begin(), app_.services.end(),
                                      [&](const Finding& other) { return other.value == service; });
    if (!is_known) {
      app_.services.emplace_back(
          service, Source{JoinPath(package_.directory(), "prisma/schema.prisma"), "datasource"},
          Confidence::kCertain);
    }
  }
}

void NodeAnalysis::ChooseBuild() {
  AddPrisma();
  const bool has_script = !package_.Script("build").empty();
  const std::vector<std::string> needed = package_.MembersNeeded();
  const std::string turbo = JoinPath(package_.workspace(), "turbo.json");
  const std::string name = TextAt(package_.manifest(), "name");
  if (has_script && !needed.empty() && package_.tree().Has(turbo)) {
    app_.traits["node.builds_in_workspace"] = "turbo";
    app_.build.emplace_back(package_.Execute("turbo run build --filter=" + name), Source{turbo, {}},
                            Confidence::kLikely);
    return;
  }
  const std::string nx = JoinPath(package_.workspace(), "nx.json");
  const bool is_of_nx = package_.workspace() != package_.directory() && package_.tree().Has(nx);
  if (is_of_nx && (!needed.empty() || !has_script)) {
    const std::string project =
        TextAt(ReadOptionalJson(JoinPath(package_.directory(), "project.json")), "name");
    app_.traits["node.builds_in_workspace"] = "nx";
    app_.build.emplace_back(package_.Execute("nx build " + (project.empty() ? name : project)),
                            Source{nx, {}}, Confidence::kLikely);
    return;
  }
  // Without a tool for it, packages that are built before they can be used.
  for (const std::string& member : needed) {
    const std::string path = JoinPath(member, "package.json");
    const json manifest = ReadJsonFile(package_.tree(), path);
    if (has_script && !TextAt(manifest, "scripts.build").empty()) {
      app_.build.emplace_back(package_.RunScriptOf(TextAt(manifest, "name"), "build"),
                              Source{path, "scripts.build"}, Confidence::kLikely);
    }
  }
  if (has_script) {
    app_.build.emplace_back(package_.RunScript("build"), Source{package_.path(), "scripts.build"},
                            Confidence::kCertain);
  } else if (auto task = package_.MoonTask({"build", "compile"})) {
    app_.build.push_back(*std::move(task));
  } else if (framework_ != nullptr && !framework_->build.empty()) {
    std::string_view command = framework_->build;
    if (command.starts_with("npx ")) {
      app_.build.emplace_back(package_.Execute(command.substr(4)), Source{}, Confidence::kGuess);
    } else {
      app_.build.emplace_back(std::string(command), Source{}, Confidence::kGuess);
    }
  }
}

// The file that is run when nothing says how the package starts. Node.js runs no TypeScript.
std::string NodeAnalysis::EntryFile(bool is_bun) const {
  for (const char* field : {"main", "module"}) {
    std::string main = TextAt(package_.manifest(), field);
    if (main.starts_with("./")) {
      main.erase(0, 2);
    }
    static const RE2 kBuilt(R"((?:dist|build|out|lib)/.+\.[cm]?js)");
    const bool is_there = package_.Has(main) || package_.Has(main + ".js");
    const bool is_built = !package_.Script("build").empty() && RE2::FullMatch(main, kBuilt);
    if (!main.empty() && (is_there || is_built) && (is_bun || !main.ends_with(".ts"))) {
      return main;
    }
  }
  std::string file =
      package_.FirstOf({"server.js", "server.mjs", "index.js", "index.mjs", "app.js", "app.mjs",
                        "main.js", "main.mjs", "src/server.js", "src/index.js", "src/app.js",
                        "src/main.js", "bin/www", "server/index.js"});
  if (file.empty() && is_bun) {
    file =
        package_.FirstOf({"index.ts", "server.ts", "src/index.ts", "src/server.ts", "src/main.ts"});
  }
  return file;
}

// What a compiler makes of the file that begins a program in TypeScript, or what runs that itself.
void NodeAnalysis::ChooseTypeScript(Choice& choice) const {
  const std::string file =
      package_.FirstOf({"src/main.ts", "src/index.ts", "src/server.ts", "src/app.ts", "main.ts",
                        "index.ts", "server.ts", "app.ts"});
  if (file.empty()) {
    return;
  }
  const std::string build = package_.Script("build");
  const std::string path = JoinPath(package_.directory(), "tsconfig.json");
  if (build == "tsc" || build.starts_with("tsc ") || build.find("&& tsc") != std::string::npos) {
    const json config = ReadJsonFile(package_.tree(), path, true);
    std::string out = TextAt(config, "compilerOptions.outDir");
    while (out.starts_with("./")) {
      out.erase(0, 2);
    }
    while (out.ends_with('/')) {
      out.pop_back();
    }
    std::string root = TextAt(config, "compilerOptions.rootDir");
    const bool is_flat = root == "src" || root == "./src" || root == "./src/" ||
                         (root.empty() && At(config, "include") == json::array({"src"}));
    std::string made = file.substr(0, file.size() - std::string_view(".ts").size()) + ".js";
    if (!out.empty()) {
      made = out + "/" + (is_flat && made.starts_with("src/") ? made.substr(4) : made);
      choice.Add("node " + made, {path, "compilerOptions.outDir"}, Confidence::kLikely);
    }
  }
  for (const char* runner : {"tsx", "ts-node"}) {
    if (package_.RunsWith(runner)) {
      choice.Add(package_.Execute(std::string(runner) + " " + file),
                 {package_.path(), "dependencies." + std::string(runner)}, Confidence::kLikely);
    }
  }
}

bool NodeAnalysis::HasStart() const {
  const std::string start = package_.Script("start");
  return !start.empty() && !IsForDevelopment(start);
}

void NodeAnalysis::ChooseStart(Choice& choice) const {
  for (const char* name : {"start:prod", "start:production", "start", "serve:prod", "production"}) {
    const std::string script = package_.Script(name);
    if (script.empty() || IsForDevelopment(script)) {
      continue;
    }
    const Source source{package_.path(), "scripts." + std::string(name)};
    // Without a package manager between, signals reach the program.
    if (IsPlainCommand(script)) {
      choice.Add(std::string(Trim(script)), source);
    }
    choice.Add(package_.RunScript(name), source);
  }
}

void NodeAnalysis::ChooseRun() {
  if (app_.kind == AppKind::kStaticSite) {
    return;
  }
  Choice choice;
  ChooseStart(choice);
  if (const auto task = package_.MoonTask({"start", "serve"})) {
    choice.Add(task->value, task->source);
  }
  if (app_.run) {
    // The framework's configuration settles it.
    Choice settled;
    settled.Add(app_.run->value, app_.run->source, app_.run->confidence);
    if (const auto stated = choice.Best(); stated) {
      settled.Add(stated->value, stated->source, stated->confidence);
    }
    app_.run = settled.Best();
    return;
  }
  if (framework_ != nullptr && !framework_->start.empty()) {
    const std::string_view start = framework_->start;
    choice.Add(start.starts_with("npx ") ? package_.Execute(start.substr(4)) : std::string(start),
               {}, Confidence::kLikely);
  }
  const bool is_bun = app_.traits["node.runtime"] == "bun";
  if (const std::string entry = EntryFile(is_bun); !entry.empty()) {
    choice.Add((is_bun ? "bun " : "node ") + entry,
               {package_.path(), TextAt(package_.manifest(), "main") == entry ? "main" : ""},
               Confidence::kLikely);
  }
  ChooseTypeScript(choice);
  app_.run = choice.Best();
}

std::vector<std::string> NodeAnalysis::PackagesBelow() const {
  std::vector<std::string> below;
  for (const std::string& path : package_.tree().Below(package_.directory(), "/package.json")) {
    if (path != package_.path()) {
      below.emplace_back(ParentOf(path));
    }
  }
  return below;
}

void NodeAnalysis::ChoosePorts() {
  const std::vector<std::string> below = PackagesBelow();
  CodeFacts facts = ScanCode(package_.tree(), package_.directory(), NodeCode(), below);
  const bool is_of_vite = package_.Uses("vite") || package_.Uses("astro");
  std::erase_if(facts.environment, [&](const EnvironmentVariable& variable) {
    return IsSetByNodeTools(variable.name) || (variable.name == "BASE_URL" && is_of_vite) ||
           (variable.name == "PUBLIC_URL" && package_.Uses("react-scripts"));
  });
  std::erase_if(facts.ports,
                [](const Finding& port) { return IsPortOfAnotherService(port.value); });
  if (app_.kind == AppKind::kStaticSite) {
    facts.ports.clear();
    facts.health.reset();
  }
  std::string stated;
  static const RE2 kFlag(R"((?:--port[ =]|-p ?|\bPORT=)(\d{2,5})\b)");
  for (const char* name : {"start:prod", "start"}) {
    const std::string script = package_.Script(name);
    if (app_.kind == AppKind::kService && !IsForDevelopment(script) &&
        RE2::PartialMatch(script, kFlag, &stated)) {
      facts.ports.insert(
          facts.ports.begin(),
          Finding(stated, {package_.path(), "scripts." + std::string(name)}, Confidence::kCertain));
      break;
    }
  }
  if (!facts.ports.empty()) {
    app_.ports.clear();
  }
  AddCodeFacts(std::move(facts), app_);
  if (!app_.ports.empty() && app_.kind == AppKind::kProgram) {
    app_.kind = AppKind::kService;
  }
  if (app_.kind == AppKind::kStaticSite) {
    app_.ports.emplace_back("80", Source{}, Confidence::kGuess);  // of whatever serves it
  }
  if (app_.ports.empty() && app_.kind == AppKind::kService && framework_ != nullptr &&
      !framework_->port.empty()) {
    app_.ports.emplace_back(std::string(framework_->port), Source{}, Confidence::kGuess);
  }
}

// Whether it is said to be run, if only by those who work on it.
bool NodeAnalysis::IsRunByDevelopers() const {
  static const RE2 kRuns(R"(\b(?:tsx|nodemon|ts-node|ts-node-dev|wrangler|bun|nest start|node)\b)");
  const std::string_view place = NameOf(ParentOf(package_.directory()));
  return place == "apps" || place == "services" || place == "servers" ||
         RE2::PartialMatch(package_.Script("dev") + package_.Script("start:dev"), kRuns);
}

// A part of others: published, or below others without anything that starts it.
bool NodeAnalysis::IsLibrary() const {
  const json& manifest = package_.manifest();
  const bool is_published =
      TextAt(manifest, "private") != "true" &&
      (!At(manifest, "exports").is_null() || !At(manifest, "types").is_null() ||
       !At(manifest, "module").is_null() || !At(manifest, "files").is_null());
  const bool is_member = package_.workspace() != package_.directory();
  if (HasStart() || !At(manifest, "bin").is_null() || app_.kind == AppKind::kStaticSite) {
    return false;
  }
  if (framework_ == nullptr && app_.kind == AppKind::kProgram) {
    const bool is_among_apps = NameOf(ParentOf(package_.directory())) == "apps";
    return is_published || (is_member && !(is_among_apps && app_.run)) ||
           (!app_.run && !package_.directory().empty());
  }
  // Parts of servers, and what opens ports for tests and demonstrations.
  const bool is_whole = framework_ != nullptr && !framework_->build.empty();
  return !is_whole && !app_.run && !IsRunByDevelopers() && (is_published || is_member);
}

Claimed NodeAnalysis::Analyse() {
  framework_ = FindNodeFramework(package_);
  // A server beside a bundler is what runs; the bundler makes its pages.
  app_.directory = package_.directory();
  app_.workspace = package_.workspace();
  app_.name = Finding(PlainName(TextAt(package_.manifest(), "name"), package_.directory()),
                      {package_.path(), "name"}, Confidence::kCertain);
  package_.Describe(app_);
  ChooseLanguage();
  if (framework_ != nullptr) {
    app_.framework =
        Finding(std::string(framework_->name),
                {package_.path(), std::string(framework_->dependency)}, Confidence::kCertain);
    app_.kind = framework_->kind;
    if (!framework_->output.empty()) {
      app_.output = Finding(std::string(framework_->output), {}, Confidence::kLikely);
    }
    if (framework_->is_bundler && HasStart() && IsPlainCommand(package_.Script("start"))) {
      app_.kind = AppKind::kProgram;  // a server of its own serves what is bundled
    }
    if (framework_->refine != nullptr) {
      framework_->refine(package_, app_);
    }
  }
  ChooseBuild();
  ChooseRun();
  ChoosePorts();
  Claim claim = app_.run ? Claim::kRunnable : Claim::kManifest;
  if (framework_ != nullptr && (!framework_->is_bundler || app_.kind == AppKind::kStaticSite)) {
    claim = framework_->is_bundler ? Claim::kRunnable : Claim::kFramework;
  }
  const bool is_library = IsLibrary();
  return {std::move(app_), claim, is_library};
}

// Scripts that leave their work to those of packages below.
bool Delegates(const std::string& script) {
  static const RE2 kDelegates(
      R"re(\b(?:turbo|nx|lerna|rush|moon|wsrun|concurrently|npm-run-all|run-p)\b|(?:pnpm|npm|yarn|bun)\b[^&|;]*(?:\s-r\b|--recursive|--filter|\s-F\b|\s-w\b|\s-ws\b|--workspaces?\b|--prefix|--cwd|--dir|\s-C\b|\bworkspaces?\b)|\bcd\s)re");
  return RE2::PartialMatch(script, kDelegates);
}

// The file that a script runs: "src/index.js"; empty: it runs none.
std::string FileRunBy(const std::string& script) {
  static const RE2 kFile(
      R"re((?:^|\s)(?:node|bun|bun run|tsx|ts-node)(?:\s+-\S+)*\s+(?:\./)?([\w./-]+\.[cm]?[jt]sx?)\b)re");
  std::string file;
  RE2::PartialMatch(script, kFile, &file);
  return file;
}

bool LiesInPackageBelow(const NodePackage& package, std::string_view file) {
  for (std::string_view place = ParentOf(file); !place.empty(); place = ParentOf(place)) {
    if (package.Has(JoinPath(place, "package.json"))) {
      return true;
    }
  }
  return false;
}

// Whether the root of a workspace is itself an application, and not only what holds the others.
bool IsAppBeside(const NodePackage& package) {
  const NodeFramework* framework = FindNodeFramework(package);
  const std::string start = package.Script("start");
  const std::string file = FileRunBy(start);
  // Nx serves and builds what lies at its root, too.
  const bool has_page = package.Has("index.html") || package.Has("src/index.html") ||
                        package.Has("src/main.ts") || package.Has("src/main.tsx");
  if (framework != nullptr && package.Has("nx.json") && has_page) {
    return true;
  }
  if (Delegates(start) || LiesInPackageBelow(package, file)) {
    return false;
  }
  const std::string module = TextAt(package.manifest(), "module");
  const bool runs_itself =
      (!file.empty() && (package.Has(file) || !package.Script("build").empty())) ||
      (package.manager() == "bun" && !module.empty() && package.Has(module));
  if (framework == nullptr) {
    return runs_itself;
  }
  // What packages below share may be among the dependencies of the root.
  const std::string build = package.Script("build");
  const std::string_view command = framework->build;
  std::string program(command.substr(command.starts_with("npx ") ? 4 : 0));
  program = program.substr(0, program.find(' '));
  const bool is_built = !Delegates(build) && build.find(program) != std::string::npos;
  const bool has_file = !package.FirstOf({"server.js", "index.js", "app.js", "server.ts"}).empty();
  return runs_itself || !start.empty() || (!program.empty() && is_built) ||
         (has_file && !framework->is_bundler);
}

// A package.json that only starts what lies in directories below.
bool OnlyDelegates(const NodePackage& package) {
  return FindNodeFramework(package) == nullptr && Delegates(package.Script("start")) &&
         package.tree().Below(package.directory(), "/package.json").size() > 1;
}

// A program of one file, at the root of a project without any package.json.
LanguageFindings AnalyseBareNode(const SourceTree& tree) {
  LanguageFindings found;
  // What runs in browsers imports nothing of Node.js.
  static const RE2 kIsForNode(
      R"re(require\(\s*['"](?:node:)?\w|from\s+['"]node:|from\s+['"](?:http|fs|path|net)['"]|process\.(?:env|argv|exit))re");
  for (const char* name :
       {"server.js", "server.mjs", "app.js", "index.js", "main.js", "index.mjs", "bot.js"}) {
    const std::string* text = tree.Read(name);
    if (text == nullptr || !RE2::PartialMatch(*text, kIsForNode)) {
      continue;
    }
    Claimed claimed;
    App& app = claimed.app;
    app = BeginApp("", "javascript", name);
    app.run = Likely("node " + std::string(name), name);
    if (const auto version = FirstLine(tree, ".nvmrc"); IsVersion(version)) {
      app.version = Certain(version, ".nvmrc");
    }
    AddCodeFacts(ScanCode(tree, "", NodeCode()), app);
    app.kind = app.ports.empty() ? AppKind::kProgram : AppKind::kService;
    app.traits["node.runtime"] = "node";
    claimed.claim = Claim::kSource;
    found.apps.push_back(std::move(claimed));
    return found;
  }
  return found;
}

}  // namespace

LanguageFindings AnalyseNode(const SourceTree& tree, const std::string& directory) {
  LanguageFindings found;
  if (!tree.Has(JoinPath(directory, "package.json")) &&
      !tree.Has(JoinPath(directory, "package.json5"))) {
    return directory.empty() ? AnalyseBareNode(tree) : LanguageFindings();
  }
  NodePackage package(tree, directory);
  if (!package.is_there()) {
    return found;
  }
  found.apps = AnalyseNx(package);
  const bool is_found =
      std::any_of(found.apps.begin(), found.apps.end(),
                  [&](const Claimed& claimed) { return claimed.app.directory == directory; });
  if (package.is_workspace_root() || package.Has("nx.json") || !found.apps.empty()) {
    App unused;
    package.Describe(unused);
    found.monorepo = package.Monorepo();
    if (is_found || !IsAppBeside(package)) {
      return found;
    }
  }
  if (OnlyDelegates(package)) {
    return found;
  }
  found.apps.push_back(NodeAnalysis(package).Analyse());
  return found;
}

}  // namespace casemate::analysis
