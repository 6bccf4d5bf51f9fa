#include "tools/analysis/languages/node_package.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"
#include "tools/analysis/finding.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

using nlohmann::json;

struct NodePackage::Data {
  json manifest;
};

namespace {

struct LockFile {
  std::string_view name;
  std::string_view manager;
};
constexpr auto kLockFiles = std::to_array<LockFile>({{"pnpm-lock.yaml", "pnpm"},
                                                     {"bun.lock", "bun"},
                                                     {"bun.lockb", "bun"},
                                                     {"yarn.lock", "yarn"},
                                                     {"package-lock.json", "npm"},
                                                     {"npm-shrinkwrap.json", "npm"}});
constexpr std::size_t kMaxDependencies = 2000;

// One component of a path against one of a pattern, where * stands for any letters.
bool MatchesComponent(std::string_view pattern, std::string_view text) {
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  std::size_t p = 0;
  std::size_t t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string_view TakeComponent(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view first = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  return first;
}

bool MatchesPattern(std::string_view pattern, std::string_view path) {
  while (pattern.starts_with("./")) {
    pattern.remove_prefix(2);
  }
  while (!pattern.empty()) {
    const std::string_view component = TakeComponent(pattern);
    if (component == "**") {
      return true;  // what may follow it in practice is * or package.json
    }
    if (component.empty()) {
      continue;
    }
    if (path.empty() || !MatchesComponent(component, TakeComponent(path))) {
      return false;
    }
  }
  return path.empty();
}

std::vector<std::string> TextsOf(const json& list) {
  std::vector<std::string> texts;
  for (const json& item : list.is_array() ? list : json::array()) {
    if (item.is_string()) {
      texts.push_back(item.get<std::string>());
    }
  }
  return texts;
}

std::vector<std::string> PatternsOf(const SourceTree& tree, const std::string& directory) {
  const std::string pnpm = JoinPath(directory, "pnpm-workspace.yaml");
  if (tree.Has(pnpm)) {
    return TextsOf(At(ReadYamlFile(tree, pnpm), "packages"));
  }
  const std::string path = JoinPath(directory, "package.json");
  if (!tree.Has(path)) {
    return {};
  }
  const json manifest = ReadJsonFile(tree, path);
  const json& workspaces = At(manifest, "workspaces");
  if (workspaces.is_null() && tree.Has(JoinPath(directory, "lerna.json"))) {
    return TextsOf(At(ReadJsonFile(tree, JoinPath(directory, "lerna.json")), "packages"));
  }
  return TextsOf(workspaces.is_object() ? At(workspaces, "packages") : workspaces);
}

std::string WithoutV(std::string version) {
  const bool has_v =
      version.size() > 1 && version[0] == 'v' && version[1] >= '0' && version[1] <= '9';
  return has_v ? version.substr(1) : version;
}

// pnpm's own version by that of its lock file's format.
std::string PnpmOfLock(const std::string& text) {
  std::string format;
  RE2::PartialMatch(text.substr(0, 400), R"(lockfileVersion:\s*['"]?([0-9.]+))", &format);
  if (format.starts_with("9")) {
    return "9";
  }
  if (format.starts_with("6")) {
    return "8";
  }
  return format.starts_with("5.4") ? "7" : format.starts_with("5") ? "6" : "";
}

}  // namespace

bool NamesWorkspace(const std::vector<std::string>& patterns, std::string_view directory) {
  bool is_named = false;
  for (const std::string& pattern : patterns) {
    if (pattern.starts_with("!")) {
      is_named = is_named && !MatchesPattern(std::string_view(pattern).substr(1), directory);
    } else {
      is_named = is_named || MatchesPattern(pattern, directory);
    }
  }
  return is_named;
}

bool IsListedPackage(const SourceTree& tree, std::string_view directory) {
  if (directory.empty() || !tree.Has(JoinPath(directory, "package.json"))) {
    return false;
  }
  const std::vector<std::string> patterns = PatternsOf(tree, "");
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return pattern == directory || pattern == "./" + std::string(directory);
  });
}

NodePackage::NodePackage(const SourceTree& tree, std::string directory)
    : tree_(tree),
      directory_(std::move(directory)),
      path_(JoinPath(directory_, "package.json")),
      workspace_(directory_),
      data_(std::make_unique<Data>()) {
  data_->manifest = ReadJsonFile(tree_, path_);
  if (!tree_.Has(path_) && tree_.Has(path_ + "5")) {
    path_ += "5";
    data_->manifest = ReadJsonFile(tree_, path_, true);
  }
  if (is_there()) {
    FindWorkspace();
  }
}

NodePackage::~NodePackage() = default;

bool NodePackage::is_there() const {
  return data_->manifest.is_object();
}

const json& NodePackage::manifest() const {
  return data_->manifest;
}

