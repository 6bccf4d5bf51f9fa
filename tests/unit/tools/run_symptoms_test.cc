#include "tools/run_symptoms.h"

#include <catch2/catch.hpp>

namespace casemate::tools {
namespace {

using sandbox::OutcomeStatus;
using sandbox::WorkspaceKind;

sandbox::SandboxOutcome Failed(const std::string& words, int exit_code = 1) {
  sandbox::SandboxOutcome outcome;
  outcome.status = OutcomeStatus::kExited;
  outcome.exit_code = exit_code;
  outcome.err = {.head = words, .tail = "", .total_bytes = words.size()};
  return outcome;
}

std::string Note(const sandbox::SandboxOutcome& outcome,
                 WorkspaceKind workspace = WorkspaceKind::kPrivate) {
  RunFacts facts;
  facts.workspace = workspace;
  facts.limits = {.memory_mb = 64, .disk_mb = 8};
  facts.granted = {.memory_mb = 4096, .disk_mb = 2048};
  const auto notes = SymptomNotes(outcome, facts);
  return notes.empty() ? "" : notes.front();
}

TEST_CASE("a failure that the sandbox explains is explained") {
  const auto has = [](const char* text) { return Catch::Contains(text); };
  CHECK_THAT(Note(Failed("curl: (6) Could not resolve host: example.org")), has("no network"));
  CHECK_THAT(Note(Failed("socket.gaierror: [Errno -2] Name or service not known")),
             has("`files`, `stdin` or a host `workspace`"));
  CHECK_THAT(Note(Failed("dd: No space left on device")), has("limits.disk_mb = 8 (policy grants "
                                                              "up to 2048"));
  CHECK_THAT(Note(Failed("dd: No space left on device"), WorkspaceKind::kReadWrite),
             has("write into the workspace"));
  CHECK_THAT(Note(Failed("touch: x: Read-only file system"), WorkspaceKind::kReadOnly),
             has("profile `scratch`"));
  CHECK_THAT(Note(Failed("touch: x: Read-only file system")), has("only the workspace and /tmp"));
}

TEST_CASE("an error is looked for at the end of either stream") {
  sandbox::SandboxOutcome outcome = Failed("");
  outcome.out = {.head = "a", .tail = "No space left on device\n", .total_bytes = 100'000};
  CHECK(Note(outcome) != "");
  outcome.out.tail += std::string(5000, '.');
  CHECK(Note(outcome) == "");
}

TEST_CASE("success and other failures are left alone") {
  CHECK(Note(Failed("No space left on device", 0)) == "");
  CHECK(Note(Failed("assertion failed")) == "");
  sandbox::SandboxOutcome stopped = Failed("No space left on device");
  stopped.status = OutcomeStatus::kTimedOut;
  CHECK(Note(stopped) == "");
}

}  // namespace
}  // namespace casemate::tools
