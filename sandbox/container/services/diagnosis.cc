#include "sandbox/container/services/diagnosis.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "sandbox/container/services/proc_entry.h"
#include "sandbox/container/services/symptoms.h"

namespace casemate::container {
namespace {

constexpr std::size_t kMaxQuoted = 300;
constexpr std::size_t kLastLines = 3;
constexpr std::int64_t kShortRunMs = 60'000;  // what ends sooner after its start, crashes
constexpr std::int64_t kClockSlackMs = 60'000;
constexpr int kManyRestarts = 3;
constexpr int kManyZombies = 10;
constexpr std::int64_t kLargeLogBytes = std::int64_t{1} << 30;
constexpr double kNearPercent = 90;     // of a limit
constexpr double kDiskFullPercent = 5;  // of the disk is free, or less
constexpr int kSignalBase = 128;
constexpr int kEngineFailed = 125;
constexpr int kKilled = 137;
constexpr int kTerminated = 143;

bool Runs(const ContainerDetails& details) {
  return details.summary.state == "running" || details.summary.state == "paused";
}

bool HasEnded(const ContainerDetails& details) {
  const std::string& state = details.summary.state;
  return state == "exited" || state == "dead" || state == "restarting" ||
         (state == "created" && !details.error.empty());
}

std::string Megabytes(std::int64_t bytes) {
  constexpr std::int64_t kMiB = std::int64_t{1} << 20;
  return std::to_string(bytes / kMiB) + " MiB";
}

std::string Quoted(std::string_view text) {
  return "`" + Shown(text, kMaxQuoted) + "`";
}

std::string ExitText(int code) {
  const std::string_view meaning = ExitCodeMeaning(code);
  return "exit code " + std::to_string(code) +
         (meaning.empty() ? "" : " (" + std::string(meaning) + ")");
}

void AddLastLines(std::span<const std::string> lines, std::vector<std::string>& evidence) {
  std::vector<std::string> last;
  for (std::size_t i = lines.size(); i-- > 0 && last.size() < kLastLines;) {
    if (lines[i].find_first_not_of(" \t\r\n") != std::string::npos) {
      last.push_back("output: " + Quoted(lines[i]));
    }
  }
  evidence.insert(evidence.end(), last.rbegin(), last.rend());
}

// How a run ended, when neither the engine nor the output tells the cause.
Diagnosis FromExitCode(int code) {
  const auto make = [](std::string kind, std::string summary, std::string next) {
    return Diagnosis{.severity = Severity::kError,
                     .code = std::move(kind),
                     .summary = std::move(summary),
                     .evidence = {},
                     .next_step = std::move(next)};
  };
  switch (code) {
    case 0:
      return make("ended", "It ended by itself without an error although it is restarted always.",
                  "run a program that stays in the foreground, or restart it on failure only");
    case kEngineFailed:
      return make("engine-failed", "The engine could not start it.",
                  "correct what the engine's error names");
    case 126:
      return make(
          "permission-denied", "Its command exists and cannot be executed.",
          "make the file executable in the image (chmod +x), of this machine's architecture "
          "and with an interpreter that exists");
    case 127:
      return make("command-not-found", "The command that it should run was not found.",
                  "correct the command or entry point, or install the program in the image");
    case kKilled:
      return make("killed", "It was killed (SIGKILL), and not by its own memory limit.",
                  "it was stopped and did not end within the grace time, or the machine ran out of "
                  "memory: handle SIGTERM, and look at the kernel's log");
    case 139:
      return make("crashed", "Its program crashed (invalid memory access).",
                  "run it once with a debugger or another version of the program; check that image "
                  "and libraries are for this machine");
    case kTerminated:
      return make("terminated", "It was asked to end (SIGTERM) and did.",
                  "start it again if that was not meant");
    default:
      break;
  }
  if (code > kSignalBase && code < kSignalBase + 65) {
    return make("killed-by-signal", "Its program was ended by a signal.",
                "read its output before the end for the cause");
  }
  return make("failed", "Its program ended with an error.",
              "read its output from the start of the last run; run the same command by hand in the "
              "same image to see it fail");
}

Diagnosis FromMemoryLimit(const ContainerDetails& details) {
  Diagnosis cause{.severity = Severity::kError,
                  .code = "oom-killed",
                  .summary = "The kernel killed it because it reached its memory limit.",
                  .evidence = {},
                  .next_step =
                      "raise the memory limit, or make the program use less (heap size, workers, "
                      "caches)"};
  if (details.limits.memory_bytes > 0) {
    cause.evidence.push_back("memory limit " + Megabytes(details.limits.memory_bytes));
  }
  return cause;
}

Diagnosis FromSymptom(const Symptom& symptom) {
  return {.severity = Severity::kError,
          .code = std::string(symptom.code),
          .summary = std::string(symptom.summary),
          .evidence = {},
          .next_step = std::string(symptom.next_step)};
}

Diagnosis FromOutput(const SymptomFound& found) {
  Diagnosis cause = FromSymptom(*found.symptom);
  cause.evidence.push_back("output: " + Quoted(found.line));
  return cause;
}

// What was said by the engine counts more than what was said by the program.
std::optional<Diagnosis> LikeliestCause(const DiagnosisInput& input) {
  const ContainerDetails& details = *input.details;
  const int code = details.exit_code;
  if (details.oom_killed) {
    return FromMemoryLimit(details);
  }
  if (const auto found = FindInEngineError(details.error)) {
    return FromSymptom(*found->symptom);
  }
  // What ended by a request or without an error said nothing of a cause.
  if (const auto found = FindInOutput(input.log_lines);
      found && code != 0 && code != kKilled && code != kTerminated) {
    return FromOutput(*found);
  }
  if (!details.error.empty() && code == 0) {
    return FromExitCode(kEngineFailed);
  }
  const bool ends_always =
      details.summary.state == "restarting" && details.restart_policy == "always";
  return code != 0 || ends_always ? std::optional(FromExitCode(code)) : std::nullopt;
}

// The cause why a run ended or did not begin; nullopt: it ended as it should.
std::optional<Diagnosis> CauseOfEnd(const DiagnosisInput& input) {
  const ContainerDetails& details = *input.details;
  std::optional<Diagnosis> cause = HasEnded(details) ? LikeliestCause(input) : std::nullopt;
  if (!cause) {
    return std::nullopt;
  }
  if (cause->code == "terminated") {
    cause->severity = Severity::kInfo;
  } else if (cause->code == "killed") {
    cause->severity = Severity::kWarning;  // whoever stopped it may have meant it
  }
  const bool has_output = !cause->evidence.empty() && cause->evidence[0].starts_with("output");
  if (!details.error.empty()) {
    cause->evidence.push_back("the engine says " + Quoted(details.error));
  }
  if (details.summary.state != "created") {
    cause->evidence.push_back(ExitText(details.exit_code));
  }
  if (!has_output && cause->severity != Severity::kInfo) {
    AddLastLines(input.log_lines, cause->evidence);
  }
  return cause;
}

void AddCrashLoop(const DiagnosisInput& input, std::optional<Diagnosis>& cause,
                  std::vector<Diagnosis>& findings) {
  const ContainerDetails& details = *input.details;
  const bool restarting = details.summary.state == "restarting";
  const std::int64_t end = Runs(details) ? input.now_ms : details.finished_ms;
  const bool dated = details.started_ms > 0 && end >= details.started_ms;
  const std::int64_t run_ms = dated ? end - details.started_ms : 0;
  const bool short_run = dated && run_ms < kShortRunMs;
  const bool loops = restarting || (details.restart_count >= kManyRestarts && short_run);
  if (!loops) {
    return;
  }
  Diagnosis loop{.severity = Severity::kError,
                 .code = "crash-loop",
                 .summary = "It ends soon after each start and is started again.",
                 .evidence = {"restarted " + std::to_string(details.restart_count) +
                              " times, policy " + Quoted(details.restart_policy)},
                 .next_step = "read its output from the start of the last run"};
  if (short_run) {
    loop.evidence.push_back((Runs(details) ? "runs for " : "the last run took ") +
                            std::to_string(run_ms / 1000) + " s");
  }
  if (!cause) {
    // It runs at this moment: why it ended before is only in its output.
    if (const auto output = FindInOutput(input.log_lines)) {
      cause = FromOutput(*output);
    }
  }
  if (cause) {
    loop.summary += " " + cause->summary;
    loop.next_step = cause->next_step;
    loop.evidence.insert(loop.evidence.end(), cause->evidence.begin(), cause->evidence.end());
  }
  findings.push_back(std::move(loop));
}

void AddState(const DiagnosisInput& input, std::vector<Diagnosis>& findings) {
  const std::string& state = input.details->summary.state;
  if (state == "paused") {
    findings.push_back({.severity = Severity::kWarning,
                        .code = "paused",
                        .summary = "It is paused: its processes are frozen and answer nothing.",
                        .evidence = {},
                        .next_step = "unpause it"});
  } else if (state == "dead") {
    findings.push_back({.severity = Severity::kError,
                        .code = "dead",
                        .summary = "The engine could not remove it completely.",
                        .evidence = {},
                        .next_step = "remove it by force; if that fails, something still uses its "
                                     "mounts: restart the engine"});
  }
}

void AddHealth(const DiagnosisInput& input, std::vector<Diagnosis>& findings) {
  const Health& health = input.details->health;
  const bool failing =
      health.status == "unhealthy" || (health.status == "starting" && health.failing_streak > 0);
  if (!failing || !Runs(*input.details)) {
    return;
  }
  const bool unhealthy = health.status == "unhealthy";
  Diagnosis finding{.severity = unhealthy ? Severity::kError : Severity::kWarning,
                    .code = "unhealthy",
                    .summary = unhealthy ? "It runs, but its health check fails."
                                         : "It is starting and its health check fails so far.",
                    .evidence = {std::to_string(health.failing_streak) + " failures in a row"},
                    .next_step =
                        "run the health check's command inside to see it fail; if the "
                        "service needs longer to start, raise its start period"};
  if (!health.log.empty()) {
    const HealthCheckRun& last = health.log.back();
    finding.evidence.push_back("the last check: " + ExitText(last.exit_code) +
                               (last.output.empty() ? "" : ", output " + Quoted(last.output)));
    if (last.exit_code == 126 || last.exit_code == 127) {
      finding.next_step =
          "the check's own command is missing in the image: install it or use another command";
    }
  }
  if (const auto output = FindInOutput(input.log_lines)) {
    finding.evidence.push_back("output: " + Quoted(output->line));
    finding.next_step = std::string(output->symptom->next_step);
  }
  findings.push_back(std::move(finding));
}

// `part` of `whole` in percent: whatever an engine says, nothing overflows.
double Percent(std::int64_t part, std::int64_t whole) {
  return whole <= 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void AddUse(const DiagnosisInput& input, std::vector<Diagnosis>& findings) {
  const ContainerLimits& limits = input.details->limits;
  if (!input.usage || !Runs(*input.details)) {
    return;
  }
  const Usage& usage = *input.usage;
  const std::int64_t memory = limits.memory_bytes > 0 ? limits.memory_bytes : usage.memory_limit;
  if (limits.memory_bytes > 0 && Percent(usage.memory_bytes, memory) > kNearPercent) {
    findings.push_back({.severity = Severity::kWarning,
                        .code = "memory-near-limit",
                        .summary =
                            "It uses more than 90 % of its memory limit and is killed when it "
                            "reaches it.",
                        .evidence = {Megabytes(usage.memory_bytes) + " of " + Megabytes(memory)},
                        .next_step = "raise the memory limit, or make the program use less (heap "
                                     "size, workers, caches)"});
  }
  if (limits.pids > 0 && Percent(usage.pids, limits.pids) > kNearPercent) {
    findings.push_back(
        {.severity = Severity::kWarning,
         .code = "process-limit",
         .summary = "It has nearly as many processes and threads as it may.",
         .evidence = {std::to_string(usage.pids) + " of " + std::to_string(limits.pids)},
         .next_step = "find what it starts and leaves, or raise its pids limit"});
  }
}

void AddHousekeeping(const DiagnosisInput& input, std::vector<Diagnosis>& findings) {
  const ContainerDetails& details = *input.details;
  if (input.zombies >= kManyZombies) {
    findings.push_back({.severity = Severity::kWarning,
                        .code = "zombies",
                        .summary = "Processes that ended are not collected by their parent.",
                        .evidence = {std::to_string(input.zombies) + " zombies"},
                        .next_step = "start it with an init as first process, or mend the program "
                                     "that does not wait for its children"});
  }
  if (details.log_bytes >= kLargeLogBytes && details.log_max_bytes <= 0) {
    findings.push_back(
        {.severity = Severity::kWarning,
         .code = "large-log",
         .summary = details.log_max_bytes == 0
                        ? "Its log grows without a bound."
                        : "Its log is large; its engine does not tell what bounds it.",
         .evidence = {Megabytes(details.log_bytes) + " by log driver `" +
                      Shown(details.log_driver, kMaxQuoted) + "`"},
         .next_step = "let the log driver rotate (max-size, max-file), or write less"});
  }
  if (input.disk_free_bytes >= 0 && input.disk_total_bytes > 0 &&
      Percent(input.disk_free_bytes, input.disk_total_bytes) < kDiskFullPercent) {
    findings.push_back({.severity = Severity::kWarning,
                        .code = "disk-nearly-full",
                        .summary = "The disk where the engine keeps its data is nearly full.",
                        .evidence = {Megabytes(input.disk_free_bytes) + " of " +
                                     Megabytes(input.disk_total_bytes) + " are free"},
                        .next_step = "remove unused images, volumes and large logs"});
  }
  const std::int64_t latest = std::max(details.started_ms, details.finished_ms);
  if (input.now_ms > 0 && latest > input.now_ms + kClockSlackMs) {
    findings.push_back({.severity = Severity::kWarning,
                        .code = "clock",
                        .summary = "Its times lie in the future: the clock was set back, or the "
                                   "engine's clock differs from this machine's.",
                        .evidence = {std::to_string((latest - input.now_ms) / 1000) + " s ahead"},
                        .next_step = "set the clocks by NTP; ages and rates are wrong until then"});
  }
}

}  // namespace

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      break;
  }
  return "error";
}

