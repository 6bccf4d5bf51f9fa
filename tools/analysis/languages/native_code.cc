// C and C++: CMake, Meson, autotools and Make, with the Debian packages of what they ask for; and
// single source files.
// Traits: "native.tool" ("cmake", …), "native.minimum" (its version that is asked for),
// "native.fetches" = "true" (sources are downloaded while it is configured).
#include "tools/analysis/languages/native_code.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

// What includes tell of servers; names as their projects spell them.
constexpr auto kIncludes = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"crow.h", "crow"},
    {"crow/app.h", "crow"},
    {"crow_all.h", "crow"},
    {"drogon/drogon.h", "drogon"},
    {"drogon/HttpAppFramework.h", "drogon"},
    {"oatpp/", "oatpp"},
    {"pistache/", "pistache"},
    {"httplib.h", "cpp-httplib"},
    {"cpprest/", "cpprestsdk"},
    {"Poco/Net/HTTPServer.h", "poco"},
    {"boost/beast", "boost-beast"},
    {"App.h", "uwebsockets"},
    {"mongoose.h", "mongoose"},
    {"civetweb.h", "civetweb"},
    {"microhttpd.h", "libmicrohttpd"},
    {"restbed", "restbed"},
    {"served/served.hpp", "served"},
    {"grpcpp/", "grpc"},
});

CodePatterns Patterns() {
  CodePatterns patterns;
  patterns.suffixes = {".c", ".cc", ".cpp", ".cxx", ".h", ".hpp"};
  patterns.environment = {{R"re(\b(?:secure_)?getenv\s*\(\s*"([A-Za-z_][A-Za-z0-9_]*)"\s*\))re"}};
  patterns.ports = {
      R"re(\.port\(\s*(\d{2,5})\s*\))re",
      R"re(\b(?:listen|addListener|bind|set_address)\(\s*"[^"]*",\s*(\d{2,5}))re",
      R"re(\bhtons\(\s*(\d{2,5})\s*\))re",
      R"re((?m)^\s*#\s*define\s+\w*PORT\w*\s+"?(\d{2,5}))re",
      R"re((?i)\b(?:int|auto|uint16_t|short|unsigned|size_t)\s+k?(?:\w+_)?port\w*\s*(?:=\s*|\{\s*)(?:[^;\n]{0,60}[^\d;\n])?(\d{2,5}))re",
      R"re(MHD_start_daemon\s*\([^,]*,\s*(\d{2,5}))re",
      R"re(\bPort\(\s*(\d{2,5})\s*\))re",
      R"re("(?:https?|tcp)://(?:0\.0\.0\.0|\*|\[::\]):(\d{2,5})")re",
      R"re("0\.0\.0\.0:(\d{2,5})")re",
      R"re(\btcp::v[46]\(\),\s*(\d{2,5}))re",
      R"re(\.listen\(\s*(\d{2,5}))re",
  };
  patterns.comments = {"//", "*", "/*"};
  return patterns;
}

bool IsSource(std::string_view name) {
  return name.ends_with(".c") || name.ends_with(".cc") || name.ends_with(".cpp") ||
         name.ends_with(".cxx");
}

// What its sources tell: the library that serves, and whether it takes connections by itself.
struct Serving {
  std::string framework;
  bool listens = false;
};

