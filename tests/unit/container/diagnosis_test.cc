#include "sandbox/container/services/diagnosis.h"

#include <functional>

#include <catch2/catch.hpp>

#include "base/text.h"
#include "sandbox/container/services/symptoms.h"

namespace casemate::container::test {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;
constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kGiB = std::int64_t{1} << 30;

using Lines = std::vector<std::string>;

// A container with all that diagnosis reads of it.
struct Patient {
  ContainerDetails details;
  std::optional<Usage> usage;
  Lines log;
  int zombies = 0;
  std::int64_t disk_free = -1;
  std::int64_t disk_total = -1;

  [[nodiscard]] std::vector<Diagnosis> Findings() const {
    DiagnosisInput input;
    input.details = &details;
    input.usage = usage;
    input.log_lines = log;
    input.zombies = zombies;
    input.now_ms = kNow;
    input.disk_free_bytes = disk_free;
    input.disk_total_bytes = disk_total;
    return Diagnose(input);
  }
};

Patient Healthy() {
  Patient patient;
  patient.details.summary.state = "running";
  patient.details.started_ms = kNow - kHour;
  patient.details.restart_policy = "always";
  patient.details.health.status = "healthy";
  patient.details.limits = {.memory_bytes = kGiB, .cpu_millis = 0, .pids = 100};
  patient.usage.emplace();
  patient.usage->memory_bytes = kGiB / 2;
  patient.usage->pids = 5;
  return patient;
}

Patient Ended(int exit_code) {
  Patient patient;
  patient.details.summary.state = "exited";
  patient.details.started_ms = kNow - kHour;
  patient.details.finished_ms = kNow - kHour / 2;
  patient.details.exit_code = exit_code;
  patient.details.restart_policy = "no";
  return patient;
}

struct Case {
  std::string code;  // of the first finding; "": none
  Severity severity;
  std::function<Patient()> make;
};

Case WithLog(const std::string& code, const std::string& line) {
  return {code, Severity::kError, [line] {
            Patient patient = Ended(1);
            patient.log = {"starting", line, "bye"};
            return patient;
          }};
}

Case WithError(const std::string& code, const std::string& error) {
  return {code, Severity::kError, [error] {
            Patient patient = Ended(127);
            patient.details.summary.state = "created";
            patient.details.started_ms = 0;
            patient.details.finished_ms = 0;
            patient.details.error = error;
            return patient;
          }};
}

Case Exits(const std::string& code, Severity severity, int exit_code) {
  return {code, severity, [exit_code] { return Ended(exit_code); }};
}

template <typename Change>
Case Runs(const std::string& code, Severity severity, Change change) {
  return {code, severity, [change] {
            Patient patient = Healthy();
            change(patient);
            return patient;
          }};
}

void CheckAll(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const auto findings = one.make().Findings();
    INFO("expected `" << one.code << "`, got " << InOneParagraph(findings));
    CHECK((findings.empty() ? "" : findings.front().code) == one.code);
    for (const Diagnosis& finding : findings) {
      CHECK_FALSE(finding.summary.empty());
      CHECK_FALSE(finding.next_step.empty());
    }
    if (!findings.empty()) {
      CHECK(findings.front().severity == one.severity);
    }
  }
}

