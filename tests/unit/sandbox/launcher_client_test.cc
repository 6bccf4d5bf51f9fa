// LauncherClient: start, loss and end of the launcher process; and the doctor, which uses it.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
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

  // What it left in cgroups is for the next server to reap; each run lets its launcher try again.
  Sandbox next;
  CHECK(next.launcher().Reap(sandbox.incarnation()));
  for (int tries = 0; tries < 200 && HasCgroups(sandbox.incarnation()); ++tries) {
    next.Shell("true");
  }
  CHECK_FALSE(HasCgroups(sandbox.incarnation()));
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
