#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"
#include "tools/analysis/names.h"
#include "tools/containerize/base_images.h"
#include "tools/containerize/recipes/recipes.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

namespace {

using analysis::JoinPath;
using nlohmann::json;

// Long-term releases, the usual one first.
constexpr std::array<std::string_view, 6> kNodes = {"24", "22", "20", "18", "16", "14"};
constexpr std::size_t kMaxMembers = 40;  // each is a layer of the build stage, of which 127 may be

std::string NodeRelease(std::string_view requirement) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kNames = {
      {{"gallium", "16"},
       {"hydrogen", "18"},
       {"iron", "20"},
       {"jod", "22"},
       {"krypton", "24"},
       {"fermium", "14"}}};
  for (const auto& [name, release] : kNames) {
    if (requirement.find(name) != std::string_view::npos) {
      return std::string(release);
    }
  }
  std::string chosen = ChooseVersion(requirement, kNodes);
  // A release that is none of these: what is asked for comes before what is usual.
  chosen = chosen.empty() ? NumbersOf(requirement, 1) : chosen;
  return chosen.empty() ? std::string(kNodes.front()) : chosen;
}

class NodeBuild {
 public:
  explicit NodeBuild(const Project& project)
      : project_(project),
        app_(project.app()),
        manifest_(
            analysis::ReadJsonFile(project.tree(), JoinPath(app_.directory, "package.json"), true)),
        root_(analysis::ReadJsonFile(project.tree(), project.InTree("package.json"), true)) {}

  Recipe Make();

 private:
  [[nodiscard]] bool IsBun() const { return project_.Trait("node.runtime") == "bun"; }
  [[nodiscard]] std::string Manager() const {
    return app_.package_manager ? app_.package_manager->value : "npm";
  }
  [[nodiscard]] bool IsBerry() const { return project_.Trait("yarn.berry") == "true"; }
  [[nodiscard]] bool IsWorkspace() const;
  [[nodiscard]] bool HasLifecycle() const;
  [[nodiscard]] bool HasPrepare() const {
    return !analysis::TextAt(root_, "scripts.prepare").empty();
  }
  [[nodiscard]] bool HasGitDependencies() const;
  [[nodiscard]] bool IsGathered() const;
  [[nodiscard]] bool HasDevelopment() const;
  [[nodiscard]] bool IsPlugAndPlay() const;
  [[nodiscard]] std::vector<std::string> Caches() const;
  [[nodiscard]] std::vector<std::string> BuildCaches() const;
  void SetUpManager(Stage& stage);
  [[nodiscard]] bool HidesSettings() const;
  void CopyLocalPackages(Stage& stage);
  void CopyManifests(Stage& stage);
  void Install(Stage& stage);
  [[nodiscard]] std::string Prune() const;
  [[nodiscard]] std::string InstallForRunning() const;
  Stage BuildStage();
  void Finish(Stage& stage);
  void CopyResult(Stage& stage);
  [[nodiscard]] std::string Command() const;

  const Project& project_;
  const analysis::App& app_;
  const json manifest_;
  const json root_;
  Recipe recipe_;
  bool copies_first_ = false;  // the whole context, before the dependencies
  bool omits_development_ = false;
  std::vector<std::string> secrets_;  // mounts
};

bool NodeBuild::IsWorkspace() const {
  return root_.contains("workspaces") || project_.Has("pnpm-workspace.yaml") ||
         app_.directory != app_.workspace;
}

