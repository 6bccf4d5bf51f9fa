// What the end of an application leads to.
#include <algorithm>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "tests/unit/init/running_init.h"

namespace casemate::container::testing {
namespace {

int Lines(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

constexpr const char* kIdle = "while :; do sleep 0.01; done";

}  // namespace

TEST_CASE("the end of an application that is never started again ends the container") {
  for (const auto& [script, code] :
       {std::pair{"exit 7", 7}, {"exit 0", 0}, {"kill -KILL $$", 137}, {"kill -TERM $$", 143}}) {
    RunningInit init(Apps{{.name = "idle", .script = kIdle}, {.name = "a", .script = script}});
    CHECK(init.ExitCode() == code);
    CHECK(Contains(init.Log(), "a: ended with code " + std::to_string(code)));
  }
}

TEST_CASE("a program that is not there or cannot run has the shell's codes") {
  const std::string text = TextOf("/", {{.name = "a", .script = "x"}});
  const auto with = [&](const std::string& program) {
    std::string changed = text;
    return changed.replace(changed.find("/bin/sh"), 7, program);
  };
  RunningInit missing(with("/no/such"));
  CHECK(missing.ExitCode() == 127);
  CHECK(Contains(missing.Log(), "a: cannot run /no/such: No such file or directory"));
  RunningInit directory(with("/etc"));
  CHECK(directory.ExitCode() == 126);
  std::string nowhere = text;
  nowhere.replace(nowhere.find("dir /"), 5, "dir /no/such");
  RunningInit elsewhere(nowhere);
  CHECK(elsewhere.ExitCode() == 127);
  CHECK(Contains(elsewhere.Log(), "a: cannot enter /no/such"));
}

TEST_CASE("an application that fails is started again, five times within a minute at most") {
  RunningInit init(
      Apps{{.name = "idle", .script = kIdle},
           {.name = "a", .script = "echo x >> starts; exit 3", .restart = "on_failure"}});
  CHECK(init.ExitCode() == 3);
  CHECK(Lines(init.Text("starts")) == 5);
  const std::string log = init.Log();
  for (const char* const pause : {"in 5 ms", "in 10 ms", "in 20 ms", "in 40 ms"}) {
    CHECK(Contains(log, std::string("a: ended with code 3; starts again ") + pause));
  }
  CHECK(Contains(log, "a: ended with code 3, 5 times within 60 s: given up"));
}

TEST_CASE("an application that failed and came back runs on") {
  RunningInit init(Apps{
      {.name = "a",
       .script = "echo x >> starts; [ $(wc -l < starts) -lt 3 ] && exit 1; " + std::string(kIdle),
       .restart = "on_failure"}});
  REQUIRE(init.UntilTold({"status"}, "restarts=2 last_exit=1 healthy"));
  CHECK(Until([&] { return Lines(init.Text("starts")) == 3; }));
  CHECK_FALSE(init.Ended());
}

TEST_CASE("an end with 0 is started again by always and not by on_failure") {
  RunningInit once(Apps{{.name = "a", .script = "echo x >> starts", .restart = "on_failure"}});
  CHECK(once.ExitCode() == 0);
  CHECK(Lines(once.Text("starts")) == 1);
  RunningInit always(Apps{{.name = "a", .script = "echo x >> starts", .restart = "always"}});
  CHECK(always.ExitCode() == 0);
  CHECK(Lines(always.Text("starts")) == 5);
}

TEST_CASE("a stop ends an application that waits for its next start") {
  RunningInit init(
      Apps{{.name = "a", .script = "exit 1", .restart = "always", .backoff_ms = 60'000}});
  REQUIRE(init.UntilTold({"status"}, "a backoff pid=- restarts=0 last_exit=1 unhealthy"));
  CHECK(Contains(init.Ask({"health"}).text, "a unhealthy ended with code 1; starts again"));
  init.Signal(SIGTERM);
  CHECK(init.ExitCode() == 0);
}

TEST_CASE("what an application left of its group ends before it is started again") {
  const std::string left = "(trap '' TERM; echo $$ > up; " + std::string(kIdle) + ")";
  RunningInit init(Apps{{.name = "a",
                         .script = "if [ -e child ]; then kill -0 $(cat child) 2>> /dev/null && "
                                   "echo alive >> result; echo again >> result; " +
                                   std::string(kIdle) + "; fi; " + left +
                                   " & echo $! > child; until [ -s up ]; do sleep 0.01; done; "
                                   "exit 1",
                         .restart = "on_failure",
                         .stop_timeout_ms = 50}});
  REQUIRE(Until([&] { return Contains(init.Text("result"), "again"); }));
  CHECK(init.Text("result") == "again\n");
  CHECK(Contains(init.Log(), "a: does not end within 50 ms: killed"));
}

}  // namespace casemate::container::testing
