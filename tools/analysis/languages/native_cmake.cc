#include <re2/re2.h>

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/native_code.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

constexpr std::size_t kMaxBuildFiles = 300;
constexpr std::size_t kMaxExpanded = 4096;
constexpr int kMaxExpansions = 8;

using Words = std::vector<std::string>;

class CMakeReader {
 public:
  CMakeReader(const SourceTree& tree, std::string top, NativeBuild& build)
      : tree_(tree), top_(std::move(top)), build_(build) {}

  void Run() {
    pending_.push_back(top_);
    while (!pending_.empty() && seen_.size() < kMaxBuildFiles) {
      const std::string directory = pending_.front();
      pending_.erase(pending_.begin());
      if (seen_.insert(directory).second) {
        ReadFile(directory);
      }
    }
  }

 private:
  void ReadFile(const std::string& directory);
  void Apply(const std::string& command, const Words& words, const std::string& directory);
  void Describe(const std::string& command, const Words& words);
  void Set(const Words& words);
  void Link(const Words& words);
  void Properties(const Words& words);
  void Subdirectory(const Words& words, const std::string& directory);
  void Fetch(const Words& words);
  void Project(const Words& words);
  void Program(const Words& words, const std::string& directory);
  void Package(const Words& words);
  void PkgConfig(const Words& words);
  void Standard(const std::string& value, const std::string& field);
  [[nodiscard]] std::string Expand(std::string text) const;

  const SourceTree& tree_;
  std::string top_;
  std::string file_;
  NativeBuild& build_;
  std::map<std::string, std::string> variables_;
  std::string binary_directory_;
  std::vector<std::string> pending_;
  std::set<std::string> seen_;
};

std::string WithoutRemarks(const std::string& text) {
  std::string code;
  for (const std::string& line : SplitLines(text)) {
    code += line.substr(0, line.find('#'));
    code += '\n';
  }
  return code;
}

std::string CMakeReader::Expand(std::string text) const {
  for (int i = 0; i < kMaxExpansions; ++i) {
    const std::size_t begin = text.find("${");
    const std::size_t end = begin == std::string::npos ? begin : text.find('}', begin);
    if (end == std::string::npos || text.size() > kMaxExpanded) {
      break;
    }
    const auto known = variables_.find(text.substr(begin + 2, end - begin - 2));
    text = text.substr(0, begin) + (known == variables_.end() ? "" : known->second) +
           text.substr(end + 1);
  }
  return text;
}

void CMakeReader::ReadFile(const std::string& directory) {
  file_ = JoinPath(directory, "CMakeLists.txt");
  const std::string* text = tree_.Read(file_);
  if (text == nullptr) {
    return;
  }
  const std::string code = WithoutRemarks(*text);
  static const RE2 kCommand(R"re((?m)^\s*(\w+)\s*\(((?:[^()]|\([^()]*\))*)\))re");
  re2::StringPiece rest(code);
  std::string command;
  std::string arguments;
  while (RE2::FindAndConsume(&rest, kCommand, &command, &arguments)) {
    Words words;
    for (const std::string& word : NativeWords(arguments)) {
      const Words expanded = NativeWords(Expand(word));
      words.insert(words.end(), expanded.begin(), expanded.end());
    }
    Apply(Lower(command), words, directory);
  }
}

void CMakeReader::Project(const Words& words) {
  if (words.empty()) {
    return;
  }
  variables_["PROJECT_NAME"] = words.front();
  if (build_.name.empty()) {
    build_.name = words.front();
    variables_["CMAKE_PROJECT_NAME"] = words.front();
  }
  for (std::size_t i = 1; i < words.size(); ++i) {
    build_.uses_c = build_.uses_c || words[i] == "C";
    build_.uses_cpp = build_.uses_cpp || words[i] == "CXX";
  }
}

void CMakeReader::Program(const Words& words, const std::string& directory) {
  if (words.empty() ||
      IsNativeTest(words.front(), directory.substr(std::min(directory.size(),
                                                            top_.empty() ? 0 : top_.size() + 1)))) {
    return;
  }
  NativeProgram program;
  program.name = words.front();
  program.directory = directory;
  program.source = {file_, "add_executable"};
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "IMPORTED" || words[i] == "ALIAS") {
      return;
    }
    if (words[i].find('.') != std::string::npos) {
      program.sources.push_back(words[i]);
      NoteNativeSource(build_, words[i]);
    }
  }
  const std::string inner =
      directory == top_ ? "" : directory.substr(top_.empty() ? 0 : top_.size() + 1);
  program.output = JoinPath(binary_directory_.empty() ? inner : binary_directory_, program.name);
  build_.programs.push_back(std::move(program));
}

void CMakeReader::Package(const Words& words) {
  if (words.empty()) {
    return;
  }
  std::string version;
  bool has_components = false;
  const std::string name = Lower(words.front());
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (i == 1 && words[i].find_first_not_of("0123456789.") == std::string::npos) {
      version = words[i];
    } else if (words[i] == "COMPONENTS") {
      has_components = true;
    } else if (has_components && words[i] != "REQUIRED" && words[i] != "CONFIG") {
      AddNativeDependency(build_, name + ":" + Lower(words[i]), version, file_);
    }
  }
  if (name != "threads" && name != "pkgconfig" && name != "python3" && name != "git" &&
      name != "doxygen" && name != "gtest" && name != "catch2") {
    AddNativeDependency(build_, name, version, file_);
  }
  build_.uses_pkg_config = build_.uses_pkg_config || name == "pkgconfig";
}

