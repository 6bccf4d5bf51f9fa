#include "sandbox/selftest/battery/scenarios.h"

#include <csignal>
#include <sstream>

#include <nlohmann/json.hpp>

#include "sandbox/selftest/battery/appearance.h"
#include "sandbox/selftest/battery/stop.h"

namespace casemate::escape {
namespace {

using nlohmann::json;

std::vector<std::string> Meeting(const char* attack, const std::string& port) {
  return {attack, "{name}-meeting", "{meeting}", port, "ready"};
}

Row Call(std::vector<std::string> attack) {
  return {.name = {}, .attack = std::move(attack), .expect = {}};
}

// What an unconfined holder left on the host is taken away, whatever happens.
class MeetingsEnd {
 public:
  explicit MeetingsEnd(const Battery& battery) : battery_(battery) {}
  ~MeetingsEnd() {
    const StopLater later;
    RunProcess(battery_.Unconfined(Meeting("end_meeting", "0")));
  }
  MeetingsEnd(const MeetingsEnd&) = delete;
  MeetingsEnd& operator=(const MeetingsEnd&) = delete;

 private:
  const Battery& battery_;
};

// 64: two calls at once, as the same user, in the same workspace.
void SandboxesMeet(Battery& battery, Trial& trial) {
  const std::string port = Host::FreePort();
  json held;
  {
    const Appearance ready(battery.host().workspace() + "/ready");
    Process holder(battery.Confined(Call(Meeting("hold_meeting", port))));
    trial.Require(ready.Await(), Grade::kInDoubt, "the first sandbox did not get ready");
    const Finished joined = RunProcess(battery.Confined(Call(Meeting("join_meeting", port))));
    const std::string answer = VerdictIn(ResultIn(joined, trial).value("stdout", ""));
    trial.Answered(answer);
    trial.Check(answer == "blocked no-contact",
                answer.starts_with("blocked") ? Grade::kInDoubt : Grade::kGotThrough,
                "expected blocked no-contact, got " + answer);
    holder.Signal(SIGTERM);
    held = ResultIn(holder.Wait(), trial);
    trial.Check(held.value("status", "") == "cancelled", Grade::kInDoubt,
                "expected the first call to be cancelled, got " + held.value("status", ""));
  }
  battery.CheckInvariants(held, trial);
}

void SandboxesMeetControl(Battery& battery, Trial& trial) {
  const std::string port = Host::FreePort();
  const MeetingsEnd end(battery);
  const Appearance ready(battery.host().workspace() + "/ready");
  Process holder(battery.Unconfined(Meeting("hold_meeting", port)));
  trial.Require(ready.Await(), Grade::kInDoubt, "the control: the first did not get ready");
  const Finished joined = RunProcess(battery.Unconfined(Meeting("join_meeting", port)));
  holder.Signal(SIGKILL);
  holder.Wait();
  const std::string answer = VerdictIn(joined.out);
  trial.Require(answer == "succeeded abstract,tcp,sysv,mq,tmp,shm", Grade::kInDoubt,
                "the control: expected contact everywhere, got " + answer);
  trial.ControlShown();
}

void TwoSandboxes(Battery& battery, Trial& trial) {
  SandboxesMeet(battery, trial);
  SandboxesMeetControl(battery, trial);
}

// What the next start says about the server that died, and whether its cgroups are gone.
void CheckReaped(const std::string& trail, Trial& trial) {
  std::istringstream lines(trail);
  std::string line;
  bool reaped = false;
  while (std::getline(lines, line)) {
    const json record = json::parse(line, nullptr, false);
    if (!record.is_object() || record.value("kind", "") != "reaped") {
      continue;
    }
    reaped = true;
    const std::string dead = record["detail"].value("dead_incarnation", "?");
    trial.Check(Host::CgroupsNamed("casemate-" + dead).empty(), Grade::kGotThrough,
                "cgroups of the dead server are left: casemate-" + dead);
  }
  trial.Check(reaped, Grade::kGotThrough, "the next start did not reap what the dead one left");
}

std::size_t UnfinishedCalls(const Battery& battery, Trial& trial) {
  const json report = ResultIn(battery.Casemate({"audit", "verify", "--json"}), trial);
  trial.Check(report.value("intact", false), Grade::kGotThrough, "the trail is not intact");
  return report.contains("unfinished") ? report["unfinished"].size() : 0;
}

// Starts a server with a call, and kills it in its middle.
void KillInCall(Battery& battery, bool launcher_too, Trial& trial) {
  const Appearance ready(battery.host().workspace() + "/ready");
  Process server(battery.Confined(Call(Meeting("hold_meeting", "1"))));
  trial.Require(ready.Await(), Grade::kInDoubt, "the call did not get ready");
  if (launcher_too) {
    server.Signal(SIGSTOP);  // so that it cannot record the launcher's death
    const std::vector<pid_t> launchers = ChildrenOf(server.pid());
    trial.Check(!launchers.empty(), Grade::kInDoubt, "found no launcher");
    for (const pid_t launcher : launchers) {
      kill(launcher, SIGKILL);
    }
  }
  server.Signal(SIGKILL);
  server.Wait();
  const std::vector<pid_t> left = LiveChildrenAfter(std::chrono::seconds(10));
  trial.Check(left.empty(), Grade::kGotThrough, "the call outlived its server");
  KillChildren(left);
}

// 69: SIGKILL of the server in the middle of a call; the next start reaps and says so.
void KillServer(Battery& battery, bool launcher_too, Trial& trial) {
  const std::size_t unfinished_before = UnfinishedCalls(battery, trial);
  KillInCall(battery, launcher_too, trial);
  const json result = ResultIn(battery.Casemate({"run", "--json", "--", "/bin/true"}), trial);
  battery.CheckInvariants(result, trial);
  CheckReaped(battery.Casemate({"audit", "tail", "-n", "12", "--json"}).out, trial);
  trial.Check(UnfinishedCalls(battery, trial) == unfinished_before + 1, Grade::kGotThrough,
              "the trail does not name the call as unfinished");
}
void ServerKilled(Battery& battery, Trial& trial) {
  KillServer(battery, false, trial);
}
void ServerAndLauncherKilled(Battery& battery, Trial& trial) {
  KillServer(battery, true, trial);
}

// 65: no secret of the server's environment in the trail.
void TrailHoldsNoSecrets(Battery& battery, Trial& trial) {
  ResultIn(battery.Casemate({"run", "--json", "--", "/bin/true"}), trial);
  const Finished trail = battery.Casemate({"audit", "export", "--jsonl"});
  trial.Check(trail.out.size() > 100, Grade::kInDoubt, "the trail is empty: " + trail.err);
  trial.Check(trail.out.find("hunter2") == std::string::npos, Grade::kGotThrough,
              "a secret of the environment stands in the trail");
}

void TrailVerifies(Battery& battery, Trial& trial) {
  ResultIn(battery.Casemate({"run", "--json", "--", "/bin/true"}), trial);
  UnfinishedCalls(battery, trial);
}

}  // namespace

std::vector<Scenario> Scenarios() {
  std::vector<Scenario> scenarios = WorkspaceScenarios();
  const std::vector<Scenario> more = {
      {"64 two sandboxes cannot meet", TwoSandboxes},
      {"69 the server is killed in a call", ServerKilled},
      {"69 server and launcher are killed in a call", ServerAndLauncherKilled},
      {"65 no secrets in the trail", TrailHoldsNoSecrets},
      {"the trail verifies", TrailVerifies}};
  scenarios.insert(scenarios.end(), more.begin(), more.end());
  return scenarios;
}

}  // namespace casemate::escape
