// What every Backend promises, as one suite: native in unit_sandbox, containers in unit_backends.
// Uses only what a shell and the simplest tools have. Test-only.
#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sandbox/backend.h"
#include "tests/unit/sandbox/fixtures.h"

namespace casemate::sandbox::test {

struct Promise {
  // Where commands with files run, as what begins the path.
  std::string files_place = "/workspace";
  bool holds_limits = true;  // of memory and processes, for each command
};

class BackendContract {
 public:
  BackendContract(Backend& backend, policies::Grant grant, Promise promise)
      : backend_(backend), grant_(std::move(grant)), promise_(promise) {}

  void Check() {
    TellsOutputAndExitCode();
    TellsSignals();
    FeedsStdin();
    PassesVariables();
    CutsOutput();
    StopsInTime();
    TakesBack();
    TellsWhatIsMissing();
    LeavesNothingRunning();
    RunsManyAtOnce();
    WritesFiles();
    if (promise_.holds_limits) {
      HoldsMemory();
      HoldsProcesses();
    }
  }

 private:
  static Command Shell(const std::string& script) {
    Command command;
    command.argv = {"/bin/sh", "-c", script};
    command.limits = EverydayLimits();
    return command;
  }
  SandboxOutcome Run(Command command, const std::stop_token& stop = {},
                     OutputSink* sink = nullptr) {
    auto run = backend_.Start(grant_, std::move(command), stop, sink, false);
    INFO((run ? std::string() : Describe(run.error())));
    REQUIRE(run);
    auto outcome = (*run)->Wait();
    INFO((outcome ? std::string() : Describe(outcome.error())));
    REQUIRE(outcome);
    return *std::move(outcome);
  }

