#include "tools/analysis/languages/node_nx.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/node_code.h"
#include "tools/analysis/languages/node_frameworks.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxProjects = 1000;
constexpr std::size_t kMaxLibraries = 100;  // that one application is followed into

struct Project {
  std::string name;
  std::string directory;
  std::string file;  // that describes it
  json value;
};

// Executors, or files of configuration for those who let plugins infer targets, by framework. The
// more telling first.
struct Sign {
  std::string_view executor;  // a part of its name
  std::string_view config;    // what a file's name begins with; empty: none
  std::string_view framework;
};
constexpr auto kSigns = std::to_array<Sign>({
    {"next:", "next.config.", "next"},
    {"nuxt:", "nuxt.config.", "nuxt"},
    {"remix:", "remix.config.", "remix"},
    {"astro:", "astro.config.", "astro"},
    {"gatsby:", "gatsby-config.", "gatsby"},
    {"expo:", "metro.config.", "expo"},
    {"rsbuild:", "rsbuild.config.", "rsbuild"},
    {"angular", "", "angular"},
    {"", "svelte.config.", "vite"},
});

// A project's directory, relative to the root of the workspace.
std::string InnerOf(const NodePackage& root, const std::string& directory) {
  if (root.directory().empty() || directory == root.directory()) {
    return directory == root.directory() ? std::string() : directory;
  }
  return directory.substr(root.directory().size() + 1);
}

// Its targets, by either of the names that they have had.
const json& TargetsOf(const Project& project) {
  const json& targets = At(project.value, "targets");
  return targets.is_null() ? At(project.value, "architect") : targets;
}

std::string ExecutorOf(const json& target) {
  const std::string executor = TextAt(target, "executor");
  return executor.empty() ? TextAt(target, "builder") : executor;
}

using Projects = std::map<std::string, Project>;  // by directory

// Of old workspaces, which list all projects in one file.
void AddListed(const NodePackage& root, Projects& found) {
  const std::string old = JoinPath(root.directory(), "workspace.json");
  if (!root.tree().Has(old)) {
    return;
  }
  const json listed = At(ReadJsonFile(root.tree(), old, true), "projects");
  for (auto it = listed.begin(); listed.is_object() && it != listed.end(); ++it) {
    const bool is_place = it.value().is_string();
    const auto place =
        ResolvePath(root.directory(), is_place ? TextOf(it.value()) : TextAt(it.value(), "root"));
    if (place && found.size() < kMaxProjects) {
      found[*place] = {it.key(), *place, old, is_place ? json() : it.value()};
    }
  }
}

void AddDescribed(const NodePackage& root, Projects& found) {
  std::vector<std::string> paths = root.tree().Below(root.directory(), "/project.json");
  if (root.Has("project.json")) {
    paths.push_back(JoinPath(root.directory(), "project.json"));
  }
  for (const std::string& path : paths) {
    const std::string directory(ParentOf(path));
    if (found.size() >= kMaxProjects) {
      return;
    }
    json value = ReadJsonFile(root.tree(), path, true);
    Project& project = found[directory];
    const std::string stated = TextAt(value, "name");
    if (!stated.empty() || project.name.empty()) {
      project.name = stated.empty() ? std::string(NameOf(directory)) : stated;
    }
    project.directory = directory;
    project.file = path;
    project.value = std::move(value);
  }
}

// Newer workspaces have a package.json instead, whose plugins infer the rest.
void AddPackages(const NodePackage& root, Projects& found) {
  for (const std::string& path : root.tree().Below(root.directory(), "/package.json")) {
    const std::string directory(ParentOf(path));
    const bool is_known = found.contains(directory) || directory == root.directory();
    const json manifest = is_known ? json() : ReadJsonFile(root.tree(), path);
    const std::string own = TextAt(manifest, "nx.name");
    const std::string name = own.empty() ? TextAt(manifest, "name") : own;
    if (!name.empty() && found.size() < kMaxProjects) {
      found[directory] = {name, directory, path, At(manifest, "nx")};
    }
  }
}