// Scripts that installing runs, and which may need the sources: of the root, and of members.
bool NodeBuild::HasLifecycle() const {
  std::vector<std::string> members =
      IsWorkspace() ? project_.Named({"package.json"}) : std::vector<std::string>{};
  std::erase(members, "package.json");
  for (const std::string& member : members) {
    const json manifest = analysis::ReadJsonFile(project_.tree(), project_.InTree(member), true);
    for (const char* name : {"preinstall", "install", "postinstall", "prepare"}) {
      if (!analysis::TextOf(analysis::At(manifest, std::vector<std::string>{"scripts", name}))
               .empty()) {
        return true;
      }
    }
  }
  for (const char* name : {"preinstall", "install", "postinstall", "prepare"}) {
    const std::string script =
        analysis::TextOf(analysis::At(root_, std::vector<std::string>{"scripts", name}));
    const bool is_harmless = script.empty() || script == "husky" || script == "husky install" ||
                             script.starts_with("husky ||") || script == "prisma generate" ||
                             script.find("npx only-allow") != std::string::npos;
    if (!is_harmless) {
      return true;
    }
  }
  return false;
}

bool NodeBuild::HasDevelopment() const {
  return root_.contains("devDependencies") || manifest_.contains("devDependencies") ||
         !analysis::TextAt(root_, "scripts.prepare").empty();
}

// "git+https://…", "github:acme/lib", "acme/lib".
bool NodeBuild::HasGitDependencies() const {
  for (const char* kind : {"dependencies", "devDependencies", "optionalDependencies"}) {
    for (const auto& [name, version] : analysis::At(manifest_, kind).items()) {
      const std::string text = analysis::TextOf(version);
      const bool is_short = text.find('/') != std::string::npos &&
                            text.find(':') == std::string::npos && !text.starts_with('.') &&
                            !text.starts_with('/');
      if (is_short || text.starts_with("git") || text.starts_with("bitbucket:")) {
        return true;
      }
    }
  }
  return false;
}

// Whether the build gathers all that the server needs, dependencies included.
bool NodeBuild::IsGathered() const {
  return project_.Trait("next.output") == "standalone" ||
         (project_.Framework() == "nuxt" && app_.output && app_.output->value.ends_with(".output"));
}

bool NodeBuild::IsPlugAndPlay() const {
  const std::string* settings = project_.tree().Read(project_.InTree(".yarnrc.yml"));
  return IsBerry() &&
         (settings == nullptr || settings->find("nodeLinker: node-modules") == std::string::npos);
}

std::vector<std::string> NodeBuild::Caches() const {
  const std::string manager = Manager();
  if (manager == "pnpm")
    return {"/pnpm/store"};
  if (manager == "yarn" && IsPlugAndPlay())
    return {};  // what is installed stays in the cache itself
  if (manager == "yarn")
    return {IsBerry() ? "/root/.yarn/berry/cache" : "/usr/local/share/.cache/yarn"};
  if (manager == "bun")
    return {"/root/.bun/install/cache"};
  return {"/root/.npm"};
}

std::vector<std::string> NodeBuild::BuildCaches() const {
  const std::string framework = project_.Framework();
  std::vector<std::string> caches;
  if (framework == "next") {
    caches.push_back(project_.WorkDir() + "/.next/cache");
  }
  if (app_.directory == app_.workspace && !IsPlugAndPlay()) {
    caches.push_back(std::string(kRoot) + "/node_modules/.cache");
  }
  return caches;
}

void NodeBuild::SetUpManager(Stage& stage) {
  const std::string manager = Manager();
  const std::string stated =
      app_.package_manager_version ? NumbersOf(app_.package_manager_version->value) : "";
  if (manager == "npm") {
    stage.Env({{"NPM_CONFIG_AUDIT", "false"},
               {"NPM_CONFIG_FUND", "false"},
               {"NPM_CONFIG_UPDATE_NOTIFIER", "false"}},
              "npm asks the registry for packages and for nothing else.");
  }
  if (manager == "pnpm") {
    stage.Env({{"PNPM_HOME", "/pnpm"}, {"PATH", "/pnpm:$PATH"}, {"CI", "true"}});
    stage.Run("npm install --global pnpm@" + (stated.empty() ? "9" : stated) +
                  " && pnpm config set store-dir /pnpm/store",
              "The package manager in the version that the project asks for.");
  } else if (manager == "yarn" && IsBerry()) {
    const auto& tree = project_.tree();
    if (!tree.Below(project_.InTree(".yarn/releases")).empty()) {
      return;  // Yarn of the image hands over to the one that the project carries
    }
    stage.Run("npm install --global --force corepack@0.34 && corepack enable",
              "Yarn comes by corepack.");
  } else if (manager == "bun" && !IsBun()) {
    stage.Run("npm install --global bun@" + (stated.empty() ? "1" : stated),
              "The package manager of the project.");
  } else if (manager == "npm" && app_.package_manager_version &&
             app_.package_manager_version->confidence == analysis::Confidence::kCertain &&
             !stated.empty() && std::count(stated.begin(), stated.end(), '.') == 2) {
    stage.Run("npm install --global npm@" + stated,
              "The version of npm that the project asks for.");
  }
}