bool NodePackage::HasOwnLock() const {
  return std::any_of(kLockFiles.begin(), kLockFiles.end(),
                     [&](const LockFile& lock) { return Has(lock.name); });
}

void NodePackage::FindWorkspace() {
  is_root_ = !PatternsOf(tree_, directory_).empty();
  if (is_root_ || directory_.empty()) {
    return;
  }
  std::string_view above = ParentOf(directory_);
  while (true) {
    const std::string_view inner =
        std::string_view(directory_).substr(above.empty() ? 0 : above.size() + 1);
    const bool is_of_nx = tree_.Has(JoinPath(above, "nx.json")) && !HasOwnLock();
    if (is_of_nx || NamesWorkspace(PatternsOf(tree_, std::string(above)), inner)) {
      workspace_ = std::string(above);
      return;
    }
    if (above.empty()) {
      return;
    }
    above = ParentOf(above);
  }
}

std::string NodePackage::Script(std::string_view name) const {
  return TextOf(At(manifest(), {"scripts", std::string(name)}));
}

bool NodePackage::Uses(std::string_view package) const {
  const std::string name(package);
  return RunsWith(package) || !At(manifest(), {"devDependencies", name}).is_null() ||
         !At(manifest(), {"optionalDependencies", name}).is_null() ||
         !At(manifest(), {"peerDependencies", name}).is_null();
}

bool NodePackage::RunsWith(std::string_view package) const {
  return !At(manifest(), {"dependencies", std::string(package)}).is_null();
}

std::string NodePackage::VersionOf(std::string_view package) const {
  for (const char* kind : {"dependencies", "devDependencies", "peerDependencies"}) {
    const std::string version = TextOf(At(manifest(), {kind, std::string(package)}));
    if (!version.empty()) {
      return version;
    }
  }
  return {};
}

std::string NodePackage::Text(std::string_view file) const {
  const std::string* text = tree_.Read(JoinPath(directory_, file));
  return text == nullptr ? std::string() : *text;
}

bool NodePackage::Has(std::string_view file) const {
  return tree_.Has(JoinPath(directory_, file));
}

std::string NodePackage::FirstOf(std::initializer_list<std::string_view> files) const {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](std::string_view file) { return Has(file); });
  return found == files.end() ? std::string() : std::string(*found);
}

std::string NodePackage::RunScript(std::string_view name) const {
  return manager_ + " run " + std::string(name);
}

std::string NodePackage::Execute(std::string_view program) const {
  const std::string words(program);
  if (manager_ == "pnpm") {
    return "pnpm exec " + words;
  }
  if (manager_ == "yarn") {
    return "yarn run " + words;
  }
  return (manager_ == "bun" ? "bunx " : "npx ") + words;
}

std::optional<Finding> NodePackage::MoonTask(std::initializer_list<std::string_view> names) const {
  const std::string path = JoinPath(directory_, "moon.yml");
  const json tasks = tree_.Has(path) ? At(ReadYamlFile(tree_, path), "tasks") : json();
  for (const std::string_view name : names) {
    const json& task = At(tasks, name);
    std::string command;
    for (const char* field : {"command", "args"}) {
      const json& words = At(task, field);
      for (const json& word : words.is_array() ? words : json::array({words})) {
        command += (command.empty() || TextOf(word).empty() ? "" : " ") + TextOf(word);
      }
    }
    if (!command.empty()) {
      const bool is_plain = command.starts_with("node ") || command.starts_with("bun ");
      return Finding(is_plain ? command : Execute(command), {path, "tasks." + std::string(name)},
                     Confidence::kCertain);
    }
  }
  return std::nullopt;
}

std::string NodePackage::RunScriptOf(const std::string& package, std::string_view name) const {
  const std::string script(name);
  if (manager_ == "yarn") {
    return "yarn workspace " + package + " run " + script;
  }
  if (manager_ == "npm") {
    return "npm run " + script + " --workspace=" + package;
  }
  return manager_ + " --filter " + package + " run " + script;
}

