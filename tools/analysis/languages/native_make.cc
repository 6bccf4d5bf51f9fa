#include <re2/re2.h>

#include <algorithm>
#include <set>
#include <utility>

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

void ReadMesonFile(const SourceTree& tree, const std::string& top, const std::string& directory,
                   NativeBuild& build) {
  const std::string path = JoinPath(directory, "meson.build");
  const std::string text = TextOfFile(tree, path, "#");
  static const RE2 kProgram(
      R"re(\bexecutable\s*\(\s*(?:'([^']+)'|(meson\.project_name\(\)))([^\n]*(?:\n[^\n]*){0,12}))re");
  re2::StringPiece rest(text);
  std::string name;
  std::string project;
  std::string arguments;
  while (RE2::FindAndConsume(&rest, kProgram, &name, &project, &arguments)) {
    name = name.empty() ? build.name : name;
    if (!IsNativeTest(
            name, directory.substr(std::min(directory.size(), top.empty() ? 0 : top.size() + 1)))) {
      NativeProgram program;
      program.name = name;
      program.directory = directory;
      program.source = {path, "executable"};
      program.sources =
          AllMatches(arguments.substr(0, arguments.find(')')), R"('([^']+\.(?:c|cc|cpp|cxx)))");
      const std::string inner =
          directory == top ? "" : directory.substr(top.empty() ? 0 : top.size() + 1);
      program.output = JoinPath(inner, name);
      build.programs.push_back(std::move(program));
    }
    // What was taken along may hold the next one.
    rest = re2::StringPiece(rest.data() - arguments.size(), rest.size() + arguments.size());
  }
  for (const std::string& dependency : AllMatches(text, R"re(\bdependency\s*\(\s*'([^']+)')re")) {
    if (dependency != "threads") {
      AddNativeDependency(build, Lower(dependency), "", path);
    }
  }
  for (const std::string& library : AllMatches(text, R"re(find_library\s*\(\s*'([^']+)')re")) {
    AddNativeDependency(build, "-l" + library, "", path);
  }
  build.standard.Add(FirstMatch(text, R"re(c(?:pp)?_std\s*=\s*(?:c|gnu)(?:\+\+)?(\w+))re"),
                     {path, "default_options"});
}

std::string MakefileIn(const SourceTree& tree, const std::string& directory) {
  for (const char* name : {"GNUmakefile", "makefile", "Makefile"}) {
    if (tree.Has(JoinPath(directory, name))) {
      return JoinPath(directory, name);
    }
  }
  return {};
}

bool HasSources(const SourceTree& tree, const std::string& directory, NativeBuild& build) {
  for (const char* below : {"", "src", "source", "lib", "server", "app"}) {
    for (const std::string& name : tree.In(JoinPath(directory, below))) {
      NoteNativeSource(build, name);
    }
  }
  return build.uses_c || build.uses_cpp;
}

std::map<std::string, std::string> MakeVariables(const std::string& text) {
  static const RE2 kAssignment(R"((?m)^(\w+)\s*[:?]?=[ \t]*([^\n#]*))");
  std::map<std::string, std::string> variables;
  re2::StringPiece rest(text);
  std::string name;
  std::string value;
  while (variables.size() < 500 && RE2::FindAndConsume(&rest, kAssignment, &name, &value)) {
    variables.try_emplace(name, Trim(value));
  }
  return variables;
}

std::string Expanded(std::string text, const std::map<std::string, std::string>& variables) {
  static const RE2 kVariable(R"((\$[({](\w+)[)}]))");
  for (int i = 0; i < kMaxExpansions && text.size() <= kMaxExpanded; ++i) {
    re2::StringPiece whole;
    std::string name;
    if (!RE2::PartialMatch(text, kVariable, &whole, &name)) {
      break;
    }
    const auto known = variables.find(name);
    const auto begin = static_cast<std::size_t>(whole.data() - text.data());
    text.replace(begin, whole.size(), known == variables.end() ? "" : known->second);
  }
  return text;
}

