// The text for casemate_init: what is written is read the same, and nothing else is read.
#include "sandbox/container/init/config.h"

#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "sandbox/container/init_config/init_config.h"
#include "tests/unit/init/running_init.h"

namespace casemate::container {
namespace {

using testing::Contains;

struct Read {
  std::unique_ptr<init::Config> config = std::make_unique<init::Config>();
  init::Problem problem;
  bool is_read = false;
};

Read Parse(const std::string& text) {
  Read read;
  REQUIRE(text.size() <= init::kMaxText);
  text.copy(read.config->text, text.size());
  read.is_read = init::ParseConfig(*read.config, text.size(), read.problem);
  return read;
}

std::vector<std::string> Words(char** list) {
  std::vector<std::string> words;
  for (; list != nullptr && *list != nullptr; ++list) {
    words.emplace_back(*list);
  }
  return words;
}

InitApp App(const std::string& name, const std::vector<std::string>& after = {}) {
  InitApp app;
  app.name = name;
  app.argv = {"/bin/" + name};
  app.depends_on = after;
  return app;
}

InitConfig TwoApps() {
  InitApp web = App("web", {"core"});
  web.argv = {"node", "server.js", "", "two\nlines \\n"};
  web.directory = "/srv/my app";
  web.env = {{"PORT", "8080"}, {"EMPTY", ""}, {"spring.name", "a=b\n"}};
  web.health.kind = InitHealth::Kind::kHttp;
  web.health.port = 8080;
  web.health.path = "/health?full=1";
  web.health.start_period_s = 15;
  web.restart = InitRestart::kAlways;
  web.stop_signal = "SIGRTMIN+3";
  InitApp core = App("core");
  core.health.kind = InitHealth::Kind::kCommand;
  core.health.command = {"core", "--ping"};
  core.restart = InitRestart::kOnFailure;
  core.stop_timeout_s = 3;
  core.stop_signal = "QUIT";
  return InitConfig{{web, core}};
}

std::string Good() {
  const auto text = InitConfigText(TwoApps());
  REQUIRE(text);
  return *text;
}

std::string Refusal(const InitConfig& config) {
  const auto text = InitConfigText(config);
  return text ? "" : Describe(text.error());
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("the text for init is always the same and in the order of the starts") {
  CHECK(Good() ==
        "casemate-init 1\n"
        "app core\narg /bin/core\nhealth command\ncheck core\ncheck --ping\n"
        "interval_ms 30000\ntimeout_ms 5000\nretries 3\nstart_period_ms 0\n"
        "restart on_failure\nbackoff_ms 1000\nstop_timeout_ms 3000\nstop_signal 3\n"
        "app web\ndir /srv/my app\narg node\narg server.js\narg \narg two\\nlines \\\\n\n"
        "env PORT=8080\nenv EMPTY=\nenv spring.name=a=b\\n\nafter core\n"
        "health http 8080 /health?full=1\n"
        "interval_ms 30000\ntimeout_ms 5000\nretries 3\nstart_period_ms 15000\n"
        "restart always\nbackoff_ms 1000\nstop_timeout_ms 10000\nstop_signal 37\n"
        "end 2\n");
  CHECK(Good() == Good());
}

TEST_CASE("what was written for init is read the same") {
  const Read read = Parse(Good());
  REQUIRE(read.is_read);
  REQUIRE(read.config->app_count == 2);
  const init::App& core = read.config->apps[0];
  const init::App& web = read.config->apps[1];
  CHECK(std::string(core.name) == "core");
  CHECK(Words(core.argv) == std::vector<std::string>{"/bin/core"});
  CHECK(Words(core.env).empty());
  CHECK(core.env != nullptr);
  CHECK(core.directory == nullptr);
  CHECK(Words(core.check.command) == std::vector<std::string>{"core", "--ping"});
  CHECK(core.restart == init::Restart::kOnFailure);
  CHECK(core.stop_timeout_ms == 3000);
  CHECK(core.stop_signal == SIGQUIT);
  CHECK(Words(web.argv) == std::vector<std::string>{"node", "server.js", "", "two\nlines \\n"});
  CHECK(Words(web.env) == std::vector<std::string>{"PORT=8080", "EMPTY=", "spring.name=a=b\n"});
  CHECK(std::string(web.directory) == "/srv/my app");
  REQUIRE(web.after_count == 1);
  CHECK(web.after[0] == 0);
  CHECK(web.check.kind == init::CheckKind::kHttp);
  CHECK(web.check.port == 8080);
  CHECK(std::string(web.check.path) == "/health?full=1");
  CHECK(web.check.start_period_ms == 15000);
  CHECK(web.restart == init::Restart::kAlways);
}

TEST_CASE("every cut of the text for init is refused") {
  const std::string good = Good();
  for (std::size_t length = 0; length < good.size(); ++length) {
    if (Parse(good.substr(0, length)).is_read) {
      FAIL_CHECK("read with " << length << " bytes of " << good.size());
    }
  }
}

TEST_CASE("what init does not understand is refused with its line") {
  const std::string good = Good();
  struct Case {
    std::string text;
    int line;
    std::string what;
  };
  const std::vector<Case> cases = {
      {Replaced(good, "casemate-init 1", "casemate-init 2"), 1, "first line"},
      {Replaced(good, "retries 3", "colour red"), 9, "unknown key"},
      {Replaced(good, "retries 3\n", ""), 9, "`retries` is missing"},
      {Replaced(good, "retries 3", "retries 3\nretries 3"), 10, "twice"},
      {Replaced(good, "retries 3", "retries 03"), 9, "not a number"},
      {Replaced(good, "retries 3", "retries -3"), 9, "not a number"},
      {Replaced(good, "retries 3", "retries 3 "), 9, "not a number"},
      {Replaced(good, "retries 3", "retries 99999999999999999999"), 9, "not a number"},
      {Replaced(good, "retries 3", "retries"), 9, "a key, a space and a value"},
      {Replaced(good, "retries 3\n", "retries 3\r\n"), 9, "not a number"},
      {Replaced(good, "arg /bin/core\n", ""), 3, "`arg` is missing"},
      {Replaced(good, "arg /bin/core", "arg "), 3, "no name"},
      {Replaced(good, "arg /bin/core", "env A=b"), 3, "`arg` is missing"},
      {Replaced(good, "arg /bin/core", "arg /bin/\\core"), 3, "backslash"},
      {Replaced(good, "arg /bin/core", "arg /bin/core\\"), 3, "backslash"},
      {Replaced(good, "check core\ncheck --ping\n", ""), 5, "`check` is missing"},
      {Replaced(good, "health command", "health none"), 5, "without `health command`"},
      {Replaced(good, "health command", "health magic"), 4, "not a health check"},
      {Replaced(good, "http 8080 /", "http 0 /"), 25, "not a health check"},
      {Replaced(good, "http 8080 /", "http 8080 "), 25, "not a health check"},
      {Replaced(good, "/health?full=1", "/a b"), 25, "not a health check"},
      {Replaced(good, "app web", "app core"), 15, "have this name"},
      {Replaced(good, "app web", "app ../web"), 15, "not a name"},
      {Replaced(good, "dir /srv", "dir srv"), 16, "not an absolute"},
      {Replaced(good, "env PORT=8080", "env PORT"), 21, "NAME=VALUE"},
      {Replaced(good, "after core", "after web"), 24, "above this one"},
      {Replaced(good, "after core", "after core\nafter core"), 25, "twice"},
      {Replaced(good, "restart always", "restart sometimes"), 30, "not never"},
      {Replaced(good, "stop_signal 3\n", "stop_signal 65\n"), 14, "not a number"},
      {Replaced(good, "end 2", "end 1"), 34, "number of applications"},
      {good + "app more\n", 35, "follows"},
      {good + "\n", 35, "follows"},
      {Replaced(good, "casemate-init 1\n", "casemate-init 1\nend 1\n"), 2, "number"},
      {Replaced(good, "casemate-init 1\n", "casemate-init 1\narg x\n"), 2, "no `app`"},
      {Replaced(good, "server.js", std::string("a\0b", 3)), 18, "zero"},
      {std::string(init::kMaxText, 'x'), 1, "first line"},
      {"", 1, "first line"},
  };
  for (const Case& refused : cases) {
    const Read read = Parse(refused.text);
    INFO(refused.text);
    CHECK_FALSE(read.is_read);
    REQUIRE(read.problem.what != nullptr);
    CHECK(std::string(read.problem.what) != "");
    CHECK_THAT(read.problem.what, Catch::Contains(refused.what));
    CHECK(read.problem.line == refused.line);
  }
}

TEST_CASE("more than init has room for is refused") {
  std::string text = "casemate-init 1\napp a\n";
  for (int i = 0; i <= init::kMaxStrings; ++i) {
    text += "arg x\n";
  }
  CHECK_THAT(Parse(text).problem.what, Catch::Contains("too many"));
  InitConfig config{{App("a")}};
  config.apps[0].argv.assign(init::kMaxStrings - 5, "x");
  CHECK(Refusal(config) == "");
  CHECK(Parse(*InitConfigText(config)).is_read);
  config.apps[0].argv.emplace_back("x");
  CHECK(Contains(Refusal(config), "too long"));
  config.apps[0].argv = {"x", std::string(init::kMaxText, 'y')};
  CHECK(Contains(Refusal(config), "too long"));
  config.apps.clear();
  CHECK(Contains(Refusal(config), "0 applications"));
  for (int i = 0; i <= init::kMaxApps; ++i) {
    config.apps.push_back(App("a" + std::to_string(i)));
  }
  CHECK(Contains(Refusal(config), "17 applications"));
  config.apps.pop_back();
  CHECK(Parse(*InitConfigText(config)).is_read);
}

TEST_CASE("applications that wait for each other are refused with the cycle") {
  CHECK(Contains(Refusal({{App("x"), App("a", {"x", "b"}), App("b", {"c"}), App("c", {"a"})}}),
                 "wait for each other: a → b → c → a"));
  CHECK(Contains(Refusal({{App("a", {"a"})}}), "a → a"));
  // What only hangs on a cycle is no part of it.
  CHECK(Contains(Refusal({{App("w", {"a"}), App("a", {"b"}), App("b", {"a"})}}),
                 "wait for each other: a → b → a"));
  CHECK(Contains(Refusal({{App("a", {"nobody"})}}), "no application is called `nobody`"));
  CHECK(Contains(Refusal({{App("b"), App("a", {"b", "b"})}}), "twice"));
  CHECK(Contains(Refusal({{App("a"), App("a")}}), "two applications are called `a`"));
}

TEST_CASE("hostile names and values are refused, or are only values") {
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a\nend 1"), std::string("../a"),
        std::string("-a"), std::string("a\x1b[2J"), std::string("ä"), std::string(64, 'a'),
        std::string("a\0", 2), std::string("a/b")}) {
    INFO(name);
    CHECK(Contains(Refusal({{App(name)}}), "is not a name"));
  }
  const auto refused = [](const std::function<void(InitApp&)>& change) {
    InitConfig config{{App("a")}};
    change(config.apps[0]);
    return Refusal(config);
  };
  CHECK(Contains(refused([](InitApp& a) { a.argv.clear(); }), "no program"));
  CHECK(Contains(refused([](InitApp& a) { a.argv = {""}; }), "no program"));
  CHECK(Contains(refused([](InitApp& a) { a.argv = {"a", std::string("\0", 1)}; }), "zero byte"));
  CHECK(Contains(refused([](InitApp& a) { a.directory = "relative"; }), "not absolute"));
  CHECK(Contains(refused([](InitApp& a) { a.env = {{"A=B", "c"}}; }), "name of a variable"));
  CHECK(Contains(refused([](InitApp& a) { a.env = {{"A\nB", "c"}}; }), "name of a variable"));
  CHECK(Contains(refused([](InitApp& a) { a.env = {{"A", "1"}, {"A", "2"}}; }), "twice"));
  CHECK(Contains(refused([](InitApp& a) { a.stop_signal = "SIGNONE"; }), "not a signal"));
  CHECK(Contains(refused([](InitApp& a) { a.stop_signal = "0"; }), "not a signal"));
  CHECK(Contains(refused([](InitApp& a) { a.stop_signal = "RTMIN+31"; }), "not a signal"));
  CHECK(Contains(refused([](InitApp& a) { a.stop_timeout_s = -1; }), "stop_timeout"));
  CHECK(Contains(refused([](InitApp& a) { a.health.interval_s = 0; }), "interval"));
  CHECK(Contains(refused([](InitApp& a) { a.health.timeout_s = 86401; }), "timeout"));
  CHECK(Contains(refused([](InitApp& a) { a.health.retries = 0; }), "retries"));
  CHECK(Contains(refused([](InitApp& a) { a.health.kind = InitHealth::Kind::kTcp; }), "port"));
  CHECK(Contains(refused([](InitApp& a) { a.health.kind = InitHealth::Kind::kCommand; }),
                 "no program"));
  for (const std::string path : {"", "x", "/a b", "/a\r\nHost: evil", "/#a"}) {
    CHECK(Contains(refused([&](InitApp& a) {
                     a.health.kind = InitHealth::Kind::kHttp;
                     a.health.port = 80;
                     a.health.path = path;
                   }),
                   "health.path"));
  }
  // A value that looks like lines of the format stays a value.
  InitConfig config{{App("a")}};
  config.apps[0].argv = {"sh", "x\nrestart always\nend 1\n"};
  const Read read = Parse(*InitConfigText(config));
  REQUIRE(read.is_read);
  CHECK(Words(read.config->apps[0].argv) == config.apps[0].argv);
  CHECK(read.config->apps[0].restart == init::Restart::kNever);
}

TEST_CASE("init ends with 78 and the line for a file that it does not understand") {
  testing::RunningInit bad(Replaced(Good(), "retries 3", "colour red"));
  CHECK(bad.ExitCode() == 78);
  CHECK(Contains(bad.Log(), "init.conf:9: unknown key; nothing runs"));
  testing::RunningInit cut(Good().substr(0, 100));
  CHECK(cut.ExitCode() == 78);
  testing::RunningInit too_long(Good() + std::string(init::kMaxText, '\n'));
  CHECK(too_long.ExitCode() == 78);
  CHECK(Contains(too_long.Log(), "too long"));
}

}  // namespace casemate::container