std::vector<Project> ProjectsOf(const NodePackage& root) {
  Projects found;
  AddListed(root, found);
  AddDescribed(root, found);
  AddPackages(root, found);
  std::vector<Project> projects;
  projects.reserve(found.size());
  for (auto& [directory, project] : found) {
    projects.push_back(std::move(project));
  }
  return projects;
}

class NxApp {
 public:
  NxApp(NodePackage& root, const Project& project, const std::map<std::string, std::string>& names)
      : root_(root), project_(project), names_(names) {}

  Claimed Describe();
  // Whether it is made of JavaScript at all: Nx also runs the tools of other languages.
  [[nodiscard]] bool is_known() const { return is_known_; }

 private:
  [[nodiscard]] bool Has(std::string_view file) const {
    return root_.tree().Has(JoinPath(project_.directory, file));
  }
  [[nodiscard]] std::string ConfigOf(std::string_view beginning) const;
  [[nodiscard]] const json& Target(std::string_view name) const {
    return At(TargetsOf(project_), name);
  }
  void FindImports();
  void ChooseFramework();
  void ChooseOutput();
  void ChooseRun();
  void AddFacts();
  [[nodiscard]] std::string FromApp(const std::string& path) const;
  [[nodiscard]] std::string MainFile() const;
  [[nodiscard]] bool IsMadeOfCode() const;

  NodePackage& root_;
  const Project& project_;
  const std::map<std::string, std::string>&
      names_;  // directories by the names they are imported by
  std::set<std::string, std::less<>> imports_;
  std::vector<std::string> sources_;  // its directory, and those of libraries that it uses
  const NodeFramework* framework_ = nullptr;
  bool is_known_ = false;
  App app_;
};

bool NxApp::IsMadeOfCode() const {
  static const RE2 kBundles(
      R"(webpack|vite|esbuild|rollup|rspack|rsbuild|@nx/js|@nrwl/js|/node:|/nest:|:tsc|:swc)");
  const std::string executor = ExecutorOf(Target("build"));
  const auto files = root_.tree().Below(project_.directory);
  const bool has_code = std::any_of(files.begin(), files.end(), [](const std::string& path) {
    return path.ends_with(".ts") || path.ends_with(".js") || path.ends_with(".tsx");
  });
  const bool is_inferred =
      !ConfigOf("webpack.config.").empty() || !ConfigOf("vite.config.").empty();
  return is_inferred || RE2::PartialMatch(executor, kBundles) ||
         (executor.ends_with("run-commands") && has_code && !imports_.empty());
}

std::string NxApp::ConfigOf(std::string_view beginning) const {
  for (const char* ending : {"js", "ts", "mjs", "mts", "cjs"}) {
    const std::string file = std::string(beginning) + ending;
    if (Has(file)) {
      return JoinPath(project_.directory, file);
    }
  }
  return {};
}

// A path from the root of the workspace, as the application's directory sees it.
std::string NxApp::FromApp(const std::string& path) const {
  const auto whole = ResolvePath(root_.directory(), path);
  const std::string inner = project_.directory + "/";
  if (whole && project_.directory.empty()) {
    return *whole;
  }
  if (whole && whole->starts_with(inner)) {
    return whole->substr(inner.size());
  }
  std::string up;
  for (std::string_view at = project_.directory; at != root_.directory(); at = ParentOf(at)) {
    up += "../";
  }
  return up + path.substr(path.starts_with("./") ? 2 : 0);
}

