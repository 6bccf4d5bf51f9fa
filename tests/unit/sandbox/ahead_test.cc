// Sandboxes made ahead of their calls: one call each, with that call's limits and nothing of
// another.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "sandbox/native/launcher/warm_target.h"
#include "tests/unit/sandbox/fixtures.h"

namespace casemate::sandbox::test {
namespace {

using launcher::WarmTarget;

struct Ahead {
  explicit Ahead(std::size_t most = 2) {
    auto started = LauncherClient::Start(incarnation, Mode::kStrict, most, TestRoots());
    REQUIRE(started);
    launcher = *std::move(started);
    runner = std::make_unique<SandboxRunner>(*launcher);
  }
  SandboxOutcome Run(SandboxSpecBuilder builder) {
    auto outcome = runner->Run(Built(std::move(builder)), {}, nullptr);
    REQUIRE(outcome);
    INFO(Told(*outcome));
    CHECK(outcome->status == OutcomeStatus::kExited);
    return *std::move(outcome);
  }
  SandboxOutcome Shell(const std::string& script,
                       const policies::Limits& limits = EverydayLimits()) {
    return Run(Builder({"/bin/sh", "-c", script}, limits));
  }
  [[nodiscard]] std::vector<pid_t> Waiting() const { return WaitingFor(launcher->pid()); }
  // Until one waits for the next call.
  void Await() const {
    while (Waiting().empty()) {
      sched_yield();
    }
  }

  // Until one waits that is locked: two calls in a row wanted the same.
  void AwaitLocked() const {
    while (true) {
      for (const pid_t waiting : Waiting()) {
        std::ifstream status("/proc/" + std::to_string(waiting) + "/status");
        for (std::string line; std::getline(status, line);) {
          if (line == "Seccomp:\t2") {
            return;
          }
        }
      }
      sched_yield();
    }
  }

