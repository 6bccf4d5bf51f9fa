// The tools about containers against an engine that says what a test wants.
#include "tools/container_tools.h"

#include <sys/resource.h>

#include <mutex>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/native/launcher_client.h"
#include "sandbox/native/runner.h"
#include "tests/unit/tools/scripted_engine.h"
#include "tools/catalog.h"

namespace casemate::tools {
namespace {

using container::test::Answer;
using container::test::FakeEngine;
using container::test::Ok;
using nlohmann::json;
using policies::ContainerRight;
using Policy = test::ContainerPolicy;
using Scripted = test::ScriptedEngine;
using test::kId;

std::string Frame(char stream, const std::string& bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  return std::string{stream,
                     0,
                     0,
                     0,
                     static_cast<char>(size >> 24),
                     static_cast<char>(size >> 16),
                     static_cast<char>(size >> 8),
                     static_cast<char>(size)} +
         bytes;
}

std::string LogTarget(const std::string& tail, const char* streams = "?stdout=1&stderr=1") {
  return "GET /v1.41/containers/" + kId + "/logs" + streams + "&tail=" + tail;
}

TEST_CASE("the tools describe themselves within what models can afford") {
  const Scripted engine;
  std::size_t bytes = 0;
  for (const char* name : {"container_status", "container_logs", "container_lifecycle"}) {
    const ToolSpec& spec = engine.tool(name).spec();
    CHECK(spec.toolset == "containers");
    CHECK(spec.annotations.read_only == (spec.name != "container_lifecycle"));
    CHECK(spec.annotations.destructive == (spec.name == "container_lifecycle"));
    bytes += spec.description.size() + spec.input_schema.dump().size();
  }
  CHECK(bytes < 5000);
}

TEST_CASE("what there is not is an error that says where to look") {
  Scripted engine;
  for (const auto& [name, args] :
       {std::pair("container_status", json{{"container", "ghost"}}),
        {"container_logs", json{{"container", "ghost"}}},
        {"container_lifecycle", json{{"action", "stop"}, {"container", "ghost"}}}}) {
    const auto prepared = engine.tool(name).Prepare(args, {});
    REQUIRE_FALSE(prepared);
    CHECK(prepared.error().code == ErrorCode::kNotFound);
    CHECK(prepared.error().field == "args.container");
    CHECK(prepared.error().remedy.find("container_status") != std::string::npos);
  }
  const auto wrong = engine.tool("container_logs").Prepare({{"container", "../x"}}, {});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().field == "args.container");
}

TEST_CASE("what a container wrote is a stranger's, unless the caller made it") {
  Scripted engine;
  engine.Has("web");
  const auto stranger = engine.Prepared("container_logs", {{"container", "web"}});
  CHECK(stranger->context()["untrusted"] == true);
  CHECK(stranger->context()["container"]["own"] == false);
  CHECK(stranger->normalised()["container"] == kId);
  // Labels of its image say that the caller made it.
  engine.Has("web", {{"Config", {{"Labels", {{"io.casemate.principal", "tester"}}}}}});
  CHECK(engine.Prepared("container_status", {{"container", "web"}})->context()["untrusted"] ==
        true);
}

TEST_CASE("logs show the last lines of both streams") {
  Scripted engine;
  engine.Has("web");
  engine.Say(LogTarget("2"), Ok(Frame(1, "out\n") + Frame(2, "\x1b[1merr\n")));
  const ToolResult result = engine.Call("container_logs", {{"container", "web"}, {"tail", 2}});
  REQUIRE_FALSE(result.is_error);
  CHECK(result.text == "out\n\\x1b[1merr\n");
  CHECK(result.structured["lines"] == 2);
  engine.Say(LogTarget("100", "?stdout=0&stderr=1"), Ok(Frame(2, "err")));
  CHECK(engine.Call("container_logs", {{"container", "web"}, {"stream", "stderr"}}).text ==
        "err\n");
}

TEST_CASE("logs are searched from the end, and the tail is of what matches") {
  Scripted engine;
  engine.Has("web");
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    all += Frame(1, "request " + std::to_string(i) + (i % 10 == 0 ? " failed\n" : "\n"));
  }
  engine.Say(LogTarget("200000"), Ok(all));
  const ToolResult result =
      engine.Call("container_logs", {{"container", "web"}, {"tail", 2}, {"grep", "fail(ed|ure)"}});
  CHECK(result.text == "request 980 failed\nrequest 990 failed\n[100 of 1000 lines match]\n");
  CHECK(result.structured["matched"] == 100);
}

