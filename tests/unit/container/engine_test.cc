// The typed requests, against an engine that says what a test wants.
#include "sandbox/container/engine/engine.h"

#include <catch2/catch.hpp>

#include "tests/unit/container/fake_engine.h"

namespace casemate::container {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr const char* kVersion =
    R"({"Components":[{"Name":"Engine"}],"Version":"20.10.24","ApiVersion":"1.41"})";

// Knows who it is, and gives everything else one answer; keeps what it was asked.
class Scripted {
 public:
  explicit Scripted(std::string answer, std::string version = kVersion)
      : answer_(std::move(answer)), version_(Ok(version)), fake_([this](auto& peer, int) {
          std::string request;
          while (!(request = peer.Request()).empty()) {
            const bool about_itself =
                request.starts_with("GET /info ") || request.starts_with("GET /version ");
            if (about_itself) {
              peer.Send(version_);
              continue;
            }
            {
              const std::lock_guard lock(mutex_);
              asked_.push_back(request);
            }
            peer.Send(answer_);
            if (answer_.find("Content-Length") == std::string::npos) {
              return;
            }
          }
        }) {
    auto engine = Engine::Connect(fake_.socket());
    REQUIRE(engine);
    engine_ = std::move(engine).value();
  }
  [[nodiscard]] const Engine& engine() const { return *engine_; }
  // First line of the last request, and its body.
  [[nodiscard]] std::string line() { return Last().substr(0, Last().find("\r\n")); }
  [[nodiscard]] std::string body() { return Last().substr(Last().find("\r\n\r\n") + 4); }
  [[nodiscard]] std::size_t count() {
    const std::lock_guard lock(mutex_);
    return asked_.size();
  }