std::vector<std::string> NodePackage::MembersNeeded() const {
  constexpr std::size_t kMaxMembers = 50;
  std::vector<std::string> needed;
  if (workspace_ == directory_ && !is_root_) {
    return needed;
  }
  std::set<std::string> known{directory_};
  // Members lie in directories of their names: so not all have to be read.
  std::multimap<std::string, std::string> places;
  for (const std::string& path : tree_.Below(workspace_, "/package.json")) {
    places.emplace(NameOf(ParentOf(path)), ParentOf(path));
  }
  const auto member_named = [&](const std::string& name) -> std::string {
    const auto [begin, end] = places.equal_range(std::string(NameOf(name)));
    for (auto it = begin; it != end; ++it) {
      if (TextAt(ReadJsonFile(tree_, JoinPath(it->second, "package.json")), "name") == name) {
        return it->second;
      }
    }
    return {};
  };
  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxMembers
  const auto visit = [&](const auto& self, const json& package) -> void {
    for (const char* kind : {"dependencies", "devDependencies"}) {
      const json& list = At(package, kind);
      for (auto it = list.begin(); list.is_object() && it != list.end(); ++it) {
        const std::string member = known.size() < kMaxMembers ? member_named(it.key()) : "";
        if (!member.empty() && known.insert(member).second) {
          self(self, ReadJsonFile(tree_, JoinPath(member, "package.json")));
          needed.push_back(member);
        }
      }
    }
  };
  visit(visit, manifest());
  return needed;
}

void NodePackage::AddManagerOf(const std::string& path, const json& manifest, Choice& names,
                               Choice& versions) const {
  std::string stated = TextAt(manifest, "packageManager");
  stated = stated.substr(0, stated.find('+'));
  const std::size_t at = stated.find('@');
  names.Add(stated.substr(0, at), {path, "packageManager"});
  if (at != std::string::npos) {
    versions.Add(stated.substr(at + 1), {path, "packageManager"});
  }
  const json& wanted = At(manifest, "devEngines.packageManager");
  names.Add(TextAt(wanted, "name"), {path, "devEngines.packageManager"});
  versions.Add(TextAt(wanted, "version"), {path, "devEngines.packageManager"});
}

void NodePackage::AddEngines(Choice& names, Choice& versions) const {
  for (const char* manager : {"pnpm", "yarn", "bun", "npm"}) {
    const std::string field = "engines." + std::string(manager);
    const std::string version = TextAt(manifest(), field);
    if (version.empty()) {
      continue;
    }
    names.Add(manager, {path_, field}, Confidence::kLikely);
    if (names.BestOr({}).value == manager) {
      versions.Add(version, {path_, field});
    }
  }
}

// Of its package manager's lock files the first that is there; empty: none.
std::string NodePackage::LockPath() const {
  for (const LockFile& lock : kLockFiles) {
    const std::string path = JoinPath(workspace_, lock.name);
    if (lock.manager == manager_ && tree_.Has(path)) {
      return path;
    }
  }
  return {};
}

// The release that lies in the repository, else what the format of the lock file tells.
void NodePackage::AddYarnRelease(const std::string* lock_text, const std::string& lock,
                                 Choice& versions) const {
  for (const char* file : {".yarnrc.yml", ".yarnrc"}) {
    const std::string path = JoinPath(workspace_, file);
    const std::string* text = tree_.Read(path);
    std::string release;
    if (text != nullptr && RE2::PartialMatch(*text, R"(yarn-(\d[\w.-]*?)\.c?js)", &release)) {
      versions.Add(release, {path, "yarnPath"});
    }
  }
  std::string format;
  if (lock_text == nullptr) {
    return;
  }
  if (RE2::PartialMatch(*lock_text, R"(__metadata:\s*\n\s*version:\s*(\d+))", &format)) {
    versions.Add(format == "4"                    ? "2"
                 : format == "5" || format == "6" ? "3"
                                                  : "4",
                 {lock, "__metadata.version"}, Confidence::kLikely);
  } else if (lock_text->find("# yarn lockfile v1") != std::string::npos) {
    versions.Add("1", {lock, "yarn lockfile v1"}, Confidence::kLikely);
  }
}

void NodePackage::ChooseManager(App& app) {
  Choice names;
  Choice versions;
  AddManagerOf(path_, manifest(), names, versions);
  const std::string root = JoinPath(workspace_, "package.json");
  const json root_manifest = workspace_ == directory_ ? json() : ReadJsonFile(tree_, root);
  AddManagerOf(root, root_manifest, names, versions);
  for (const LockFile& lock : kLockFiles) {
    const std::string path = JoinPath(workspace_, lock.name);
    if (tree_.Has(path)) {
      names.Add(std::string(lock.manager), {path, {}}, Confidence::kLikely);
    }
  }
  AddEngines(names, versions);
  if (tree_.Has(JoinPath(workspace_, "pnpm-workspace.yaml"))) {
    names.Add("pnpm", {JoinPath(workspace_, "pnpm-workspace.yaml"), {}}, Confidence::kLikely);
  }
  const Finding chosen = names.BestOr("npm");
  manager_ = chosen.value;
  app.package_manager = chosen;
  const std::string lock = LockPath();
  const std::string* lock_text = lock.empty() ? nullptr : tree_.Read(lock);
  if (manager_ == "pnpm" && lock_text != nullptr) {
    versions.Add(PnpmOfLock(*lock_text), {lock, "lockfileVersion"}, Confidence::kLikely);
  }
  if (manager_ == "yarn") {
    AddYarnRelease(lock_text, lock, versions);
  }
  app.package_manager_version = versions.Best();
  if (manager_ == "yarn") {
    const bool is_new =
        tree_.Has(JoinPath(workspace_, ".yarnrc.yml")) ||
        (lock_text != nullptr && lock_text->find("__metadata:") != std::string::npos);
    is_berry_ = is_new && !versions.BestOr({}).value.starts_with("1.");
    app.traits["yarn.berry"] = is_berry_ ? "true" : "false";
  }
  if (!lock.empty()) {
    app.lock_file = Finding(lock, {lock, {}}, Confidence::kCertain);
  }
  for (std::string& command : Install(!lock.empty())) {
    app.install.emplace_back(std::move(command), Source{lock.empty() ? path_ : lock, {}},
                             Confidence::kLikely);
  }
}