void CMakeReader::PkgConfig(const Words& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string name = words[i].substr(0, words[i].find_first_of("<>="));
    const bool is_option = name == "REQUIRED" || name == "QUIET" || name == "IMPORTED_TARGET" ||
                           name == "GLOBAL" || name == "NO_CMAKE_PATH";
    if (!is_option) {
      AddNativeDependency(build_, Lower(name), words[i].substr(name.size()), file_);
    }
  }
  build_.uses_pkg_config = true;
}

void CMakeReader::Standard(const std::string& value, const std::string& field) {
  build_.standard.Add(value, {file_, field});
}

void CMakeReader::Set(const Words& words) {
  std::string value = words[1];
  for (std::size_t i = 2; i < words.size() && words[i] != "CACHE" && words[i] != "PARENT_SCOPE";
       ++i) {
    value += ";" + words[i];
  }
  variables_[words[0]] = value.substr(0, kMaxExpanded);
  if (words[0] == "CMAKE_CXX_STANDARD" || words[0] == "CMAKE_C_STANDARD") {
    Standard(words[1], words[0]);
  } else if (words[0] == "CMAKE_RUNTIME_OUTPUT_DIRECTORY") {
    // ${CMAKE_BINARY_DIR}/bin: the variable itself is not known here.
    binary_directory_ = words[1].starts_with('/') ? words[1].substr(1) : words[1];
  }
}

void CMakeReader::Link(const Words& words) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_+-";
  for (std::size_t i = 1; i < words.size(); ++i) {
    // Names of libraries as the linker knows them; targets are looked up like them.
    const std::string name = words[i].starts_with("-l") ? words[i].substr(2) : words[i];
    if (name.find_first_not_of(kLetters) == std::string::npos) {
      AddNativeDependency(build_, "-l" + name, "", file_);
    }
  }
}

void CMakeReader::Properties(const Words& words) {
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "CXX_STANDARD" || words[i] == "C_STANDARD") {
      Standard(words[i + 1], words[i]);
    }
  }
}

void CMakeReader::Subdirectory(const Words& words, const std::string& directory) {
  if (words[0].find("..") == std::string::npos && !IsBesideTheProject(JoinPath(words[0], "x"))) {
    pending_.push_back(JoinPath(directory, words[0]));
  }
}

void CMakeReader::Fetch(const Words& words) {
  build_.fetches = true;
  const std::string name = Lower(FirstMatch(words[0], R"(([\w-]+)(?:[@#].*)?$)"));
  AddNativeDependency(build_, "fetched:" + name, "", file_);
}

// Commands that bring the project's parts together.
void CMakeReader::Apply(const std::string& command, const Words& words,
                        const std::string& directory) {
  if (words.empty()) {
    return;
  }
  if (command == "project") {
    Project(words);
  } else if (command == "add_executable" || command == "qt_add_executable") {
    Program(words, directory);
  } else if (command == "add_subdirectory") {
    Subdirectory(words, directory);
  } else if (command == "find_package") {
    Package(words);
  } else if (command == "pkg_check_modules" || command == "pkg_search_module") {
    PkgConfig(words);
  } else if (command == "fetchcontent_declare" || command == "externalproject_add" ||
             command == "cpmaddpackage") {
    Fetch(words);
  } else {
    Describe(command, words);
  }
}

// Commands that say how it is compiled.
void CMakeReader::Describe(const std::string& command, const Words& words) {
  if (command == "set" && words.size() >= 2) {
    Set(words);
  } else if (command == "cmake_minimum_required" && words.size() >= 2 && build_.minimum.empty()) {
    build_.minimum = words[1].substr(0, words[1].find("..."));
  } else if (command == "target_compile_features") {
    for (const std::string& word : words) {
      Standard(FirstMatch(word, R"(^c(?:xx)?_std_(\d+))"), command);
    }
  } else if (command == "set_target_properties" || command == "set_property") {
    Properties(words);
  } else if (command == "target_link_libraries") {
    Link(words);
  } else if (command == "add_library") {
    for (const std::string& word : words) {
      NoteNativeSource(build_, word);
    }
  }
}

// Whether a build file above takes this directory in.
bool IsTakenIn(const SourceTree& tree, const std::string& directory) {
  for (std::string_view above = directory; !above.empty();) {
    above = ParentOf(above);
    const std::string text = TextOfFile(tree, JoinPath(above, "CMakeLists.txt"), "#");
    const std::string inner = directory.substr(above.empty() ? 0 : above.size() + 1);
    for (const std::string& part :
         AllMatches(text, R"re((?i)add_subdirectory\s*\(\s*"?([^\s")]+))re")) {
      if (inner == part || inner.starts_with(part + "/") || part.find("${") != std::string::npos) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

bool ReadCMake(const SourceTree& tree, const std::string& directory, NativeBuild& build) {
  const std::string path = JoinPath(directory, "CMakeLists.txt");
  if (!tree.Has(path) || IsTakenIn(tree, directory)) {
    return false;
  }
  build.tool = "cmake";
  build.file = path;
  CMakeReader(tree, directory, build).Run();
  // Its languages are C and C++ when it does not say, which tells nothing.
  return !build.name.empty() || !build.programs.empty();
}

}  // namespace casemate::analysis
