// Readers of lock files, by the names that their package managers give them. Each reads one file of
// a tree and adds what it pins; a damaged one leaves a note at the tree. Stateless; as thread-safe
// as the tree.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "tools/analysis/source_tree.h"
#include "tools/artifacts/packages.h"

namespace casemate::artifacts {

using LockReader = void (*)(const analysis::SourceTree& tree, const std::string& path,
                            PackageList& packages);

// lock_node.cc
void ReadNpmLock(const analysis::SourceTree& tree, const std::string& path, PackageList& packages);
void ReadYarnLock(const analysis::SourceTree& tree, const std::string& path, PackageList& packages);
void ReadPnpmLock(const analysis::SourceTree& tree, const std::string& path, PackageList& packages);
// lock_python.cc
void ReadRequirements(const analysis::SourceTree& tree, const std::string& path,
                      PackageList& packages);
void ReadPoetryLock(const analysis::SourceTree& tree, const std::string& path,
                    PackageList& packages);
void ReadUvLock(const analysis::SourceTree& tree, const std::string& path, PackageList& packages);
void ReadPipfileLock(const analysis::SourceTree& tree, const std::string& path,
                     PackageList& packages);
// lock_go.cc
void ReadGoMod(const analysis::SourceTree& tree, const std::string& path, PackageList& packages);
// lock_native.cc
void ReadCargoLock(const analysis::SourceTree& tree, const std::string& path,
                   PackageList& packages);
void ReadGemfileLock(const analysis::SourceTree& tree, const std::string& path,
                     PackageList& packages);
void ReadComposerLock(const analysis::SourceTree& tree, const std::string& path,
                      PackageList& packages);
void ReadNuGetLock(const analysis::SourceTree& tree, const std::string& path,
                   PackageList& packages);
void ReadGradleLock(const analysis::SourceTree& tree, const std::string& path,
                    PackageList& packages);
void ReadPubspecLock(const analysis::SourceTree& tree, const std::string& path,
                     PackageList& packages);
void ReadMixLock(const analysis::SourceTree& tree, const std::string& path, PackageList& packages);

// `value` if it is an array, else one that is empty: never a copy, for copies of what lies deep in
// each other exhaust the stack.
const nlohmann::json& ListOf(const nlohmann::json& value);

// nullptr: no lock file has that name.
LockReader ReaderOf(std::string_view file_name);

}  // namespace casemate::artifacts
