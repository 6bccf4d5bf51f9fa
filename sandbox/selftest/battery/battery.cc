#include "sandbox/selftest/battery/battery.h"

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include <nlohmann/json.hpp>

namespace casemate::escape {
namespace {

using nlohmann::json;
constexpr std::size_t kNoteBytes = 4000;

void Append(std::vector<std::string>& to, const std::vector<std::string>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// What came out: the verdict of a probe that ended by itself, else how it was ended.
std::string AnswerOf(const json& result) {
  std::string status = result.value("status", "no-status");
  if (status == "exited") {
    const std::string verdict = VerdictIn(result.value("stdout", ""));
    return verdict.empty() ? "exited without a verdict" : verdict;
  }
  if (status == "signaled") {
    return "signaled " + (result["signal"].is_string() ? result["signal"].get<std::string>() : "?");
  }
  return status;
}

// By the result's own account.
bool IsInForce(const json& result, const std::string& name) {
  const json layers = result.value("isolation", json::object()).value("layers", json::array());
  return std::any_of(layers.begin(), layers.end(), [&name](const json& layer) {
    return layer["name"] == name && layer["in_force"] == true;
  });
}

// Did it come to an end, its own or ours? All else says nothing about the attack.
bool HasRun(const json& result) {
  const std::string status = result.value("status", "");
  return status == "exited" || status == "signaled" || status == "timed_out" ||
         status == "oom_killed" || status == "seccomp_killed";
}

// Whoever got what it wanted came through; any other unexpected answer proves nothing.
Grade GradeOfUnexpected(const std::string& answer) {
  return answer.starts_with("succeeded") || answer.starts_with("unconfined") ? Grade::kGotThrough
                                                                             : Grade::kInDoubt;
}

std::vector<std::string> Expanded(const Host& host, const std::vector<std::string>& words) {
  std::vector<std::string> expanded;
  expanded.reserve(words.size());
  for (const std::string& word : words) {
    expanded.push_back(host.Expand(word));
  }
  return expanded;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += word + " ";
  }
  return text;
}

}  // namespace

std::string ErrorIn(const json& result, const char* field) {
  return result.contains("error") && result["error"].is_object() ? result["error"].value(field, "")
                                                                 : "";
}

std::string VerdictIn(const std::string& output) {
  const std::size_t start = output.rfind("result=");
  const std::size_t middle = output.find(" detail=", start);
  const std::size_t end = output.find('\n', middle);
  if (start == std::string::npos || middle == std::string::npos || end == std::string::npos) {
    return "";
  }
  return output.substr(start + 7, middle - start - 7) + " " +
         output.substr(middle + 8, end - middle - 8);
}

bool Names(const std::string& alternatives, const std::string& answer) {
  std::size_t start = 0;
  while (start <= alternatives.size()) {
    std::size_t end = alternatives.find(" | ", start);
    end = end == std::string::npos ? alternatives.size() : end;
    const std::string wanted = alternatives.substr(start, end - start);
    const bool any_detail = wanted == "succeeded" && answer.rfind("succeeded ", 0) == 0;
    if (!wanted.empty() && (wanted == answer || any_detail)) {
      return true;
    }
    start = end + 3;
  }
  return false;
}

json ResultIn(const Finished& finished, Trial& trial) {
  trial.Note("stdout: " + finished.out.substr(0, kNoteBytes));
  trial.Note("stderr: " + finished.err.substr(0, kNoteBytes));
  trial.Require(!finished.hung, Grade::kGotThrough, "the call did not end");
  json result = json::parse(finished.out, nullptr, false);
  trial.Require(result.is_object(), Grade::kInDoubt, "`casemate run --json` printed no result");
  return result;
}

Launch Battery::Confined(const Row& row) const {
  std::vector<std::string> attack = {"--confined"};
  Append(attack, Expanded(host_, row.attack));
  Launch launch;
  launch.env = host_.Environment();
  launch.argv = {host_.casemate(), "run", "--json"};
  Append(launch.argv, row.options);
  if (row.place == Place::kPrivate) {
    // Injected files carry no mode: the shell makes the probe executable.
    Append(launch.argv, {"--file", host_.probe() + "=casemate_attack", "--", "/bin/sh", "-c",
                         "chmod 755 casemate_attack && exec ./casemate_attack \"$@\"", "sh"});
  } else {
    Append(launch.argv, {"--workspace", host_.workspace()});
    if (row.place == Place::kScratch) {
      Append(launch.argv, {"--profile", "scratch"});
    } else if (row.place == Place::kInspect) {
      Append(launch.argv, {"--profile", "inspect"});
    }
    if (row.place == Place::kCode) {
      const std::string code = "exec ./casemate_attack " + Joined(attack);
      Append(launch.argv, {"--language", "bash", "--code", code});
      return launch;
    }
    Append(launch.argv, {"--", "./casemate_attack"});
  }
  Append(launch.argv, attack);
  return launch;
}

Launch Battery::Unconfined(const std::vector<std::string>& attack) const {
  Launch launch;
  launch.env = host_.Environment();
  launch.directory = host_.workspace();
  launch.argv = {host_.probe()};
  Append(launch.argv, Expanded(host_, attack));
  return launch;
}

Finished Battery::Casemate(const std::vector<std::string>& arguments) const {
  Launch launch;
  launch.env = host_.Environment();
  launch.argv = {host_.casemate()};
  Append(launch.argv, arguments);
  return RunProcess(launch);
}

void Battery::Try(const Row& row, Trial& trial) {
  TryConfined(row, trial);
  TryControl(row, trial);
}

json Battery::RunCommandLine(const Row& row, const Launch& launch, Trial& trial) {
  const Finished finished = RunProcess(launch);
  json result = ResultIn(finished, trial);
  if (!row.truncated.empty()) {
    // A flood must not grow the server; a sanitizer's own memory is not counted against it.
    const int sane_mb = std::getenv("CASEMATE_SANITIZED") == nullptr ? 200 : 1024;
    trial.Check(finished.max_rss_kb < sane_mb * 1024L, Grade::kGotThrough,
                "the server grew to " + std::to_string(finished.max_rss_kb) + " KiB");
  }
  return result;
}

json Battery::RunServed(const Row& row, const Launch& launch, Trial& trial) {
  json result = served_->Run(launch);
  trial.Note("result: " + result.dump().substr(0, kNoteBytes));
  trial.Require(result.contains("isolation"), Grade::kInDoubt, "the server did not run it");
  // Only root may hand a workspace of the host to a sandbox that stands already.
  if (host_.root() || row.place == Place::kPrivate) {
    ++ahead_.served;
    ahead_.found += result["isolation"].value("made_ahead", false) ? 1 : 0;
  }
  return result;
}

void Battery::TryConfined(const Row& row, Trial& trial) {
  const Launch launch = Confined(row);
  trial.Note("command: " + Joined(launch.argv));
  const json result =
      served_ == nullptr ? RunCommandLine(row, launch, trial) : RunServed(row, launch, trial);
  const std::string& expected = ExpectedOf(row, result);
  const std::string answer = AnswerOf(result);
  trial.Answered(answer);
  trial.Require(HasRun(result), Grade::kInDoubt,
                "it was not run: " + answer + ": " + ErrorIn(result, "message"));
  if (NotPromised(row, result)) {
    trial.Check(false, Grade::kNotPromised, row.not_promised);
  } else {
    trial.Check(Names(expected, answer), GradeOfUnexpected(answer),
                "expected " + expected + ", got " + answer);
  }
  if (!row.truncated.empty()) {
    trial.Check(result["truncated"][row.truncated] == true, Grade::kGotThrough,
                row.truncated + " was not cut");
  }
  CheckInvariants(result, trial);
}

const std::string& Battery::ExpectedOf(const Row& row, const json& result) const {
  if (!row.expect_without_landlock.empty() && !IsInForce(result, "landlock")) {
    return row.expect_without_landlock;
  }
  return host_.root() || row.expect_user.empty() ? row.expect : row.expect_user;
}

// An attack that got through, where the documentation says that it can.
bool Battery::NotPromised(const Row& row, const json& result) {
  if (row.not_promised.empty() || !Names("succeeded", AnswerOf(result))) {
    return false;
  }
  if (!row.without_layer.empty() && IsInForce(result, row.without_layer)) {
    return false;
  }
  host_.TakeVisitors();  // that somebody came is what is not promised to be stopped
  return true;
}

void Battery::CheckInvariants(const json& result, Trial& trial) {
  const std::vector<pid_t> left = LiveChildren();
  trial.Check(left.empty(), Grade::kGotThrough,
              std::to_string(left.size()) + " processes were left behind");
  KillChildren(left);
  const std::string residue = host_.TakeResidue();
  trial.Check(residue.empty(), Grade::kGotThrough, residue);
  const std::string visitors = host_.TakeVisitors();
  trial.Check(visitors.empty(), Grade::kGotThrough, "reached on the host: " + visitors);
  CheckAudit(result, trial);
}

void Battery::CheckAudit(const json& result, Trial& trial) {
  trial.Require(result.contains("audit_seq"), Grade::kInDoubt, "the call named no audit record");
  const Finished tail = Casemate({"audit", "tail", "-n", "12", "--json"});
  std::istringstream lines(tail.out);
  std::string line;
  bool intent = false;
  bool outcome = false;
  std::string incarnation;
  while (std::getline(lines, line)) {
    const json record = json::parse(line, nullptr, false);
    if (!record.is_object()) {
      continue;
    }
    intent = intent || (record.value("kind", "") == "intent" &&
                        record.value("seq", -1) == result["audit_seq"]);
    outcome = outcome || (record.value("kind", "") == "outcome" &&
                          record.value("intent_seq", -1) == result["audit_seq"]);
    incarnation = record.value("incarnation", incarnation);
  }
  trial.Note("audit tail: " + tail.out.substr(0, kNoteBytes) + tail.err);
  trial.Require(intent && outcome, Grade::kGotThrough, "the call is not in the audit trail");
  if (served_ == nullptr) {  // otherwise the server has them as long as it lives
    const auto cgroups = Host::CgroupsNamed("casemate-" + incarnation);
    trial.Check(cgroups.empty(), Grade::kGotThrough, "cgroups are left: " + Joined(cgroups));
  }
}

void Battery::TryControl(const Row& row, Trial& trial) {
  if (row.control_as == ControlAs::kNone) {
    trial.ControlSkipped(row.why, "");
    return;
  }
  Launch launch = Unconfined(row.control.empty() ? row.attack : row.control);
  launch.leak_descriptor = row.name == "inherited_fds";
  if (row.control_as == ControlAs::kOrdinary && host_.root()) {
    launch.run_as = kOrdinaryUid;
  }
  trial.Note("control: " + Joined(launch.argv));
  const Finished finished = RunProcess(launch);
  const std::vector<pid_t> left = LiveChildren();
  KillChildren(left);
  host_.TakeVisitors();
  std::string answer = VerdictIn(finished.out);
  if (WIFSIGNALED(finished.wait_status)) {
    answer = std::string("signaled SIG") + sigabbrev_np(WTERMSIG(finished.wait_status));
  }
  trial.Check(!finished.hung, Grade::kInDoubt, "the control did not end");
  if (answer.starts_with("error no-own-namespaces:")) {
    trial.ControlSkipped("this user may not make namespaces outside a sandbox", answer);
    return;
  }
  if (!Names(row.control_expect, answer) && Names(row.control_unavailable, answer)) {
    trial.ControlSkipped(row.why, answer);
    return;
  }
  trial.Require(Names(row.control_expect, answer), Grade::kInDoubt,
                "the control: expected " + row.control_expect + ", got " +
                    (answer.empty() ? "no verdict: " + finished.err : answer));
  trial.Check(left.size() >= row.control_leaves, Grade::kInDoubt,
              "the control left no process behind");
  const std::string residue = host_.TakeResidue();
  trial.Check(residue.empty(), Grade::kInDoubt, "the control: " + residue);
  trial.ControlShown();
}

}  // namespace casemate::escape
