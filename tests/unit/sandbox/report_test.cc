// Interpret: what a report of the launcher means.
#include "sandbox/native/report.h"

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <catch2/catch.hpp>

namespace casemate::sandbox::test {
namespace {

using wire::LaunchReport;
using wire::Stage;

constexpr std::uint32_t kAllLayers = (1U << 11) - 1;

LaunchReport Ran(int wait_status) {
  LaunchReport report;
  report.stage = Stage::kRunning;
  report.command_ended = 1;
  report.wait_status = wait_status;
  report.layers = kAllLayers;
  report.cgroup_version = 1;
  return report;
}

LaunchReport Failed(Stage stage, int err) {
  LaunchReport report;
  report.stage = stage;
  report.sys_errno = err;
  return report;
}

SandboxOutcome Read(const LaunchReport& report, StopReason stop = StopReason::kNone) {
  return Interpret(report, {stop, "command", 100, false});
}

Layer FindLayer(const SandboxOutcome& outcome, const std::string& name) {
  const auto found = std::find_if(outcome.layers.begin(), outcome.layers.end(),
                                  [&name](const Layer& layer) { return layer.name == name; });
  REQUIRE(found != outcome.layers.end());
  return *found;
}

}  // namespace

TEST_CASE("wait statuses are told apart") {
  CHECK(Read(Ran(W_EXITCODE(3, 0))).status == OutcomeStatus::kExited);
  CHECK(Read(Ran(W_EXITCODE(3, 0))).exit_code == 3);
  CHECK(Read(Ran(SIGSEGV)).status == OutcomeStatus::kSignaled);
  CHECK(Read(Ran(SIGSEGV)).signal == SIGSEGV);
  CHECK(Read(Ran(SIGSYS)).status == OutcomeStatus::kSeccompKilled);
  CHECK(Read(Ran(SIGKILL)).status == OutcomeStatus::kSignaled);
}

TEST_CASE("a kill for want of memory is told by the kernel's counter") {
  for (const int status : {SIGKILL + 0, W_EXITCODE(137, 0)}) {
    LaunchReport report = Ran(status);
    report.oom_kills = 1;
    CHECK(Read(report).status == OutcomeStatus::kOomKilled);
  }
  LaunchReport init_died = Ran(0);
  init_died.command_ended = 0;
  CHECK(Read(init_died).status == OutcomeStatus::kSignaled);
  init_died.oom_kills = 1;
  CHECK(Read(init_died).status == OutcomeStatus::kOomKilled);
  // A child was killed, the command lived on: that is the command's own affair.
  LaunchReport survived = Ran(W_EXITCODE(0, 0));
  survived.oom_kills = 1;
  CHECK(Read(survived).status == OutcomeStatus::kExited);
}

TEST_CASE("what we stopped is not taken for a crash") {
  CHECK(Read(Ran(SIGKILL), StopReason::kTimedOut).status == OutcomeStatus::kTimedOut);
  CHECK(Read(Ran(SIGTERM), StopReason::kCancelled).status == OutcomeStatus::kCancelled);
  CHECK(Read(Failed(Stage::kProc, EINTR), StopReason::kTimedOut).status ==
        OutcomeStatus::kTimedOut);
}

TEST_CASE("a failed exec is not a failed set-up") {
  const SandboxOutcome outcome = Read(Failed(Stage::kExec, ENOENT));
  CHECK(outcome.status == OutcomeStatus::kExecFailed);
  CHECK(outcome.sys_errno == ENOENT);
  CHECK(outcome.remedy.find("`command`") != std::string::npos);
}

TEST_CASE("each failed step has a name and a remedy") {
  const auto last = static_cast<std::uint32_t>(Stage::kRunning);
  for (std::uint32_t number = 1; number < last; ++number) {
    const auto stage = static_cast<Stage>(number);
    if (stage == Stage::kExec) {
      continue;
    }
    const SandboxOutcome outcome = Read(Failed(stage, EPERM));
    INFO(number);
    CHECK(outcome.status == OutcomeStatus::kSetupFailed);
    CHECK_FALSE(outcome.stage.empty());
    CHECK_FALSE(outcome.remedy.empty());
    CHECK(outcome.layers.empty());
  }
  CHECK(Read(Failed(Stage::kClone, EPERM)).remedy.find("unprivileged_userns_clone") !=
        std::string::npos);
  CHECK(Read(Failed(Stage::kClone, ENOSPC)).remedy.find("max_user_namespaces") !=
        std::string::npos);
  CHECK(Read(Failed(Stage::kLandlock, ENOSYS)).remedy.find("5.13") != std::string::npos);
}

TEST_CASE("layers say what was in force") {
  const SandboxOutcome all = Read(Ran(0));
  CHECK(std::all_of(all.layers.begin(), all.layers.end(),
                    [](const Layer& layer) { return layer.in_force; }));
  CHECK(FindLayer(all, "cgroup").detail == "v1: memory, pids, cpu");
  CHECK(FindLayer(all, "seccomp").detail == "allow-list, 100 instructions");

  LaunchReport without = Ran(0);
  without.layers &= ~(wire::kLayerCgroupMemory | wire::kLayerCgroupPids | wire::kLayerCgroupCpu);
  without.cgroup_errno = EACCES;
  const Layer none = FindLayer(Read(without), "cgroup");
  CHECK_FALSE(none.in_force);
  CHECK(none.detail.find("Permission denied") != std::string::npos);
  CHECK(none.detail.find("RLIMIT_NPROC") != std::string::npos);
  CHECK(none.detail.find("nothing for cpus") != std::string::npos);

  LaunchReport without_cpu = Ran(0);
  without_cpu.layers &= ~wire::kLayerCgroupCpu;
  CHECK(FindLayer(Read(without_cpu), "cgroup").detail ==
        "v1: memory, pids; without cpu; instead: nothing for cpus");

  LaunchReport no_seccomp = Ran(0);
  no_seccomp.layers &= ~wire::kLayerSeccomp;
  CHECK_FALSE(FindLayer(Read(no_seccomp), "seccomp").in_force);
}

TEST_CASE("a limit on disk I/O is in force where there is one") {
  LaunchReport report = Ran(0);
  const auto layer = [&report](bool limits_io) {
    return FindLayer(Interpret(report, {StopReason::kNone, "command", 100, limits_io}), "cgroup");
  };
  CHECK_FALSE(Read(report).can_limit_io);
  CHECK_FALSE(layer(true).in_force);
  CHECK(layer(true).detail == "v1: memory, pids, cpu; without io; instead: nothing for io_mb_s");
  CHECK(layer(false).in_force);  // nobody asked
  report.layers |= wire::kLayerCgroupIo;
  CHECK(Read(report).can_limit_io);
  CHECK(layer(true).in_force);
  CHECK(layer(true).detail == "v1: memory, pids, cpu, io");
  CHECK(layer(false).detail == "v1: memory, pids, cpu");
}

TEST_CASE("what the mode let be missing is not in force, with its reason") {
  LaunchReport report = Ran(0);
  report.layers &= ~(wire::kLayerLandlock | wire::kLayerProc);
  report.landlock_errno = ENOSYS;
  report.proc_errno = EPERM;
  const SandboxOutcome outcome = Read(report);
  const Layer landlock = FindLayer(outcome, "landlock");
  CHECK_FALSE(landlock.in_force);
  CHECK(landlock.detail.find("Function not implemented") != std::string::npos);
  const Layer proc = FindLayer(outcome, "proc");
  CHECK_FALSE(proc.in_force);
  CHECK(proc.detail.find("Operation not permitted") != std::string::npos);
}

TEST_CASE("an older Landlock says what its rules cannot name") {
  CHECK(DescribeLandlock(1) ==
        "ABI 1; without rules for truncation, ioctls of devices, signals, abstract sockets");
  CHECK(DescribeLandlock(5) == "ABI 5; without rules for signals, abstract sockets");
  CHECK(DescribeLandlock(6) == "ABI 6");
  CHECK(LandlockRemedy(EOPNOTSUPP).find("lsm=") != std::string::npos);
  CHECK(LandlockRemedy(ENOSYS).find("5.13") != std::string::npos);
}

TEST_CASE("a limit that nothing holds is refused by its name") {
  LaunchReport report = Failed(Stage::kLimits, EACCES);
  report.missing = wire::kLayerCgroupIo;
  CHECK(Read(report).field == "args.limits.io_mb_s");
  CHECK(Read(report).remedy.find("limits.io_mb_s") != std::string::npos);
  report.missing |= wire::kLayerCgroupCpu;
  const SandboxOutcome outcome = Read(report);
  CHECK(outcome.status == OutcomeStatus::kSetupFailed);
  CHECK(outcome.field == "args.limits.cpus");
  CHECK(outcome.remedy.find("Delegate=yes") != std::string::npos);
  CHECK(outcome.remedy.find("best_effort") != std::string::npos);
  CHECK(Read(Failed(Stage::kCgroup, EACCES)).field.empty());
}

TEST_CASE("nonsense from the launcher is not believed") {
  LaunchReport report = Ran(0);
  report.magic = 0;
  const SandboxOutcome outcome = Read(report);
  CHECK(outcome.status == OutcomeStatus::kLost);  // who knows what ran
  CHECK(outcome.stage == "launcher");
}

TEST_CASE("usage is carried over in the outcome's units") {
  LaunchReport report = Ran(0);
  report.cpu_us = 2'500;
  report.max_memory_kb = 77;
  report.throttled_us = 9'999;
  report.oom_kills = 3;
  report.pids_denied = 1;
  const SandboxOutcome outcome = Read(report);
  CHECK(outcome.cpu_ms == 2);
  CHECK(outcome.max_memory_kb == 77);
  CHECK(outcome.cpu_throttled_ms == 9);
  CHECK(outcome.oom_kills == 3);
  CHECK(outcome.cgroup_version == 1);
  CHECK(outcome.pids_limit_hit);
}

TEST_CASE("each status has a name of its own") {
  CHECK(ToString(OutcomeStatus::kExited) == "exited");
  CHECK(ToString(OutcomeStatus::kSignaled) == "signaled");
  CHECK(ToString(OutcomeStatus::kTimedOut) == "timed_out");
  CHECK(ToString(OutcomeStatus::kOomKilled) == "oom_killed");
  CHECK(ToString(OutcomeStatus::kSeccompKilled) == "seccomp_killed");
  CHECK(ToString(OutcomeStatus::kCancelled) == "cancelled");
  CHECK(ToString(OutcomeStatus::kSetupFailed) == "setup_failed");
  CHECK(ToString(OutcomeStatus::kLost) == "lost");
  CHECK(ToString(OutcomeStatus::kExecFailed) == "exec_failed");
}

}  // namespace casemate::sandbox::test