// Whether .npmrc holds a token itself, and not the name of a variable that does.
bool NodeBuild::HidesSettings() const {
  const std::string* settings = project_.tree().Read(project_.InTree(".npmrc"));
  for (const std::string_view key : {"_authToken=", "_password=", "_auth="}) {
    const std::size_t at = settings == nullptr ? std::string::npos : settings->find(key);
    if (at != std::string::npos && settings->compare(at + key.size(), 2, "${") != 0) {
      return true;
    }
  }
  return false;
}

// Packages that lie in the project: "file:../lib", "file:vendor/a.tgz".
void NodeBuild::CopyLocalPackages(Stage& stage) {
  for (const char* kind : {"dependencies", "devDependencies", "optionalDependencies"}) {
    for (const auto& [name, version] : analysis::At(manifest_, kind).items()) {
      const std::string text = analysis::TextOf(version);
      if (!text.starts_with("file:") && !text.starts_with("link:")) {
        continue;
      }
      const std::string path = project_.FromDirectory(text.substr(text.find(':') + 1));
      if (project_.Has(path)) {
        const std::string parent(analysis::ParentOf(path));
        stage.Copy({path}, parent.empty() ? "./" : parent + "/");
      } else if (project_.HasDirectory(path)) {
        stage.Copy({path}, path + "/");
      }
    }
  }
}

void NodeBuild::CopyManifests(Stage& stage) {
  std::vector<std::string> members;
  if (IsWorkspace()) {
    members = project_.Named({"package.json"});
    std::erase(members, "package.json");
  }
  const bool is_secret = HidesSettings();
  if (is_secret) {
    secrets_ = {"type=secret,id=npmrc,target=" + std::string(kRoot) + "/.npmrc"};
    recipe_.ignored.emplace_back(".npmrc");
    recipe_.notes.emplace_back(
        ".npmrc holds a token and stays out of the image: build with --secret id=npmrc,src=.npmrc");
  }
  copies_first_ = HasLifecycle() || members.size() > kMaxMembers;
  if (copies_first_) {
    stage.Copy(
        {"."}, "./",
        "Scripts of package.json run when dependencies are installed, and may need the sources.");
    return;
  }
  std::vector<std::string> files =
      project_.Present({"package.json", "package.json5", "package-lock.json", "npm-shrinkwrap.json",
                        "yarn.lock", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".pnpmfile.cjs",
                        "bun.lock", "bun.lockb", "bunfig.toml", ".yarnrc", ".yarnrc.yml"});
  if (!is_secret && project_.Has(".npmrc")) {
    files.emplace_back(".npmrc");
  }
  stage.Copy(files, "./",
             "What names the dependencies, and nothing that changes more often: the next "
             "step runs again only when they change.");
  for (const std::string& member : members) {
    stage.Copy({member}, std::string(analysis::ParentOf(member)) + "/");
  }
  for (const char* directory :
       {".yarn/releases", ".yarn/plugins", ".yarn/patches", ".yarn/cache", "patches"}) {
    if (project_.HasDirectory(directory)) {
      stage.Copy({directory}, std::string(directory) + "/");
    }
  }
  CopyLocalPackages(stage);
  const std::string schema = JoinPath(project_.Directory(), "prisma");
  if (project_.Trait("node.uses_prisma") == "true" && project_.HasDirectory(schema)) {
    stage.Copy({schema}, schema + "/", "The client of Prisma is made of the schema.");
  }
}

