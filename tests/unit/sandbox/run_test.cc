// Real sandboxed runs: how they end, what comes out, and that nothing is left.
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/sandbox/fixtures.h"
#include "tests/unit/temp_dir.h"

namespace casemate::sandbox::test {
namespace {

// Collects output and asks to stop once `mark` was seen.
class StopAtMark : public OutputSink {
 public:
  StopAtMark(std::stop_source& source, std::string mark)
      : source_(source), mark_(std::move(mark)) {}
  void OnOutput(Stream /*stream*/, std::string_view bytes) override {
    seen_ += bytes;
    if (seen_.find(mark_) != std::string::npos) {
      source_.request_stop();
    }
  }

 private:
  std::stop_source& source_;
  std::string mark_;
  std::string seen_;
};

policies::Limits WithWall(std::int64_t wall_ms) {
  auto limits = EverydayLimits();
  limits.wall_ms = wall_ms;
  return limits;
}

// Whether the launcher comes to have no children but those that wait for a call. When a call
// returns the kernel still takes down its init and namespaces, and the launcher may make the next
// sandbox before or after it has seen that: in between there are fewer children as well as more.
bool ComesToRest(const LauncherClient& launcher) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (CountChildren(launcher.pid()) != Sandbox::most_ahead() ||
         WaitingFor(launcher.pid()).size() != Sandbox::most_ahead()) {
    if (std::chrono::steady_clock::now() >= end) {
      return false;
    }
    sched_yield();
  }
  return true;
}

}  // namespace

TEST_CASE("a command's exit code and output come back") {
  Sandbox sandbox;
  const SandboxOutcome outcome = sandbox.Shell("echo out; echo err >&2; exit 3");
  INFO(Told(outcome));
  CHECK(outcome.status == OutcomeStatus::kExited);
  CHECK(outcome.exit_code == 3);
  CHECK(outcome.out.head == "out\n");
  CHECK(outcome.err.head == "err\n");
  CHECK_FALSE(outcome.out.truncated());
  CHECK(outcome.duration_ms >= 0);
  CHECK(outcome.max_memory_kb > 0);
  CHECK(outcome.layers.size() >= 10);
  for (const Layer& layer : outcome.layers) {
    INFO(layer.name << ": " << layer.detail);
    CHECK((layer.in_force || layer.name == "cgroup"));
  }
}

TEST_CASE("the signal a command died of comes back") {
  Sandbox sandbox;
  const SandboxOutcome outcome = sandbox.Shell("kill -SEGV $$");
  INFO(Told(outcome));
  CHECK(outcome.status == OutcomeStatus::kSignaled);
  CHECK(outcome.signal == SIGSEGV);
}

TEST_CASE("stdin reaches the command whole, and ends") {
  Sandbox sandbox;
  std::string text;
  while (text.size() < (3U << 20)) {
    text += "some line of text\n";
  }
  auto builder = Builder({"cksum"});
  builder.Stdin(text);
  const SandboxOutcome sum = sandbox.Run(std::move(builder));
  INFO(Told(sum));
  CHECK(sum.out.head.find(" " + std::to_string(text.size())) != std::string::npos);

  auto echo = Builder({"cat"});
  echo.Stdin("hello");
  CHECK(sandbox.Run(std::move(echo)).out.head == "hello");
  CHECK(sandbox.Run(Builder({"cat"})).out.head.empty());
}

TEST_CASE("a command that does not read its stdin is no trouble") {
  Sandbox sandbox;
  auto builder = Builder({"/bin/sh", "-c", "exec <&-; exit 4"});
  builder.Stdin(std::string(4U << 20, 'x'));
  const SandboxOutcome outcome = sandbox.Run(std::move(builder));
  INFO(Told(outcome));
  CHECK(outcome.status == OutcomeStatus::kExited);
  CHECK(outcome.exit_code == 4);
}

TEST_CASE("the standard streams can be opened by name") {
  Sandbox sandbox;
  auto builder = Builder({"/bin/sh", "-c", "cat /dev/stdin > /dev/stdout; echo e > /dev/stderr"});
  builder.Stdin("in");
  const SandboxOutcome outcome = sandbox.Run(std::move(builder));
  INFO(Told(outcome));
  CHECK(outcome.out.head == "in");
  CHECK(outcome.err.head == "e\n");
}