TEST_CASE("Nothing is found where nothing is wrong", "[diagnosis]") {
  const auto none = Severity::kInfo;
  CheckAll({
      Runs("", none, [](Patient&) {}),
      Exits("", none, 0),
      {"", none, [] { return Patient(); }},
      Runs("", none,
           [](Patient& p) {  // words in the output of one that runs well tell nothing
             p.log = {"address already in use", "permission denied", "no space left on device"};
           }),
      Runs("", none,
           [](Patient& p) {  // restarted often, but long ago
             p.details.restart_count = 50;
           }),
      Runs("", none, [](Patient& p) { p.usage->memory_bytes = kGiB * 9 / 10; }),
      Runs("", none, [](Patient& p) { p.usage.reset(); }),
      Runs("", none, [](Patient& p) { p.details.limits = {}; }),
      Runs("", none, [](Patient& p) { p.details.health.status = "starting"; }),
      Runs("", none, [](Patient& p) { p.zombies = 9; }),
      Runs("", none, [](Patient& p) { p.details.log_bytes = kGiB - 1; }),
      Runs("", none, [](Patient& p) { p.details.started_ms = kNow + 30'000; }),
      Runs("", none,
           [](Patient& p) {
             p.disk_free = 5;
             p.disk_total = 100;
           }),
  });
}

TEST_CASE("Exit codes are told with what they mean", "[diagnosis]") {
  const auto error = Severity::kError;
  CheckAll({
      Exits("failed", error, 1),
      Exits("failed", error, 3),
      Exits("engine-failed", error, 125),
      Exits("permission-denied", error, 126),
      Exits("command-not-found", error, 127),
      Exits("killed", Severity::kWarning, 137),
      Exits("crashed", error, 139),
      Exits("killed-by-signal", error, 132),
      Exits("terminated", Severity::kInfo, 143),
  });
  for (const int code : {1, 2, 125, 126, 127, 130, 132, 134, 135, 137, 139, 143, 159}) {
    CHECK_FALSE(ExitCodeMeaning(code).empty());
  }
  CHECK(ExitCodeMeaning(77).empty());
  CHECK_THAT(Ended(139).Findings()[0].evidence[0], Catch::Contains("exit code 139 (SIGSEGV"));
}

TEST_CASE("What the engine and the output say is the cause", "[diagnosis]") {
  CheckAll({
      WithLog("port-conflict",
              "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in "
              "use)"),
      WithLog("port-conflict", "Error: listen EADDRINUSE: address already in use :::3000"),
      WithLog("read-only-filesystem", "OSError: [Errno 30] Read-only file system: '/data'"),
      WithLog("permission-denied",
              "nginx: [emerg] open() \"/run/nginx.pid\" failed (13: Permission "
              "denied)"),
      WithLog("disk-full", "PANIC: could not write to file: No space left on device"),
      WithLog("out-of-memory", "java.lang.OutOfMemoryError: Java heap space"),
      WithLog("out-of-memory", "FATAL ERROR: Reached heap limit - JavaScript heap out of memory"),
      WithLog("name-resolution", "getaddrinfo ENOTFOUND db"),
      WithLog("dependency-unreachable", "connect ECONNREFUSED 10.0.0.5:5432"),
      WithLog("too-many-files", "accept4: too many open files"),
      WithLog("process-limit", "fork: Resource temporarily unavailable"),
      WithLog("clock", "tls: certificate is not yet valid: current time is before"),
      WithLog("missing-dependency", "ModuleNotFoundError: No module named 'flask'"),
      WithLog("exec-format", "exec /app/server: exec format error"),
      WithError("port-conflict",
                "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port "
                "is already allocated"),
      WithError("command-not-found", "exec: \"foo\": executable file not found in $PATH"),
      WithError("exec-format", "standard_init_linux.go: exec user process: exec format error"),
      WithError("permission-denied", "exec: \"/app/x\": permission denied"),
      WithError("mount-failed", "invalid mount config: bind source path does not exist: /x"),
      WithError("command-not-found", "exec /run.sh: no such file or directory"),
      WithError("disk-full", "mkdir /var/lib/docker/overlay2/x: no space left on device"),
      WithError("read-only-filesystem", "mkdir /x: read-only file system"),
  });
  Patient unknown = Ended(0);
  unknown.details.summary.state = "created";
  unknown.details.error = "something new";
  CHECK(unknown.Findings().front().code == "engine-failed");
}

TEST_CASE("Killed by its limit is told as that, not as killed", "[diagnosis]") {
  Patient patient = Ended(137);
  patient.details.oom_killed = true;
  patient.details.limits.memory_bytes = 64 * (std::int64_t{1} << 20);
  patient.log = {"connection refused"};
  const auto findings = patient.Findings();
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].code == "oom-killed");
  CHECK(findings[0].evidence[0] == "memory limit 64 MiB");
}

