// LauncherClient: start, loss and end of the launcher process; and the doctor, which uses it.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "sandbox/native/doctor.h"
#include "tests/unit/sandbox/fixtures.h"

namespace casemate::sandbox::test {
namespace {

bool HasCgroups(const std::string& incarnation) {
  std::error_code error;
  std::filesystem::recursive_directory_iterator tree("/sys/fs/cgroup", error);
  for (; !error && tree != std::filesystem::end(tree); tree.increment(error)) {
    if (tree->path().filename() == "casemate-" + incarnation) {
      return true;
    }
  }
  return false;
}

// What is left of a launcher that is gone: the processes of its session, which its sandboxes leave
// when they drop their privileges, and those that have `argument`. What has ended and waits to be
// reaped does not count.
std::vector<pid_t> LeftOf(pid_t launcher, const std::string& argument) {
  std::vector<pid_t> left;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    const auto pid = static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10));
    std::ifstream stat_file(entry.path() / "stat");
    std::ifstream arguments_file(entry.path() / "cmdline");
    std::string stat;
    std::string arguments;
    std::getline(stat_file, stat);
    std::getline(arguments_file, arguments);
    const bool is_its =
        pid > 0 && (getsid(pid) == launcher || arguments.find(argument) != std::string::npos);
    if (is_its && !stat.empty() && stat.find(") Z ") == std::string::npos) {
      left.push_back(pid);
    }
  }
  return left;
}

void Pass(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

}  // namespace

TEST_CASE("bad incarnation names are refused") {
  for (const std::string& name :
       {std::string(), std::string("A"), std::string("a/b"), std::string(".."),
        std::string(64, 'a'), std::string("a\0b", 3)}) {
    auto launcher = LauncherClient::Start(name, Mode::kStrict);
    REQUIRE_FALSE(launcher);
    CHECK(launcher.error().code == ErrorCode::kInvalidArgument);
  }
  Sandbox sandbox;
  CHECK_FALSE(sandbox.launcher().Reap("../x"));
  CHECK(sandbox.launcher().Reap("no-such-incarnation"));
}

TEST_CASE("the launcher ends with its client") {
  pid_t pid = -1;
  {
    Sandbox sandbox;
    pid = sandbox.launcher().pid();
    CHECK(kill(pid, 0) == 0);
    sandbox.Shell("true");
  }
  CHECK(kill(pid, 0) == -1);
  CHECK(errno == ESRCH);
}

TEST_CASE("the launcher inherits nothing but its socket") {
  UniqueFd stray(open("/dev/null", O_RDONLY));      // NOLINT(android-cloexec-open): on purpose
  UniqueFd high(fcntl(stray.get(), F_DUPFD, 200));  // NOLINT(android-cloexec-fcntl)
  signal(SIGUSR1, SIG_IGN);
  Sandbox sandbox;
  // After its first run it has surely set itself up.
  const SandboxOutcome outcome =
      sandbox.Shell("ls /proc/self/fd | wc -l; grep -E '^Sig(Ign|Blk)' /proc/self/status");
  signal(SIGUSR1, SIG_DFL);
  INFO(Told(outcome));
  CHECK(outcome.out.head == "4\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  CHECK(getsid(sandbox.launcher().pid()) == sandbox.launcher().pid());
}

TEST_CASE("a launch request has five or six descriptors") {
  Sandbox sandbox;
  CHECK_FALSE(sandbox.launcher().Launch({}));
  CHECK_FALSE(sandbox.launcher().Launch({0, 0, 0, 0}));
  CHECK_FALSE(sandbox.launcher().Launch({0, 0, 0, 0, 0, 0, 0}));
  CHECK_FALSE(sandbox.launcher().Launch({-1, -1, -1, -1, -1}));
}

TEST_CASE("a launcher that dies in a run leaves an unknown outcome, and then an error") {
  class KillLauncher : public OutputSink {
   public:
    explicit KillLauncher(pid_t pid) : pid_(pid) {}
    void OnOutput(Stream /*stream*/, std::string_view /*bytes*/) override { kill(pid_, SIGKILL); }

   private:
    pid_t pid_;
  };
  Sandbox sandbox;
  KillLauncher sink(sandbox.launcher().pid());
  const SandboxOutcome outcome =
      sandbox.Run(Builder({"/bin/sh", "-c", "echo up; sleep 1000"}), {}, &sink);
  INFO(Told(outcome));
  REQUIRE(outcome.status == OutcomeStatus::kLost);
  REQUIRE(outcome.stage == "launcher");  // else it lives on, and the wait below would not end
  CHECK_FALSE(outcome.remedy.empty());
  siginfo_t ended{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(sandbox.launcher().pid()), &ended, WEXITED | WNOWAIT) ==
          0);
  auto after = sandbox.runner().Run(Built(Builder({"true"})), {}, nullptr);
  REQUIRE_FALSE(after);
  CHECK(after.error().code == ErrorCode::kUnavailable);
  CHECK_FALSE(after.error().remedy.empty());

  // What it left in cgroups is for the next server to reap.
  Sandbox next;
  CHECK(next.launcher().Reap(sandbox.incarnation()));
  CHECK_FALSE(HasCgroups(sandbox.incarnation()));
}