TEST_CASE("files are written before the command starts") {
  Sandbox sandbox;
  auto builder = Builder({"/bin/sh", "-c", "pwd; cat a/b; /run/casemate/tool"});
  builder.File({"a/b", "content\n"}).File({"/run/casemate/tool", "#!/bin/sh\necho ran\n", 0755});
  const SandboxOutcome outcome = sandbox.Run(std::move(builder));
  INFO(Told(outcome));
  CHECK(outcome.out.head == "/workspace\ncontent\nran\n");
}

TEST_CASE("the environment is exactly the spec's") {
  Sandbox sandbox;
  auto builder = Builder({"env"});
  builder.Env("A", "1");
  CHECK(sandbox.Run(std::move(builder)).out.head ==
        "PATH=/usr/local/bin:/usr/bin:/bin\nHOME=/tmp\nLANG=C.UTF-8\nTMPDIR=/tmp\n"
        "USER=casemate\nPWD=/workspace\nA=1\n");
}

TEST_CASE("a held command starts when it is released, and never without") {
  Sandbox sandbox;
  struct Heard : OutputSink {
    void OnOutput(Stream /*stream*/, std::string_view bytes) override { text += bytes; }
    std::string text;
  };
  Heard heard;
  auto released = sandbox.runner().Start(Built(Builder({"echo", "on"})), {}, &heard, true);
  REQUIRE(released);
  (*released)->Release();
  const auto outcome = (*released)->Wait();
  REQUIRE(outcome);
  CHECK(outcome->status == OutcomeStatus::kExited);
  CHECK(heard.text == "on\n");

  auto limits = EverydayLimits();
  limits.wall_ms = 50;
  auto kept = sandbox.runner().Start(Built(Builder({"echo", "off"}, limits)), {}, &heard, true);
  REQUIRE(kept);
  const auto ended = (*kept)->Wait();  // until its time is over
  REQUIRE(ended);
  CHECK(ended->status != OutcomeStatus::kExited);
  CHECK(heard.text == "on\n");

  std::stop_source stop;
  auto cancelled =
      sandbox.runner().Start(Built(Builder({"echo", "off"})), stop.get_token(), &heard, true);
  REQUIRE(cancelled);
  stop.request_stop();
  (*cancelled)->Release();
  const auto never = (*cancelled)->Wait();
  REQUIRE(never);
  CHECK(never->status == OutcomeStatus::kCancelled);
  CHECK(heard.text == "on\n");

  {
    auto dropped = sandbox.runner().Start(Built(Builder({"echo", "off"})), {}, &heard, true);
  }
  // Its reply says that the launcher has taken the request before it, too.
  CHECK(sandbox.Shell("echo next").out.head == "next\n");
  CHECK(ComesToRest(sandbox.launcher()));
}