 private:
  std::string Last() {
    const std::lock_guard lock(mutex_);
    return asked_.empty() ? "" : asked_.back();
  }
  std::mutex mutex_;
  std::vector<std::string> asked_;
  const std::string answer_;
  const std::string version_;
  FakeEngine fake_;
  std::unique_ptr<Engine> engine_;
};

const std::string kId(64, 'a');

TEST_CASE("Each request is what the API has for it", "[engine]") {
  Scripted nothing(Answer("204 No Content", ""));
  const Engine& engine = nothing.engine();
  REQUIRE(engine.Start("web"));
  CHECK(nothing.line() == "POST /v1.41/containers/web/start HTTP/1.1");
  REQUIRE(engine.Stop("web", 7));
  CHECK(nothing.line() == "POST /v1.41/containers/web/stop?t=7 HTTP/1.1");
  REQUIRE(engine.Restart("web", -5));
  CHECK(nothing.line() == "POST /v1.41/containers/web/restart?t=0 HTTP/1.1");
  REQUIRE(engine.Kill("web", "SIG&x=1"));
  CHECK(nothing.line() == "POST /v1.41/containers/web/kill?signal=SIG%26x%3D1 HTTP/1.1");
  REQUIRE(engine.Pause("web"));
  CHECK(nothing.line() == "POST /v1.41/containers/web/pause HTTP/1.1");
  REQUIRE(engine.Unpause("web"));
  REQUIRE(engine.Remove("web", false));
  CHECK(nothing.line() == "DELETE /v1.41/containers/web?v=1 HTTP/1.1");
  REQUIRE(engine.Remove("web", true));
  CHECK(nothing.line() == "DELETE /v1.41/containers/web?v=1&force=1 HTTP/1.1");
  REQUIRE(engine.Update("web", {64, 1500, 0}));
  CHECK(nothing.body() == R"({"Memory":64,"NanoCpus":1500000000})");
  REQUIRE(engine.Update("web", {64, 0, 0}, 96));
  CHECK(nothing.body() == R"({"Memory":64,"MemorySwap":96})");
  REQUIRE(engine.Update("web", {0, 0, 5}, 96));
  CHECK(nothing.body() == R"({"PidsLimit":5})");
  Scripted list(Ok("[]"));
  REQUIRE(list.engine().List({false, {"a=b c"}}));
  CHECK(list.line() ==
        "GET /v1.41/containers/json?all=0&filters=%7B%22label%22%3A%5B%22a%3Db%20c%22%5D%7D "
        "HTTP/1.1");
  Scripted exec(Answer("201 Created", R"({"Id":"e1"})"));
  CHECK(*exec.engine().CreateExec("web", {{"a", "b"}, {"C=d"}, "/w", "7", true, false}) == "e1");
  CHECK(exec.body() == R"({"AttachStderr":true,"AttachStdin":true,"AttachStdout":true,)"
                       R"("Cmd":["a","b"],"Env":["C=d"],"Privileged":false,"Tty":false,)"
                       R"("User":"7","WorkingDir":"/w"})");
}

TEST_CASE("Names lead to no other request", "[engine]") {
  Scripted scripted(Ok("{}"));
  const Engine& engine = scripted.engine();
  for (const std::string& name :
       {std::string(), std::string("a/b"), std::string("../x"), std::string("a?b"),
        std::string("-a"), std::string("a b"), std::string("a\r\nb"), std::string("a%2fb"),
        std::string("ä"), std::string("a\0b", 3), std::string(256, 'a')}) {
    CAPTURE(name);
    CHECK(engine.Inspect(name).error().code == ErrorCode::kInvalidArgument);
    CHECK(engine.Stats(name).error().code == ErrorCode::kInvalidArgument);
    CHECK(engine.Start(name).error().code == ErrorCode::kInvalidArgument);
    CHECK(engine.Remove(name, true).error().code == ErrorCode::kInvalidArgument);
    CHECK(engine.Wait(name, {}).error().code == ErrorCode::kInvalidArgument);
    CHECK(engine.Update(name, {}).error().code == ErrorCode::kInvalidArgument);
    CHECK(engine.Attach(name, true).error().code == ErrorCode::kInvalidArgument);
    CHECK(engine.CreateExec(name, {}).error().code == ErrorCode::kInvalidArgument);
    CHECK(engine.StartExec(name, true).error().code == ErrorCode::kInvalidArgument);
    CHECK(engine.InspectExec(name).error().code == ErrorCode::kInvalidArgument);
    CHECK(engine.Logs(name, {}, {}, {}).error().code == ErrorCode::kInvalidArgument);
  }
  for (const char* image :
       {"", "/a", "a/../b", "a//b", "a/./b", "a?x", "a b", "a%2e", "a/", "-a"}) {
    CAPTURE(image);
    CHECK(engine.InspectImage(image).error().code == ErrorCode::kInvalidArgument);
    CHECK(engine.Pull(image, {}, {}).error().code == ErrorCode::kInvalidArgument);
  }
  CHECK(scripted.count() == 0);
}

TEST_CASE("Answers that say nothing are errors", "[engine]") {
  for (const char* answer :
       {"{}", "[]", "null", "\"x\"", "", "{", R"({"Id":"../x","StatusCode":"0"})"}) {
    CAPTURE(answer);
    Scripted scripted(Ok(answer));
    const Engine& engine = scripted.engine();
    CHECK(engine.Inspect("a").error().code == ErrorCode::kInternal);
    CHECK(engine.InspectImage("a").error().code == ErrorCode::kInternal);
    CHECK(engine.CreateExec("a", {}).error().code == ErrorCode::kInternal);
    CHECK(engine.Wait("a", {}).error().code == ErrorCode::kInternal);
    CHECK(engine.List({}).ok() == (std::string(answer) == "[]"));
  }
}

TEST_CASE("A log that breaks off within a frame, and frames that are none", "[engine]") {
  const std::string details = R"({"Id":")" + kId + R"(","Config":{"Tty":false}})";
  const auto logs = [&](const std::string& bytes, const LogRequest& request, std::string& target) {
    FakeEngine fake([&](FakeEngine::Peer& peer, int) {
      std::string asked;
      while (!(asked = peer.Request()).empty()) {
        if (asked.find("/logs") != std::string::npos) {
          target = asked.substr(0, asked.find("\r\n"));
          peer.Send("HTTP/1.1 200 OK\r\n\r\n" + bytes);
          return;
        }
        peer.Send(Ok(asked.find("/containers/") == std::string::npos ? kVersion : details));
      }
    });
    std::string seen;
    const auto result =
        (*Engine::Connect(fake.socket()))
            ->Logs("a", request,
                   [&](StdStream stream, std::string_view piece) {
                     seen += (stream == StdStream::kStdout ? "o" : "e") + std::string(piece);
                     return true;
                   },
                   {});
    return result ? seen : "error " + std::to_string(static_cast<int>(result.error().code));
  };
  using namespace std::string_literals;  // NOLINT(google-build-using-namespace)
  std::string target;
  CHECK(logs("\1\0\0\0\0\0\0\2ab\2\0\0\0\0\0\0\1c"s, {}, target) == "oabec");
  CHECK(target == "GET /v1.41/containers/a/logs?stdout=1&stderr=1&tail=all HTTP/1.1");
  CHECK(logs("", {5, 1500, 2007, false, true, true, false}, target).empty());
  CHECK(target ==
        "GET /v1.41/containers/a/logs?stdout=1&stderr=0&tail=5&since=1.500000000&"
        "until=2.007000000&timestamps=1 HTTP/1.1");
  CHECK(logs("\1\0\0\0\0\0\0\5ab"s, {}, target) == "error 3");
  CHECK(logs("plain text, not framed", {}, target) == "error 0");
}

TEST_CASE("Events: their query, and lines that are none", "[engine]") {
  Scripted scripted("HTTP/1.1 200 OK\r\n\r\n{\"Type\":\"image\",\"Action\":\"pull\",\"time\":5}\n");
  int count = 0;
  const auto sink = [&](const EngineEvent& event) {
    count += event.type == "image" && event.time_ns == 5'000'000'000 ? 1 : 0;
    return true;
  };
  REQUIRE(scripted.engine().Events({1'000'000'005, 2'000'000'000, {"image"}}, sink, {}));
  CHECK(count == 1);
  CHECK(scripted.line() ==
        "GET /v1.41/events?since=1.000000005&until=2.000000000&"
        "filters=%7B%22type%22%3A%5B%22image%22%5D%7D HTTP/1.1");
  Scripted broken("HTTP/1.1 200 OK\r\n\r\nnonsense\n" +
                  std::string((std::size_t{1} << 20) + 1, 'x') +
                  "\n{\"Type\":\"image\",\"Action\":\"pull\",\"time\":5}\n");
  count = 0;
  int unreadable = 0;
  REQUIRE(broken.engine().Events({0, 0, {}, [&] { ++unreadable; }}, sink, {}));
  CHECK(count == 1);
  CHECK(unreadable == 2);
  CHECK(broken.engine().Events({}, sink, {}));
}

// Answers who it is, and keeps silent on all else.
class Silent {
 public:
  Silent()
      : fake_([](FakeEngine::Peer& peer, int) {
          std::string request;
          while (!(request = peer.Request()).empty()) {
            if (!request.starts_with("GET /info ") && !request.starts_with("GET /version ")) {
              peer.Hold();
              return;
            }
            peer.Send(Ok(kVersion));
          }
        }) {
    auto engine = Engine::Connect(fake_.socket());
    REQUIRE(engine);
    engine_ = std::move(engine).value();
  }
  [[nodiscard]] const Engine& engine() const { return *engine_; }

