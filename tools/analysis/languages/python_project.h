// What the files of a Python project state: its package manager, its dependencies, its version, its
// modules. Plain values read once; one thread at a time.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

// A module that makes something callable: `app = FastAPI()` in src/shop/main.py.
struct PythonObject {
  std::string file;    // relative to the project: "src/shop/main.py"
  std::string module;  // as it is imported: "shop.main"
  std::string name;    // "app", or of a function that makes it: "create_app"
  bool is_factory = false;
  std::string
      import_root;   // where imports begin, relative to the project: "src"; empty: the project
  std::string line;  // "line 12"
};

class PythonProject {
 public:
  PythonProject(const SourceTree& tree, std::string directory);

  // Whether a file here says that this is a Python project.
  [[nodiscard]] bool has_manifest() const { return has_manifest_; }
  // Whether it is a package that others may install.
  [[nodiscard]] bool has_build() const { return has_build_; }
  [[nodiscard]] const SourceTree& tree() const { return tree_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] bool Has(std::string_view file) const;
  [[nodiscard]] std::string PathOf(std::string_view file) const;
  [[nodiscard]] std::string Text(std::string_view file) const;  // empty: none
  // Whether it depends on a package, by its name in lower case with - for _ and dots.
  [[nodiscard]] bool Uses(std::string_view package) const { return packages_.contains(package); }
  // Source files of its own, nearest to the top first, relative to it; without tests and
  // migrations.
  [[nodiscard]] const std::vector<std::string>& modules() const { return modules_; }
  // The first module whose code matches `pattern`, an RE2 whose group 1 is the object's name.
  [[nodiscard]] std::optional<PythonObject> Find(const char* pattern,
                                                 bool is_factory = false) const;
  [[nodiscard]] PythonObject ObjectIn(const std::string& file, std::string name) const;
  // Scripts that its package installs: name and source, in the order of the file.
  [[nodiscard]] const std::vector<Candidate>& scripts() const { return scripts_; }
  [[nodiscard]] std::optional<Finding> Monorepo() const;

  // package_manager, lock_file, install, version, name, dependencies of `app`.
  void Describe(App& app) const;

 private:
  struct Manifest;
  void ReadPyproject();
  void ReadPipfile();
  void ReadConda();
  void ReadSetup();
  void ReadRequirements(const std::string& file, int depth);
  void AddRequirement(std::string_view line, const Source& source);
  [[nodiscard]] bool IsOfAnother(std::string_view path) const;
  void ListModules();
  [[nodiscard]] std::string InstallCommand(std::string_view manager, bool has_lock) const;
  void ChooseManager(App& app) const;
  void ChooseVersion(App& app) const;
  [[nodiscard]] std::string WorkspaceOf() const;

  const SourceTree& tree_;
  std::string directory_;
  bool has_manifest_ = false;
  bool has_build_ = false;  // it is a package that pip can build
  bool is_workspace_root_ = false;
  std::string requirements_;  // the file that pip is given
  std::string name_;
  Source name_source_;
  std::vector<std::pair<std::string, Source>> managers_;
  std::vector<Candidate> versions_;  // that manifests state
  std::vector<Dependency> dependencies_;
  std::set<std::string, std::less<>> packages_;
  std::vector<Candidate> scripts_;
  std::vector<std::string> modules_;
};

// The name of a package as indexes compare it: lower case, runs of - _ . as one -.
std::string PythonPackageName(std::string_view name);

}  // namespace casemate::analysis
