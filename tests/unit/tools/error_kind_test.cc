#include "tools/error_kind.h"

#include <array>
#include <cerrno>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tools/docs_pages.h"
#include "tools/run_result.h"
#include "tools/tool.h"

namespace casemate::tools {
namespace {

using nlohmann::json;
using sandbox::OutcomeStatus;

std::vector<ErrorKind> AllKinds() {
  std::vector<ErrorKind> kinds;
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::kLost); ++kind) {
    kinds.push_back(static_cast<ErrorKind>(kind));
  }
  return kinds;
}

// Whether a text ends in a line that says what to do.
bool SaysWhatToDo(std::string_view text) {
  constexpr std::string_view kLead = "What to do: ";
  constexpr std::size_t kShortestStep = 10;
  const std::string_view line = text.substr(text.rfind('\n') + 1);
  return line.starts_with(kLead) && line.size() >= kLead.size() + kShortestStep;
}

TEST_CASE("an error without a next step is found") {
  CHECK_FALSE(SaysWhatToDo("kind: message"));
  CHECK_FALSE(SaysWhatToDo("kind: message\nWhat to do: "));
  CHECK(SaysWhatToDo("kind: message\nWhat to do: call again with less"));
}

TEST_CASE("every kind of error has a name, a next step and a line in the documentation") {
  std::string page;
  for (const DocPage& each : DocPages()) {
    page += each.name == "tools" ? each.text : std::string_view();
  }
  std::set<std::string_view> names;
  for (const ErrorKind kind : AllKinds()) {
    INFO(ToString(kind));
    CHECK(names.insert(ToString(kind)).second);
    const ToolResult bare = ErrorResult(kind, Error{ErrorCode::kInternal, "a message", {}, {}, 0});
    CHECK(SaysWhatToDo(bare.text));
    CHECK(bare.structured["error"]["kind"] == ToString(kind));
    CHECK(bare.structured["error"]["remedy"] == NextStep(kind));
    const Error own{ErrorCode::kInternal, "a message", {}, "do as I say", 0};
    CHECK(ErrorResult(kind, own, "an aside").text ==
          std::string(ToString(kind)) + ": a message\nan aside\nWhat to do: do as I say");
    CHECK(page.find("| `" + std::string(ToString(kind)) + "` |") != std::string::npos);
  }
}

TEST_CASE("every code of an error has a kind") {
  std::set<ErrorKind> kinds;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    kinds.insert(KindOf(static_cast<ErrorCode>(code)));
  }
  CHECK(kinds.size() == static_cast<std::size_t>(ErrorCode::kInternal) + 1);
}

TEST_CASE("every outcome that is an error says what to do, whatever its errno") {
  for (const int err : {0, ENOENT, EACCES, ENOEXEC, E2BIG, EPERM, ENOSPC, EAGAIN}) {
    for (const OutcomeStatus status :
         {OutcomeStatus::kTimedOut, OutcomeStatus::kOomKilled, OutcomeStatus::kSeccompKilled,
          OutcomeStatus::kCancelled, OutcomeStatus::kSetupFailed, OutcomeStatus::kExecFailed,
          OutcomeStatus::kLost}) {
      sandbox::SandboxOutcome outcome;
      outcome.status = status;
      outcome.sys_errno = err;
      const ToolResult result = MakeRunResult(outcome, RunFacts());
      INFO(result.text);
      CHECK(result.structured["error"]["kind"] == std::string(ToString(status)));
      const std::string text = result.text;
      CHECK(SaysWhatToDo(std::string_view(text).substr(0, text.find_last_not_of('\n') + 1)));
    }
  }
}

}  // namespace
}  // namespace casemate::tools