TEST_CASE("a sleeping command is stopped at its time limit") {
  Sandbox sandbox;
  const SandboxOutcome outcome = sandbox.Shell("sleep 1000", WithWall(300));
  INFO(Told(outcome));
  CHECK(outcome.status == OutcomeStatus::kTimedOut);
  CHECK(outcome.duration_ms >= 300);
  CHECK(outcome.duration_ms < 10'000);
}

TEST_CASE("a command that ignores SIGTERM is killed, with all it started") {
  Sandbox sandbox;
  const SandboxOutcome outcome = sandbox.Shell(
      "trap '' TERM HUP INT; (trap '' TERM; setsid sleep 1000) & echo up; while :; do sleep 1; "
      "done",
      WithWall(1000));
  INFO(Told(outcome));
  CHECK(outcome.status == OutcomeStatus::kTimedOut);
  CHECK(outcome.out.head == "up\n");
  CHECK(outcome.duration_ms < 10'000);
  CHECK(ComesToRest(sandbox.launcher()));
}

TEST_CASE("a daemon that holds the output open ends with the command") {
  Sandbox sandbox;
  const SandboxOutcome outcome = sandbox.Shell("setsid sleep 1000 & echo started");
  INFO(Told(outcome));
  CHECK(outcome.status == OutcomeStatus::kExited);
  CHECK(outcome.out.head == "started\n");
  CHECK(ComesToRest(sandbox.launcher()));
}

TEST_CASE("a run can be cancelled from another thread") {
  Sandbox sandbox;
  std::stop_source source;
  StopAtMark sink(source, "ready");
  const SandboxOutcome outcome =
      sandbox.Run(Builder({"/bin/sh", "-c", "echo ready; sleep 1000"}), source.get_token(), &sink);
  INFO(Told(outcome));
  CHECK(outcome.status == OutcomeStatus::kCancelled);
  CHECK(outcome.out.head == "ready\n");
  const SandboxOutcome before = sandbox.Run(Builder({"true"}), source.get_token());
  CHECK(before.status == OutcomeStatus::kCancelled);
}

TEST_CASE("a flood of output is bounded, and told") {
  Sandbox sandbox;
  auto limits = EverydayLimits();
  limits.output_kb = 8;
  const SandboxOutcome outcome =
      sandbox.Shell("echo first; head -c 50000000 /dev/zero | tr '\\0' x; echo last", limits);
  INFO(ToString(outcome.status));
  CHECK(outcome.status == OutcomeStatus::kExited);
  CHECK(outcome.out.total_bytes == 50'000'000 + 6 + 5);
  CHECK(outcome.out.head.size() + outcome.out.tail.size() == 8192);
  CHECK(outcome.out.truncated());
  CHECK(outcome.out.head.substr(0, 7) == "first\nx");
  CHECK(outcome.out.tail.substr(outcome.out.tail.size() - 6) == "xlast\n");
}

TEST_CASE("an endless flood does not outrun the time limit") {
  Sandbox sandbox;
  auto limits = WithWall(500);
  limits.output_kb = 8;
  const SandboxOutcome outcome = sandbox.Shell("exec cat /dev/zero", limits);
  CHECK(outcome.status == OutcomeStatus::kTimedOut);
  CHECK(outcome.out.head.size() + outcome.out.tail.size() <= 8192);
}

TEST_CASE("memory beyond the limit does not come") {
  Sandbox sandbox;
  auto limits = EverydayLimits();
  limits.memory_mb = 48;
  limits.disk_mb = 8;
  // tail keeps all of a line in memory.
  const SandboxOutcome outcome =
      sandbox.Run(Builder({"/bin/sh", "-c", "exec tail -n 1 /dev/zero"}, limits));
  INFO(Told(outcome));
  const bool killed = outcome.status == OutcomeStatus::kOomKilled;
  const bool refused = outcome.status == OutcomeStatus::kExited && outcome.exit_code != 0;
  for (const Layer& layer : outcome.layers) {
    if (layer.name == "cgroup" && layer.detail.find("memory") < layer.detail.find("without")) {
      CHECK((layer.in_force ? killed : killed || refused));
    }
  }
}

TEST_CASE("being held back at the CPU limit is told") {
  Sandbox sandbox;
  auto limits = EverydayLimits();
  limits.cpu_millis = 50;
  limits.wall_ms = 2000;
  const SandboxOutcome outcome = sandbox.Shell("while :; do :; done", limits);
  INFO(Told(outcome));
  CHECK(outcome.status == OutcomeStatus::kTimedOut);
  CHECK((outcome.cpu_throttled_ms > 0) == (outcome.cgroup_version > 0));
}

TEST_CASE("refused forks and killed children are told, though the command lives on") {
  Sandbox sandbox;
  auto limits = EverydayLimits();
  limits.pids = 4;
  limits.memory_mb = 48;
  limits.disk_mb = 8;
  const SandboxOutcome forks =
      sandbox.Shell("for i in 1 2 3 4 5 6; do sleep 9 & done 2>/dev/null; exit 0", limits);
  INFO(Told(forks));
  const SandboxOutcome kills = sandbox.Shell("tail -n 1 /dev/zero; exit 0", limits);
  INFO(Told(kills));
  if (forks.cgroup_version > 0) {
    CHECK(forks.pids_limit_hit);
    CHECK(kills.oom_kills > 0);  // v2 kills the whole group with it
    CHECK(kills.status ==
          (kills.cgroup_version == 1 ? OutcomeStatus::kExited : OutcomeStatus::kOomKilled));
  } else {
    CHECK_FALSE(forks.pids_limit_hit);
    CHECK(kills.oom_kills == 0);
  }
}

TEST_CASE("a limit on CPU time that must hold does, or nothing runs") {
  Sandbox sandbox;
  auto builder = Builder({"/bin/true"});
  builder.MustHoldCpus();
  const SandboxOutcome outcome = sandbox.Run(std::move(builder));
  INFO(Told(outcome));
  if (sandbox.Shell("true").cgroup_version > 0) {
    CHECK(outcome.status == OutcomeStatus::kExited);
  } else {
    CHECK(outcome.status == OutcomeStatus::kSetupFailed);
    CHECK(outcome.field == "args.limits.cpus");
    CHECK(outcome.sys_errno != 0);
  }
}

TEST_CASE("a command that does not exist is a failed exec with a remedy") {
  Sandbox sandbox;
  const SandboxOutcome missing = sandbox.Run(Builder({"casemate-no-such-command"}));
  INFO(Told(missing));
  CHECK(missing.status == OutcomeStatus::kExecFailed);
  CHECK(missing.sys_errno == ENOENT);
  CHECK_FALSE(missing.remedy.empty());

  auto builder = Builder({"./plain"});
  builder.File({"plain", "x", 0644});
  const SandboxOutcome plain = sandbox.Run(std::move(builder));
  INFO(Told(plain));
  CHECK(plain.status == OutcomeStatus::kExecFailed);
  CHECK(plain.sys_errno == EACCES);
}

TEST_CASE("a read-only host workspace can be read and not written") {
  const testing::TempDir dir;
  std::filesystem::permissions(dir.path(), std::filesystem::perms::all);
  static_cast<void>(dir.Write("note", "from the host\n"));
  Sandbox sandbox;
  SandboxSpecBuilder builder(
      TestPolicy::GrantOf(EverydayLimits(), policies::WorkspaceAccess::kHostRead));
  builder.Command({"/bin/sh", "-c", "cat note; echo x > new"})
      .HostWorkspace(UniqueFd(open(dir.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
                     dir.path(), WorkspaceKind::kReadOnly);
  const SandboxOutcome outcome = sandbox.Run(std::move(builder));
  INFO(Told(outcome));
  CHECK(outcome.out.head == "from the host\n");
  CHECK(outcome.exit_code != 0);
  CHECK_FALSE(std::filesystem::exists(dir / "new"));
}

SandboxOutcome RunIn(SandboxRunner& runner, const std::string& directory, WorkspaceKind kind) {
  SandboxSpecBuilder builder(
      TestPolicy::GrantOf(EverydayLimits(), policies::WorkspaceAccess::kHostWrite));
  builder.Command({"/bin/true"})
      .HostWorkspace(UniqueFd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), directory,
                     kind);
  auto outcome = runner.Run(Built(std::move(builder)), {}, nullptr);
  REQUIRE(outcome);
  return *std::move(outcome);
}

// Attack: a server that was taken over, and has fewer rights than its launcher.
TEST_CASE("the launcher mounts no directory but those below its roots") {
  const testing::TempDir dir;
  for (const char* name : {"open", "locked", "locked/in", "open-not", "outside"}) {
    std::filesystem::create_directory(dir / name);
    std::filesystem::permissions(dir / name, std::filesystem::perms::all);
  }
  const std::vector<policies::WorkspaceRoot> roots = {{dir / "open", true},
                                                      {dir / "locked", false}};
  auto launcher = LauncherClient::Start("unit-roots-" + RandomHex(8), Mode::kStrict, 0, roots);
  REQUIRE(launcher);
  SandboxRunner runner(**launcher);
  CHECK(RunIn(runner, dir / "open", WorkspaceKind::kReadWrite).status == OutcomeStatus::kExited);
  CHECK(RunIn(runner, dir / "locked/in", WorkspaceKind::kReadOnly).status ==
        OutcomeStatus::kExited);
  for (const auto& [name, kind, error] : {std::tuple{"outside", WorkspaceKind::kReadOnly, EACCES},
                                          {"open-not", WorkspaceKind::kReadWrite, EACCES},
                                          {".", WorkspaceKind::kOverlay, EACCES},
                                          {"locked/in", WorkspaceKind::kReadWrite, EROFS}}) {
    INFO(name);
    const SandboxOutcome refused = RunIn(runner, dir / name, kind);
    CHECK(refused.status == OutcomeStatus::kSetupFailed);
    CHECK(refused.sys_errno == error);
  }
  const auto none = LauncherClient::Start("unit-roots-" + RandomHex(8), Mode::kStrict);
  REQUIRE(none);
  SandboxRunner closed(**none);
  CHECK(RunIn(closed, dir / "open", WorkspaceKind::kReadOnly).sys_errno == EACCES);
}

TEST_CASE("what policy wants confined strictly runs under a strict launcher only") {
  for (const Mode mode : {Mode::kStrict, Mode::kBestEffort}) {
    auto launcher = LauncherClient::Start("unit-strict-" + RandomHex(8), mode);
    REQUIRE(launcher);
    SandboxRunner runner(**launcher);
    SandboxSpecBuilder builder(
        TestPolicy::GrantOf(EverydayLimits(), policies::WorkspaceAccess::kPrivateOnly, true));
    builder.Command({"/bin/true"});
    const auto outcome = runner.Run(Built(std::move(builder)), {}, nullptr);
    REQUIRE(outcome.ok() == (mode == Mode::kStrict));
    if (!outcome) {
      CHECK(outcome.error().code == ErrorCode::kPermissionDenied);
      CHECK(outcome.error().message.find("sandbox: strict") != std::string::npos);
    }
  }
}

TEST_CASE("runs at once do not disturb each other") {
  Sandbox sandbox;
  std::vector<SandboxOutcome> outcomes(8);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      threads.emplace_back([&sandbox, &outcomes, i] {
        auto spec = std::move(Builder({"/bin/sh", "-c", "echo $0", std::to_string(i)})).Build();
        if (auto outcome = sandbox.runner().Run(*std::move(spec), {}, nullptr)) {
          outcomes[i] = *std::move(outcome);
        }
      });
    }
  }
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    INFO(Told(outcomes[i]));
    CHECK(outcomes[i].out.head == std::to_string(i) + "\n");
  }
}