std::string FrameworkOf(const std::string& text) {
  for (const std::string& include : AllMatches(text, R"re((?m)^\s*#\s*include\s*[<"]([^>"]+))re")) {
    for (const auto& [name, framework] : kIncludes) {
      if (include == name ||
          ((name.ends_with('/') || framework == "boost-beast") && include.starts_with(name))) {
        return std::string(framework);
      }
    }
  }
  return {};
}

Serving ServingIn(const SourceTree& tree, const std::string& directory) {
  static const RE2 kListens(R"(\blisten\s*\(\s*\w+[^()]*,[^()]*\))");
  static const RE2 kAccepts(R"(\baccept4?\s*\()");
  Serving found;
  bool accepts = false;
  std::size_t count = 0;
  for (const std::string& path : tree.Below(directory, "")) {
    const std::string inner = path.substr(directory.empty() ? 0 : directory.size() + 1);
    if ((!IsSource(path) && !path.ends_with(".h") && !path.ends_with(".hpp")) ||
        IsBesideTheProject(inner) || ++count > 400) {
      continue;
    }
    const std::string text = TextOfFile(tree, path, "//");
    found.listens = found.listens || RE2::PartialMatch(text, kListens);
    accepts = accepts || RE2::PartialMatch(text, kAccepts);
    found.framework = FrameworkOf(text);
    if (!found.framework.empty()) {
      return found;
    }
  }
  found.listens = found.listens && accepts;
  return found;
}

// Which package manager brings libraries, if any: then Debian's are not needed.
bool FindPackageManager(const SourceTree& tree, const std::string& directory,
                        const NativeBuild& build, App& app) {
  const std::string vcpkg = JoinPath(directory, "vcpkg.json");
  if (tree.Has(vcpkg)) {
    app.package_manager = Certain("vcpkg", vcpkg);
    const json manifest = ReadJsonFile(tree, vcpkg);
    if (const json& list = At(manifest, "dependencies"); list.is_array()) {
      for (const json& entry : list) {
        AddDependency(app, entry.is_object() ? TextAt(entry, "name") : TextOf(entry),
                      entry.is_object() ? TextAt(entry, "version>=") : "", vcpkg);
      }
    }
    return true;
  }
  for (const char* name : {"conanfile.txt", "conanfile.py"}) {
    const std::string path = JoinPath(directory, name);
    if (!tree.Has(path)) {
      continue;
    }
    app.package_manager = Certain("conan", path);
    const std::string lock = JoinPath(directory, "conan.lock");
    if (tree.Has(lock)) {
      app.lock_file = Certain(lock, lock);
    }
    for (const std::string& reference : AllMatches(
             TextOfFile(tree, path, "#"), R"re(((?m:^|["'\s])[\w.+-]+/\[?[\w.<>=~^ -]+))re")) {
      const std::string text(Trim(reference));
      const std::size_t begin = text.find_first_not_of("\"'");
      const std::size_t slash = text.find('/');
      if (begin != std::string::npos && slash != std::string::npos && slash > begin) {
        AddDependency(app, text.substr(begin, slash - begin), text.substr(slash + 1), path);
      }
    }
    app.install.push_back(Likely(
        "conan install . --output-folder=build --build=missing -s build_type=Release", path));
    return true;
  }
  app.package_manager = Certain(build.tool, build.file);
  return false;
}

void AddBuildPackages(const NativeBuild& build, bool is_cpp, bool has_manager, App& app) {
  std::vector<std::string> packages{is_cpp ? "g++" : "gcc"};
  if (!is_cpp) {
    packages.emplace_back("libc6-dev");
  }
  if (build.tool == "cmake") {
    packages.insert(packages.end(), {"cmake", "make"});
  } else if (build.tool == "meson") {
    packages.insert(packages.end(), {"meson", "ninja-build"});
  } else {
    packages.emplace_back("make");
  }
  if (build.tool == "autotools") {
    packages.insert(packages.end(), {"autoconf", "automake", "libtool"});
  }
  if (build.uses_pkg_config || has_manager) {
    packages.emplace_back("pkg-config");
  }
  if (build.fetches || has_manager) {
    packages.insert(packages.end(), {"git", "ca-certificates"});
  }
  for (std::string& package : packages) {
    app.system_packages.push_back({Likely(std::move(package), build.file), true});
  }
}

// "../.." from "apps/server" to the workspace.
std::string WayUp(const std::string& workspace, const std::string& directory) {
  if (directory == workspace) {
    return ".";
  }
  const std::string inner = directory.substr(workspace.empty() ? 0 : workspace.size() + 1);
  std::string way = "..";
  for (const char c : inner) {
    way += c == '/' ? "/.." : "";
  }
  return way;
}

void AddBuildCommands(const NativeBuild& build, const std::string& target, App& app) {
  const std::string top = WayUp(app.workspace, app.directory);
  const std::string manager = app.package_manager ? app.package_manager->value : "";
  const auto add = [&](std::string command) {
    app.build.push_back(Likely(std::move(command), build.file));
  };
  if (build.tool == "cmake") {
    const std::string tools =
        manager == "vcpkg" ? " -DCMAKE_TOOLCHAIN_FILE=$VCPKG_ROOT/scripts/buildsystems/vcpkg.cmake"
        : manager == "conan" ? " -DCMAKE_TOOLCHAIN_FILE=build/conan_toolchain.cmake"
                             : "";
    add("cmake -S " + top + " -B build -DCMAKE_BUILD_TYPE=Release" + tools);
    add("cmake --build build --parallel" + (target.empty() ? "" : " --target " + target));
  } else if (build.tool == "meson") {
    add("meson setup build" + (top == "." ? "" : " " + top) + " --buildtype=release");
    add("meson compile -C build" + (target.empty() ? "" : " " + target));
  } else if (build.tool == "autotools") {
    add("autoreconf -fi");
    add("./configure");
    add("make");
  } else {
    add(top == "." ? "make" : "make -C " + top);
  }
}

// The directory of a program's own sources.
std::string PlaceOf(const SourceTree& tree, const NativeProgram& program) {
  std::string place = program.directory;
  if (!program.sources.empty()) {
    place = JoinPath(place, ParentOf(program.sources.front()));
  }
  return tree.HasDirectory(place) ? place : program.directory;
}

App Common(const SourceTree& tree, const std::string& directory, const NativeBuild& build) {
  const bool is_cpp = build.uses_cpp || !build.uses_c;
  App app = BeginApp(directory, is_cpp ? "cpp" : "c", build.file);
  SetName(app, build.name, build.file, "project");
  app.version = build.standard.Best();
  const bool has_manager = FindPackageManager(tree, directory, build, app);
  if (!has_manager) {
    app.dependencies = build.dependencies;
    AddNeeds(Ecosystem::kOther, app);
    app.native_modules.clear();
  } else {
    // Their services count, not Debian's packages.
    App other;
    other.dependencies = app.dependencies;
    AddNeeds(Ecosystem::kOther, other);
    app.services = std::move(other.services);
  }
  AddBuildPackages(build, is_cpp, has_manager, app);
  app.traits["native.tool"] = build.tool;
  if (!build.minimum.empty()) {
    app.traits["native.minimum"] = build.minimum;
  }
  if (build.fetches) {
    app.traits["native.fetches"] = "true";
  }
  return app;
}

void FillFromCode(const SourceTree& tree, const std::vector<std::string>& skip, App& app) {
  AddCodeFacts(ScanCode(tree, app.directory, Patterns(), skip), app);
  const Serving serving = ServingIn(tree, app.directory);
  if (!serving.framework.empty()) {
    app.framework = Likely(serving.framework, app.directory, "#include");
  }
  if (app.framework || serving.listens || !app.ports.empty()) {
    app.kind = AppKind::kService;
  }
}

std::string OutputOf(const NativeBuild& build, const NativeProgram& program) {
  return build.tool == "cmake" || build.tool == "meson" ? JoinPath("build", program.output)
                                                        : program.output;
}

void SetOutput(const NativeBuild& build, const NativeProgram& program, const std::string& top,
               App& app) {
  const std::string output = OutputOf(build, program);
  const bool is_make = build.tool == "make" || build.tool == "autotools";
  const std::string path = is_make && top != "." ? JoinPath(top, output) : output;
  app.output = Certain(path, program.source.file, program.source.field);
  app.run = Certain("./" + path, program.source.file, program.source.field);
}

LanguageFindings OneProgram(const SourceTree& tree, const NativeBuild& build, App app) {
  const NativeProgram& main = build.programs.front();
  FillFromCode(tree, {}, app);
  app.name = Certain(PlainName(main.name, app.directory), main.source.file, main.source.field);
  AddBuildCommands(build, "", app);
  SetOutput(build, main, ".", app);
  for (std::size_t i = 1; i < build.programs.size(); ++i) {
    const NativeProgram& other = build.programs[i];
    app.processes.push_back(
        {PlainName(other.name, ""),
         Certain("./" + OutputOf(build, other), other.source.file, other.source.field)});
  }
  LanguageFindings findings;
  const Claim claim = app.framework ? Claim::kFramework : Claim::kRunnable;
  findings.apps.push_back({std::move(app), claim, false});
  return findings;
}

LanguageFindings Programs(const SourceTree& tree, const std::string& directory,
                          const NativeBuild& build, const App& common) {
  std::vector<std::string> places;
  places.reserve(build.programs.size());
  for (const NativeProgram& program : build.programs) {
    places.push_back(PlaceOf(tree, program));
  }
  const std::set<std::string> different(places.begin(), places.end());
  // Programs whose sources lie together are one application with several commands.
  if (different.size() != places.size()) {
    return OneProgram(tree, build, common);
  }
  LanguageFindings findings;
  findings.monorepo = Certain(build.tool, build.file);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const NativeProgram& program = build.programs[i];
    App app = common;
    app.directory = places[i];
    app.workspace = directory;
    app.name =
        Certain(PlainName(program.name, places[i]), program.source.file, program.source.field);
    std::vector<std::string> skip(places);
    skip.erase(skip.begin() + static_cast<std::ptrdiff_t>(i));
    FillFromCode(tree, skip, app);
    AddBuildCommands(build, program.name, app);
    SetOutput(build, program, WayUp(directory, places[i]), app);
    const Claim claim = app.framework ? Claim::kFramework : Claim::kRunnable;
    findings.apps.push_back({std::move(app), claim, false});
  }
  return findings;
}

// Copies of others' sources.
bool IsBroughtAlong(std::string_view directory) {
  constexpr std::array<std::string_view, 11> kNames = {
      "vendor", "vendored", "third-party", "thirdparty", "3rdparty", "external",
      "extern", "deps",     "subprojects", "submodules", "contrib"};
  for (std::string_view place = directory; !place.empty(); place = ParentOf(place)) {
    if (std::find(kNames.begin(), kNames.end(), NameOf(place)) != kNames.end()) {
      return true;
    }
  }
  return false;
}

// A source file with a main function, where nothing says how it is built.
LanguageFindings SingleSource(const SourceTree& tree, const std::string& directory) {
  LanguageFindings findings;
  for (const std::string& name : tree.In(directory)) {
    const std::string path = JoinPath(directory, name);
    static const RE2 kMain(R"((?m)^\s*(?:int|auto|void)\s+main\s*\()");
    if (!IsSource(name) || !RE2::PartialMatch(TextOfFile(tree, path), kMain)) {
      continue;
    }
    const bool is_c = name.ends_with(".c");
    const std::string program = name.substr(0, name.rfind('.'));
    App app = BeginApp(directory, is_c ? "c" : "cpp", path);
    FillFromCode(tree, {}, app);
    app.build.push_back(Likely((is_c ? "gcc -O2 -o " : "g++ -O2 -o ") + program +
                                   (is_c ? " *.c" : " *" + name.substr(name.rfind('.'))),
                               path));
    app.output = Likely(program, path);
    app.run = Likely("./" + program, path);
    app.system_packages.push_back({Likely(is_c ? "gcc" : "g++", path), true});
    if (is_c) {
      app.system_packages.push_back({Likely("libc6-dev", path), true});
    }
    findings.apps.push_back({std::move(app), Claim::kSource, false});
    break;
  }
  return findings;
}

}  // namespace

