#include "tools/run_errors.h"

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "base/text.h"
#include "tools/arguments/args.h"
#include "tools/languages.h"

namespace casemate::tools {

namespace {

using sandbox::OutcomeStatus;
using sandbox::SandboxOutcome;

Error Make(ErrorCode code, std::string message, std::string remedy) {
  return Error{code, std::move(message), {}, std::move(remedy), 0};
}

std::string Raise(const char* field, std::int64_t current, std::int64_t maximum) {
  if (current >= maximum) {
    return std::string(field) + " is already at the most that policy grants (" +
           std::to_string(maximum) + ")";
  }
  return "raise " + std::string(field) + " (policy grants up to " + std::to_string(maximum) + ")";
}

std::string ErrnoText(int number) {
  return std::generic_category().message(number);
}

// The program that the caller may have meant.
std::string NearestProgram(const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos) {
    return {};
  }
  std::vector<std::string> programs;
  for (const std::string_view directory : ToolchainDirectories()) {
    std::error_code failed;
    for (std::filesystem::directory_iterator entry(directory, failed), end; !failed && entry != end;
         entry.increment(failed)) {
      programs.push_back(entry->path().filename().string());
    }
  }
  const std::vector<std::string_view> views(programs.begin(), programs.end());
  const auto nearest = NearestName(name, views);
  return nearest && *nearest != name ? *nearest : std::string();
}

Error ExplainExec(const SandboxOutcome& outcome, const RunFacts& facts) {
  const std::string shown = Quoted(facts.program);
  switch (outcome.sys_errno) {
    case ENOENT: {
      const std::string nearest = NearestProgram(facts.program);
      return Make(ErrorCode::kNotFound, "command not found: " + shown,
                  (nearest.empty() ? std::string() : "did you mean `" + nearest + "`? Else ") +
                      "use another program of the host's /usr, or put this one into the workspace "
                      "or `files` and call it as ./name (a script needs its interpreter too); your "
                      "user can install it on the host");
    }
    case EACCES:
      return Make(
          ErrorCode::kPermissionDenied, shown + " cannot be executed: permission denied",
          "run a script through its interpreter, such as [\"bash\", \"script.sh\"], or make "
          "the file executable (one of `files` is, if it starts with #!)");
    case ENOEXEC:
      return Make(
          ErrorCode::kInvalidArgument, shown + " is not in a format that can be executed",
          "run a script through its interpreter, or start it with a line such as #!/bin/sh");
    case E2BIG:
      return Make(ErrorCode::kInvalidArgument, "command and environment are too long",
                  "pass data through `stdin` or `files`");
    default:
      return Make(ErrorCode::kInternal,
                  shown + " cannot be executed: " + ErrnoText(outcome.sys_errno),
                  "use another program, and tell your user that `casemate doctor` checks the "
                  "sandbox");
  }
}

Error ExplainLoss(const SandboxOutcome& outcome) {
  return Make(ErrorCode::kUnavailable,
              outcome.stage == "launcher"
                  ? "unknown outcome: the sandbox launcher ended during the call; the command may "
                    "have run, wholly or in part, and was stopped"
                  : "unknown outcome: the command was started, but its end was not seen; it may "
                    "still run",
              outcome.remedy);
}

Error ExplainSetup(const SandboxOutcome& outcome) {
  std::string message =
      "the sandbox could not be made, and nothing was run: step `" + outcome.stage + "` failed";
  if (outcome.sys_errno != 0) {
    message += ": " + ErrnoText(outcome.sys_errno);
  }
  Error error = Make(
      ErrorCode::kUnavailable, std::move(message),
      outcome.remedy.empty() ? std::string(NextStep(ErrorKind::kSetupFailed)) : outcome.remedy);
  error.field = outcome.field;
  return error;
}

}  // namespace

std::optional<Error> ExplainFailure(const SandboxOutcome& outcome, const RunFacts& facts) {
  switch (outcome.status) {
    case OutcomeStatus::kExited:
    case OutcomeStatus::kSignaled:
      return std::nullopt;
    case OutcomeStatus::kTimedOut:
      return Make(ErrorCode::kResourceExhausted,
                  "stopped after " + std::to_string(facts.limits.wall_ms) +
                      " ms, the limit timeout_ms; the output up to then is kept",
                  Raise("timeout_ms", facts.limits.wall_ms, facts.granted.wall_ms) +
                      ", above 50000 with background: true, or do the work in smaller steps");
    case OutcomeStatus::kOomKilled:
      return Make(ErrorCode::kResourceExhausted,
                  "killed: it needed more memory than limits.memory_mb, " +
                      std::to_string(facts.limits.memory_mb) +
                      " MiB (files in /tmp and in a private workspace count too)",
                  Raise("limits.memory_mb", facts.limits.memory_mb, facts.granted.memory_mb) +
                      ", or process the data in smaller pieces");
    case OutcomeStatus::kSeccompKilled:
      return Make(
          ErrorCode::kPermissionDenied,
          "killed: it made a system call of a foreign architecture, which the sandbox never "
          "allows",
          std::string(NextStep(ErrorKind::kSeccompKilled)));
    case OutcomeStatus::kCancelled:
      return Make(ErrorCode::kCancelled,
                  "cancelled before it ended; everything it had started was stopped",
                  std::string(NextStep(ErrorKind::kCancelled)));
    case OutcomeStatus::kSetupFailed:
      return ExplainSetup(outcome);
    case OutcomeStatus::kLost:
      return ExplainLoss(outcome);
    case OutcomeStatus::kExecFailed:
      return ExplainExec(outcome, facts);
  }
  return Make(ErrorCode::kInternal, "unknown outcome", "report this as a defect of Casemate");
}

}  // namespace casemate::tools