// What a compiler is told to write; rules that write $@ tell nothing.
std::string LinkedFile(const std::string& text,
                       const std::map<std::string, std::string>& variables) {
  for (const std::string& word : AllMatches(text, R"((?m)^\t[^\n]*\s-o\s+([\w./$(){}@-]+))")) {
    const std::string file = Expanded(word, variables);
    if (file.find('$') == std::string::npos && !file.ends_with(".o")) {
      return file;
    }
  }
  return {};
}

// The file that the first of the usual targets makes.
std::string ProgramOfMakefile(const std::string& text) {
  const auto variables = MakeVariables(text);
  for (const char* name : {"TARGET", "BIN", "PROG", "PROGRAM", "EXEC", "EXE", "EXECUTABLE", "NAME",
                           "OUT", "OUTPUT", "APP", "TARGET_EXEC", "BINARY"}) {
    const auto found = variables.find(name);
    const std::string value = found == variables.end() ? "" : Expanded(found->second, variables);
    if (!value.empty() && value.find(' ') == std::string::npos && !value.ends_with(".a") &&
        !value.ends_with(".so")) {
      const auto folder = variables.find("BUILD_DIR");
      const bool is_inner =
          folder != variables.end() &&
          RE2::PartialMatch(text, R"(\$[({]BUILD_DIR[)}]/\$[({])" + std::string(name) + "[)}]");
      if (is_inner) {
        return JoinPath(Expanded(folder->second, variables), value);
      }
      // Where it is linked may lie in a directory that the variable does not name.
      const std::string linked = LinkedFile(text, variables);
      return NameOf(linked) == value ? linked : value;
    }
  }
  std::string all = Expanded(FirstMatch(text, R"((?m)^all\s*:[ \t]*([\w./$(){}-]+))"), variables);
  if (!all.empty()) {
    return all;
  }
  return LinkedFile(text, variables);
}

void ReadLinkFlags(const std::string& text, const std::string& path, NativeBuild& build) {
  for (const std::string& library : AllMatches(text, R"((?:^|\s|=)-l([\w+.-]+))")) {
    AddNativeDependency(build, "-l" + library, "", path);
  }
  for (const std::string& list : AllMatches(text, R"(pkg-config\s+(?:--\w+\s+)*([\w+. -]+))")) {
    for (const std::string& name : NativeWords(list)) {
      if (!name.starts_with("-")) {
        AddNativeDependency(build, Lower(name), "", path);
      }
    }
    build.uses_pkg_config = true;
  }
  build.standard.Add(FirstMatch(text, R"(-std=(?:c|gnu)(?:\+\+)?(\w+))"), {path, "-std"});
}

bool ReadAutotools(const SourceTree& tree, const std::string& directory, NativeBuild& build) {
  std::string path = JoinPath(directory, "configure.ac");
  if (!tree.Has(path)) {
    path = JoinPath(directory, "configure.in");
  }
  if (!tree.Has(path)) {
    return false;
  }
  const std::string text = TextOfFile(tree, path, "dnl");
  build.tool = "autotools";
  build.file = path;
  build.name = FirstMatch(text, R"(AC_INIT\s*\(\s*\[?\s*([\w .+-]+))");
  for (const std::string& list :
       AllMatches(text, R"(PKG_CHECK_MODULES\s*\(\s*\[?\w+\]?\s*,\s*\[?([^\]),]+))")) {
    for (const std::string& name : NativeWords(list)) {
      if (name.find_first_of("<>=") == std::string::npos &&
          name.find_first_not_of("0123456789.") != std::string::npos) {
        AddNativeDependency(build, Lower(name), "", path);
      }
    }
    build.uses_pkg_config = true;
  }
  for (const std::string& library :
       AllMatches(text, R"((?:AC_CHECK_LIB|AC_SEARCH_LIBS\s*\([^,]+,)\s*\(?\s*\[?(\w+))")) {
    AddNativeDependency(build, "-l" + library, "", path);
  }
  build.uses_cpp = text.find("AC_PROG_CXX") != std::string::npos;
  build.uses_c = !build.uses_cpp;
  std::size_t count = 0;
  for (const std::string& makefile : tree.Below(directory, "Makefile.am")) {
    const std::string place(ParentOf(makefile));
    const std::string inner =
        place == directory ? "" : place.substr(directory.empty() ? 0 : directory.size() + 1);
    if (IsBesideTheProject(JoinPath(inner, "x")) || ++count > kMaxBuildFiles) {
      continue;
    }
    const std::string list =
        FirstMatch(TextOfFile(tree, makefile, "#"), R"((?m)^s?bin_PROGRAMS\s*=[ \t]*([^\n]+))");
    for (const std::string& name : NativeWords(list)) {
      build.programs.push_back(
          {name, place, {}, JoinPath(inner, name), {makefile, "bin_PROGRAMS"}});
    }
  }
  return true;
}

}  // namespace