TEST_CASE("logs that are too long for a reply are cut at the beginning, and say so") {
  Scripted engine;
  engine.Has("web");
  std::string all;
  for (int i = 0; i < 500; ++i) {
    all += Frame(1, "line " + std::to_string(i) + std::string(50, '.') + "\n");
  }
  engine.Say(LogTarget("1000"), Ok(all));
  const ToolResult result = engine.Call("container_logs", {{"container", "web"}, {"tail", 1000}});
  CHECK(result.text.size() < (std::size_t{8} << 10) + 200);
  CHECK(result.text.find("line 499.") != std::string::npos);
  CHECK(result.text.find("line 0.") == std::string::npos);
  CHECK(result.text.find(" earlier lines left out") != std::string::npos);
  CHECK(result.structured["left_out"].get<int>() > 0);
  const ToolResult whole =
      engine.Call("container_logs", {{"container", "web"}, {"tail", 1000}, {"max_kb", 64}});
  CHECK(whole.structured["lines"] == 500);
}

// The whole of a gibibyte goes by, and is not kept.
TEST_CASE("a log of one GiB takes little memory") {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  std::string line(1023, 'x');
  line += '\n';
  std::string piece;
  while (piece.size() < kPiece) {
    piece += line;
  }
  const std::string chunk = Frame(1, piece);
  FakeEngine fake([&](FakeEngine::Peer& peer, int) {
    std::string request;
    while (!(request = peer.Request()).empty()) {
      if (request.find("/logs") == std::string::npos) {
        peer.Send(request.find("/version") != std::string::npos
                      ? Ok(R"({"Version":"20.10.24","ApiVersion":"1.41"})")
                      : Ok(R"({"Id":")" + kId + R"(","Name":"/web","State":{"Status":"exited"}})"));
        continue;
      }
      peer.Send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
      for (int i = 0; i < 1024 && peer.Send(chunk); ++i) {
      }
      return;
    }
  });
  container::ContainersOptions options;
  options.socket = fake.socket();
  container::Containers containers(options);
  const auto tool = MakeContainerLogsTool(containers);
  auto prepared = tool->Prepare({{"container", "web"}, {"grep", "nowhere"}}, {});
  INFO((prepared ? std::string() : Describe(prepared.error())));
  REQUIRE(prepared);
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_SELF, &before);
  CallContext context;
  const ToolResult result = (*prepared)->Run(Policy::GrantOf({}), context);
  getrusage(RUSAGE_SELF, &after);
  INFO(result.text);
  REQUIRE_FALSE(result.is_error);
  CHECK(result.structured["searched"] == 1024 * 1024);
  CHECK(after.ru_maxrss - before.ru_maxrss < 64 * 1024);  // KiB
}

