// Modules and packages of Go: what go.mod and go.work say, which packages there are, and which of
// them a main package is made of. Reads through the tree, which must outlive it; one thread at a
// time, as the tree.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

struct GoModule {
  std::string path;                      // "github.com/acme/shop"
  std::string go;                        // "1.22"; empty: not stated
  std::string toolchain;                 // "1.22.3"; empty: not stated
  std::vector<Dependency> dependencies;  // direct ones
  // Modules that lie in directories of the project: `replace` with a path, `use` of go.work.
  std::vector<std::string> local;
};
// Also of go.work, which is written alike. Nothing is set when the file is absent.
GoModule ReadGoModule(const SourceTree& tree, const std::string& path);

struct GoPackage {
  std::vector<std::string> files;  // that are built for Linux, without tests
  std::set<std::string> imports;
  bool is_main = false;
};

class GoSources {
 public:
  // `modules`: path and directory of every module of the project that may be imported.
  GoSources(const SourceTree& tree, std::vector<std::pair<std::string, std::string>> modules)
      : tree_(tree), modules_(std::move(modules)) {}

  // Of the files that lie directly in `directory`.
  const GoPackage& PackageIn(const std::string& directory);
  // Directories of the packages that the one in `directory` is built from, itself first.
  std::vector<std::string> Closure(const std::string& directory);

 private:
  const SourceTree& tree_;
  std::vector<std::pair<std::string, std::string>> modules_;
  std::map<std::string, GoPackage> packages_;
};

}  // namespace casemate::analysis
