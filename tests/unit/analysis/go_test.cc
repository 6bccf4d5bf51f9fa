#include "tests/unit/analysis/project_files.h"

namespace casemate::analysis {

using test::ProjectFiles;
using test::ValueOf;

namespace {

constexpr const char* kServer =
    "package main\n\nimport \"net/http\"\n\nfunc main() {\n"
    "\thttp.ListenAndServe(\":9000\", nil)\n}\n";

}  // namespace

TEST_CASE("a module with one main package is one application, wherever that lies") {
  const App app = ProjectFiles{
      {"go.mod", "module example.com/shop/v3\n\ngo 1.22\n"},
      {"cmd/server/main.go",
       kServer}}.OneApp();
  CHECK(app.directory.empty());
  CHECK(app.name.value == "shop");
  CHECK(ValueOf(app.version) == "1.22");
  CHECK(ValueOf(app.framework) == "net/http");
  CHECK(app.ports.front().value == "9000");
  CHECK(ValueOf(app.run) == "./shop");
}

TEST_CASE("of several main packages each has what it imports, and no more") {
  const Analysis analysis =
      ProjectFiles{
          {"go.mod", "module shop\n\nrequire github.com/lib/pq v1.10.9\n"},
          {"cmd/api/main.go", kServer},
          {"cmd/job/main.go", "package main\n\nimport \"shop/db\"\n\nfunc main() { db.Open() }\n"},
          {"db/db.go",
           "package db\n\nimport (\n\t\"os\"\n\t_ \"github.com/lib/pq\"\n)\n\n"
           "var dsn = os.Getenv(\"DSN\")\n"}}
          .Analyse();
  REQUIRE(analysis.apps.size() == 2);
  CHECK(analysis.apps[0].directory == "cmd/api");
  CHECK(analysis.apps[0].services.empty());
  CHECK(analysis.apps[0].environment.empty());
  CHECK(analysis.apps[1].kind == AppKind::kProgram);
  CHECK(analysis.apps[1].services.front().value == "postgres");
  CHECK(analysis.apps[1].environment.front().name == "DSN");
}

TEST_CASE("files that are not built for Linux, tests and examples are no programs") {
  const Analysis analysis =
      ProjectFiles{
          {"go.mod", "module lib\n"},
          {"gen.go", "//go:build ignore\n\npackage main\n\nfunc main() {}\n"},
          {"win/main_windows.go", "package main\n\nfunc main() {}\n"},
          {"wasm/main.go", "//go:build js && wasm\n\npackage main\n\nfunc main() {}\n"},
          {"examples/a/main.go", kServer},
          {"either/main.go", "//go:build windows || linux\n\npackage main\n\nfunc main() {}\n"}}
          .Analyse();
  REQUIRE(analysis.apps.size() == 1);
  CHECK(analysis.apps[0].name.value == "lib");
}

TEST_CASE("the toolchain of Go counts more than the least version, which stays an alternative") {
  const App app = ProjectFiles{
      {"go.mod", "module a\ngo 1.21\ntoolchain go1.22.3\n"},
      {".go-version", "1.23.1\n"},
      {"main.go",
       kServer}}.OneApp();
  CHECK(ValueOf(app.version) == "1.22.3");
  REQUIRE(app.version->alternatives.size() == 2);
  CHECK(app.version->alternatives[0].value == "1.21");
  CHECK(app.version->alternatives[1].source.file == ".go-version");
}

TEST_CASE("modules that import each other in a circle are read once") {
  const Analysis analysis =
      ProjectFiles{{"go.work", "use ./a\nuse ./b\n"},
                   {"a/go.mod", "module a\n"},
                   {"a/main.go", "package main\n\nimport \"b\"\n\nfunc main() { b.F() }\n"},
                   {"b/go.mod", "module b\n"},
                   {"b/b.go", "package b\n\nimport \"a/x\"\n\nfunc F() {}\n"},
                   {"a/x/x.go", "package x\n\nimport \"b\"\n"}}
          .Analyse();
  REQUIRE(analysis.apps.size() == 1);
  CHECK(analysis.apps[0].workspace.empty());
  CHECK(ValueOf(analysis.monorepo) == "go");
}

}  // namespace casemate::analysis
