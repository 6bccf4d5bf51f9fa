// SandboxSpecBuilder: what it refuses, and that it never gives more than the grant.
#include <fcntl.h>

#include <algorithm>

#include "tests/unit/sandbox/fixtures.h"

namespace casemate::sandbox::test {
namespace {

using policies::WorkspaceAccess;
using Strings = std::vector<std::string>;

bool Holds(const Strings& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

UniqueFd OpenRoot() {
  return UniqueFd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

Result<SandboxSpec> WithWorkspace(WorkspaceAccess access, WorkspaceKind kind) {
  SandboxSpecBuilder builder(TestPolicy::GrantOf(EverydayLimits(), access));
  builder.Command({"true"}).HostWorkspace(OpenRoot(), "/", kind);
  return std::move(builder).Build();
}

}  // namespace

TEST_CASE("a spec has a complete environment and nothing inherited") {
  setenv("CASEMATE_TEST_SECRET", "x", 1);
  const SandboxSpec spec = Built(Builder({"true"}));
  unsetenv("CASEMATE_TEST_SECRET");
  CHECK(spec.env == Strings{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8",
                            "TMPDIR=/tmp", "USER=casemate", "PWD=/workspace"});
  CHECK(spec.workspace == WorkspaceKind::kPrivate);
}

TEST_CASE("a later variable replaces an earlier one, defaults included") {
  auto builder = Builder({"true"});
  builder.Env("HOME", "/workspace").Env("A", "1").Env("A", "2");
  const SandboxSpec spec = Built(std::move(builder));
  CHECK(Holds(spec.env, "HOME=/workspace"));
  CHECK_FALSE(Holds(spec.env, "HOME=/tmp"));
  CHECK(Holds(spec.env, "A=2"));
  CHECK_FALSE(Holds(spec.env, "A=1"));
}

TEST_CASE("limits are the intersection with the grant") {
  policies::Limits wanted = EverydayLimits();
  wanted.memory_mb = 1'000'000;
  wanted.pids = 2;
  auto builder = Builder({"true"});
  builder.Limits(wanted);
  const SandboxSpec spec = Built(std::move(builder));
  CHECK(spec.limits.memory_mb == EverydayLimits().memory_mb);
  CHECK(spec.limits.pids == 2);
}

TEST_CASE("without requested limits the grant's hold") {
  CHECK(Built(Builder({"true"})).limits == EverydayLimits());
}

TEST_CASE("bad commands are refused") {
  CHECK(BuildError(Builder({})).field == "args.command");
  CHECK(BuildError(Builder({""})).field == "args.command");
  CHECK(BuildError(Builder({"echo", std::string("a\0b", 3)})).field == "args.command.1");
  CHECK(BuildError(Builder(Strings(70'000, "x"))).field == "args.command");
}

TEST_CASE("bad variables are refused") {
  for (const std::string& name : {std::string(), std::string("A=B"), std::string("A\0", 2)}) {
    auto builder = Builder({"true"});
    builder.Env(name, "x");
    CHECK(BuildError(std::move(builder)).field == "args.env");
  }
  auto builder = Builder({"true"});
  builder.Env("A", std::string("x\0y", 3));
  CHECK(BuildError(std::move(builder)).field == "args.env.A");
}

TEST_CASE("files stay below the workspace and /run/casemate") {
  const std::string longest(256, 'n');
  for (const std::string& path :
       {std::string(), std::string("../x"), std::string("a/../x"), std::string("a//b"),
        std::string("./a"), std::string("a/"), std::string("/etc/passwd"),
        std::string("/run/casemate/../x"), std::string("/run/casemate/"),
        std::string("/run/casemateX/a"), std::string("a\0b", 3), longest}) {
    INFO(path);
    auto builder = Builder({"true"});
    builder.File({path, "x"});
    CHECK(BuildError(std::move(builder)).field == "args.files.0.path");
  }
  for (const char* path : {"a", "a/b.txt", "..a/b", "/run/casemate/main.py"}) {
    auto builder = Builder({"true"});
    builder.File({path, "x"});
    CHECK(Built(std::move(builder)).files.size() == 1);
  }
}

TEST_CASE("files have plain modes and are named once") {
  auto set_uid = Builder({"true"});
  set_uid.File({"a", "x", 04755});
  CHECK(BuildError(std::move(set_uid)).field == "args.files.0.mode");
  auto twice = Builder({"true"});
  twice.File({"a", "x"}).File({"a", "y"});
  CHECK(BuildError(std::move(twice)).field == "args.files.1.path");
}

TEST_CASE("limits must be positive and bounded") {
  auto no_time = EverydayLimits();
  no_time.wall_ms = 0;
  CHECK(BuildError(Builder({"true"}, no_time)).field == "args.timeout_ms");
  auto forever = EverydayLimits();
  forever.wall_ms = std::int64_t{1} << 60;
  CHECK(BuildError(Builder({"true"}, forever)).field == "args.timeout_ms");
  auto years = EverydayLimits();
  years.wall_ms = std::int64_t{3650} * 24 * 3600 * 1000;
  CHECK(Sandbox().Run(Builder({"true"}, years)).status == OutcomeStatus::kExited);
  auto negative = EverydayLimits();
  negative.pids = -1;
  CHECK(BuildError(Builder({"true"}, negative)).field == "args.limits.pids");
  auto absurd = EverydayLimits();
  absurd.memory_mb = std::int64_t{1} << 60;
  CHECK(BuildError(Builder({"true"}, absurd)).field == "args.limits.memory_mb");
  for (const std::int64_t rate : {std::int64_t{-1}, std::int64_t{1} << 60}) {
    auto io = EverydayLimits();
    io.io_mb_s = rate;
    CHECK(BuildError(Builder({"true"}, io)).field == "args.limits.io_mb_s");
  }
}

TEST_CASE("a workspace in memory cannot be larger than memory") {
  auto limits = EverydayLimits();
  limits.disk_mb = limits.memory_mb + 1;
  const Error error = BuildError(Builder({"true"}, limits));
  CHECK(error.field == "args.limits.disk_mb");
  CHECK_FALSE(error.remedy.empty());
  // On a host directory disk_mb means nothing.
  SandboxSpecBuilder host(TestPolicy::GrantOf(limits, WorkspaceAccess::kHostWrite));
  host.Command({"true"}).HostWorkspace(OpenRoot(), "/", WorkspaceKind::kReadWrite);
  CHECK(std::move(host).Build());
}

TEST_CASE("a host workspace needs the right grant") {
  using Access = WorkspaceAccess;
  using Kind = WorkspaceKind;
  for (const auto& [access, kind] : {std::pair{Access::kPrivateOnly, Kind::kReadOnly},
                                     std::pair{Access::kPrivateOnly, Kind::kOverlay},
                                     std::pair{Access::kPrivateOnly, Kind::kReadWrite},
                                     std::pair{Access::kHostRead, Kind::kReadWrite}}) {
    auto refused = WithWorkspace(access, kind);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::kPermissionDenied);
    CHECK(refused.error().field == "args.workspace");
  }
  CHECK(WithWorkspace(Access::kHostRead, Kind::kReadOnly));
  CHECK(WithWorkspace(Access::kHostRead, Kind::kOverlay));
  CHECK(WithWorkspace(Access::kHostWrite, Kind::kReadWrite));
}

TEST_CASE("a host workspace needs an open directory and its path") {
  SandboxSpecBuilder closed(TestPolicy::GrantOf(EverydayLimits(), WorkspaceAccess::kHostWrite));
  closed.Command({"true"}).HostWorkspace(UniqueFd(), "/", WorkspaceKind::kReadOnly);
  CHECK(BuildError(std::move(closed)).field == "args.workspace");
  SandboxSpecBuilder relative(TestPolicy::GrantOf(EverydayLimits(), WorkspaceAccess::kHostWrite));
  relative.Command({"true"}).HostWorkspace(OpenRoot(), "x", WorkspaceKind::kReadOnly);
  CHECK(BuildError(std::move(relative)).field == "args.workspace");
  SandboxSpecBuilder both(TestPolicy::GrantOf(EverydayLimits(), WorkspaceAccess::kHostWrite));
  both.Command({"true"}).HostWorkspace(OpenRoot(), "/", WorkspaceKind::kPrivate);
  CHECK(BuildError(std::move(both)).field == "args.workspace");
}

TEST_CASE("no file is written into a read-only workspace") {
  SandboxSpecBuilder builder(TestPolicy::GrantOf(EverydayLimits(), WorkspaceAccess::kHostRead));
  builder.Command({"true"}).HostWorkspace(OpenRoot(), "/", WorkspaceKind::kReadOnly);
  builder.File({"a", "x"});
  CHECK(BuildError(std::move(builder)).field == "args.files.0.path");
}

}  // namespace casemate::sandbox::test
