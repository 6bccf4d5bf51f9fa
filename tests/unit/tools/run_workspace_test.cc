#include "tools/run_workspace.h"

#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "fixtures.h"
#include "sandbox/native/launcher_client.h"

namespace casemate::tools {
namespace {

namespace fs = std::filesystem;
using policies::WorkspaceAccess;
using policies::WorkspaceMode;
using policies::WorkspaceRoot;
using sandbox::WorkspaceKind;

TEST_CASE("roots hold by whole components, the innermost first") {
  const std::array<WorkspaceRoot, 3> roots = {
      {{"/srv", true}, {"/srv/app/vendor", false}, {"/srv/app", true}}};
  CHECK(RootOf("/srv/app/vendor/x", roots) == &roots[1]);
  CHECK(RootOf("/srv/app", roots) == &roots[2]);
  CHECK(RootOf("/srv/app-secrets", roots) == &roots[0]);
  CHECK(RootOf("/srvx", roots) == nullptr);
  CHECK(RootOf("/", roots) == nullptr);
  const std::array<WorkspaceRoot, 1> all = {{{"/", true}}};
  CHECK(RootOf("/etc", all) == &all[0]);
}

struct Tree {
  test::TempDir directory;
  std::array<WorkspaceRoot, 1> roots;
  std::unique_ptr<sandbox::LauncherClient> launcher;
  std::unique_ptr<sandbox::SandboxRunner> runner;
  Tree() : roots{{{directory.path() + "/root", true}}} {
    fs::create_directories(directory.path() + "/root/app");
    fs::create_directories(directory.path() + "/outside");
    auto started = sandbox::LauncherClient::Start("unit-workspace-" + RandomHex(8),
                                                  sandbox::Mode::kStrict, 0, roots);
    REQUIRE(started);
    launcher = *std::move(started);
    runner = std::make_unique<sandbox::SandboxRunner>(*launcher);
  }
  [[nodiscard]] Result<OpenedWorkspace> Open(const std::string& name) const {
    return OpenWorkspace(*runner, At(name), roots);
  }
  [[nodiscard]] std::string At(const std::string& name) const {
    return directory.path() + "/" + name;
  }
};

TEST_CASE("a directory below a root is opened and named canonically") {
  const Tree tree;
  fs::create_directory_symlink(tree.At("root/app"), tree.At("outside/link"));
  for (const char* name : {"root/app", "root/./app/", "outside/../root/app", "outside/link"}) {
    INFO(name);
    const auto opened = tree.Open(name);
    REQUIRE(opened);
    CHECK(opened->directory.valid());
    CHECK(opened->path == tree.At("root/app"));
    CHECK(opened->root == &tree.roots[0]);
  }
}

TEST_CASE("the descriptor is what was judged, whatever the path becomes") {
  const Tree tree;
  const auto opened = tree.Open("root/app");
  REQUIRE(opened);
  struct stat before{};
  REQUIRE(::stat(tree.At("root/app").c_str(), &before) == 0);
  fs::rename(tree.At("root/app"), tree.At("root/moved"));
  fs::create_directory_symlink(tree.At("outside"), tree.At("root/app"));  // the swap
  struct stat held{};
  REQUIRE(::fstat(opened->directory.get(), &held) == 0);
  CHECK(held.st_ino == before.st_ino);
}

TEST_CASE("a link out of the root is outside, and its target is not told") {
  const Tree tree;
  fs::create_directory_symlink(tree.At("outside"), tree.At("root/escape"));
  const auto opened = tree.Open("root/escape");
  REQUIRE(opened);
  CHECK_FALSE(opened->directory.valid());
  CHECK(opened->root == nullptr);
  CHECK(opened->path == tree.At("root/escape"));
}

TEST_CASE("outside of the roots, what exists and what does not look the same") {
  const Tree tree;
  fs::create_directory_symlink(tree.At("outside"), tree.At("root/escape"));
  std::ofstream(tree.At("outside/file")) << "x";
  for (const char* name :
       {"outside", "outside/missing", "outside/file", "root/escape/missing", "root/escape/file"}) {
    INFO(name);
    const auto opened = tree.Open(name);
    REQUIRE(opened);
    CHECK_FALSE(opened->directory.valid());
    CHECK(opened->root == nullptr);
    CHECK(opened->path == tree.At(name));
  }
}

TEST_CASE("below a root a missing directory and a file are clear errors") {
  const Tree tree;
  std::ofstream(tree.At("root/file")) << "x";
  for (const char* name : {"root/missing", "root/file", "root/app/a/b"}) {
    INFO(name);
    const auto opened = tree.Open(name);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().field == "args.workspace");
    CHECK(opened.error().message.find("expected an existing directory") == 0);
  }
}

TEST_CASE("the mount is what the profile asks for and no more than is granted") {
  CHECK(*MountKind(WorkspaceMode::kReadWrite, WorkspaceAccess::kHostWrite) ==
        WorkspaceKind::kReadWrite);
  CHECK(*MountKind(WorkspaceMode::kReadWrite, WorkspaceAccess::kHostRead) ==
        WorkspaceKind::kReadOnly);
  CHECK(*MountKind(WorkspaceMode::kReadOnly, WorkspaceAccess::kHostWrite) ==
        WorkspaceKind::kReadOnly);
  CHECK(*MountKind(WorkspaceMode::kOverlay, WorkspaceAccess::kHostRead) == WorkspaceKind::kOverlay);
  const auto none = MountKind(WorkspaceMode::kReadOnly, WorkspaceAccess::kPrivateOnly);
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::kPermissionDenied);
}

}  // namespace
}  // namespace casemate::tools
