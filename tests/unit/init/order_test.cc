// The order of starts and stops, signals, and the reaping of what nobody else reaps.
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/init/running_init.h"

namespace casemate::container::testing {
namespace {

// Says that it runs and that it was asked to stop.
std::string Server(const std::string& at_start = "") {
  return "trap 'echo stop $APP >> events; exit 0' TERM; " + at_start +
         " echo start $APP >> events; while :; do sleep 0.01; done";
}

int ParentOf(const std::string& pid) {
  const std::string stat = Slurp("/proc/" + pid + "/stat");
  const auto end = stat.rfind(')');
  char state = 0;
  int parent = -1;
  if (end != std::string::npos) {
    std::istringstream(stat.substr(end + 1)) >> state >> parent;
  }
  return parent;
}

}  // namespace

TEST_CASE("init starts an application when those before it are healthy, and stops backwards") {
  RunningInit init(Apps{
      {.name = "core",
       .script = Server(),
       .health = "command",
       .check = {"/bin/sh", "-c", "test -e ready"},
       .start_period_ms = 60'000},
      {.name = "aside", .script = Server()},
      {.name = "web", .script = Server(), .after = {"core", "aside"}},
      {.name = "proxy", .script = Server(), .after = {"web"}},
  });
  REQUIRE(Until([&] {
    return Contains(init.Text("events"), "start core") &&
           Contains(init.Text("events"), "start aside");
  }));
  // Many checks happen, and none of them starts anything.
  REQUIRE(init.UntilTold({"health", "core"}, "core starting the check ended with code 1"));
  CHECK(Contains(init.Ask({"health"}).text, "web starting waits for others"));
  CHECK(init.Ask({"health"}).code == 1);
  CHECK_FALSE(Contains(init.Text("events"), "web"));
  init.Write("ready", "");
  REQUIRE(Until([&] { return Contains(init.Text("events"), "start proxy"); }));
  REQUIRE(Until([&] { return init.Ask({"health"}).code == 0; }));
  REQUIRE(Until([&] { return Contains(init.Text("events"), "start web"); }));
  init.Signal(SIGTERM);
  CHECK(init.ExitCode() == 0);
  const std::string events = init.Text("events");
  INFO(events);
  CHECK(Contains(events, "stop proxy\nstop web\nstop aside\nstop core\n"));
}

TEST_CASE("init ends with 69 when what others wait for does not become healthy") {
  RunningInit init(Apps{
      {.name = "core",
       .script = Server(),
       .health = "command",
       .check = {"/bin/false"},
       .start_period_ms = 200},
      {.name = "web", .script = Server(), .after = {"core"}},
  });
  CHECK(init.ExitCode() == 69);
  CHECK(Contains(init.Log(), "core: not healthy within start period and retries, and web waits"));
  CHECK_FALSE(Contains(init.Text("events"), "web"));
}

TEST_CASE("init kills the group of an application that does not stop") {
  RunningInit init(Apps{
      {.name = "deaf",
       .script = "trap '' TERM; (while :; do sleep 0.01; done) & echo $! > child; "
                 "while :; do sleep 0.01; done",
       .stop_timeout_ms = 100},
  });
  REQUIRE(Until([&] { return Contains(init.Text("child"), "\n"); }));
  const pid_t child = std::stoi(init.Text("child"));
  init.Signal(SIGTERM);
  CHECK(init.ExitCode() == 0);
  CHECK(Contains(init.Log(), "deaf: does not end within 100 ms: killed"));
  CHECK(Until([&] { return kill(child, 0) != 0; }));
}

TEST_CASE("init lets the rest of an application's group end by itself, then goes on") {
  // The shell dies of the signal at once; its child needs a moment, which it gets.
  RunningInit init(Apps{
      {.name = "web",
       .script = "(trap 'sleep 0.1; echo done >> events; exit 0' TERM; "
                 "echo up >> events; while :; do sleep 0.01; done) & wait"},
  });
  REQUIRE(Until([&] { return Contains(init.Text("events"), "up"); }));
  init.Signal(SIGTERM);
  CHECK(init.ExitCode() == 0);
  CHECK(init.Text("events") == "up\ndone\n");
}

TEST_CASE("init uses the stop signal of an application, and SIGINT as it came") {
  const std::string script =
      "trap 'echo usr1 >> events; exit 0' USR1; trap 'echo int >> events; exit 0' INT; "
      "echo up >> events; while :; do sleep 0.01; done";
  for (const bool is_int : {false, true}) {
    RunningInit init(Apps{{.name = "a", .script = script, .stop_signal = SIGUSR1}});
    REQUIRE(Until([&] { return Contains(init.Text("events"), "up"); }));
    init.Signal(is_int ? SIGINT : SIGTERM);
    CHECK(init.ExitCode() == 0);
    CHECK(init.Text("events") == (is_int ? "up\nint\n" : "up\nusr1\n"));
  }
}

TEST_CASE("init forwards signals to all applications") {
  const std::string script =
      "for s in HUP QUIT USR1 USR2; do trap \"echo $APP $s >> events\" $s; done; "
      "echo $APP up >> events; while :; do sleep 0.01; done";
  RunningInit init(Apps{{.name = "a", .script = script}, {.name = "b", .script = script}});
  REQUIRE(Until([&] {
    return Contains(init.Text("events"), "a up") && Contains(init.Text("events"), "b up");
  }));
  const std::vector<std::pair<int, std::string>> signals = {
      {SIGHUP, "HUP"}, {SIGQUIT, "QUIT"}, {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}};
  for (const auto& [number, name] : signals) {
    init.Signal(number);
    CHECK(Until([&, word = name] {
      return Contains(init.Text("events"), "a " + word) &&
             Contains(init.Text("events"), "b " + word);
    }));
  }
  CHECK_FALSE(init.Ended());
}

TEST_CASE("init reaps what nobody else reaps") {
  RunningInit init(Apps{{.name = "a",
                         .script = "for i in 1 2 3 4 5 6 7 8; do (/bin/sh -c 'echo $$ >> orphans; "
                                   "while [ ! -e go ]; do sleep 0.01; done' &) ; done; "
                                   "while :; do sleep 0.01; done"}});
  std::vector<std::string> orphans;
  REQUIRE(Until([&] {
    orphans.clear();
    std::istringstream lines(init.Text("orphans"));
    for (std::string pid; std::getline(lines, pid);) {
      orphans.push_back(pid);
    }
    return orphans.size() == 8;
  }));
  for (const std::string& pid : orphans) {
    CHECK(Until([&] { return ParentOf(pid) == init.pid(); }));
  }
  init.Write("go", "");
  for (const std::string& pid : orphans) {
    CHECK(Until([&] { return kill(std::stoi(pid), 0) != 0; }));  // not even a zombie is left
  }
  CHECK_FALSE(init.Ended());
}

TEST_CASE("init is a first process") {
  if (geteuid() != 0) {
    WARN("SKIPPED: only root may make a process namespace here");
    return;
  }
  RunningInit init(
      Apps{
          {.name = "a", .script = Server()},
          {.name = "b", .script = Server("test $PPID = 1 && setsid sleep 1000 &"), .after = {"a"}}},
      {.is_first_process = true});
  REQUIRE(Until([&] { return Contains(init.Text("events"), "start b"); }));
  CHECK(Contains(init.Ask({"status"}).text, "a running pid=2 restarts=0 last_exit=- healthy"));
  init.Signal(SIGTERM);
  CHECK(init.ExitCode() == 0);
  CHECK(Contains(init.Text("events"), "stop b\nstop a\n"));
}

TEST_CASE("init leaves nothing behind where it is no first process") {
  RunningInit init(Apps{{.name = "a", .script = "setsid sleep 1000 & echo $! > escaped; exit 4"}});
  CHECK(init.ExitCode() == 4);
  const pid_t escaped = std::stoi(init.Text("escaped"));
  CHECK(Until([&] { return kill(escaped, 0) != 0; }));
}

TEST_CASE("applications get a clean process") {
  struct sigaction old{};
  struct sigaction ignored{};
  ignored.sa_handler = SIG_IGN;
  // What our parent ignored is not ignored by applications.
  REQUIRE(sigaction(SIGPIPE, &ignored, &old) == 0);
  RunningInit init(Apps{
      {.name = "a",
       .script =
           "echo out; echo err >&2; cat /proc/self/status > status; ls -l /proc/self/fd > fds; "
           "cat /proc/self/stat > stat; echo $$ > self; pwd > pwd"}});
  REQUIRE(sigaction(SIGPIPE, &old, nullptr) == 0);
  CHECK(init.ExitCode() == 0);
  const std::string status = init.Text("status");
  CHECK(Contains(status, "SigBlk:\t0000000000000000"));
  CHECK(Contains(status, "SigIgn:\t0000000000000000"));
  CHECK(Contains(status, "NoNewPrivs:\t0") ==
        Contains(Slurp("/proc/self/status"), "NoNewPrivs:\t0"));
  CHECK(init.Text("stdout") == "out\n");
  CHECK(Contains(init.Log(), "err\n"));
  std::istringstream stat(init.Text("stat"));
  std::string skipped;
  int group = 0;
  int session = 0;
  stat >> skipped >> skipped >> skipped >> skipped >> group >> session;
  CHECK(init.Text("self") == std::to_string(group) + "\n");
  CHECK(group == session);
  CHECK_FALSE(Contains(init.Text("fds"), "anon_inode"));
  CHECK_FALSE(Contains(init.Text("fds"), "socket:"));
  CHECK(init.Text("pwd") == init.Path("").substr(0, init.Path("").size() - 1) + "\n");
}

}  // namespace casemate::container::testing
