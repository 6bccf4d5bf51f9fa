// The limit on disk I/O: that it is kept on a real disk, that nobody waits for it once the call is
// over, and what happens where nothing can hold it.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/sandbox/fixtures.h"
#include "tests/unit/temp_dir.h"

namespace casemate::sandbox::test {
namespace {

policies::Limits WithRate(std::int64_t io_mb_s) {
  auto limits = EverydayLimits();
  limits.io_mb_s = io_mb_s;
  return limits;
}

// A host workspace; the tests' directory may be in memory, of which no disk is part.
struct OnDisk {
  OnDisk() { std::filesystem::permissions(dir.path(), std::filesystem::perms::all); }

  // "major:minor" of the whole disk; empty: it is on none.
  [[nodiscard]] std::string Disk() const {
    struct stat info{};
    REQUIRE(stat(dir.path().c_str(), &info) == 0);
    std::error_code none;
    auto device =
        std::filesystem::canonical("/sys/dev/block/" + std::to_string(major(info.st_dev)) + ":" +
                                       std::to_string(minor(info.st_dev)),
                                   none);
    if (std::filesystem::exists(device / "partition")) {
      device = device.parent_path();
    }
    std::string numbers;
    std::ifstream(device / "dev") >> numbers;
    return numbers;
  }
  // Whether the limit can be seen at work here.
  bool ShowsLimits() {
    const bool shows = !Disk().empty() && sandbox.Shell("true").can_limit_io;
    if (!shows) {
      WARN("not tried: " << dir.path() << " is on no disk, or nothing can limit it");
    }
    return shows;
  }
  SandboxOutcome Run(const std::string& script, const policies::Limits& limits) {
    SandboxSpecBuilder builder(TestPolicy::GrantOf(limits, policies::WorkspaceAccess::kHostWrite));
    builder.Command({"/bin/sh", "-c", script})
        .HostWorkspace(UniqueFd(open(dir.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
                       dir.path(), WorkspaceKind::kReadWrite);
    return sandbox.Run(std::move(builder));
  }

  const testing::TempDir dir;
  Sandbox sandbox;
};

// From "7:blkio:/path", of v1.
std::string OwnBlkioGroup() {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.find(":blkio:") != std::string::npos) {
      return line.substr(line.rfind(':') + 1);
    }
  }
  return "/";
}

}  // namespace

TEST_CASE("disk I/O keeps to its limit, and only with a limit") {
  OnDisk here;
  if (!here.ShowsLimits()) {
    return;
  }
  for (const char* what : {"if=/dev/zero of=f oflag=direct", "if=f of=/dev/null iflag=direct",
                           "if=/dev/zero of=g conv=fsync"}) {
    // A new `g` each time: v2 charges what is written back to the group that first wrote the file.
    const std::string script = std::string("rm -f g; exec dd bs=64k count=32 ") + what;
    const SandboxOutcome any = here.Run(script, WithRate(0));
    const SandboxOutcome limited = here.Run(script, WithRate(1));
    INFO(what << "\nany rate: " << any.duration_ms << " ms " << Told(any)
              << "\nlimited: " << limited.duration_ms << " ms " << Told(limited));
    CHECK(any.exit_code == 0);
    CHECK(limited.exit_code == 0);
    CHECK(limited.duration_ms > 1500);  // for 2 MiB
    CHECK(limited.duration_ms > 2 * any.duration_ms);
  }
}

// Attack: a caller that states a high rate, to get out of the group that is held to a low one.
TEST_CASE("a rate that was set for all of us holds for whoever states a higher one") {
  const std::string all = "/sys/fs/cgroup/blkio";  // v1; v2 itself sees to it
  const std::string ours = all + "/unit-" + RandomHex(8);
  if (geteuid() != 0 || !std::filesystem::exists(all)) {
    return;
  }
  const std::string before = all + OwnBlkioGroup();
  REQUIRE(std::filesystem::create_directory(ours));
  std::ofstream(ours + "/tasks") << getpid();
  {
    OnDisk here;
    if (here.ShowsLimits()) {
      std::ofstream(ours + "/blkio.throttle.write_bps_device") << here.Disk() << " " << (1 << 20);
      const SandboxOutcome outcome =
          here.Run("exec dd bs=64k count=32 if=/dev/zero of=f oflag=direct", WithRate(1000));
      INFO(outcome.duration_ms << " ms " << Told(outcome));
      CHECK(outcome.exit_code == 0);
      CHECK(outcome.duration_ms > 1500);
    }
  }
  std::ofstream(before + "/tasks") << getpid();
  CHECK(std::filesystem::remove(ours));
}

TEST_CASE("what waits for a slow disk ends in time all the same") {
  OnDisk here;
  if (!here.ShowsLimits()) {
    return;
  }
  auto limits = WithRate(1);
  limits.wall_ms = 1000;
  const SandboxOutcome outcome =
      here.Run("exec dd if=/dev/zero of=f bs=1M count=24 conv=fsync", limits);
  INFO(outcome.duration_ms << " ms " << Told(outcome));
  CHECK(outcome.status == OutcomeStatus::kTimedOut);
  CHECK(outcome.duration_ms < 12'000);  // half of what it would take at its limit
}

TEST_CASE("a limit on disk I/O is held, or nothing runs") {
  Sandbox sandbox;
  const bool can = sandbox.Shell("true").can_limit_io;
  for (int i = 0; i < 3; ++i) {
    const SandboxOutcome outcome = sandbox.Shell("true", WithRate(5));
    INFO(Told(outcome));
    CHECK(outcome.status == (can ? OutcomeStatus::kExited : OutcomeStatus::kSetupFailed));
    CHECK(outcome.field == (can ? "" : "args.limits.io_mb_s"));
    CHECK(sandbox.Shell("true").status == OutcomeStatus::kExited);
  }
}

}  // namespace casemate::sandbox::test