bool ReadMeson(const SourceTree& tree, const std::string& directory, NativeBuild& build) {
  const std::string path = JoinPath(directory, "meson.build");
  const std::string text = TextOfFile(tree, path, "#");
  build.name = FirstMatch(text, R"re(\bproject\s*\(\s*'([^']+)')re");
  if (build.name.empty()) {
    return false;
  }
  build.tool = "meson";
  build.file = path;
  build.uses_pkg_config = true;
  const std::string languages = FirstMatch(text, R"re(\bproject\s*\(\s*'[^']+'\s*,([^)]*))re");
  build.uses_cpp = RE2::PartialMatch(languages, R"('cpp')");
  build.uses_c = RE2::PartialMatch(languages, R"('c')");
  if (!build.uses_c && !build.uses_cpp) {
    return false;  // Meson builds Rust, Vala and others, too
  }
  build.minimum = FirstMatch(languages, R"(meson_version\s*:\s*'[<>= ]*([\d.]+))");
  std::vector<std::string> pending{directory};
  std::set<std::string> seen;
  while (!pending.empty() && seen.size() < kMaxBuildFiles) {
    const std::string place = pending.front();
    pending.erase(pending.begin());
    if (!seen.insert(place).second) {
      continue;
    }
    ReadMesonFile(tree, directory, place, build);
    for (const std::string& below :
         AllMatches(TextOfFile(tree, JoinPath(place, "meson.build"), "#"),
                    R"re(\bsubdir\s*\(\s*'([^']+)')re")) {
      if (!IsBesideTheProject(JoinPath(below, "x"))) {
        pending.push_back(JoinPath(place, below));
      }
    }
  }
  return true;
}

bool ReadMake(const SourceTree& tree, const std::string& directory, NativeBuild& build) {
  if (ReadAutotools(tree, directory, build)) {
    return true;
  }
  const std::string path = MakefileIn(tree, directory);
  const std::string text = TextOfFile(tree, path, "#");
  static const RE2 kCompiles(
      R"(\$[({](?:CC|CXX|CPP|LD)[)}]|(?m:^(?:CC|CXX)\s*[:?]?=)|\b(?:gcc|g\+\+|clang|clang\+\+|cc|c\+\+)\s|%\.o)");
  if (text.empty() || !RE2::PartialMatch(text, kCompiles) || !HasSources(tree, directory, build)) {
    return false;
  }
  build.tool = "make";
  build.file = path;
  ReadLinkFlags(text, path, build);
  const std::string program = ProgramOfMakefile(text);
  if (!program.empty() && !program.ends_with(".a") && !program.ends_with(".so")) {
    build.programs.push_back({std::string(NameOf(program)), directory, {}, program, {path, "all"}});
  }
  return true;
}

}  // namespace casemate::analysis
