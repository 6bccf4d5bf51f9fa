#include "sandbox/selftest/battery/battery.h"

#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace casemate::escape {
namespace {

using nlohmann::json;

void Append(std::vector<std::string>& to, const std::vector<std::string>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

json ParseOrNull(const std::string& text) {
  return json::parse(text, nullptr, false);
}

// What came out: the verdict of a probe that ended by itself, else how it was ended.
std::string AnswerOf(const json& result) {
  const std::string status = result.value("status", "no-status");
  if (status == "exited") {
    const std::string verdict = VerdictIn(result.value("stdout", ""));
    return verdict.empty() ? "exited without a verdict" : verdict;
  }
  if (status == "signaled") {
    return "signaled " + (result["signal"].is_string() ? result["signal"].get<std::string>() : "?");
  }
  return status;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += word + " ";
  }
  return text;
}

}  // namespace

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

std::vector<std::string> Expanded(const Host& host, const std::vector<std::string>& words) {
  std::vector<std::string> expanded;
  for (const std::string& word : words) {
    expanded.push_back(host.Expand(word));
  }
  return expanded;
}

Launch Battery::Confined(const Row& row) const {
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
      const std::string code = "exec ./casemate_attack " + Joined(Expanded(host_, row.attack));
      Append(launch.argv, {"--language", "bash", "--code", code});
      return launch;
    }
    Append(launch.argv, {"--", "./casemate_attack"});
  }
  Append(launch.argv, Expanded(host_, row.attack));
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

void Battery::Check(const Row& row) {
  CheckConfined(row);
  CheckControl(row);
}

json Battery::RunCommandLine(const Row& row, const Launch& launch) const {
  const Finished finished = RunProcess(launch);
  INFO("stdout: " << finished.out.substr(0, 4000));
  INFO("stderr: " << finished.err.substr(0, 4000));
  REQUIRE_FALSE(finished.hung);
  json result = ParseOrNull(finished.out);
  REQUIRE(result.is_object());
  if (!row.truncated.empty()) {
    // A flood must not grow the server; a sanitizer's own memory is not counted against it.
    const int sane_mb = std::getenv("CASEMATE_SANITIZED") == nullptr ? 200 : 1024;
    CHECK(finished.max_rss_kb < sane_mb * 1024);
  }
  return result;
}

json Battery::RunServed(const Row& row, const Launch& launch) {
  json result = served_->Run(launch);
  INFO("result: " << result.dump().substr(0, 4000));
  REQUIRE(result.contains("isolation"));
  // Only root may hand a workspace of the host to a sandbox that stands already.
  if (host_.root() || row.place == Place::kPrivate) {
    ++tally_.served;
    tally_.made_ahead += result["isolation"].value("made_ahead", false) ? 1 : 0;
  }
  return result;
}

void Battery::CheckConfined(const Row& row) {
  const Launch launch = Confined(row);
  INFO("command: " << Joined(launch.argv));
  const json result = served_ == nullptr ? RunCommandLine(row, launch) : RunServed(row, launch);
  INFO("result: " << result.dump().substr(0, 4000));
  const std::string expected =
      host_.root() || row.expect_user.empty() ? row.expect : row.expect_user;
  const std::string answer = AnswerOf(result);
  INFO("confined: expected " << expected << ", got " << answer);
  if (!NotPromised(row, result)) {
    CHECK(Names(expected, answer));
  }
  if (!row.truncated.empty()) {
    CHECK(result["truncated"][row.truncated] == true);
  }
  CheckInvariants(result);
}

// An attack that got through, where the documentation says that it can. Said loudly and counted.
bool Battery::NotPromised(const Row& row, const json& result) {
  if (row.not_promised.empty() || !Names("succeeded", AnswerOf(result))) {
    return false;
  }
  for (const json& layer : result["isolation"]["layers"]) {
    if (layer["name"] == row.without_layer && layer["in_force"] == true) {
      return false;
    }
  }
  host_.TakeVisitors();  // that somebody came is what is not promised to be stopped
  ++tally_.not_promised;
  std::cout << "NOT PROMISED " << row.name << ": " << row.not_promised << std::endl;
  return true;
}

void Battery::CheckInvariants(const json& result) {
  const std::vector<pid_t> left = LiveChildren();
  CHECK(left.empty());
  KillChildren(left);
  CHECK(host_.TakeResidue() == "");
  CHECK(host_.TakeVisitors() == "");
  CheckAudit(result);
}

void Battery::CheckAudit(const json& result) {
  REQUIRE(result.contains("audit_seq"));
  const Finished tail = Casemate({"audit", "tail", "-n", "12", "--json"});
  INFO("audit tail: " << tail.out << tail.err);
  std::istringstream lines(tail.out);
  std::string line;
  bool intent = false;
  bool outcome = false;
  std::string incarnation;
  while (std::getline(lines, line)) {
    const json record = ParseOrNull(line);
    if (!record.is_object()) {
      continue;
    }
    intent = intent || (record.value("kind", "") == "intent" &&
                        record.value("seq", -1) == result["audit_seq"]);
    outcome = outcome || (record.value("kind", "") == "outcome" &&
                          record.value("intent_seq", -1) == result["audit_seq"]);
    incarnation = record.value("incarnation", incarnation);
  }
  CHECK(intent);
  CHECK(outcome);
  REQUIRE_FALSE(incarnation.empty());
  if (served_ == nullptr) {  // otherwise the server has them as long as it lives
    const auto cgroups = Host::CgroupsNamed("casemate-" + incarnation);
    CAPTURE(cgroups);
    CHECK(cgroups.empty());
  }
}

void Battery::Skip(const Row& row, const std::string& answer) {
  ++tally_.skipped;
  std::cout << "SKIPPED CONTROL " << row.name << ": " << row.why
            << (answer.empty() ? "" : " (answer: " + answer + ")") << std::endl;
}

void Battery::CheckControl(const Row& row) {
  if (row.control_as == ControlAs::kElsewhere) {
    return;
  }
  if (row.control_as == ControlAs::kNone) {
    Skip(row, "");
    return;
  }
  Launch launch = Unconfined(row.control.empty() ? row.attack : row.control);
  launch.leak_descriptor = row.name == "inherited_fds";
  if (row.control_as == ControlAs::kOrdinary && host_.root()) {
    launch.run_as = kOrdinaryUid;
  }
  const Finished finished = RunProcess(launch);
  KillChildren(LiveChildren());
  host_.TakeVisitors();
  std::string answer = VerdictIn(finished.out);
  if (WIFSIGNALED(finished.wait_status)) {
    answer = std::string("signaled SIG") + sigabbrev_np(WTERMSIG(finished.wait_status));
  }
  INFO("control: " << Joined(launch.argv) << "\nexpected " << row.control_expect << ", got "
                   << answer << "\nstderr: " << finished.err);
  CHECK_FALSE(finished.hung);
  if (!Names(row.control_expect, answer) && Names(row.control_unavailable, answer)) {
    Skip(row, answer);
    return;
  }
  CHECK(Names(row.control_expect, answer));
  CHECK(host_.TakeResidue() == "");
  ++tally_.shown;
}

}  // namespace casemate::escape