TEST_CASE("a program is not looked up in the PATH that the caller sets") {
  Sandbox sandbox;
  auto builder = Builder({"date", "+chosen"});
  builder.Env("PATH", "/workspace");
  builder.File({"date", "#!/bin/sh\necho hijacked\n", 0755});
  CHECK(sandbox.Run(std::move(builder)).out.head == "chosen\n");
  auto seen = Builder({"sh", "-c", "echo $PATH"});
  seen.Env("PATH", "/workspace");
  CHECK(sandbox.Run(std::move(seen)).out.head == "/workspace\n");
}

TEST_CASE("a forged signal does not make init signal everything") {
  // The orphan's end is reaped by init after it took the signal, which has the lower number.
  const std::string script = R"perl(
    $SIG{TERM} = sub { syswrite(STDOUT, "terminated\n") };
    my $info = pack("lllx4ll", 15, 0, -1, 0, 0) . "\0" x 104;
    print STDERR "refused: $!\n" if syscall()perl" +
                             std::to_string(SYS_rt_sigqueueinfo) + R"perl(, 1, 15, $info) != 0;
    pipe(my $read, my $write);
    if (!fork) {
      my $orphan = fork;
      syswrite($write, "$orphan\n") if $orphan;
      exit 0;
    }
    wait;
    my $orphan = <$read>;
    while (kill 0, $orphan) { select(undef, undef, undef, 0.001) }
    syswrite(STDOUT, "end\n");)perl";
  Sandbox sandbox;
  const SandboxOutcome outcome = sandbox.Run(Builder({"perl", "-e", script}));
  INFO(Told(outcome));
  CHECK(outcome.out.head == "end\n");
  CHECK(outcome.err.head.empty());
}

TEST_CASE("no descriptor is left after many runs") {
  Sandbox sandbox;
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  sandbox.Shell("true");
  const auto before = count();
  for (int i = 0; i < 10; ++i) {
    auto builder = Builder({"cat"});
    builder.Stdin("x");
    sandbox.Run(std::move(builder));
    sandbox.Run(Builder({"casemate-no-such-command"}));
  }
  CHECK(count() == before);
}

}  // namespace casemate::sandbox::test