  const std::string incarnation = "unit-" + RandomHex(8);
  std::unique_ptr<LauncherClient> launcher;
  std::unique_ptr<SandboxRunner> runner;
};

TEST_CASE("the second call finds a sandbox made ahead, and nothing of the first one") {
  Ahead ahead;
  CHECK_FALSE(ahead.Shell("echo mine >/tmp/x; echo mine >/dev/shm/x; echo mine >x").made_ahead);
  for (int i = 0; i < 5; ++i) {
    ahead.Await();
    const auto next = ahead.Shell("ls -A /tmp /dev/shm . ; echo mine >/tmp/x; cat /proc/1/cmdline");
    CHECK(next.made_ahead);
    CHECK(next.out.head.find('x') == std::string::npos);
  }
}

TEST_CASE("a sandbox made ahead has the layers of any other") {
  Ahead ahead;
  const auto cold = ahead.Shell("true");
  ahead.Await();
  const auto warm = ahead.Shell("true");
  REQUIRE(warm.made_ahead);
  REQUIRE(cold.layers.size() == warm.layers.size());
  for (std::size_t i = 0; i < cold.layers.size(); ++i) {
    CHECK(cold.layers[i].name == warm.layers[i].name);
    CHECK(cold.layers[i].in_force == warm.layers[i].in_force);
    CHECK(cold.layers[i].detail == warm.layers[i].detail);
  }
}

TEST_CASE("limits are those of the call, whatever was expected") {
  Ahead ahead;
  const std::string sizes =
      "for d in /tmp /dev/shm /workspace; do stat -f -c '%b %S %c' $d | "
      "(read b s i; echo $((b * s)) $i); done; ulimit -u; cat /proc/self/limits | grep -c .";
  for (const int memory_mb : {256, 64, 512, 64}) {
    policies::Limits limits = EverydayLimits();
    limits.memory_mb = memory_mb;
    limits.disk_mb = memory_mb / 2;
    limits.pids = memory_mb / 4;
    const auto cold = Ahead(0).Shell(sizes, limits);
    ahead.Shell("true");
    ahead.Await();
    const auto warm = ahead.Shell(sizes, limits);
    CHECK(warm.made_ahead);
    CHECK(cold.out.head == warm.out.head);
  }
}

TEST_CASE("what two calls in a row wanted is in force before the third one comes") {
  Ahead ahead;
  const std::string show =
      "ulimit -a; grep -E '^(Cap|NoNew|Seccomp|Sig)' /proc/self/status; ls -l /proc/self/fd | wc "
      "-l;"
      "cat /proc/1/cmdline; readlink /proc/self/cwd; echo $1; cat";
  const auto call = [&](const char* argument) {
    return ahead.Run(std::move(Builder({"/bin/sh", "-c", show, "sh", argument}).Stdin("fed")));
  };
  const auto cold = call("x");
  ahead.Shell("true");
  ahead.AwaitLocked();
  const auto locked = call("x");
  CHECK(locked.made_ahead);
  CHECK(locked.out.head == cold.out.head);
  CHECK(locked.out.head.ends_with("x\nfed"));
  REQUIRE(cold.layers.size() == locked.layers.size());
  for (std::size_t i = 0; i < cold.layers.size(); ++i) {
    CHECK(cold.layers[i].in_force == locked.layers[i].in_force);
    CHECK(cold.layers[i].detail == locked.layers[i].detail);
  }
}

TEST_CASE("a call gets nothing that was locked for calls of another kind") {
  policies::Limits other = EverydayLimits();
  const auto limit = GENERATE(&policies::Limits::memory_mb, &policies::Limits::pids,
                              &policies::Limits::disk_mb, &policies::Limits::cpu_millis);
  other.*limit += 7;
  const std::string show =
      "for d in /tmp /dev/shm /workspace; do stat -f -c '%b %c' $d; done; ulimit -a";
  Ahead ahead;
  for (int i = 0; i < 2; ++i) {
    ahead.Shell("true");
  }
  ahead.AwaitLocked();
  const auto unforeseen = ahead.Shell(show, other);
  CHECK_FALSE(unforeseen.made_ahead);
  CHECK(unforeseen.out.head == Ahead(0).Shell(show, other).out.head);
}

TEST_CASE("files find a sandbox that is not locked, whatever was expected") {
  Ahead ahead;
  for (int i = 0; i < 2; ++i) {
    ahead.Shell("true");
  }
  ahead.AwaitLocked();
  auto with_file = Builder({"/bin/cat", "/run/casemate/script"});
  with_file.File({.path = "/run/casemate/script", .content = "script"});
  CHECK(ahead.Run(std::move(with_file)).out.head == "script");
}

TEST_CASE("files, stdin and a host workspace come with the call") {
  Ahead ahead;
  ahead.Shell("true");
  ahead.Await();
  auto with_files = Builder({"/bin/sh", "-c", "cat /run/casemate/script data; cat"});
  with_files.File({.path = "/run/casemate/script", .content = "script "})
      .File({.path = "data", .content = "data "})
      .Stdin("fed");
  const auto files = ahead.Run(std::move(with_files));
  CHECK(files.made_ahead);
  CHECK(files.out.head == "script data fed");

  char directory[] = "/tmp/casemate-ahead-XXXXXX";
  REQUIRE(mkdtemp(directory) != nullptr);
  std::ofstream(std::string(directory) + "/there") << "on the host";
  SandboxSpecBuilder in_workspace(
      TestPolicy::GrantOf(EverydayLimits(), policies::WorkspaceAccess::kHostWrite));
  in_workspace.Command({"/bin/sh", "-c", "cat there; echo -n new >made; stat -c %u made"})
      .HostWorkspace(UniqueFd(open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC)), directory,
                     WorkspaceKind::kReadWrite);
  ahead.Await();
  const auto workspace = ahead.Run(std::move(in_workspace));
  CHECK(workspace.made_ahead == (geteuid() == 0));
  CHECK(workspace.out.head == "on the host1000\n");
  CHECK(std::filesystem::exists(std::string(directory) + "/made"));
  std::filesystem::remove_all(directory);
}

TEST_CASE("a sandbox that ended before its call is no trouble for the call") {
  Ahead ahead(1);
  ahead.Shell("true");
  ahead.Await();
  for (const pid_t waiting : ahead.Waiting()) {
    kill(waiting, SIGKILL);
    while (kill(waiting, 0) == 0) {  // until the launcher has seen it
      sched_yield();
    }
  }
  const auto next = ahead.Shell("echo fine");
  CHECK(next.out.head == "fine\n");
}

TEST_CASE("none is made when none is wanted") {
  Ahead ahead(0);
  ahead.Shell("true");
  CHECK_FALSE(ahead.Shell("true").made_ahead);
}

TEST_CASE("how many are kept follows the calls") {
  WarmTarget target(3);
  CHECK(target.Wanted(0) == 0);
  CHECK(target.EndsAt(0) == -1);
  target.OnCall(1000, false);
  CHECK(target.Wanted(1000) == 1);
  target.OnCall(1001, true);
  CHECK(target.Wanted(1001) == 1);
  for (int i = 0; i < 9; ++i) {
    target.OnCall(1002, false);
  }
  CHECK(target.Wanted(1002) == 3);  // the most
  CHECK(target.EndsAt(1002) == 1002 + WarmTarget::kIdleMs);
  std::int64_t now = 1002;
  for (const std::size_t wanted : {2U, 1U, 1U}) {
    now += WarmTarget::kCalmMs;
    target.OnCall(now, true);
    CHECK(target.Wanted(now) == wanted);
  }
  target.OnFailure(now);
  CHECK(target.Wanted(now) == 0);
  target.OnCall(now + WarmTarget::kBrokenMs, false);
  CHECK(target.Wanted(now + WarmTarget::kBrokenMs) == 2);
  now += WarmTarget::kBrokenMs + WarmTarget::kIdleMs;
  CHECK(target.Wanted(now) == 0);
  CHECK(WarmTarget(0).Wanted(0) == 0);
}

}  // namespace
}  // namespace casemate::sandbox::test