std::string NodeBuild::InstallForRunning() const {
  const std::string command = app_.install.empty() ? "npm install" : app_.install.front().value;
  const std::string manager = Manager();
  if (manager == "npm")
    return command + " --omit=dev";
  if (manager == "pnpm")
    return command + " --prod";
  if (manager == "bun")
    return command + " --production";
  return IsBerry() ? command : command + " --production";
}

// What takes out the dependencies that only the build needs; empty: they stay.
std::string NodeBuild::Prune() const {
  const std::string manager = Manager();
  if (manager == "npm")
    return "npm prune --omit=dev";
  // What only development has is called by `prepare`, which installing runs.
  const std::string first = HasPrepare() ? "npm pkg delete scripts.prepare && " : "";
  if (manager == "bun")
    return first + "rm -rf node_modules && bun install --production --frozen-lockfile";
  if (manager == "pnpm" && IsWorkspace()) {
    const std::string name = analysis::TextOf(analysis::At(manifest_, "name"));
    return first + "pnpm install --prod --frozen-lockfile --prefer-offline" +
           (name.empty() ? "" : " --filter \"" + name + "...\"");
  }
  if (manager == "pnpm")
    return "pnpm prune --prod";
  return IsBerry()
             ? ""
             : "yarn install --production --frozen-lockfile --ignore-scripts --prefer-offline";
}

void NodeBuild::Install(Stage& stage) {
  // `prepare` runs whatever is installed, and calls what only development needs.
  const bool needs_all = !app_.build.empty() || HasLifecycle() || HasPrepare();
  omits_development_ = !needs_all;
  if (!app_.lock_file) {
    recipe_.notes.emplace_back("there is no lock file: each build may bring other versions");
  }
  const std::string command =
      omits_development_ || app_.install.empty() ? InstallForRunning() : app_.install.front().value;
  stage.Run(command, "The cache keeps downloads between builds and out of the image.", Caches(),
            secrets_);
}

Stage NodeBuild::BuildStage() {
  const std::string base = IsBun() ? "oven/bun:1" : NodeImage(project_, project_.Version());
  const bool compiles = !app_.native_modules.empty();
  const bool is_plain =
      base.find("bookworm") != std::string::npos || base.find("bullseye") != std::string::npos;
  Stage stage(compiles || !is_plain ? base : base + "-slim", "build",
              (IsBun() ? std::string("Bun runs it.")
                       : project_.VersionSource("the current long-term release")) +
                  (compiles ? "; with the compilers that " + app_.native_modules.front().value +
                                  " may need."
                            : "."));
  std::vector<std::string> packages = project_.BuildPackages();
  for (const std::string& name : project_.RuntimePackages()) {
    packages.push_back(name);
  }
  if (HasGitDependencies()) {
    packages.insert(packages.end(), {"ca-certificates", "git"});
  }
  stage.Packages(packages, "Libraries and tools that dependencies need.");
  stage.WorkDir(std::string(kRoot));
  SetUpManager(stage);
  CopyManifests(stage);
  if (!app_.install.empty()) {
    Install(stage);
  }
  if (!copies_first_ && !app_.build.empty()) {
    stage.Copy({"."}, "./", "All else, after the dependencies.");
  }
  if (project_.Framework() == "next") {
    stage.Env({{"NEXT_TELEMETRY_DISABLED", "1"}});
  }
  RunAll(stage, project_, app_.build, "Caches of compilers make the next build faster.",
         BuildCaches());
  return stage;
}

