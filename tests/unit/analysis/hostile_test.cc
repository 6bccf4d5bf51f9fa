// Projects that were made to hurt who reads them: each is read in bounded time, with a clear
// result.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/unit/analysis/project_files.h"
#include "tools/analysis/analyse.h"

namespace casemate::analysis {

using test::ProjectFiles;
using test::ValueOf;

namespace {

bool Says(const Analysis& analysis, std::string_view words) {
  return std::any_of(analysis.notes.begin(), analysis.notes.end(), [&](const std::string& note) {
    return note.find(words) != std::string::npos;
  });
}

constexpr const char* kPackage =
    R"({"name": "x", "scripts": {"start": "node index.js"}, "dependencies": {"express": "4"}})";

}  // namespace

TEST_CASE("links that lead in circles or out of the project are not followed") {
  const ProjectFiles files{{"package.json", kPackage}, {"src/index.js", "app.listen(3000)"}};
  std::filesystem::create_directory_symlink("..", files.path() + "/src/up");
  std::filesystem::create_directory_symlink("/", files.path() + "/root");
  std::filesystem::create_symlink("/etc/passwd", files.path() + "/Dockerfile");
  std::filesystem::create_symlink("yarn.lock", files.path() + "/yarn.lock");
  const Analysis analysis = files.Analyse();
  REQUIRE(analysis.apps.size() == 1);
  CHECK(analysis.dockerfiles.empty());
  CHECK(Says(analysis, "Dockerfile` is a link"));
  CHECK(analysis.files < 10);
}

TEST_CASE("a lock file of 1 GiB is seen and not read") {
  const ProjectFiles files{{"package.json", kPackage}, {"pnpm-lock.yaml", ""}};
  REQUIRE(truncate((files.path() + "/pnpm-lock.yaml").c_str(), off_t{1} << 30) == 0);
  const Analysis analysis = files.Analyse();
  REQUIRE(analysis.apps.size() == 1);
  CHECK(ValueOf(analysis.apps[0].package_manager) == "pnpm");
  CHECK(Says(analysis, "pnpm-lock.yaml` is longer than 4 MiB"));
}

TEST_CASE("a hundred thousand files are walked, and what is beyond a limit is named") {
  const ProjectFiles files{{"package.json", kPackage}};
  for (int i = 0; i < 100; ++i) {
    const std::string directory = files.path() + "/d" + std::to_string(i);
    std::filesystem::create_directory(directory);
    for (int j = 0; j < 1000; ++j) {
      std::ofstream(directory + "/" + std::to_string(j) + ".js");
    }
  }
  const Analysis analysis = files.Analyse();
  CHECK(analysis.files == 100'001);
  REQUIRE(analysis.apps.size() == 1);
  CHECK(Says(analysis, "files of code"));
}

TEST_CASE("workspaces that hold themselves or each other end") {
  const ProjectFiles files{
      {"package.json", R"({"name": "a", "workspaces": [".", "..", "**", "b/*", "b"]})"},
      {"b/package.json", R"({"name": "b", "workspaces": ["..", "../b"], "main": "x.js"})"},
      {"b/x.js", ""},
      {"b/c/package.json", R"({"name": "c", "scripts": {"start": "node y.js"}})"},
      {"b/c/pyproject.toml", "[tool.uv.workspace]\nmembers = ['..']\n[project]\nname = 'c'\n"},
      {"b/requirements.txt", "-r requirements.txt\n-r ../b/requirements.txt\n-r r/a.txt\n"},
      {"b/r/a.txt", "-r a.txt\nflask\n"}};
  CHECK_FALSE(files.Analyse().apps.empty());
}

TEST_CASE("documents that are not what their names say are noted, and all else is read") {
  const ProjectFiles files{
      {"package.json", std::string("\x7f"
                                   "ELF\0\1",
                                   6)},
      {"a/package.json", "[1, 2]"},
      {"b/package.json",
       "{\"name\": 7, \"scripts\": \"x\", \"dependencies\": [], "
       "\"main\": {}, \"workspaces\": 3}"},
      {"c/package.json", R"({"name": "c", "name": "d", "main": "m.js"})"},
      {"c/m.js", ""},
      {"d/package.json", std::string(100'000, '[')},
      {"e/pyproject.toml", "project = 3\n[tool]\npoetry = []\n"},
      {"f/Pipfile", "packages = 'x'\n"},
      {"docker-compose.yml",
       "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c "
       "[*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
       "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nservices: {x: {image: [*e,*e]}}\n"}};
  const Analysis analysis = files.Analyse();
  CHECK(Says(analysis, "package.json` holds no text"));
  CHECK(Says(analysis, "d/package.json is damaged"));
  CHECK(Says(analysis, "docker-compose.yml grows beyond"));
  const auto found = std::find_if(analysis.apps.begin(), analysis.apps.end(),
                                  [](const App& app) { return app.directory == "c"; });
  REQUIRE(found != analysis.apps.end());
  CHECK(found->name.value == "d");  // the last of two, as for the tools that read it
}

TEST_CASE("directories deeper than any project's are left out, and a note says so") {
  const ProjectFiles files{{"package.json", kPackage}};
  std::string path = files.path();
  for (int i = 0; i < 300; ++i) {
    path += "/d";
    std::filesystem::create_directory(path);
  }
  CHECK(Says(files.Analyse(), "deep"));
}

TEST_CASE("an analysis is taken back") {
  const ProjectFiles files{{"package.json", kPackage}};
  const UniqueFd fd(open(files.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::stop_source stop;
  stop.request_stop();
  const auto analysis = AnalyseProject(fd.get(), {}, stop.get_token());
  REQUIRE_FALSE(analysis);
  CHECK(analysis.error().code == ErrorCode::kCancelled);
}

}  // namespace casemate::analysis
