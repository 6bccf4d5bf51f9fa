// Where policies come from: files, what ships, and the commit of their repository.
#include "policies/source/policy_files.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/source/git_commit.h"
#include "policies/source/shipped.h"
#include "tests/unit/policies/fixtures.h"

namespace casemate::policies {

namespace {

void Write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

const std::string kCommit = "0123456789abcdef0123456789abcdef01234567";

}  // namespace

TEST_CASE("Every shipped policy loads by its name, and can be extended") {
  const test::TempDir dir;
  for (const ShippedPolicy& shipped : ShippedPolicies()) {
    const std::string name(shipped.name);
    INFO(name);
    auto policy = LoadPolicy({name, {}});
    INFO((policy ? std::string() : Describe(policy.error())));
    REQUIRE(policy);
    CHECK((*policy)->MayEverAllow("run", {}));
    Write(dir.path() + "/leaf.yaml", "version: 1\nextends: " + name + "\nrules: []\n");
    CHECK(LoadPolicy({dir.path() + "/leaf.yaml", {}}));
  }
  CHECK((*LoadPolicy({"", {}}))->layers().front().name == "shipped policy default");
  auto misspelt = LoadPolicy({"develper", {}});
  REQUIRE_FALSE(misspelt);
  CHECK_THAT(Describe(misspelt.error()), Catch::Contains("did you mean `developer`?"));
}

TEST_CASE("Files extend files beside them, and all of them are named for the watch") {
  const test::TempDir dir;
  Write(dir.path() + "/org/base.yaml",
        "version: 1\nrules:\n  - {id: a, effect: allow, tools: [run]}\n");
  Write(dir.path() + "/leaf.yaml",
        "version: 1\nextends: org/base.yaml\nrules:\n"
        "  - {id: d, effect: deny, tools: [run], when: {path: args.x, eq: 1}}\n");
  std::vector<std::string> files;
  auto policy = LoadPolicy({dir.path() + "/leaf.yaml", {}}, &files);
  REQUIRE(policy);
  CHECK(files ==
        std::vector<std::string>{dir.path() + "/leaf.yaml", dir.path() + "/org/base.yaml"});
  CHECK((*policy)->commit().empty());

  std::filesystem::remove(dir.path() + "/org/base.yaml");
  files.clear();
  std::vector<Error> problems;
  CHECK_FALSE(LoadPolicy({dir.path() + "/leaf.yaml", {}}, &files, &problems));
  CHECK(problems.size() == 1);
  CHECK(files.front() == dir.path() + "/leaf.yaml");
}

TEST_CASE("A policy that everybody may change is refused") {
  const test::TempDir dir;
  const std::string path = dir.path() + "/p.yaml";
  Write(path, "version: 1\nrules: []\n");
  CHECK(LoadPolicy({path, {}}));
  REQUIRE(::chmod(path.c_str(), 0666) == 0);
  auto refused = LoadPolicy({path, {}});
  REQUIRE_FALSE(refused);
  CHECK_THAT(Describe(refused.error()), Catch::Contains("everybody") && Catch::Contains("chmod"));
}

TEST_CASE("A policy in a directory that everybody may write to is refused, unless it is sticky") {
  const test::TempDir dir;
  const std::string open = dir.path() + "/open";
  REQUIRE(std::filesystem::create_directory(open));
  Write(open + "/base.yaml", "version: 1\nrules: []\n");
  Write(dir.path() + "/leaf.yaml", "version: 1\nextends: open/base.yaml\nrules: []\n");
  std::filesystem::create_symlink(open + "/base.yaml", dir.path() + "/link.yaml");
  // Itself, what another extends, and where a link leads to.
  for (const char* name : {"/open/base.yaml", "/leaf.yaml", "/link.yaml"}) {
    INFO(name);
    REQUIRE(::chmod(open.c_str(), 0777) == 0);
    const auto refused = LoadPolicy({dir.path() + name, {}});
    REQUIRE_FALSE(refused);
    CHECK_THAT(Describe(refused.error()), Catch::Contains("/open may be written to by everybody"));
    REQUIRE(::chmod(open.c_str(), 01777) == 0);  // as /tmp: others cannot replace the file
    CHECK(LoadPolicy({dir.path() + name, {}}));
    REQUIRE(::chmod(open.c_str(), 0755) == 0);
    CHECK(LoadPolicy({dir.path() + name, {}}));
  }
}

TEST_CASE("The commit of the repository that holds the policy is known") {
  const test::TempDir dir;
  const std::string repo = dir.path() + "/repo";
  const std::string policy = repo + "/policies/p.yaml";
  Write(policy, "version: 1\nrules: []\n");
  CHECK(CommitOf(policy).empty());
  Write(repo + "/.git/HEAD", "ref: refs/heads/main\n");
  CHECK(CommitOf(policy).empty());  // no commit yet
  Write(repo + "/.git/refs/heads/main", kCommit + "\n");
  CHECK(CommitOf(policy) == kCommit);
  CHECK((*LoadPolicy({policy, {}}))->commit() == kCommit);
  // Packed, detached, and in a worktree.
  std::filesystem::remove(repo + "/.git/refs/heads/main");
  Write(repo + "/.git/packed-refs", "# pack-refs with: peeled\n" + std::string(40, 'b') +
                                        " refs/heads/other\n" + kCommit + " refs/heads/main\n");
  CHECK(CommitOf(policy) == kCommit);
  Write(repo + "/.git/HEAD", std::string(40, 'c') + "\n");
  CHECK(CommitOf(policy) == std::string(40, 'c'));
  Write(repo + "/.git/worktrees/w/HEAD", "ref: refs/heads/main\n");
  Write(repo + "/.git/worktrees/w/commondir", "../..\n");
  Write(dir.path() + "/w/.git", "gitdir: " + repo + "/.git/worktrees/w\n");
  CHECK(CommitOf(dir.path() + "/w/p.yaml") == kCommit);
  Write(repo + "/.git/HEAD", "rubbish\n");
  CHECK(CommitOf(policy).empty());
}

}  // namespace casemate::policies