// The script behind `npm run start`, when nothing but it would run: npm in between would swallow
// signals.
std::string NodeBuild::Command() const {
  std::string command = app_.run ? app_.run->value : "";
  for (const char* runner :
       {"npm run ", "npm ", "yarn run ", "yarn ", "pnpm run ", "pnpm ", "bun run "}) {
    if (!command.starts_with(runner)) {
      continue;
    }
    const std::string name = command.substr(std::string_view(runner).size());
    const std::string script =
        analysis::TextOf(analysis::At(manifest_, std::vector<std::string>{"scripts", name}));
    const nlohmann::json& scripts = analysis::At(manifest_, "scripts");
    const bool has_hooks = scripts.contains("pre" + name) || scripts.contains("post" + name);
    const bool calls_manager = script.find("npm ") != std::string::npos ||
                               script.find("yarn ") != std::string::npos ||
                               script.find("npm-run-all") != std::string::npos ||
                               script.find("bun run") != std::string::npos;
    if (!script.empty() && !has_hooks && !calls_manager) {
      return script;
    }
    break;
  }
  for (const std::string_view runner : {"npx ", "pnpm exec ", "yarn exec ", "npm exec ", "bunx "}) {
    if (command.starts_with(runner)) {
      return command.substr(runner.size());
    }
  }
  return command;
}

void NodeBuild::CopyResult(Stage& stage) {
  const std::string directory = project_.WorkDir();
  const CopyOptions from_build{.stage = "build"};
  if (project_.Trait("next.output") == "standalone") {
    stage.Copy({directory + "/.next/standalone"}, std::string(kRoot) + "/",
               "Next gathers what the server needs; pages and images lie beside it.", from_build);
    stage.Copy({directory + "/.next/static"}, directory + "/.next/static/", {}, from_build);
    if (project_.HasDirectory(JoinPath(project_.Directory(), "public"))) {
      stage.Copy({directory + "/public"}, directory + "/public/", {}, from_build);
    }
    return;
  }
  if (IsGathered() && app_.output) {
    CopyOutput(stage, project_, app_.output->value, "The server with all that it needs.");
    return;
  }
  if (!app_.build.empty() || copies_first_ || IsWorkspace()) {
    if (!copies_first_ && app_.build.empty()) {
      stage.Copy({std::string(kRoot)}, std::string(kRoot) + "/", "The dependencies.", from_build);
      stage.Copy({"."}, std::string(kRoot) + "/", "The sources.");
      return;
    }
    stage.Copy({std::string(kRoot)}, std::string(kRoot) + "/",
               "What was built, with the dependencies that it runs with.", from_build);
    return;
  }
  if (!app_.install.empty() && !app_.dependencies.empty()) {
    if (IsPlugAndPlay()) {
      stage.Copy({std::string(kRoot)}, std::string(kRoot) + "/", "The dependencies.", from_build);
    } else {
      stage.Copy({std::string(kRoot) + "/node_modules"}, "./node_modules/",
                 "The dependencies: a layer that seldom changes.", from_build);
    }
  }
  stage.Copy({"."}, "./", "The sources.");
}

void NodeBuild::Finish(Stage& stage) {
  std::vector<std::string> packages = project_.RuntimePackages();
  UseInit(packages, recipe_);
  stage.Packages(packages,
                 "tini is the first process and passes signals on: Node as the first would "
                 "not end on SIGTERM.");
  stage.WorkDir(project_.WorkDir());
  std::string path;
  if (project_.WorkDir() != kRoot) {
    path = project_.WorkDir() + "/node_modules/.bin:";
  }
  Serve(recipe_, project_, stage, IsBun() ? ProbeTool::kBun : ProbeTool::kNode,
        {{"NODE_ENV", "production"},
         {"PATH", path + std::string(kRoot) + "/node_modules/.bin:$PATH"}});
  if (app_.framework && (app_.framework->value == "next" || app_.framework->value == "nuxt") &&
      !recipe_.port.number.empty()) {
    stage.Env(recipe_.port.reads_port
                  ? std::vector<std::pair<std::string, std::string>>{{"HOSTNAME", "0.0.0.0"}}
                  : std::vector<std::pair<std::string, std::string>>{
                        {"HOSTNAME", "0.0.0.0"}, {"PORT", recipe_.port.number}});
    recipe_.port.reads_port = true;
  }
  for (const char* name : {"astro", "nuxt", "sveltekit", "remix", "react-router"}) {
    if (project_.Framework() == name) {
      stage.Env({{"HOST", "0.0.0.0"}}, "It would listen for this container alone.");
    }
  }
  CopyResult(stage);
  recipe_.command = Command();
  const std::string manager = Manager();
  if (manager != "npm" && !IsBun() && recipe_.command.starts_with(manager + " ")) {
    SetUpManager(stage);  // it starts the application
  }
}