TEST_CASE("What was stopped from outside said nothing of a cause", "[diagnosis]") {
  for (const int code : {0, 137, 143}) {
    Patient patient = Ended(code);
    patient.log = {"connection refused"};
    for (const Diagnosis& finding : patient.Findings()) {
      CHECK(finding.code != "dependency-unreachable");
    }
  }
}

TEST_CASE("What was said long before the end is not the cause", "[diagnosis]") {
  Patient patient = Ended(1);
  patient.log = Lines(60, "working");
  patient.log[0] = "connection refused";
  CHECK(patient.Findings()[0].code == "failed");
  patient.log[55] = "connection refused";
  CHECK(patient.Findings()[0].code == "dependency-unreachable");
}

TEST_CASE("A crash loop is told with its cause", "[diagnosis]") {
  Patient patient = Ended(1);
  patient.details.summary.state = "restarting";
  patient.details.restart_policy = "always";
  patient.details.restart_count = 7;
  patient.details.started_ms = kNow - 3000;
  patient.details.finished_ms = kNow - 1000;
  patient.log = {"Error: listen EADDRINUSE: address already in use :::3000"};
  const auto findings = patient.Findings();
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].code == "crash-loop");
  CHECK(findings[1].code == "port-conflict");
  CHECK(findings[0].next_step == findings[1].next_step);
  CHECK(findings[0].evidence[0] == "restarted 7 times, policy `always`");
  CHECK(findings[0].evidence[1] == "the last run took 2 s");
  const std::string text = InOneParagraph(findings);
  CHECK_THAT(text, Catch::Contains("A port that it needs is taken.") &&
                       Catch::Contains("Next: find what holds the port"));
  CHECK(text.find("Also:") == std::string::npos);  // the cause is told already

  // Between two crashes it runs.
  Patient running = Healthy();
  running.details.restart_count = 3;
  running.details.started_ms = kNow - 5000;
  running.log = {"ModuleNotFoundError: No module named 'x'"};
  CHECK(running.Findings()[0].code == "crash-loop");
  CHECK_THAT(running.Findings()[0].summary, Catch::Contains("not in the image"));
  running.details.started_ms = kNow - kHour;
  CHECK(running.Findings().empty());

  // A program that ends well and is started again and again.
  Patient ends = patient;
  ends.details.exit_code = 0;
  ends.log.clear();
  CHECK_THAT(ends.Findings()[0].next_step, Catch::Contains("foreground"));
}

TEST_CASE("A failing health check is told with its last output", "[diagnosis]") {
  Patient patient = Healthy();
  patient.details.health = {.status = "unhealthy",
                            .failing_streak = 4,
                            .log = {{.ended_ms = 1, .exit_code = 0, .output = "fine"},
                                    {.ended_ms = 2, .exit_code = 1, .output = "HTTP 500\n"}}};
  auto findings = patient.Findings();
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].code == "unhealthy");
  CHECK(findings[0].severity == Severity::kError);
  CHECK(findings[0].evidence[0] == "4 failures in a row");
  CHECK_THAT(findings[0].evidence[1],
             Catch::Contains("exit code 1") && Catch::Contains("HTTP 500"));

  patient.details.health.log.back().exit_code = 127;
  CHECK_THAT(patient.Findings()[0].next_step, Catch::Contains("missing in the image"));
  patient.log = {"connection refused"};
  CHECK_THAT(patient.Findings()[0].next_step, Catch::Contains("the service it needs"));
  patient.details.health.log.clear();
  CHECK(patient.Findings().size() == 1);

  patient.details.health.status = "starting";
  CHECK(patient.Findings()[0].severity == Severity::kWarning);
  patient.details.summary.state = "exited";
  CHECK(patient.Findings().empty());
}

