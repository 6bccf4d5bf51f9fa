#include "tests/unit/analysis/project_files.h"

namespace casemate::analysis {

using test::ProjectFiles;
using test::ValueOf;

TEST_CASE("Deno: a workspace's members are told apart, its root is none") {
  const Analysis analysis =
      ProjectFiles{{"deno.json", R"({"workspace": ["a", "b"]})"},
                   {"deno.lock", "{}"},
                   {"a/deno.json", R"({"tasks": {"start": "deno run -A main.ts"}})"},
                   {"a/main.ts", "Deno.serve({ port: 8100 }, f);\n"},
                   {"b/deno.json", R"({"exports": "./mod.ts"})"},
                   {"b/mod.ts", "export const b = 1;\n"}}
          .Analyse();
  REQUIRE(analysis.apps.size() == 1);
  const App& app = analysis.apps.front();
  CHECK(app.directory == "a");
  CHECK(app.workspace.empty());
  CHECK(app.ports.at(0).value == "8100");
  CHECK(ValueOf(app.lock_file) == "deno.lock");
  CHECK(analysis.libraries == std::vector<std::string>{"b"});
}

TEST_CASE("Deno: tasks that watch are for development") {
  const App app =
      ProjectFiles{{"deno.jsonc", R"({"tasks": {"start": "deno run --watch -A main.ts"},})"},
                   {"main.ts", "Deno.serve(f);\n"}}
          .OneApp();
  CHECK(ValueOf(app.run) == "deno run -A main.ts");
  CHECK(app.ports.at(0).confidence == Confidence::kGuess);
}

}  // namespace casemate::analysis
