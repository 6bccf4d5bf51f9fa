#include "tests/escape/battery/scenarios.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace casemate::escape {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A file that appears in a host directory: how a confined process says "ready" without a sleep.
class Appearance {
 public:
  explicit Appearance(std::string path)
      : path_(std::move(path)), events_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    inotify_add_watch(events_.get(), fs::path(path_).parent_path().c_str(), IN_CREATE);
  }
  ~Appearance() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Appearance(const Appearance&) = delete;
  Appearance& operator=(const Appearance&) = delete;

  [[nodiscard]] bool Await() const {
    std::array<char, 4096> buffer{};
    pollfd wait = {.fd = events_.get(), .events = POLLIN, .revents = 0};
    while (!fs::exists(path_)) {
      if (poll(&wait, 1, 30'000) != 1) {
        return false;
      }
      while (read(events_.get(), buffer.data(), buffer.size()) > 0) {
      }
    }
    return true;
  }

 private:
  std::string path_;
  UniqueFd events_;
};

Launch Unconfined(const Battery& battery, const std::vector<std::string>& attack) {
  Launch launch;
  launch.env = battery.host().Environment();
  launch.directory = battery.host().workspace();
  launch.argv = {battery.host().probe()};
  for (const std::string& word : Expanded(battery.host(), attack)) {
    launch.argv.push_back(word);
  }
  return launch;
}

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
  Process holder(Unconfined(battery, Meeting(battery, "hold_meeting")));
  REQUIRE(ready.Await());
  const Finished joined = RunProcess(Unconfined(battery, Meeting(battery, "join_meeting")));
  holder.Signal(SIGKILL);
  holder.Wait();
  const std::string name = host.Expand("{name}-meeting");
  RunProcess(Unconfined(battery, {"end_meeting", name, "218693633"}));
  CHECK(VerdictIn(joined.out) == "succeeded abstract,tcp,sysv,mq,tmp,shm");
  battery.CountShown();
}

// 12: outside, the daemon stays and is ours to kill; the row showed that inside it is gone.
void DaemonStaysControl(Battery& battery) {
  const Finished finished = RunProcess(Unconfined(battery, {"daemonize"}));
  CHECK(VerdictIn(finished.out) == "succeeded daemon-left");
  const std::vector<pid_t> left = LiveChildren();
  CHECK(left.size() == 1);
  KillChildren(left);
  battery.CountShown();
}

// 69: SIGKILL of the server in the middle of a call; the next start reaps and says so.
void ServerKilled(Battery& battery) {
  const Host& host = battery.host();
  {
    const Appearance ready(host.workspace() + "/ready");
    Process server(
        battery.Confined({.name = {}, .attack = Meeting(battery, "hold_meeting"), .expect = {}}));
    REQUIRE(ready.Await());
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
  CHECK(tail.out.find("\"reaped\"") != std::string::npos);
  const Finished verify = battery.Casemate({"audit", "verify", "--json"});
  const json report = json::parse(verify.out, nullptr, false);
  INFO(verify.out << verify.err);
  REQUIRE(report.is_object());
  CHECK(report["intact"] == true);
  CHECK(report["unfinished"].size() == 1);
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
  return {{"12 daemonize, control", DaemonStaysControl},
          {"64 two sandboxes cannot meet", SandboxesMeet},
          {"64 two sandboxes cannot meet, control", SandboxesMeetControl},
          {"69 the server is killed in a call", ServerKilled},
          {"65 no secrets in the trail", TrailHoldsNoSecrets},
          {"the trail verifies", TrailVerifies}};
}

}  // namespace casemate::escape