// One package.json holds what all applications need: this one needs what it imports, or what a
// library of the workspace imports that it uses.
void NxApp::FindImports() {
  sources_ = {project_.directory};
  for (std::size_t i = 0; i < sources_.size() && i < kMaxLibraries; ++i) {
    for (const std::string& name : NodeImports(root_.tree(), sources_[i])) {
      imports_.insert(name);
      const auto library = names_.find(name);
      if (library != names_.end() &&
          std::find(sources_.begin(), sources_.end(), library->second) == sources_.end()) {
        sources_.push_back(library->second);
      }
    }
  }
  std::erase_if(app_.dependencies, [&](const Dependency& dependency) {
    const auto at = imports_.lower_bound(dependency.name);
    return at == imports_.end() ||
           (*at != dependency.name && !at->starts_with(dependency.name + "/"));
  });
  app_.services.clear();
  app_.system_packages.clear();
  app_.native_modules.clear();
  AddNeeds(Ecosystem::kNpm, app_);
}

void NxApp::ChooseFramework() {
  const std::string executor = ExecutorOf(Target("build"));
  std::string name;
  Source source{project_.file, "targets.build"};
  for (const Sign& sign : kSigns) {
    const std::string config = sign.config.empty() ? std::string() : ConfigOf(sign.config);
    const bool is_executed =
        !sign.executor.empty() && executor.find(sign.executor) != std::string::npos;
    if (name.empty() && (is_executed || !config.empty())) {
      name = sign.framework;
      source = config.empty() ? source : Source{config, ""};
    }
  }
  const bool has_page = Has("index.html") || Has("src/index.html") || Has("public/index.html");
  const bool is_for_browsers =
      (has_page && executor.find("/node:") == std::string::npos) ||
      executor.find("/web:") != std::string::npos ||
      (executor.find("webpack") != std::string::npos && imports_.contains("react-dom/client"));
  if (name.empty() && is_for_browsers) {
    const bool is_vite =
        executor.find("vite") != std::string::npos || !ConfigOf("vite.config.").empty();
    name = is_vite ? "vite" : "webpack";
    source = is_vite ? Source{ConfigOf("vite.config."), ""} : source;
  }
  framework_ = name.empty() ? FindNodeServer(imports_) : NodeFrameworkNamed(name);
  if (framework_ == nullptr) {
    return;
  }
  app_.kind = framework_->kind;
  if (name.empty()) {
    source = {root_.path(), "dependencies." + std::string(framework_->dependency)};
  }
  app_.framework = Finding(std::string(framework_->name), source, Confidence::kLikely);
}