 private:
  FakeEngine fake_;
  std::unique_ptr<Engine> engine_;
};

TEST_CASE("What is locked in an engine holds nobody longer than asked for", "[engine]") {
  const Silent silent;
  const Engine& engine = silent.engine();
  std::stop_source stopped;
  stopped.request_stop();
  for (const auto& [patience, code] :
       {std::pair(Patience{.total_ms = 50}, ErrorCode::kUnavailable),
        std::pair(Patience{.stop = stopped.get_token()}, ErrorCode::kCancelled)}) {
    CHECK(engine.Inspect("a", patience).error().code == code);
    CHECK(engine.Stats("a", patience).error().code == code);
    CHECK(engine.InspectImage("a", patience).error().code == code);
    CHECK(engine.CreateExec("a", {}, patience).error().code == code);
  }
  const auto log =
      engine.Logs("a", {}, [](StdStream, std::string_view) { return true; }, stopped.get_token());
  CHECK(log.error().code == ErrorCode::kCancelled);
}

TEST_CASE("An engine that was upgraded is not the one that was asked who it is", "[engine]") {
  const auto ping = [](const std::string& first, const std::string& then) {
    FakeEngine fake([&](FakeEngine::Peer& peer, int) {
      std::string request;
      while (!(request = peer.Request()).empty()) {
        const bool is_ping = request.starts_with("GET /_ping ");
        std::string answer = Ok(kVersion);
        answer.insert(answer.find("\r\n") + 2, is_ping ? then : first);
        peer.Send(answer);
      }
    });
    const auto engine = Engine::Connect(fake.socket());
    REQUIRE(engine);
    return (*engine)->Ping();
  };
  const std::string old = "Api-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\n";
  CHECK(ping(old, old));
  CHECK(ping(old, ""));
  CHECK(ping("", old));
  CHECK(ping(old, "api-version: 1.41\r\nSERVER: Docker/20.10.24 (linux)\r\n"));
  for (const std::string now : {"Api-Version: 1.41\r\nServer: Docker/28.0.1 (linux)\r\n",
                                "API-VERSION: 1.48\r\n", "server: Libpod/4.3.1 (linux)\r\n"}) {
    CAPTURE(now);
    const auto pinged = ping(old, now);
    REQUIRE_FALSE(pinged);
    CHECK(pinged.error().code == ErrorCode::kUnavailable);
    CHECK(pinged.error().message.find("another engine") != std::string::npos);
  }
}

TEST_CASE("A pull: one tag, progress, and its errors in the middle", "[engine]") {
  Scripted fine(
      "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"Pulling\",\"id\":\"a1\"}\n"
      "{\"status\":\"Done\\u001b\",\"progress\":\"[==]\"}\n");
  std::string told;
  REQUIRE(fine.engine().Pull("localhost:5000/a/b",
                             [&](std::string_view text) { told += std::string(text) + "|"; }, {}));
  CHECK(told == "a1: Pulling|Done\\x1b [==]|");
  CHECK(fine.line() ==
        "POST /v1.41/images/create?fromImage=localhost%3A5000%2Fa%2Fb%3Alatest HTTP/1.1");
  Scripted refused(
      "HTTP/1.1 200 OK\r\n\r\n{\"errorDetail\":{\"message\":\"no such host\"},\"error\":"
      "\"no such host\"}\n");
  const auto result = refused.engine().Pull("a:1", {}, {});
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::kUnavailable);
  CHECK(result.error().message.find("no such host") != std::string::npos);
}

}  // namespace
}  // namespace casemate::container
