// What the build files of C and C++ say, whatever their tool: CMake, Meson, Make, autotools. Shared
// by native_*.cc only. Plain values; as thread-safe as the tree.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tools/analysis/finding.h"
#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

struct NativeProgram {
  std::string name;
  std::string directory;             // of the build file that names it
  std::vector<std::string> sources;  // relative to `directory`
  std::string output;                // in the directory of the build: "src/server"
  Source source;
};

struct NativeBuild {
  std::string tool;     // "cmake", "meson", "autotools", "make"
  std::string file;     // the build file at the top
  std::string name;     // of the project
  std::string minimum;  // version of the tool that it asks for
  bool uses_c = false;
  bool uses_cpp = false;
  Choice standard;  // "17", "c11"
  std::vector<NativeProgram> programs;
  std::vector<Dependency> dependencies;  // "openssl", "boost:system", "-lpq", as they are asked for
  bool uses_pkg_config = false;
  bool fetches = false;  // it downloads sources while it is configured
};

// Whether `directory` begins a project of the tool; `build` is filled if so.
bool ReadCMake(const SourceTree& tree, const std::string& directory, NativeBuild& build);
bool ReadMeson(const SourceTree& tree, const std::string& directory, NativeBuild& build);
bool ReadMake(const SourceTree& tree, const std::string& directory, NativeBuild& build);

// The words of a list of arguments; quotes hold words together. Semicolons part words, too.
std::vector<std::string> NativeWords(std::string_view text);
void AddNativeDependency(NativeBuild& build, std::string name, std::string version,
                         const std::string& file);
// Notes which of the two languages a source is written in.
void NoteNativeSource(NativeBuild& build, std::string_view source);
// Programs that only test, measure or show: "shop_test", "bench", "example_2".
bool IsNativeTest(std::string_view name, std::string_view directory);

}  // namespace casemate::analysis