// Where the executor of the build, or the bundler's configuration, puts what it makes.
void NxApp::ChooseOutput() {
  const json& build = Target("build");
  const json& stated = At(build, "options.outputPath");
  std::string output = stated.is_object() ? TextAt(stated, "base") : TextOf(stated);
  if (!output.empty() && output.find('{') == std::string::npos) {
    const bool is_angular_site = ExecutorOf(build).ends_with(":application");
    app_.output = Certain(FromApp(output) + (is_angular_site ? "/browser" : ""), project_.file,
                          "targets.build.options.outputPath");
    return;
  }
  static const RE2 kFolder(
      R"re((?:outDir:\s*|(?:join|resolve)\(\s*__dirname\s*,\s*)['"](?:\./)?((?:\.\./)*[\w@./-]*dist[\w@./-]*)['"])re");
  for (const char* beginning : {"vite.config.", "webpack.config.", "rspack.config."}) {
    const std::string file = ConfigOf(beginning);
    const std::string* text = file.empty() ? nullptr : root_.tree().Read(file);
    if (text != nullptr && RE2::PartialMatch(*text, kFolder, &output)) {
      app_.output = Certain(output, file, "output");
      return;
    }
  }
  const bool has_own = framework_ != nullptr && !framework_->output.empty() &&
                       framework_->name == "next" && ExecutorOf(build).empty();
  const std::string inner = InnerOf(root_, project_.directory);
  const bool is_nuxt = framework_ != nullptr && framework_->name == "nuxt";
  app_.output = Likely(has_own ? std::string(framework_->output)
                               : FromApp("dist/" + inner) + (is_nuxt ? "/.output" : ""));
}

// The file that a bundler makes of what it begins with.
std::string NxApp::MainFile() const {
  const json& build = Target("build");
  std::string stated = TextAt(build, "options.outputFileName");
  if (!stated.empty()) {
    return stated;
  }
  std::string main = TextAt(build, "options.main");
  // tsc keeps directories, others make one file.
  const bool keeps = ExecutorOf(build).ends_with("js:tsc") || ExecutorOf(build).ends_with("js:swc");
  const std::string inner = InnerOf(root_, project_.directory);
  if (keeps && main.starts_with(inner + "/")) {
    main.erase(0, inner.size() + 1);
  } else {
    main = std::string(NameOf(main));
  }
  main = main.substr(0, main.rfind('.'));
  return (main.empty() ? "main" : main) + ".js";
}

void NxApp::ChooseRun() {
  if (app_.kind == AppKind::kStaticSite) {
    return;
  }
  Choice choice;
  if (!Target("start").is_null()) {
    choice.Add(root_.Execute("nx run " + project_.name + ":start"),
               {project_.file, "targets.start"});
  }
  const std::string output = app_.output ? app_.output->value : "dist";
  if (framework_ != nullptr && framework_->name == "next") {
    const bool is_elsewhere = output.ends_with("/" + std::string(NameOf(project_.directory)));
    choice.Add(root_.Execute("next start" + (is_elsewhere ? " " + output : "")), {},
               Confidence::kLikely);
  } else if (framework_ != nullptr && !framework_->start.empty() && !framework_->output.empty() &&
             framework_->name != "nest") {
    std::string start(framework_->start);
    if (const std::size_t at = start.find(framework_->output); at != std::string::npos) {
      start.replace(at, framework_->output.size(), output);
    }
    choice.Add(start.starts_with("npx ") ? root_.Execute(start.substr(4)) : start, {},
               Confidence::kLikely);
  } else if (!Target("build").is_null() || !ConfigOf("webpack.config.").empty() ||
             !ConfigOf("vite.config.").empty()) {
    choice.Add("node " + output + "/" + MainFile(), {project_.file, "targets.build"},
               Confidence::kLikely);
  }
  app_.run = choice.Best();
}

void NxApp::AddFacts() {
  for (const std::string& place : sources_) {
    CodeFacts facts = ScanCode(root_.tree(), place, NodeCode());
    std::erase_if(facts.environment, [](const EnvironmentVariable& variable) {
      return IsSetByNodeTools(variable.name) || variable.name.starts_with("NX_");
    });
    if (app_.kind == AppKind::kStaticSite || place != project_.directory) {
      facts.ports.clear();
      facts.health.reset();
    }
    AddCodeFacts(std::move(facts), app_);
  }
  if (!app_.ports.empty() && app_.kind == AppKind::kProgram) {
    app_.kind = AppKind::kService;
  }
  const bool is_site = app_.kind == AppKind::kStaticSite;
  if (is_site || (app_.kind == AppKind::kService && framework_ != nullptr)) {
    GuessPort(app_, is_site ? "80" : std::string(framework_->port));
  }
}

Claimed NxApp::Describe() {
  root_.Describe(app_);
  app_.directory = project_.directory;
  app_.workspace = root_.directory();
  app_.name = Certain(PlainName(project_.name, project_.directory), project_.file, "name");
  const bool is_typescript = Has("tsconfig.json") || Has("tsconfig.app.json");
  app_.language =
      is_typescript ? Likely("typescript",
                             JoinPath(project_.directory,
                                      Has("tsconfig.json") ? "tsconfig.json" : "tsconfig.app.json"))
                    : Certain("javascript", project_.file);
  FindImports();
  ChooseFramework();
  app_.build.push_back(
      Certain(root_.Execute("nx build " + project_.name), project_.file, "targets.build"));
  ChooseOutput();
  AddFacts();
  ChooseRun();
  const bool is_whole = framework_ != nullptr && !framework_->is_bundler;
  is_known_ = framework_ != nullptr || IsMadeOfCode();
  return {std::move(app_), is_whole ? Claim::kFramework : Claim::kRunnable, false};
}

bool IsApplication(const NodePackage& root, const Project& project) {
  const std::string type = TextAt(project.value, "projectType");
  if (!type.empty()) {
    return type == "application";
  }
  const bool serves = !At(TargetsOf(project), "serve").is_null();
  const std::string inner = InnerOf(root, project.directory);
  return serves || inner.starts_with("apps/");
}

// Whether a package.json of its own says what it is: many hold no more than a name.
bool SpeaksForItself(const NodePackage& root, const Project& project) {
  if (project.directory == root.directory() ||
      !root.tree().Has(JoinPath(project.directory, "package.json"))) {
    return false;
  }
  const NodePackage own(root.tree(), project.directory);
  return FindNodeFramework(own) != nullptr || !own.Script("start").empty();
}

bool IsForTests(const Project& project) {
  const json& targets = TargetsOf(project);
  return project.name.ends_with("-e2e") || project.name.ends_with("e2e") ||
         (At(targets, "build").is_null() && !At(targets, "e2e").is_null());
}

// "@acme/data": "libs/data", of the names that tsconfig.base.json, or their packages, give to
// libraries.
std::map<std::string, std::string> ImportNames(const NodePackage& root,
                                               const std::vector<Project>& projects) {
  std::map<std::string, std::string> names;
  for (const Project& project : projects) {
    const std::string path = JoinPath(project.directory, "package.json");
    if (project.directory != root.directory() && root.tree().Has(path)) {
      names[TextAt(ReadJsonFile(root.tree(), path), "name")] = project.directory;
    }
  }
  for (const char* file : {"tsconfig.base.json", "tsconfig.json"}) {
    const std::string path = JoinPath(root.directory(), file);
    const json paths = root.tree().Has(path)
                           ? At(ReadJsonFile(root.tree(), path, true), "compilerOptions.paths")
                           : json();
    for (auto it = paths.begin(); paths.is_object() && it != paths.end(); ++it) {
      const std::string to =
          it.value().is_array() && !it.value().empty() ? TextOf(it.value().front()) : std::string();
      const auto place = ResolvePath(root.directory(), to);
      for (const Project& project : projects) {
        if (place && place->starts_with(project.directory + "/")) {
          names[it.key()] = project.directory;
        }
      }
    }
  }
  return names;
}

}  // namespace

std::vector<Claimed> AnalyseNx(NodePackage& root) {
  std::vector<Claimed> found;
  if (!root.Has("nx.json") && !root.Has("workspace.json")) {
    return found;
  }
  const std::vector<Project> projects = ProjectsOf(root);
  const auto names = ImportNames(root, projects);
  for (const Project& project : projects) {
    if (IsForTests(project)) {
      continue;
    }
    const bool is_package = NameOf(project.file) == "package.json";
    if (is_package && !IsApplication(root, project)) {
      continue;
    }
    if (!IsApplication(root, project)) {
      Claimed library;
      library.is_library = true;
      // Stated: whatever else its directory holds is a part of others, too.
      const bool is_stated = TextAt(project.value, "projectType") == "library";
      library.claim = is_stated ? Claim::kFramework : Claim::kManifest;
      library.app.directory = project.directory;
      library.app.workspace = root.directory();
      library.app.language = Certain("javascript", project.file);
      found.push_back(std::move(library));
    } else if (!SpeaksForItself(root, project)) {
      NxApp app(root, project, names);
      Claimed claimed = app.Describe();
      if (app.is_known()) {
        found.push_back(std::move(claimed));
      }
    }
  }
  return found;
}

}  // namespace casemate::analysis
