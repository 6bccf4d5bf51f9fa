#include "tools/run_result.h"

#include <array>
#include <cerrno>
#include <csignal>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "fixtures.h"
#include "sandbox/native/report.h"
#include "tools/run_schema.h"

namespace casemate::tools {
namespace {

using nlohmann::json;
using sandbox::OutcomeStatus;
using sandbox::SandboxOutcome;

RunFacts Facts() {
  RunFacts facts;
  facts.program = "prog";
  facts.limits = {.memory_mb = 64,
                  .cpu_millis = 500,
                  .pids = 16,
                  .wall_ms = 1000,
                  .output_kb = 64,
                  .disk_mb = 32};
  facts.granted = facts.limits;
  facts.granted.wall_ms = 9000;
  return facts;
}

SandboxOutcome Outcome(OutcomeStatus status) {
  SandboxOutcome outcome;
  outcome.status = status;
  outcome.out = {.head = "hello\n", .tail = "", .total_bytes = 6};
  outcome.layers = {{"seccomp", true, ""}, {"cgroup", false, "not writable"}};
  outcome.duration_ms = 12;
  return outcome;
}

const ToolSpec& Spec() {
  static const ToolSpec spec = MakeRunSpec("default");
  return spec;
}

TEST_CASE("a non-zero exit is a normal result") {
  SandboxOutcome outcome = Outcome(OutcomeStatus::kExited);
  outcome.exit_code = 3;
  outcome.err = {.head = "warn", .tail = "", .total_bytes = 4};
  const ToolResult result = MakeRunResult(outcome, Facts());
  CHECK_FALSE(result.is_error);
  test::CheckConforms(result.structured, Spec().output_schema);
  CHECK(result.structured["exit_code"] == 3);
  CHECK(result.structured["signal"].is_null());
  CHECK(result.structured["stdout"] == "hello\n");
  CHECK(result.structured["limits"]["cpus"] == 0.5);
  CHECK(result.structured["isolation"]["workspace"] == "private");
  CHECK(result.text == "exit code: 3 (12 ms)\nstdout:\nhello\nstderr:\nwarn\n");
  CHECK(result.audit["layers_missing"] == json{"cgroup"});
  CHECK(result.audit.dump().find("hello") == std::string::npos);
}

TEST_CASE("silence is said") {
  SandboxOutcome outcome = Outcome(OutcomeStatus::kExited);
  outcome.out = {};
  CHECK(MakeRunResult(outcome, Facts()).text == "exit code: 0 (12 ms)\n(no output)\n");
}

TEST_CASE("a program's own signal is a normal result with its name") {
  SandboxOutcome outcome = Outcome(OutcomeStatus::kSignaled);
  outcome.signal = SIGSEGV;
  const ToolResult result = MakeRunResult(outcome, Facts());
  CHECK_FALSE(result.is_error);
  CHECK(result.structured["signal"] == "SIGSEGV");
  CHECK(result.structured["exit_code"].is_null());
  CHECK(SignalName(34) == "SIG34");
}

TEST_CASE("whatever stopped or prevented a run is an error that says what to do") {
  const std::array<std::pair<OutcomeStatus, const char*>, 7> cases = {
      {{OutcomeStatus::kTimedOut, "raise timeout_ms (policy grants up to 9000)"},
       {OutcomeStatus::kOomKilled, "limits.memory_mb is already at the most that policy grants"},
       {OutcomeStatus::kSeccompKilled, "64-bit"},
       {OutcomeStatus::kCancelled, "call again"},
       {OutcomeStatus::kSetupFailed, "casemate doctor"},
       {OutcomeStatus::kLost, "restart casemate"},
       {OutcomeStatus::kExecFailed, "put this one into the workspace"}}};
  for (const auto& [status, remedy] : cases) {
    SandboxOutcome outcome = Outcome(status);
    outcome.stage = "mount /proc";
    outcome.remedy = status == OutcomeStatus::kLost ? "restart casemate" : "";
    outcome.sys_errno = status == OutcomeStatus::kExecFailed ? ENOENT : EPERM;
    const ToolResult result = MakeRunResult(outcome, Facts());
    INFO(result.text);
    CHECK(result.is_error);
    test::CheckConforms(result.structured, Spec().output_schema);
    CHECK(result.structured["error"]["kind"] == std::string(ToString(status)));
    CHECK(result.structured["status"] == std::string(ToString(status)));
    CHECK(result.structured["error"]["remedy"].get<std::string>().find(remedy) !=
          std::string::npos);
    CHECK(result.text.find(result.structured["error"]["message"].get<std::string>()) !=
          std::string::npos);
    CHECK(result.structured["stdout"] == "hello\n");  // what it wrote until then is kept
  }
}

TEST_CASE("a run whose end nobody saw is never told as one that did not happen") {
  for (const SandboxOutcome& outcome :
       {sandbox::LauncherLost(),
        sandbox::EndNotSeen(Error{ErrorCode::kUnavailable, "it hangs", {}, "see `ps`", 0})}) {
    const ToolResult result = MakeRunResult(outcome, Facts());
    INFO(result.text);
    CHECK(result.is_error);
    CHECK(result.structured["status"] == "lost");
    CHECK_FALSE(result.structured.contains("errno"));
    CHECK(result.text.find("unknown outcome") != std::string::npos);
    CHECK(result.text.find("nothing was run") == std::string::npos);
    CHECK_FALSE(result.structured["error"]["remedy"].get<std::string>().empty());
    CHECK(result.audit["status"] == "lost");
    CHECK(result.audit["may_have_run"] == true);
  }
}

TEST_CASE("a command that is not found names the nearest program") {
  SandboxOutcome outcome = Outcome(OutcomeStatus::kExecFailed);
  outcome.sys_errno = ENOENT;
  RunFacts facts = Facts();
  facts.program = "bsah";
  const ToolResult result = MakeRunResult(outcome, facts);
  CHECK(result.structured["error"]["message"] == "command not found: `bsah`");
  CHECK(result.structured["error"]["remedy"].get<std::string>().find("did you mean") == 0);
  CHECK(result.structured["errno"] == ENOENT);
}

TEST_CASE("terminal escapes are neutralised in the text, kept in the structure") {
  SandboxOutcome outcome = Outcome(OutcomeStatus::kExited);
  outcome.out = {.head = "\x1b]0;title\x07 \xff", .tail = "", .total_bytes = 12};
  const ToolResult result = MakeRunResult(outcome, Facts());
  CHECK(result.text.find('\x1b') == std::string::npos);
  CHECK(result.text.find("\\x1b]0;title\\x07") != std::string::npos);
  CHECK(result.structured["stdout"].get<std::string>().front() == '\x1b');
  CHECK(IsValidUtf8(result.structured["stdout"].get<std::string>()));
}

TEST_CASE("cut output and refused forks are noted") {
  SandboxOutcome outcome = Outcome(OutcomeStatus::kExited);
  outcome.out = {.head = "a", .tail = "z", .total_bytes = 1000};
  outcome.pids_limit_hit = true;
  const ToolResult result = MakeRunResult(outcome, Facts());
  test::CheckConforms(result.structured, Spec().output_schema);
  CHECK(result.structured["truncated"] == json{{"stdout", true}, {"stderr", false}});
  CHECK(result.structured["stdout_bytes"] == 1000);
  CHECK(result.structured["notes"].size() == 2);
  CHECK(result.text.find("[… 998 bytes cut …]") != std::string::npos);
  CHECK(result.text.find("limits.pids = 16") != std::string::npos);
}

TEST_CASE("each limit that was felt is told as what it is") {
  SandboxOutcome outcome = Outcome(OutcomeStatus::kExited);
  outcome.duration_ms = 1000;
  outcome.cpu_throttled_ms = 99;
  CHECK_FALSE(MakeRunResult(outcome, Facts()).structured.contains("notes"));
  outcome.cpu_throttled_ms = 100;
  outcome.oom_kills = 2;
  outcome.pids_limit_hit = true;
  const ToolResult result = MakeRunResult(outcome, Facts());
  test::CheckConforms(result.structured, Spec().output_schema);
  CHECK(result.structured["usage"]["cpu_throttled_ms"] == 100);
  CHECK(result.structured["usage"]["oom_kills"] == 2);
  CHECK(result.structured["usage"]["pids_limit_hit"] == true);
  CHECK(result.audit["usage"] == result.structured["usage"]);
  REQUIRE(result.structured["notes"].size() == 3);
  CHECK(result.text.find("100 ms (of all processors together) at limits.cpus = 0.5 ") !=
        std::string::npos);
  CHECK(result.text.find("killed some of its processes (2) at limits.memory_mb = 64 ") !=
        std::string::npos);
  // The status says it already.
  outcome.status = OutcomeStatus::kOomKilled;
  CHECK(MakeRunResult(outcome, Facts()).structured["notes"].size() == 2);
}

TEST_CASE("a limit that could not be held is named in the refusal") {
  SandboxOutcome outcome = Outcome(OutcomeStatus::kSetupFailed);
  outcome.stage = "hold the limit on CPU time";
  outcome.sys_errno = EACCES;
  outcome.field = "args.limits.cpus";
  outcome.remedy = "leave it out";
  const ToolResult result = MakeRunResult(outcome, Facts());
  CHECK(result.is_error);
  test::CheckConforms(result.structured, Spec().output_schema);
  CHECK(result.structured["error"]["field"] == "args.limits.cpus");
  CHECK(result.structured["error"]["remedy"] == "leave it out");
  CHECK(result.text.find("Permission denied") != std::string::npos);
}

TEST_CASE("cut output that is kept is linked") {
  SandboxOutcome outcome = Outcome(OutcomeStatus::kExited);
  outcome.out = {.head = "a", .tail = "z", .total_bytes = 1000};
  RunFacts facts = Facts();
  facts.kept = KeptOutput{"abcdefghijklmnopqrstuvwxyz", 600, 0};
  const ToolResult result = MakeRunResult(outcome, facts);
  test::CheckConforms(result.structured, Spec().output_schema);
  const std::string uri = "casemate://runs/abcdefghijklmnopqrstuvwxyz/stdout";
  CHECK(result.structured["run_id"] == "abcdefghijklmnopqrstuvwxyz");
  CHECK(result.structured["resources"]["stdout"] == uri);
  CHECK_FALSE(result.structured["resources"].contains("stderr"));
  REQUIRE(result.more.size() == 1);
  CHECK(std::get<ResourceLink>(result.more[0]).uri == uri);
  CHECK(std::get<ResourceLink>(result.more[0]).size == 600);
  CHECK(result.text.find("its first 600 bytes: job_output with job_id abc") != std::string::npos);

  facts.kept.reset();
  facts.not_kept = "no space";
  const ToolResult lost = MakeRunResult(outcome, facts);
  test::CheckConforms(lost.structured, Spec().output_schema);
  CHECK(lost.more.empty());
  CHECK(lost.text.find("could not be kept: no space") != std::string::npos);
}

TEST_CASE("the text of a result keeps within its bytes, whatever the output is") {
  const std::array<std::string, 4> kinds = {"plain text\n", "\x1b[31m", "\xff\xfe\xfd",
                                            "\xf0\x9f\x98\x80"};
  for (const std::string& kind : kinds) {
    std::string half;
    while (half.size() < 2048) {
      half += kind;
    }
    for (const bool both : {false, true}) {
      SandboxOutcome outcome = Outcome(OutcomeStatus::kExited);
      outcome.out = {.head = half, .tail = half, .total_bytes = 1'000'000};
      if (both) {
        outcome.err = outcome.out;
      }
      RunFacts facts = Facts();
      facts.max_text_bytes = 8192;
      facts.kept = KeptOutput{"abcdefghijklmnopqrstuvwxyz", 1'000'000, 1'000'000};
      const ToolResult result = MakeRunResult(outcome, facts);
      INFO(result.text.size());
      CHECK(result.text.size() <= 8192);
      CHECK(result.text.size() > 4000);
      CHECK(IsValidUtf8(result.text));
      CHECK(result.text.find(" bytes cut …]") != std::string::npos);
      CHECK(result.text.find("Note: stdout was cut; all of it") != std::string::npos);
    }
  }
}

TEST_CASE("errors from outside of the run conform to the output schema too") {
  const ToolResult result = ErrorResult(InvalidArgument("args.x", "expected a, got b"));
  CHECK(result.is_error);
  test::CheckConforms(result.structured, Spec().output_schema);
  CHECK(result.structured["error"]["kind"] == "invalid_arguments");
  CHECK(result.structured["error"]["field"] == "args.x");
}

}  // namespace
}  // namespace casemate::tools