std::vector<std::string> NativeWords(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool is_quoted = false;
  for (const char c : text) {
    if (c == '"') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && (c == ' ' || c == '\t' || c == '\n' || c == ';')) {
      if (!word.empty()) {
        words.push_back(std::move(word));
      }
      word.clear();
    } else {
      word += c;
    }
  }
  if (!word.empty()) {
    words.push_back(std::move(word));
  }
  return words;
}

void AddNativeDependency(NativeBuild& build, std::string name, std::string version,
                         const std::string& file) {
  const bool is_known =
      std::any_of(build.dependencies.begin(), build.dependencies.end(),
                  [&](const Dependency& dependency) { return dependency.name == name; });
  if (!name.empty() && !is_known) {
    std::string field = name;
    build.dependencies.push_back({std::move(name), std::move(version), {file, std::move(field)}});
  }
}

void NoteNativeSource(NativeBuild& build, std::string_view source) {
  build.uses_c = build.uses_c || source.ends_with(".c");
  build.uses_cpp = build.uses_cpp || source.ends_with(".cc") || source.ends_with(".cpp") ||
                   source.ends_with(".cxx") || source.ends_with(".C");
}

bool IsNativeTest(std::string_view name, std::string_view directory) {
  static const RE2 kTest(
      R"((?i)^(?:unit_?)?tests?$|[_-]tests?$|^tests?[_-]|bench(?:mark)?s?$|^bench[_-]|^examples?(?:[_-]|$)|[_-]examples?$|fuzz)");
  return RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), kTest) ||
         IsBesideTheProject(JoinPath(directory, "x"));
}

LanguageFindings AnalyseNativeCode(const SourceTree& tree, const std::string& directory) {
  if (IsBroughtAlong(directory)) {
    return {};
  }
  const bool has_cmake = tree.Has(JoinPath(directory, "CMakeLists.txt"));
  NativeBuild build;
  NativeBuild other;
  NativeBuild third;
  if (!ReadCMake(tree, directory, build)) {
    build = ReadMeson(tree, directory, other) ? std::move(other) : NativeBuild();
  }
  if (build.tool.empty() && !has_cmake && ReadMake(tree, directory, third)) {
    build = std::move(third);
  }
  if (build.tool.empty()) {
    return has_cmake ? LanguageFindings() : SingleSource(tree, directory);
  }
  App common = Common(tree, directory, build);
  if (build.programs.empty()) {
    LanguageFindings findings;
    const bool is_unnamed_make = build.tool == "make";
    if (!is_unnamed_make) {
      findings.apps.push_back({std::move(common), Claim::kManifest, true});
      return findings;
    }
    return SingleSource(tree, directory);
  }
  return build.programs.size() == 1 ? OneProgram(tree, build, std::move(common))
                                    : Programs(tree, directory, build, common);
}

}  // namespace casemate::analysis