// The moments are spread over the making of its first sandboxes. Nobody is left who could kill what
// does not notice.
TEST_CASE("sandboxes end with a launcher that dies while it makes them") {
  Sandbox reaper;
  for (int i = 0; i < 100; ++i) {
    const std::string incarnation = "unit-" + RandomHex(8);
    const std::string seconds = std::to_string(100'000 + i) + "." + std::to_string(getpid());
    auto launcher = LauncherClient::Start(incarnation, Mode::kStrict, 1);
    REQUIRE(launcher);
    const pid_t pid = (*launcher)->pid();
    SandboxRunner runner(**launcher);
    auto run = runner.Start(Built(Builder({"sleep", seconds})), {}, nullptr, false);
    REQUIRE(run);
    while (CountChildren(pid) == 0) {
    }
    Pass(std::chrono::microseconds(10 * i));
    REQUIRE(kill(pid, SIGKILL) == 0);
    const auto outcome = (*run)->Wait();
    REQUIRE(outcome);
    CHECK(outcome->status == OutcomeStatus::kLost);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!LeftOf(pid, seconds).empty() && std::chrono::steady_clock::now() < end) {
    }
    const std::vector<pid_t> left = LeftOf(pid, seconds);
    for (const pid_t process : left) {
      kill(process, SIGKILL);
    }
    REQUIRE(left.empty());
    CHECK(reaper.launcher().Reap(incarnation));
  }
}

TEST_CASE("what cannot be reaped is told, and can be tried again") {
  const std::string incarnation = "unit-" + RandomHex(8);
  std::filesystem::path made;
  for (const char* const hierarchy : {"/sys/fs/cgroup/pids", "/sys/fs/cgroup"}) {
    const auto group = std::filesystem::path(hierarchy) / ("casemate-" + incarnation);
    std::error_code error;
    // No run's group, so it is not ours to remove; the one above it is not empty then.
    if (made.empty() && std::filesystem::exists(group.parent_path() / "cgroup.procs") &&
        std::filesystem::create_directories(group / "other", error)) {
      made = group / "other";
    }
  }
  if (made.empty()) {
    WARN("skipped: no control group can be made here");
    return;
  }
  Sandbox sandbox;
  const auto refused = sandbox.launcher().Reap(incarnation);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kUnavailable);
  REQUIRE(rmdir(made.c_str()) == 0);
  CHECK(sandbox.launcher().Reap(incarnation));
  CHECK_FALSE(HasCgroups(incarnation));
}

TEST_CASE("the doctor tries each layer and a whole run") {
  const Diagnosis diagnosis =
      Diagnose(TestPolicy::GrantOf(EverydayLimits()), "doctor-" + RandomHex(8), Mode::kStrict,
               "/usr/bin/casemate");
  const auto& probes = diagnosis.layers;
  CHECK(diagnosis.IsSound());
  CHECK(diagnosis.machine.landlock_abi > 0);
  CHECK_FALSE(diagnosis.machine.kernel.empty());
  REQUIRE(probes.size() >= 8);
  CHECK(probes.back().layer == "sandboxed run");
  for (const Probe& probe : probes) {
    INFO(probe.layer << ": " << probe.detail);
    CHECK((probe.present || !probe.required));
    CHECK_FALSE(probe.detail.empty());
    CHECK(probe.remedy.empty() == probe.present);
  }
}

TEST_CASE("the doctor tells what a run lacks") {
  auto nothing = EverydayLimits();
  nothing.pids = 0;  // no spec can be built
  const Diagnosis diagnosis = Diagnose(TestPolicy::GrantOf(nothing), "doctor-" + RandomHex(8),
                                       Mode::kBestEffort, "/usr/bin/casemate");
  const auto& probes = diagnosis.layers;
  CHECK_FALSE(diagnosis.IsSound());
  CHECK_FALSE(probes.back().present);
  CHECK_FALSE(probes.back().detail.empty());
}

}  // namespace casemate::sandbox::test
