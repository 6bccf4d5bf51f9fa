// Crates of Rust as Cargo.toml, Cargo.lock and their files describe them. Stateless; as thread-safe
// as the tree.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

struct RustBinary {
  std::string name;
  std::string root;                // its file, from the root of the project
  std::vector<std::string> files;  // of its own, `root` first
  std::string features;            // that it requires, by comma
};

// What Cargo would build of the package in `directory`; its default-run first.
std::vector<RustBinary> BinariesOf(const SourceTree& tree, const std::string& directory,
                                   const nlohmann::json& manifest);
// Files below src/ that belong to the library of the package, which all binaries may use.
std::vector<std::string> LibraryFilesOf(const SourceTree& tree, const std::string& directory,
                                        const std::vector<RustBinary>& binaries);

// The directory whose Cargo.toml has the [workspace] that this package is a part of; its own if
// none.
std::string WorkspaceOf(const SourceTree& tree, const std::string& directory,
                        const nlohmann::json& manifest);

struct RustDependencies {
  std::vector<Dependency> direct;   // of the package and of crates of the project that it uses
  std::vector<Dependency> implied;  // crates that these bring, by their features or by Cargo.lock
  std::vector<std::string> crates;  // directories of crates of the project that it uses
};
RustDependencies DependenciesOf(const SourceTree& tree, const std::string& directory,
                                const nlohmann::json& manifest, const std::string& workspace);

}  // namespace casemate::analysis
