#include "mcp/config.h"

#include <catch2/catch.hpp>

#include "tests/unit/mcp/config_fixture.h"

namespace casemate {
namespace {

using Fixture = testing::ConfigFixture;

TEST_CASE_METHOD(Fixture, "Without a file, defaults lie below HOME", "[config]") {
  const auto config = LoadConfig({});
  REQUIRE(config.ok());
  CHECK(config->state_dir == dir / ".local/state/casemate");
  CHECK(config->config_file == dir / ".config/casemate/config.yaml");
  CHECK(config->workspace_roots.empty());
  CHECK(config->max_line_bytes == 16U << 20);
}

TEST_CASE_METHOD(Fixture, "XDG directories come before HOME", "[config]") {
  env.Set("XDG_STATE_HOME", "/x/state");
  env.Set("XDG_CONFIG_HOME", "/x/config");
  const auto config = LoadConfig({});
  REQUIRE(config.ok());
  CHECK(config->state_dir == "/x/state/casemate");
  CHECK(config->config_file == "/x/config/casemate/config.yaml");
}

TEST_CASE_METHOD(Fixture, "Flags come before variables, variables before the file", "[config]") {
  const std::string file = dir.Write("c.yaml", "version: 1\npolicy_file: /from/file\n");
  env.Set("CASEMATE_CONFIG", file);
  CHECK(LoadConfig({})->policy_file == "/from/file");
  env.Set("CASEMATE_POLICY", "/from/env");
  CHECK(LoadConfig({})->policy_file == "/from/env");
  CHECK(LoadConfig({.policy_file = "/from/flag"})->policy_file == "/from/flag");
}

TEST_CASE_METHOD(Fixture, "A whole file is read", "[config]") {
  const std::string file = dir.Write(
      "c.yaml",
      "version: 1\nworkspace_roots:\n  - ~/work\n  - {path: /usr/share, writable: false}\n"
      "default_profile: small\nmax_line_bytes: 100000\nmax_concurrent_calls: 2\n"
      "warm_sandboxes: 0\n");
  const auto config = LoadConfig({.config_file = file, .workspace_roots = {"/usr/lib"}});
  REQUIRE(config.ok());
  REQUIRE(config->workspace_roots.size() == 3);
  CHECK(config->workspace_roots[0].path == dir / "work");
  CHECK(config->workspace_roots[0].writable);
  CHECK_FALSE(config->workspace_roots[1].writable);
  CHECK(config->workspace_roots[2].path == "/usr/lib");
  CHECK(config->default_profile == "small");
  CHECK(config->max_concurrent_calls == 2);
  CHECK(config->warm_sandboxes == 0);
}

TEST_CASE_METHOD(Fixture, "Mistakes in the file name the place and the way out", "[config]") {
  CHECK_THAT(ProblemOf("version: 1\nworksapce_roots: []\n"),
             Catch::Contains("c.yaml:2:") && Catch::Contains("did you mean `workspace_roots`"));
  CHECK_THAT(ProblemOf("default_profile: x\n"), Catch::Contains("version: 1"));
  CHECK_THAT(ProblemOf("version: 2\n"), Catch::Contains("got 2"));
  CHECK_THAT(ProblemOf("version: 1\nmax_concurrent_calls: 0\n"), Catch::Contains("1 to 1024"));
  CHECK_THAT(ProblemOf("version: 1\nwarm_sandboxes: 65\n"), Catch::Contains("0 to 64"));
  CHECK_THAT(ProblemOf("version: 1\nmax_line_bytes: big\n"), Catch::Contains("got `big`"));
  CHECK_THAT(ProblemOf("version: 1\nworkspace_roots: /tmp\n"), Catch::Contains("list"));
  CHECK_THAT(ProblemOf("version: 1\nworkspace_roots: [relative]\n"), Catch::Contains("absolute"));
  CHECK_THAT(ProblemOf("version: 1\nworkspace_roots: [/no/such/dir]\n"),
             Catch::Contains("existing directory"));
  CHECK_THAT(ProblemOf("version: 1\nworkspace_roots: [/etc/passwd]\n"),
             Catch::Contains("expected a directory"));
  CHECK_THAT(ProblemOf("version: 1\nworkspace_roots: [/]\n"), Catch::Contains("`/`"));
  CHECK_THAT(ProblemOf("version: 1\nworkspace_roots: [{path: /usr, write: true}]\n"),
             Catch::Contains("unknown key `write`"));
  CHECK_THAT(ProblemOf("- a\n"), Catch::Contains("map"));
}

TEST_CASE_METHOD(Fixture, "The sandbox's mode is strict unless someone says otherwise",
                 "[config]") {
  using sandbox::Mode;
  CHECK(LoadConfig({})->sandbox_mode == Mode::kStrict);
  const std::string file = dir.Write("c.yaml", "version: 1\nsandbox: {mode: best_effort}\n");
  env.Set("CASEMATE_CONFIG", file);
  CHECK(LoadConfig({})->sandbox_mode == Mode::kBestEffort);
  env.Set("CASEMATE_SANDBOX_MODE", "strict");
  CHECK(LoadConfig({})->sandbox_mode == Mode::kStrict);
  CHECK(LoadConfig({.sandbox_mode = "best_effort"})->sandbox_mode == Mode::kBestEffort);
  // A word that is not understood must not end up as either.
  CHECK_THAT(Describe(LoadConfig({.sandbox_mode = "Strict"}).error()),
             Catch::Contains("--sandbox-mode") && Catch::Contains("`best_effort`") &&
                 Catch::Contains("got `Strict`"));
  env.Set("CASEMATE_SANDBOX_MODE", "none");
  CHECK_THAT(Describe(LoadConfig({}).error()), Catch::Contains("CASEMATE_SANDBOX_MODE"));
  env.Unset("CASEMATE_SANDBOX_MODE");
  CHECK_THAT(ProblemOf("version: 1\nsandbox: {mode: off}\n"), Catch::Contains("c.yaml:2:"));
  CHECK_THAT(ProblemOf("version: 1\nsandbox: {mod: strict}\n"),
             Catch::Contains("did you mean `mode`"));
  CHECK_THAT(ProblemOf("version: 1\nsandbox: strict\n"), Catch::Contains("map of settings"));
}

TEST_CASE_METHOD(Fixture, "The profile of the command line comes before the file's", "[config]") {
  env.Set("CASEMATE_CONFIG", dir.Write("c.yaml", "version: 1\ndefault_profile: build\n"));
  auto config = LoadConfig({.default_profile = "small"});
  REQUIRE(config);
  CHECK(config->default_profile == "small");
  const auto unknown = LoadConfig({.default_profile = "smal"});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().field == "--profile");
  CHECK_THAT(unknown.error().message, Catch::Contains("did you mean `small`?"));
}

TEST_CASE_METHOD(Fixture, "A named file must exist; a root must not expose the state", "[config]") {
  CHECK_FALSE(LoadConfig({.config_file = dir / "absent.yaml"}).ok());
  const auto exposed = LoadConfig({.workspace_roots = {dir.path()}});
  REQUIRE_FALSE(exposed.ok());
  CHECK_THAT(exposed.error().message, Catch::Contains("state directory"));
  const auto inside = LoadConfig({.state_dir = dir.path(), .workspace_roots = {dir / "work"}});
  CHECK_FALSE(inside.ok());
}

TEST_CASE_METHOD(Fixture, "Roots are canonical, also through links and variables", "[config]") {
  std::filesystem::create_symlink(dir / "work", dir / "link");
  env.Set("CASEMATE_WORKSPACE_ROOTS", dir / "link" + ":/usr/share");
  const auto config = LoadConfig({});
  REQUIRE(config.ok());
  REQUIRE(config->workspace_roots.size() == 2);
  CHECK(config->workspace_roots[0].path == dir / "work");
}

TEST_CASE_METHOD(Fixture, "The state is found through links, dots and slashes", "[config]") {
  const std::string work = dir / "work";
  std::filesystem::create_symlink(work, dir / "link");
  std::filesystem::create_symlink(work + "/later", dir / "dangling");
  for (const std::string& state :
       {dir / "absent/../work/state", dir / "link/state", "/" + work + "/state", dir / "dangling",
        dir / "dangling/deep"}) {
    const auto config = LoadConfig({.state_dir = state, .workspace_roots = {work}});
    INFO(state);
    REQUIRE_FALSE(config.ok());
    CHECK_THAT(config.error().message, Catch::Contains("state directory"));
  }
}

TEST_CASE_METHOD(Fixture, "Nothing that decides may be changed from a root", "[config]") {
  const std::string work = dir / "work";
  const std::string inside = dir.Write("work/c.yaml", "version: 1\n");
  const std::string outside = dir.Write("c.yaml", "version: 1\n");
  std::filesystem::create_symlink(outside, work + "/way-out");
  std::filesystem::create_symlink(inside, dir / "way-in");
  std::filesystem::create_directory(dir / "elsewhere");
  std::filesystem::create_directory_symlink(dir / "elsewhere", work + "/state");
  for (const std::string& file : {inside, work + "/way-out", dir / "way-in"}) {
    INFO(file);
    CHECK_FALSE(LoadConfig({.config_file = file, .workspace_roots = {work}}).ok());
    const auto policy = LoadConfig({.policy_file = file, .workspace_roots = {work}});
    REQUIRE_FALSE(policy.ok());
    CHECK_THAT(policy.error().message, Catch::Contains("move one of them"));
  }
  CHECK_FALSE(LoadConfig({.state_dir = work + "/state", .workspace_roots = {work}}).ok());
  CHECK(
      LoadConfig({.config_file = outside, .policy_file = outside, .workspace_roots = {work}}).ok());
  // A root that is only read may hold them.
  const std::string listed = dir.Write(
      "work/listed.yaml", "version: 1\nworkspace_roots: [{path: ~/work, writable: false}]\n");
  CHECK(LoadConfig({.config_file = listed, .policy_file = inside}).ok());
}

TEST_CASE_METHOD(Fixture, "A read-only root in a writable one is refused", "[config]") {
  std::filesystem::create_directory(dir / "work/part");
  const std::string begin = "version: 1\nworkspace_roots: [";
  CHECK_THAT(ProblemOf(begin + "~/work, {path: ~/work/part, writable: false}]\n"),
             Catch::Contains("is to be read-only"));
  CHECK_THAT(ProblemOf(begin + "{path: ~/work/part, writable: false}, ~/work]\n"),
             Catch::Contains("is to be read-only"));
  CHECK_THAT(ProblemOf(begin + "~/work, {path: ~/work, writable: false}]\n"),
             Catch::Contains("is to be read-only"));
  CHECK(ProblemOf(begin + "{path: ~/work, writable: false}, ~/work/part]\n").empty());
}

TEST_CASE_METHOD(Fixture, "Without HOME and XDG there is a clear error", "[config]") {
  env.Unset("HOME");
  const auto config = LoadConfig({});
  REQUIRE_FALSE(config.ok());
  CHECK_THAT(Describe(config.error()), Catch::Contains("HOME"));
}

}  // namespace
}  // namespace casemate
