// One package.json and what surrounds it: its workspace, its package manager, its scripts. Plain
// values read once; one thread at a time.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

class NodePackage {
 public:
  NodePackage(const SourceTree& tree, std::string directory);
  ~NodePackage();
  NodePackage(const NodePackage&) = delete;
  NodePackage& operator=(const NodePackage&) = delete;

  [[nodiscard]] bool is_there() const;
  [[nodiscard]] const SourceTree& tree() const { return tree_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const std::string& path() const { return path_; }  // of package.json
  [[nodiscard]] const nlohmann::json& manifest() const;
  // Where its lock file lies: of the workspace that it belongs to, or its own directory.
  [[nodiscard]] const std::string& workspace() const { return workspace_; }
  // Whether other packages are parts of it.
  [[nodiscard]] bool is_workspace_root() const { return is_root_; }
  [[nodiscard]] std::string Script(std::string_view name) const;  // empty: there is none
  // The first of these tasks of its moon.yml: "npx tsc -p ."; nullopt: there is none.
  [[nodiscard]] std::optional<Finding> MoonTask(
      std::initializer_list<std::string_view> names) const;
  // In dependencies, devDependencies, optionalDependencies or peerDependencies.
  [[nodiscard]] bool Uses(std::string_view package) const;
  [[nodiscard]] bool RunsWith(std::string_view package) const;          // in dependencies
  [[nodiscard]] std::string VersionOf(std::string_view package) const;  // as asked for
  [[nodiscard]] std::string Text(std::string_view file) const;  // of a file beside it; empty: none
  [[nodiscard]] bool Has(std::string_view file) const;          // beside it
  // The first of these files beside it; empty: none is there.
  [[nodiscard]] std::string FirstOf(std::initializer_list<std::string_view> files) const;
  [[nodiscard]] const std::string& manager() const { return manager_; }  // "npm", "pnpm", …
  // "npm run NAME" in the words of its package manager; "npx NAME".
  [[nodiscard]] std::string RunScript(std::string_view name) const;
  [[nodiscard]] std::string Execute(std::string_view program) const;
  // The same of a script of another package of its workspace.
  [[nodiscard]] std::string RunScriptOf(const std::string& package, std::string_view name) const;
  // Directories of packages of its workspace that it is built from, those first that others need.
  [[nodiscard]] std::vector<std::string> MembersNeeded() const;

  // package_manager and its version, lock_file, install, version, dependencies of `app`.
  void Describe(App& app);
  // What binds the packages below together, if this is their root.
  [[nodiscard]] std::optional<Finding> Monorepo() const;

 private:
  struct Data;
  void FindWorkspace();
  [[nodiscard]] bool HasOwnLock() const;
  void ChooseManager(App& app);
  void AddManagerOf(const std::string& path, const nlohmann::json& manifest, class Choice& names,
                    class Choice& versions) const;
  void AddYarnRelease(const std::string* lock_text, const std::string& lock,
                      class Choice& versions) const;
  void AddEngines(class Choice& names, class Choice& versions) const;
  [[nodiscard]] std::string LockPath() const;
  void ChooseVersion(App& app) const;
  void AddDependencies(App& app) const;
  [[nodiscard]] std::vector<std::string> Install(bool has_lock) const;

  const SourceTree& tree_;
  std::string directory_;
  std::string path_;
  std::string workspace_;
  bool is_root_ = false;
  bool is_berry_ = false;  // Yarn 2 and later
  std::string manager_ = "npm";
  std::unique_ptr<Data> data_;
};

// Whether the workspace at the root names a directory as it is, without a pattern.
bool IsListedPackage(const SourceTree& tree, std::string_view directory);

// Patterns of workspaces: "packages/*", "apps/**", "!apps/old". Whether they name a directory,
// given relative to theirs.
bool NamesWorkspace(const std::vector<std::string>& patterns, std::string_view directory);

}  // namespace casemate::analysis