  void TellsOutputAndExitCode() {
    const auto outcome = Run(Shell("printf out; printf err >&2; exit 7"));
    INFO(Told(outcome));
    CHECK(outcome.status == OutcomeStatus::kExited);
    CHECK(outcome.exit_code == 7);
    CHECK(outcome.out.head == "out");
    CHECK(outcome.err.head == "err");
    CHECK_FALSE(outcome.layers.empty());
  }
  void TellsSignals() {
    const auto outcome = Run(Shell("kill -SEGV $$"));
    INFO(Told(outcome));
    CHECK(outcome.status == OutcomeStatus::kSignaled);
    CHECK(outcome.signal == SIGSEGV);
  }
  void FeedsStdin() {
    Command command = Shell("wc -c; cat");
    command.stdin_data = std::string(3 << 20, 'x');
    const auto outcome = Run(std::move(command));
    INFO(Told(outcome));
    CHECK(outcome.out.head.find("3145728") != std::string::npos);
    Command echo = Shell("cat");
    echo.stdin_data = std::string("a\0b\n", 4);
    CHECK(Run(std::move(echo)).out.head == std::string("a\0b\n", 4));
    CHECK(Run(Shell("cat")).out.head.empty());  // without stdin it ends at once
  }
  void PassesVariables() {
    Command command = Shell("printf %s \"$GREETING\"");
    command.env = {{"GREETING", "h\xc3\xa9llo = \"you\""}};
    CHECK(Run(std::move(command)).out.head == "h\xc3\xa9llo = \"you\"");
  }
  void CutsOutput() {
    const auto outcome = Run(Shell("head -c 1000000 /dev/zero | tr '\\0' x; echo end"));
    INFO(Told(outcome).substr(0, 200));
    CHECK(outcome.out.total_bytes == 1'000'004);
    CHECK(outcome.out.truncated());
    CHECK(outcome.out.head.size() + outcome.out.tail.size() <= 64 * 1024);
    CHECK(outcome.out.tail.substr(outcome.out.tail.size() - 5) == "xend\n");
  }
  void StopsInTime() {
    Command command = Shell("echo begun; sleep 1000");
    command.limits.wall_ms = 1500;
    const auto outcome = Run(std::move(command));
    INFO(Told(outcome));
    CHECK(outcome.status == OutcomeStatus::kTimedOut);
    CHECK(outcome.out.head == "begun\n");
  }
  // What ignores SIGTERM goes too.
  void TakesBack() {
    struct WhenBegun : OutputSink {
      void OnOutput(Stream /*stream*/, std::string_view /*bytes*/) override { stop.request_stop(); }
      std::stop_source stop;
    } sink;
    const auto outcome = Run(Shell("trap '' TERM; echo begun; while :; do sleep 1; done"),
                             sink.stop.get_token(), &sink);
    INFO(Told(outcome));
    CHECK(outcome.status == OutcomeStatus::kCancelled);
    std::stop_source before;
    before.request_stop();
    CHECK(Run(Shell("echo never"), before.get_token()).status == OutcomeStatus::kCancelled);
  }
  void TellsWhatIsMissing() {
    Command command = Shell("");
    command.argv = {"no-such-program"};
    const auto outcome = Run(std::move(command));
    INFO(Told(outcome));
    CHECK(outcome.status == OutcomeStatus::kExecFailed);
    CHECK(outcome.sys_errno == ENOENT);
  }
  // Ends when the command does, although a child of it goes on without its streams.
  void LeavesNothingRunning() {
    const auto outcome = Run(Shell("sleep 1000 >/dev/null 2>&1 </dev/null & echo $!"));
    INFO(Told(outcome));
    CHECK(outcome.status == OutcomeStatus::kExited);
  }
  void RunsManyAtOnce() {
    std::atomic<int> right = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([this, i, &right] {
        const std::string word = "run" + std::to_string(i);
        auto run = backend_.Start(grant_, Shell("echo " + word), {}, nullptr, false);
        if (!run) {
          return;
        }
        const auto outcome = (*run)->Wait();
        if (outcome && outcome->out.head == word + "\n") {
          ++right;
        }
      });
    }
    threads.clear();
    CHECK(right == 8);
  }
  void WritesFiles() {
    std::string bytes;
    for (int i = 0; i < 20'000; ++i) {
      bytes += static_cast<char>(i % 251);
    }
    Command command = Shell("cat a/b.txt && ./run.sh && cat bytes && pwd");
    command.files = {{"a/b.txt", "it's 100% \\n\n", 0644},
                     {"run.sh", "#!/bin/sh\necho ran\n", 0755},
                     {"bytes", bytes, 0644},
                     {"empty", "", 0644}};
    const auto outcome = Run(std::move(command));
    INFO(Told(outcome).substr(0, 500));
    const std::string before = "it's 100% \\n\nran\n" + bytes;
    // Their directory ends with them.
    const std::string& out = outcome.out.head;
    CHECK(out.substr(0, before.size()) == before);
    REQUIRE(out.size() > before.size());
    const std::string place = out.substr(before.size(), out.size() - before.size() - 1);
    CHECK(place.starts_with(promise_.files_place));
    CHECK(Run(Shell("ls -A " + place)).out.head.empty());
  }
  void HoldsMemory() {
    Command command = Shell("head -c 200000000 /dev/zero | tail -c 150000000 | wc -c");
    command.limits.memory_mb = 64;
    command.limits.disk_mb = 16;
    const auto outcome = Run(std::move(command));
    INFO(Told(outcome));
    CHECK(outcome.out.head.find("150000000") == std::string::npos);
  }
  void HoldsProcesses() {
    Command command =
        Shell("i=0; while [ $i -lt 100 ]; do sleep 5 & i=$((i+1)); done; echo all of them");
    command.limits.pids = 16;
    const auto outcome = Run(std::move(command));
    INFO(Told(outcome));
    CHECK(outcome.out.head.find("all of them") == std::string::npos);
  }

  Backend& backend_;
  const policies::Grant grant_;
  const Promise promise_;
};

}  // namespace casemate::sandbox::test