std::vector<std::string> NodePackage::Install(bool has_lock) const {
  if (manager_ == "npm") {
    return {has_lock ? "npm ci" : "npm install"};
  }
  if (manager_ == "yarn" && has_lock) {
    return {is_berry_ ? "yarn install --immutable" : "yarn install --frozen-lockfile"};
  }
  return {manager_ + " install" + (has_lock ? " --frozen-lockfile" : "")};
}

void NodePackage::ChooseVersion(App& app) const {
  const bool is_bun = app.traits["node.runtime"] == "bun";
  Choice versions;
  for (const std::string& place : {directory_, workspace_}) {
    for (const char* name : {".nvmrc", ".node-version"}) {
      const std::string path = JoinPath(place, is_bun ? ".bun-version" : name);
      const std::string version = WithoutV(FirstLine(tree_, path));
      if (IsVersion(version)) {
        versions.Add(version, {path, {}});
      }
    }
  }
  const auto tool = is_bun ? ToolVersion(tree_, directory_, {"bun"})
                           : ToolVersion(tree_, directory_, {"node", "nodejs"});
  if (tool) {
    versions.Add(WithoutV(tool->value), tool->source);
  }
  const std::string root = JoinPath(workspace_, "package.json");
  const json root_manifest = workspace_ == directory_ ? json() : ReadJsonFile(tree_, root);
  const auto add = [&](const std::string& path, const json& document) {
    const char* engine = is_bun ? "engines.bun" : "engines.node";
    if (!is_bun) {
      versions.Add(TextAt(document, "volta.node"), {path, "volta.node"});
    }
    versions.Add(TextAt(document, engine), {path, engine});
    const json& runtime = At(document, "devEngines.runtime");
    if (TextAt(runtime, "name") == (is_bun ? "bun" : "node")) {
      versions.Add(TextAt(runtime, "version"), {path, "devEngines.runtime"});
    }
  };
  add(path_, manifest());
  add(root, root_manifest);
  if (is_bun && manager_ == "bun" && app.package_manager_version) {
    versions.Add(app.package_manager_version->value, app.package_manager_version->source);
  }
  app.version = versions.Best();
}

void NodePackage::AddDependencies(App& app) const {
  const json& list = At(manifest(), "dependencies");
  for (auto it = list.begin(); list.is_object() && it != list.end(); ++it) {
    if (app.dependencies.size() < kMaxDependencies) {
      app.dependencies.push_back(
          {it.key(), TextOf(it.value()), {path_, "dependencies." + it.key()}});
    }
  }
  AddNeeds(Ecosystem::kNpm, app);
}

void NodePackage::Describe(App& app) {
  ChooseManager(app);
  const std::string start = Script("start");
  const bool runs_bun = start.starts_with("bun ") && !start.starts_with("bun run build");
  const bool is_for_bun = manager_ == "bun" && TextAt(manifest(), "engines.node").empty() &&
                          start.find("node ") == std::string::npos &&
                          start.find("next ") == std::string::npos;
  app.traits["node.runtime"] = runs_bun || is_for_bun ? "bun" : "node";
  ChooseVersion(app);
  AddDependencies(app);
}

std::optional<Finding> NodePackage::Monorepo() const {
  if (!is_root_ && !Has("nx.json")) {
    return std::nullopt;
  }
  Choice choice;
  for (const auto& [file, name] :
       {std::pair{"turbo.json", "turborepo"}, std::pair{"lerna.json", "lerna"},
        std::pair{"nx.json", "nx"}, std::pair{".moon/workspace.yml", "moon"},
        std::pair{"rush.json", "rush"}, std::pair{"pnpm-workspace.yaml", "pnpm"}}) {
    if (Has(file)) {
      choice.Add(name, {JoinPath(directory_, file), {}});
    }
  }
  choice.Add(manager_, {path_, "workspaces"});
  return choice.Best();
}

}  // namespace casemate::analysis