class Heard : public ProgressSink {
 public:
  void Report(double, std::optional<double>, std::string_view message) override {
    const std::lock_guard lock(mutex_);
    text_ += message;
  }
  [[nodiscard]] std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

TEST_CASE("what is followed is told as it comes, and ends with the container") {
  Scripted engine;
  engine.Has("web");
  engine.Say(LogTarget("100") + "&follow=1", Ok(Frame(1, "first\n") + Frame(1, "sec")));
  Heard heard;
  const ToolResult result =
      engine.Call("container_logs", {{"container", "web"}, {"follow_s", 50}}, {}, &heard);
  CHECK(heard.text() == "first\nsec\n");
  CHECK(result.text == "first\nsec\n[the output has ended: it does not run any more]\n");
}

TEST_CASE("to change a container takes the right to it") {
  Scripted engine;
  engine.Has("web");
  const std::string stop = "POST /v1.41/containers/" + kId + "/stop?t=10";
  engine.Say(stop, Answer("204 No Content", ""));
  const json args = {{"action", "stop"}, {"container", "web"}};
  const ToolResult refused = engine.Call("container_lifecycle", args);
  REQUIRE(refused.is_error);
  CHECK(refused.structured["error"]["kind"] == "permission_denied");
  CHECK(refused.text.find("`use`") != std::string::npos);
  CHECK_FALSE(engine.WasAsked(stop));
  const ToolResult stopped = engine.Call("container_lifecycle", args, {ContainerRight::kUse});
  INFO(stopped.text);
  CHECK_FALSE(stopped.is_error);
  CHECK(engine.WasAsked(stop));
  CHECK(stopped.structured["state"] == "exited");
}

TEST_CASE("what is as good as root takes a right of its own") {
  Scripted engine;
  engine.Has("web", {{"HostConfig", {{"Privileged", true}}}});
  const std::string kill = "POST /v1.41/containers/" + kId + "/kill?signal=SIGKILL";
  engine.Say(kill, Answer("204 No Content", ""));
  const json args = {{"action", "kill"}, {"container", "web"}};
  CHECK(engine.Prepared("container_lifecycle", args)->context()["container"]["dangers"] ==
        json({"privileged"}));
  const ToolResult refused = engine.Call("container_lifecycle", args, {ContainerRight::kUse});
  REQUIRE(refused.is_error);
  CHECK(refused.text.find("`privileged_targets`") != std::string::npos);
  CHECK_FALSE(engine.WasAsked(kill));
  CHECK_FALSE(engine
                  .Call("container_lifecycle", args,
                        {ContainerRight::kUse, ContainerRight::kPrivilegedTargets})
                  .is_error);
}

TEST_CASE("a container that runs is removed by force only") {
  Scripted engine;
  engine.Has("web");
  engine.Say("DELETE /v1.41/containers/" + kId + "?v=1",
             Answer("409 Conflict", R"({"message":"You cannot remove a running container"})"));
  engine.Say("DELETE /v1.41/containers/" + kId + "?v=1&force=1", Answer("204 No Content", ""));
  json args = {{"action", "remove"}, {"container", "web"}};
  const ToolResult refused = engine.Call("container_lifecycle", args, {ContainerRight::kUse});
  REQUIRE(refused.is_error);
  CHECK(refused.structured["error"]["field"] == "args.force");
  args["force"] = true;
  const ToolResult removed = engine.Call("container_lifecycle", args, {ContainerRight::kUse});
  CHECK_FALSE(removed.is_error);
  CHECK_FALSE(removed.structured.contains("state"));
}

TEST_CASE("an image that the configuration does not allow is not even asked for") {
  Scripted engine;
  for (const char* action : {"create", "pull"}) {
    const json args = {{"action", action}, {"image", "evil.example/x"}};
    CHECK(engine.Prepared("container_lifecycle", args)->context()["image"] ==
          json({{"reference", "evil.example/x:latest"}, {"allowed", false}, {"pinned", false}}));
    const ToolResult refused = engine.Call("container_lifecycle", args,
                                           {ContainerRight::kCreate, ContainerRight::kUnpinned});
    REQUIRE(refused.is_error);
    CHECK(refused.structured["error"]["kind"] == "permission_denied");
    CHECK(refused.structured["error"]["field"] == "args.image");
  }
  for (const std::string& line : engine.asked()) {
    CHECK(line.find("evil") == std::string::npos);
  }
}

TEST_CASE("an image is pulled with progress, and needs the rights for new containers") {
  Scripted engine;
  const json args = {{"action", "pull"}, {"image", "debian"}};
  const std::string pull =
      "POST /v1.41/images/create?fromImage=docker.io%2Flibrary%2Fdebian%3Alatest";
  engine.Say(pull, Ok("{\"status\":\"Pulling\",\"id\":\"latest\"}\n"));
  CHECK(engine.Call("container_lifecycle", args).is_error);
  CHECK(
      engine.Call("container_lifecycle", args, {ContainerRight::kCreate}).text.find("`unpinned`") !=
      std::string::npos);
  CHECK_FALSE(engine.WasAsked(pull));
  Heard heard;
  const std::vector<ContainerRight> rights = {ContainerRight::kCreate, ContainerRight::kUnpinned};
  CHECK(engine.Call("container_lifecycle", args, rights, &heard).is_error);  // it is not there yet
  CHECK(heard.text() == "latest: Pulling");
  engine.Say("GET /v1.41/images/docker.io/library/debian:latest/json",
             Ok(R"({"Id":"sha256:)" + std::string(64, 'b') + R"("})"));
  const ToolResult pulled = engine.Call("container_lifecycle", args, rights);
  INFO(pulled.text);
  CHECK_FALSE(pulled.is_error);
  CHECK(pulled.structured["image"] == "docker.io/library/debian:latest");
}

TEST_CASE("values of variables are hidden, and yet part of what an approval is for") {
  Scripted engine;
  const auto with = [&](const char* value) {
    return engine.Prepared(
        "container_lifecycle",
        {{"action", "create"}, {"image", "debian"}, {"env", {{"DB_PASSWORD", value}}}});
  };
  const auto first = with("hush-1");
  const auto second = with("hush-2");
  CHECK(first->normalised() == second->normalised());
  CHECK(first->normalised().dump().find("hush") == std::string::npos);
  CHECK(first->context().dump().find("hush") == std::string::npos);
  CHECK(first->context()["secrets"] == 1);
  CHECK(first->Unshown() != second->Unshown());
}

TEST_CASE("a list is asked for once, and its filters are told to policy") {
  Scripted engine;
  const json row = {{"Id", kId},
                    {"Names", {"/web"}},
                    {"Image", "debian"},
                    {"State", "exited"},
                    {"Status", "Exited (3)"}};
  engine.Say("GET /v1.41/containers/json?all=1&filters=%7B%22label%22%3A%5B%22tier%3Dweb%22%5D%7D",
             Ok(json::array({row}).dump()));
  const json args = {{"label", "tier=web"}, {"state", "exited"}};
  CHECK(engine.Prepared("container_status", args)->normalised() == args);
  const ToolResult result = engine.Call("container_status", args);
  INFO(result.text);
  CHECK(result.text == "web  Exited (3)  debian\n");
  CHECK(result.structured["total"] == 1);
  const auto both =
      engine.tool("container_status").Prepare({{"container", "web"}, {"state", "exited"}}, {});
  REQUIRE_FALSE(both);
  CHECK(both.error().field == "args.state");
}

// Two that run: `web`, which can be measured, and one of which the engine says nothing.
struct WithLocked {
  WithLocked() {
    json rows = json::array();
    for (const auto& [id, name] : {std::pair(kId, "/web"), std::pair(locked, "/locked")}) {
      rows.push_back({{"Id", id},
                      {"Names", {name}},
                      {"Image", "debian"},
                      {"State", "running"},
                      {"Status", "Up"}});
    }
    engine.Say("GET /v1.41/containers/json?all=1", Ok(rows.dump()));
    constexpr int kNoPid = 4'194'304;  // beyond what Linux gives
    engine.Has("web", {{"State", {{"Status", "running"}, {"Pid", kNoPid}}}});
    engine.Say("GET /v1.41/containers/" + kId + "/stats?stream=false&one-shot=true",
               Ok(R"({"read":"2026-01-01T00:00:00Z","memory_stats":{"usage":1048576}})"));
    engine.Say(asked_of_locked, "");
  }
  const std::string locked = std::string(64, 'b');
  const std::string asked_of_locked = "GET /v1.41/containers/" + locked + "/json";
  Scripted engine;
};

TEST_CASE("one that its engine has locked is listed without its figures") {
  WithLocked with;
  const std::int64_t begun_ns = MonotonicNs();
  const ToolResult result = with.engine.Call("container_status", json::object());
  CHECK(MonotonicNs() - begun_ns < 15'000'000'000);
  INFO(result.text);
  REQUIRE_FALSE(result.is_error);
  REQUIRE(result.structured["containers"].size() == 2);
  for (const json& row : result.structured["containers"]) {
    CHECK(row.contains("memory_bytes") == (row["name"] == "web"));
  }
}

TEST_CASE("a list that is taken back does not wait for one that its engine has locked") {
  WithLocked with;
  const auto call = with.engine.Prepared("container_status", json::object());
  std::jthread caller([&](const std::stop_token& stop) {
    CallContext context;
    context.principal.id = "tester";
    context.raw_output = true;
    context.stop = stop;
    call->Run(Policy::GrantOf({}), context);
  });
  const std::int64_t deadline_ns = MonotonicNs() + 10'000'000'000;
  while (!with.engine.WasAsked(with.asked_of_locked) && MonotonicNs() < deadline_ns) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const std::int64_t stopped_ns = MonotonicNs();
  caller.request_stop();
  caller.join();
  CHECK(MonotonicNs() - stopped_ns < 3'000'000'000);
}

TEST_CASE("the status of one that failed says why and what to do") {
  Scripted engine;
  engine.Has("web");
  engine.Say(LogTarget("50"), Ok(Frame(2, "cannot open config.yaml: broken\n")));
  const ToolResult result = engine.Call("container_status", {{"container", "web"}});
  INFO(result.text);
  REQUIRE_FALSE(result.is_error);
  CHECK(result.text.find("web (aaaaaaaaaaaa): exited") == 0);
  CHECK(result.text.find("exit code 3") != std::string::npos);
  CHECK(result.text.find("Next: ") != std::string::npos);
  CHECK_FALSE(result.structured["container"]["diagnosis"].get<std::string>().empty());
}

TEST_CASE("the catalog takes the tools: their schemas are of what is checked") {
  container::Containers containers({});
  auto started =
      sandbox::LauncherClient::Start("unit-ctools-" + RandomHex(8), sandbox::Mode::kStrict, 0, {});
  REQUIRE(started);
  sandbox::SandboxRunner runner(**started);
  Catalog catalog;
  for (auto& tool : MakeContainerTools(containers, runner, {})) {
    const auto added = catalog.Add(std::move(tool));
    INFO((added ? std::string() : Describe(added.error())));
    CHECK(added);
  }
}

}  // namespace
}  // namespace casemate::tools