TEST_CASE("State, use and housekeeping", "[diagnosis]") {
  const auto warning = Severity::kWarning;
  CheckAll({
      Runs("paused", warning, [](Patient& p) { p.details.summary.state = "paused"; }),
      Runs("dead", Severity::kError, [](Patient& p) { p.details.summary.state = "dead"; }),
      Runs("memory-near-limit", warning,
           [](Patient& p) { p.usage->memory_bytes = kGiB * 92 / 100; }),
      Runs("process-limit", warning, [](Patient& p) { p.usage->pids = 91; }),
      Runs("zombies", warning, [](Patient& p) { p.zombies = 10; }),
      Runs("large-log", warning, [](Patient& p) { p.details.log_bytes = kGiB; }),
      Runs("clock", warning, [](Patient& p) { p.details.started_ms = kNow + 61'000; }),
      Runs("disk-nearly-full", warning,
           [](Patient& p) {
             p.disk_free = kGiB;
             p.disk_total = 100 * kGiB;
           }),
  });
}

TEST_CASE("That nothing bounds a log is said only where that is so", "[diagnosis]") {
  Patient patient = Healthy();
  patient.details.log_bytes = kGiB;
  CHECK(patient.Findings().at(0).summary == "Its log grows without a bound.");
  patient.details.log_max_bytes = -1;
  CHECK_THAT(patient.Findings().at(0).summary, Catch::Contains("does not tell"));
  patient.details.log_max_bytes = 2 * kGiB;
  CHECK(patient.Findings().empty());
}

TEST_CASE("The most severe comes first", "[diagnosis]") {
  Patient patient = Healthy();
  patient.zombies = 100;
  patient.usage->memory_bytes = kGiB;
  patient.details.health = {.status = "unhealthy", .failing_streak = 1, .log = {}};
  const auto findings = patient.Findings();
  REQUIRE(findings.size() == 3);
  CHECK(findings[0].code == "unhealthy");
  CHECK_THAT(InOneParagraph(findings), Catch::Contains("Also: memory-near-limit, zombies."));
  CHECK(InOneParagraph({}).empty());
  CHECK(SeverityName(Severity::kError) == "error");
  CHECK(SeverityName(Severity::kWarning) == "warning");
  CHECK(SeverityName(Severity::kInfo) == "info");
}

TEST_CASE("Words of strangers are quoted, cut and visible", "[diagnosis]") {
  const std::string hostile = "\x1b[2J\xff permission denied " + std::string(100'000, 'a');
  Patient patient = Ended(1);
  patient.log = {hostile, std::string(100, '\n'), hostile};
  patient.details.error = hostile;
  Patient sick = Healthy();
  sick.details.health = {
      .status = "unhealthy", .failing_streak = 1, .log = {{0, 1, hostile}, {0, 1, hostile}}};
  for (const Patient& one : {patient, sick}) {
    const std::string text = InOneParagraph(one.Findings());
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(IsValidUtf8(text));
    CHECK(text.size() < 3000);
  }
}

TEST_CASE("Whatever an engine says, nothing overflows", "[diagnosis]") {
  for (const std::int64_t value : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, INT64_MAX}) {
    Patient patient = Healthy();
    patient.usage->memory_bytes = value;
    patient.usage->pids = value;
    patient.details.limits = {.memory_bytes = value, .cpu_millis = value, .pids = value};
    patient.details.started_ms = value;
    patient.details.finished_ms = value;
    patient.details.restart_count = 9;
    patient.disk_free = value;
    patient.disk_total = value;
    CHECK(patient.Findings().size() < 10);
    patient.details.summary.state = "restarting";
    CHECK_FALSE(patient.Findings().empty());
  }
}

}  // namespace
}  // namespace casemate::container::test