std::string_view ExitCodeMeaning(int exit_code) {
  static constexpr auto kMeanings = std::to_array<std::pair<int, std::string_view>>({
      {0, "ended without an error"},
      {1, "the program reports an error"},
      {2, "wrong usage, or the program reports an error"},
      {125, "the engine failed"},
      {126, "the command cannot be executed"},
      {127, "the command was not found"},
      {129, "SIGHUP: its terminal was closed"},
      {130, "SIGINT: interrupted"},
      {131, "SIGQUIT"},
      {132, "SIGILL: an instruction that this processor lacks"},
      {134, "SIGABRT: the program gave up by itself"},
      {135, "SIGBUS: invalid memory access, or a full disk under mapped memory"},
      {136, "SIGFPE: division by zero"},
      {137, "SIGKILL: killed"},
      {139, "SIGSEGV: invalid memory access"},
      {141, "SIGPIPE: its reader went away"},
      {143, "SIGTERM: asked to end"},
      {159, "SIGSYS: a system call that is forbidden to it"},
  });
  const auto* const found =
      std::ranges::find(kMeanings, exit_code, &std::pair<int, std::string_view>::first);
  return found == kMeanings.end() ? std::string_view() : found->second;
}

std::vector<Diagnosis> Diagnose(const DiagnosisInput& input) {
  std::vector<Diagnosis> findings;
  std::optional<Diagnosis> cause = CauseOfEnd(input);
  AddCrashLoop(input, cause, findings);
  if (cause) {
    findings.push_back(*std::move(cause));
  }
  AddState(input, findings);
  AddHealth(input, findings);
  AddUse(input, findings);
  AddHousekeeping(input, findings);
  std::vector<Diagnosis> sorted;
  for (const Severity severity : {Severity::kError, Severity::kWarning, Severity::kInfo}) {
    std::ranges::copy_if(findings, std::back_inserter(sorted),
                         [&](const Diagnosis& finding) { return finding.severity == severity; });
  }
  return sorted;
}

std::string InOneParagraph(std::span<const Diagnosis> findings) {
  if (findings.empty()) {
    return {};
  }
  const Diagnosis& first = findings.front();
  std::string text = first.summary;
  if (!first.evidence.empty()) {
    text += " Evidence: " + Join(first.evidence, "; ") + ".";
  }
  text += " Next: " + first.next_step + ".";
  std::string others;
  for (const Diagnosis& other : findings.subspan(1)) {
    // The cause of a crash loop is told with it.
    if (first.summary.find(other.summary) == std::string::npos) {
      others += (others.empty() ? "" : ", ") + other.code;
    }
  }
  return others.empty() ? text : text + " Also: " + others + ".";
}

}  // namespace casemate::container
