
#include "sandbox/selftest/battery/scenarios.h"

#include <sys/wait.h>

#include <csignal>
#include <iostream>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sandbox/selftest/battery/appearance.h"

namespace casemate::escape {
namespace {

using nlohmann::json;

// A port that was free a moment ago, for both sides of a meeting.
std::string MeetingPort(const Battery& battery) {
  return std::to_string(20'000 + std::stoi(battery.host().Expand("{self}")) % 10'000);
}

std::vector<std::string> Meeting(const Battery& battery, const char* attack) {
  return {attack, "{name}-meeting", "218693633", MeetingPort(battery), "ready"};
}

// 64: two calls at once, as the same user, in the same workspace.
void SandboxesMeet(Battery& battery) {
  const Host& host = battery.host();
  json held;
  {
    const Appearance ready(host.workspace() + "/ready");
    Process holder(
        battery.Confined({.name = {}, .attack = Meeting(battery, "hold_meeting"), .expect = {}}));
    REQUIRE(ready.Await());
    const Finished joined = RunProcess(
        battery.Confined({.name = {}, .attack = Meeting(battery, "join_meeting"), .expect = {}}));
    const json result = json::parse(joined.out, nullptr, false);
    INFO(joined.out << joined.err);
    REQUIRE(result.is_object());
    CHECK(VerdictIn(result.value("stdout", "")) == "blocked no-contact");
    holder.Signal(SIGTERM);
    const Finished finished = holder.Wait();
    INFO(finished.out << finished.err);
    CHECK_FALSE(finished.hung);
    held = json::parse(finished.out, nullptr, false);
    REQUIRE(held.is_object());
    CHECK(held.value("status", "") == "cancelled");
  }
  battery.CheckInvariants(held);
}

void SandboxesMeetControl(Battery& battery) {
  const Host& host = battery.host();
  const Appearance ready(host.workspace() + "/ready");
  Process holder(battery.Unconfined(Meeting(battery, "hold_meeting")));
  REQUIRE(ready.Await());
  const Finished joined = RunProcess(battery.Unconfined(Meeting(battery, "join_meeting")));
  holder.Signal(SIGKILL);
  holder.Wait();
  const std::string name = host.Expand("{name}-meeting");
  RunProcess(battery.Unconfined({"end_meeting", name, "218693633"}));
  CHECK(VerdictIn(joined.out) == "succeeded abstract,tcp,sysv,mq,tmp,shm");
  battery.CountShown();
}

// 12: outside, the daemon stays and is ours to kill; the row showed that inside it is gone.
void DaemonStaysControl(Battery& battery) {
  const Finished finished = RunProcess(battery.Unconfined({"daemonize"}));
  CHECK(VerdictIn(finished.out) == "succeeded daemon-left");
  const std::vector<pid_t> left = LiveChildren();
  CHECK(left.size() == 1);
  KillChildren(left);
  battery.CountShown();
}

// What the next start says about the server that died, and whether its cgroups are gone.
void CheckReaped(const std::string& trail) {
  std::istringstream lines(trail);
  std::string line;
  bool reaped = false;
  while (std::getline(lines, line)) {
    const json record = json::parse(line, nullptr, false);
    if (!record.is_object() || record.value("kind", "") != "reaped") {
      continue;
    }
    reaped = true;
    const auto left =
        Host::CgroupsNamed("casemate-" + record["detail"].value("dead_incarnation", "?"));
    CAPTURE(left);
    CHECK(left.empty());
  }
  CHECK(reaped);
}

std::size_t UnfinishedCalls(const Battery& battery) {
  const Finished verify = battery.Casemate({"audit", "verify", "--json"});
  const json report = json::parse(verify.out, nullptr, false);
  INFO(verify.out << verify.err);
  REQUIRE(report.is_object());
  CHECK(report["intact"] == true);
  return report["unfinished"].size();
}

// 69: SIGKILL of the server in the middle of a call; the next start reaps and says so.
void KillServer(Battery& battery, bool launcher_too) {
  const Host& host = battery.host();
  const std::size_t unfinished_before = UnfinishedCalls(battery);
  {
    const Appearance ready(host.workspace() + "/ready");
    Process server(
        battery.Confined({.name = {}, .attack = Meeting(battery, "hold_meeting"), .expect = {}}));
    REQUIRE(ready.Await());
    if (launcher_too) {
      server.Signal(SIGSTOP);  // so that it cannot record the launcher's death
      const std::vector<pid_t> launchers = ChildrenOf(server.pid());
      CHECK_FALSE(launchers.empty());
      for (const pid_t launcher : launchers) {
        kill(launcher, SIGKILL);
      }
    }
    server.Signal(SIGKILL);
    server.Wait();
    const std::vector<pid_t> left = LiveChildrenAfter(std::chrono::seconds(10));
    CHECK(left.empty());
    KillChildren(left);
  }
  const Finished next = battery.Casemate({"run", "--json", "--", "/bin/true"});
  INFO(next.out << next.err);
  const json result = json::parse(next.out, nullptr, false);
  REQUIRE(result.is_object());
  battery.CheckInvariants(result);
  const Finished tail = battery.Casemate({"audit", "tail", "-n", "12", "--json"});
  INFO(tail.out);
  CheckReaped(tail.out);
  CHECK(UnfinishedCalls(battery) == unfinished_before + 1);
}
void ServerKilled(Battery& battery) {
  KillServer(battery, false);
}
void ServerAndLauncherKilled(Battery& battery) {
  KillServer(battery, true);
}

// 65: no secret of the server's environment in the trail.
void TrailHoldsNoSecrets(Battery& battery) {
  const Finished trail = battery.Casemate({"audit", "export", "--jsonl"});
  CHECK(trail.out.size() > 100);
  CHECK(trail.out.find("hunter2") == std::string::npos);
}

void TrailVerifies(Battery& battery) {
  const Finished verify = battery.Casemate({"audit", "verify"});
  INFO(verify.out << verify.err);
  CHECK(WIFEXITED(verify.wait_status));
  CHECK(WEXITSTATUS(verify.wait_status) == 0);
  std::cout << "controls: " << battery.tally().shown << " showed that their attack works, "
            << battery.tally().skipped << " SKIPPED; attacks that the docs do not promise to stop: "
            << battery.tally().not_promised << std::endl;
}

}  // namespace

std::vector<Scenario> Scenarios() {
  std::vector<Scenario> scenarios = WorkspaceScenarios();
  const std::vector<Scenario> more = {
      {"12 daemonize, control", DaemonStaysControl},
      {"64 two sandboxes cannot meet", SandboxesMeet},
      {"64 two sandboxes cannot meet, control", SandboxesMeetControl},
      {"69 the server is killed in a call", ServerKilled},
      {"69 server and launcher are killed in a call", ServerAndLauncherKilled},
      {"65 no secrets in the trail", TrailHoldsNoSecrets},
      {"the trail verifies", TrailVerifies}};
  scenarios.insert(scenarios.end(), more.begin(), more.end());
  return scenarios;
}

}  // namespace casemate::escape
