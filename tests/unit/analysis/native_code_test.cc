#include "tests/unit/analysis/project_files.h"

namespace casemate::analysis {

using test::ProjectFiles;
using test::ValueOf;

namespace {
std::vector<std::string> Packages(const App& app, bool is_for_build) {
  std::vector<std::string> names;
  for (const SystemPackage& package : app.system_packages) {
    if (package.is_for_build == is_for_build) {
      names.push_back(package.package.value);
    }
  }
  return names;
}
}  // namespace

TEST_CASE("CMake: the program is what add_executable names, through variables") {
  const App app = ProjectFiles{{"CMakeLists.txt",
                                "project(Shop CXX)\nset(BIN ${PROJECT_NAME}-server)\n"
                                "find_package(CURL REQUIRED) # find_package(ZLIB)\n"
                                "add_executable(${BIN} main.cc)\n"},
                               {"main.cc", "int main() {}"}}
                      .OneApp();
  CHECK(ValueOf(app.run) == "./build/Shop-server");
  CHECK(Packages(app, false) == std::vector<std::string>{"libcurl4"});
  CHECK(app.kind == AppKind::kProgram);
}

TEST_CASE("CMake: variables and directories that name themselves come to an end") {
  const Analysis analysis =
      ProjectFiles{{"CMakeLists.txt",
                    "project(x C)\nset(A ${B})\nset(B \"${A}${A}\")\nset(A \"${B}${B}\")\n"
                    "add_subdirectory(.)\nadd_subdirectory(a)\nadd_executable(x x.c ${A})\n"},
                   {"a/CMakeLists.txt", "add_subdirectory(../a)\nadd_subdirectory(.)\n"},
                   {"x.c", "int main(void) {}"}}
          .Analyse();
  CHECK(analysis.apps.size() == 1);
}

TEST_CASE("C: a Makefile that compiles nothing is no application") {
  CHECK(ProjectFiles{{"Makefile", "deploy:\n\tkubectl apply -f k8s\n"}, {"k8s/a.yaml", "a: 1"}}
            .Analyse()
            .apps.empty());
}

TEST_CASE("C: what accepts connections is a service, though its port is not known") {
  const App app = ProjectFiles{{"Makefile", "all: d\nd: d.c\n\tcc -o d d.c\n"},
                               {"d.c", "int main(void) { listen(fd, 5); accept(fd, 0, 0); }"}}
                      .OneApp();
  CHECK(app.kind == AppKind::kService);
  CHECK(app.ports.empty());
  CHECK(ValueOf(app.run) == "./d");
}

}  // namespace casemate::analysis
