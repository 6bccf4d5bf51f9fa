#include "tests/unit/analysis/project_files.h"

namespace casemate::analysis {

using test::ProjectFiles;
using test::ValueOf;

TEST_CASE("every binary of a crate is an application, the one that runs by default first") {
  const Analysis analysis =
      ProjectFiles{{"Cargo.toml",
                    "[package]\nname = \"feed\"\ndefault-run = \"serve\"\n"
                    "[dependencies]\naxum = \"0.7\"\n"},
                   {"src/main.rs", "fn main() {}\n"},
                   {"src/bin/serve.rs",
                    "fn main() { axum::serve(TcpListener::bind(\"0.0.0.0:4000\"), app); }\n"},
                   {"src/bin/tool/main.rs", "fn main() {}\n"}}
          .Analyse();
  REQUIRE(analysis.apps.size() == 3);
  CHECK(analysis.apps[0].name.value == "serve");
  CHECK(ValueOf(analysis.apps[0].framework) == "axum");
  CHECK(analysis.apps[0].ports.front().value == "4000");
  CHECK(analysis.apps[1].name.value == "feed");
  CHECK(analysis.apps[1].kind == AppKind::kProgram);
  CHECK(ValueOf(analysis.apps[2].run) == "./target/release/tool");
}

TEST_CASE("members of a workspace inherit from it, and are built at its root") {
  const App app =
      ProjectFiles{{"Cargo.toml",
                    "[workspace]\nmembers = [\"a\"]\n[workspace.package]\nrust-version = \"1.77\"\n"
                    "[workspace.dependencies]\nrocket = \"0.5\"\n"},
                   {"Cargo.lock", "version = 3\n"},
                   {"a/Cargo.toml",
                    "[package]\nname = \"a\"\nrust-version.workspace = true\n"
                    "[dependencies]\nrocket.workspace = true\n"},
                   {"a/src/main.rs", "fn main() {}\n"}}
          .OneApp();
  CHECK(app.workspace.empty());
  CHECK(ValueOf(app.version) == "1.77");
  CHECK(ValueOf(app.framework) == "rocket");
  CHECK(ValueOf(app.output) == "../target/release/a");
  CHECK(ValueOf(app.lock_file) == "Cargo.lock");
}

TEST_CASE("crates that refer to each other in a circle are read once") {
  const App app =
      ProjectFiles{{"a/Cargo.toml", "[package]\nname=\"a\"\n[dependencies]\nb={path=\"../b\"}\n"},
                   {"a/src/main.rs", "fn main() {}\n"},
                   {"b/Cargo.toml",
                    "[package]\nname=\"b\"\n[dependencies]\na={path=\"../a\"}\nredis=\"1\"\n"},
                   {"b/src/lib.rs", ""}}
          .OneApp();
  CHECK(app.services.front().value == "redis");
}

TEST_CASE("what Cargo.lock records decides about libraries of the system") {
  const ProjectFiles files{
      {"Cargo.toml", "[package]\nname=\"a\"\n[dependencies]\nreqwest=\"0.12\"\n"},
      {"src/main.rs", "fn main() {}\n"}};
  CHECK(files.OneApp().system_packages.front().package.value == "libssl3");
  files.Put("Cargo.lock", "[[package]]\nname=\"reqwest\"\nversion=\"0.12.0\"\n");
  CHECK(files.OneApp().system_packages.empty());
}

}  // namespace casemate::analysis