Recipe NodeBuild::Make() {
  recipe_.ignored.insert(recipe_.ignored.end(),
                         {"**/node_modules", "**/.next", "**/.nuxt", "**/.output", "**/.svelte-kit",
                          "**/.turbo", "**/*.log"});
  if (app_.output && app_.kind == analysis::AppKind::kStaticSite && !app_.build.empty()) {
    recipe_.ignored.push_back(project_.FromDirectory(app_.output->value));
  }
  const bool has_dependencies = !app_.dependencies.empty() || root_.contains("devDependencies") ||
                                IsWorkspace() || !app_.build.empty();
  Stage build = BuildStage();
  if (app_.kind == analysis::AppKind::kStaticSite) {
    recipe_.stages.push_back(std::move(build));
    ServeFiles(recipe_, project_, app_.output ? app_.output->value : "dist");
    return std::move(recipe_);
  }
  const bool is_gathered = IsGathered();
  if (!omits_development_ && HasDevelopment() && !is_gathered) {
    if (const std::string prune = Prune(); !prune.empty()) {
      build.WorkDir(std::string(kRoot));
      build.Run(prune, "Dependencies that only the build needs are taken out.", Caches(), secrets_);
    }
  }
  if (has_dependencies) {
    recipe_.stages.push_back(std::move(build));
  }
  const std::string base =
      IsBun() ? "oven/bun:1-slim" : NodeImage(project_, project_.Version()) + "-slim";
  Stage last(base, "", "The same version without what builds need.");
  Finish(last);
  recipe_.stages.push_back(std::move(last));
  return std::move(recipe_);
}

}  // namespace

std::string NodeImage(const Project& /*project*/, std::string_view requirement) {
  const std::string release = NodeRelease(requirement);
  return "node:" + release + "-" + std::string(DebianOf("node", release));
}

bool IsJavaScriptCommand(std::string_view command) {
  for (const std::string_view program : {"npm ", "npx ", "yarn", "pnpm ", "bun ", "node "}) {
    if (command.starts_with(program)) {
      return true;
    }
  }
  return false;
}

void AddNode(Recipe& recipe, const Project& project, Stage& build) {
  const std::string release(kNodes.front());
  recipe.stages.insert(recipe.stages.begin(), Stage("node:" + release + "-bookworm-slim", "node",
                                                    "Node for the web assets."));
  const CopyOptions from_node{.stage = "node"};
  build.Copy({"/usr/local/bin/node"}, "/usr/local/bin/", "Node and npm, for the web assets.",
             from_node);
  build.Copy({"/usr/local/lib/node_modules"}, "/usr/local/lib/node_modules/", {}, from_node);
  build.Run(
      "ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \\\n"
      "    && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx");
  if (!project.Named({"yarn.lock"}).empty()) {
    build.Run("npm install --global yarn@1");
  }
  if (!project.Named({"pnpm-lock.yaml"}).empty()) {
    build.Run("npm install --global pnpm@9");
  }
}

Recipe NodeRecipe(const Project& project) {
  return NodeBuild(project).Make();
}

}  // namespace casemate::containerize
