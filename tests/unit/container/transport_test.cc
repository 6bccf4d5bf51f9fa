// The client's transport against engines that break every promise.
#include "sandbox/container/engine/transport.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <latch>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "tests/unit/container/fake_engine.h"

namespace casemate::container {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kShort = 30;
// What a machine under load may add to a short time.
constexpr std::int64_t kGenerous = 3000;

std::unique_ptr<EngineTransport> Open(const std::string& socket) {
  auto transport = OpenTransport(socket);
  if (!transport) {
    FAIL(Describe(transport.error()));
  }
  return std::move(transport).value();
}

// The error of one exchange, which must come in time.
Error ErrorOf(const std::string& socket, const ExchangeOptions& options = {},
              const EngineRequest& request = {.target = "/x"}) {
  const auto transport = Open(socket);
  const std::int64_t began = MonotonicNs();
  const auto reply = transport->Exchange(request, options);
  CHECK((MonotonicNs() - began) / 1'000'000 < kShort + kGenerous);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().message.find(socket) != std::string::npos);
  return reply.error();
}

Error ErrorOf(const FakeEngine::Serve& serve, const ExchangeOptions& options = {}) {
  const FakeEngine engine(serve);
  return ErrorOf(engine.socket(), options);
}

TEST_CASE("A request and its answer, and the connection is used again", "[engine]") {
  std::mutex mutex;
  std::vector<std::string> seen;
  FakeEngine engine([&](FakeEngine::Peer& peer, int) {
    while (true) {
      const std::string request = peer.Request();
      const std::lock_guard lock(mutex);
      seen.push_back(request);
      if (request.empty() || !peer.Send(Answer("418 I'm a teapot", R"({"message":"no"})"))) {
        return;
      }
    }
  });
  const auto transport = Open(engine.socket());
  for (int i = 0; i < 3; ++i) {
    const auto reply = transport->Exchange({.method = "POST",
                                            .target = "/v1.41/containers/a%20b?x=1&y=%7B",
                                            .headers = {{"X-Registry-Auth", "e30="}},
                                            .body = "{}",
                                            .content_type = "application/json"},
                                           {});
    REQUIRE(reply);
    CHECK(reply->status == 418);
    CHECK(reply->body == R"({"message":"no"})");
  }
  CHECK(engine.connections() == 1);
  const std::lock_guard lock(mutex);
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].starts_with("POST /v1.41/containers/a%20b?x=1&y=%7B HTTP/1.1\r\n"));
  CHECK(seen[0].find("Host: localhost\r\n") != std::string::npos);
  CHECK(seen[0].find("X-Registry-Auth: e30=\r\n") != std::string::npos);
  CHECK(seen[0].find("Content-Length: 2\r\n") != std::string::npos);
  CHECK(seen[0].ends_with("\r\n\r\n{}"));
}

TEST_CASE("Answers without a body end at once", "[engine]") {
  for (const std::string status : {"204 No Content", "304 Not Modified"}) {
    FakeEngine engine(Saying("HTTP/1.1 " + status + "\r\n\r\n"));
    const auto transport = Open(engine.socket());
    for (int i = 0; i < 2; ++i) {
      const auto reply = transport->Exchange({.method = "POST", .target = "/x"}, {});
      REQUIRE(reply);
      CHECK(reply->status == std::stoi(status));
    }
    CHECK(engine.connections() == 1);
  }
}

TEST_CASE("Chunked answers, and those that end with the connection", "[engine]") {
  FakeEngine chunked(
      Saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n"
             "0\r\n\r\n"));
  const auto transport = Open(chunked.socket());
  for (int i = 0; i < 2; ++i) {
    const auto reply = transport->Exchange({.target = "/x"}, {});
    REQUIRE(reply);
    CHECK(reply->body == "abcde");
  }
  CHECK(chunked.connections() == 1);
  FakeEngine closing(SayingOnce("HTTP/1.1 200 OK\r\n\r\nall of it"));
  const auto reply = Open(closing.socket())->Exchange({.target = "/x"}, {});
  REQUIRE(reply);
  CHECK(reply->body == "all of it");
}

TEST_CASE("A kept connection that the engine has closed is replaced", "[engine]") {
  std::latch closed(1);
  FakeEngine engine([&](FakeEngine::Peer& peer, int number) {
    if (peer.Request().empty() || !peer.Send(Ok("{}")) || number > 1) {
      peer.Hold();
      return;
    }
    shutdown(peer.fd(), SHUT_RDWR);
    closed.count_down();
  });
  const auto transport = Open(engine.socket());
  REQUIRE(transport->Exchange({.target = "/x"}, {}));
  closed.wait();
  CHECK(transport->Exchange({.method = "POST", .target = "/x"}, {}));
  CHECK(engine.connections() == 2);
}

TEST_CASE("What was sent when the connection broke is repeated only if it is a GET", "[engine]") {
  // Answers the first request, and ends when the second is there.
  const auto serve = [](FakeEngine::Peer& peer, int number) {
    if (!peer.Request().empty() && peer.Send(Ok("{}")) && number == 1) {
      static_cast<void>(peer.Request());
    } else {
      peer.Hold();
    }
  };
  FakeEngine reading(serve);
  const auto reader = Open(reading.socket());
  REQUIRE(reader->Exchange({.target = "/x"}, {}));
  CHECK(reader->Exchange({.target = "/x"}, {}));
  CHECK(reading.connections() == 2);
  FakeEngine changing(serve);
  const auto changer = Open(changing.socket());
  REQUIRE(changer->Exchange({.method = "POST", .target = "/x"}, {}));
  const auto second = changer->Exchange({.method = "POST", .target = "/x"}, {});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::kUnavailable);
  CHECK(changing.connections() == 1);
}

TEST_CASE("Several threads have a connection each", "[engine]") {
  std::latch all(4);
  FakeEngine engine([&](FakeEngine::Peer& peer, int) {
    if (!peer.Request().empty()) {
      all.arrive_and_wait();
      peer.Send(Ok("{}"));
      peer.Hold();
    }
  });
  const auto transport = Open(engine.socket());
  std::atomic<int> fine = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { fine += transport->Exchange({.target = "/x"}, {}).ok() ? 1 : 0; });
    }
  }
  CHECK(fine == 4);
  CHECK(engine.connections() == 4);
}

TEST_CASE("Engines that hang are an error in time", "[engine]") {
  const auto hangs = [](const Error& error) {
    CAPTURE(error.message);
    CHECK(error.code == ErrorCode::kUnavailable);
    CHECK(error.message.find("hangs") != std::string::npos);
    CHECK_FALSE(error.remedy.empty());
  };
  const FakeEngine::Serve silent = [](FakeEngine::Peer& peer, int) { peer.Hold(); };
  hangs(ErrorOf(silent, {.idle_ms = kShort}));
  hangs(ErrorOf(silent, {.idle_ms = 0, .total_ms = kShort}));
  hangs(ErrorOf(FakeEngine::Serve([](FakeEngine::Peer& peer, int) {
                  peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
                  peer.Hold();
                }),
                {.idle_ms = kShort}));
  // What may say nothing for any time is heard to begin.
  hangs(ErrorOf(silent, {.idle_ms = 0, .head_ms = kShort}));
  hangs(ErrorOf(FakeEngine::Serve([](FakeEngine::Peer& peer, int) {
                  peer.Send("HTTP/1.1 200 OK\r\n");
                  peer.Hold();
                }),
                {.idle_ms = 0, .head_ms = kShort}));
  // Accepts nobody: the backlog takes one, or two.
  const FakeEngine deaf({}, 0);
  const auto transport = Open(deaf.socket());
  std::vector<std::jthread> threads;
  std::atomic<int> hung = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const auto reply = transport->Exchange(
          {.target = "/x"}, i % 2 == 0 ? ExchangeOptions{.idle_ms = kShort}
                                       : ExchangeOptions{.idle_ms = 0, .head_ms = kShort});
      hung += !reply && reply.error().message.find("hangs") != std::string::npos ? 1 : 0;
    });
  }
  threads.clear();
  CHECK(hung == 4);
}

TEST_CASE("The head of an answer is waited for only while nothing is sent", "[engine]") {
  constexpr int kLong = 4 * kShort;
  // Once it is there, the rest may take any time.
  const FakeEngine late([](FakeEngine::Peer& peer, int) {
    if (!peer.Request().empty() && peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n") &&
        peer.Pause(kLong)) {
      peer.Send("{}");
      peer.Hold();
    }
  });
  const ExchangeOptions patient{.idle_ms = 0, .head_ms = kShort};
  CHECK(Open(late.socket())->Exchange({.target = "/x"}, patient));
  const auto body_of = [](int pieces, int wait_ms) {
    return [left = pieces, wait_ms](std::string& chunk) mutable {
      std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
      chunk.assign(left > 0 ? std::size_t{1} << 16 : 0, 'x');
      --left;
      return Result<void>();
    };
  };
  const auto build = [&](const FakeEngine& engine, int pieces, int wait_ms) {
    return Open(engine.socket())
        ->Exchange({.method = "POST", .target = "/build", .body_source = body_of(pieces, wait_ms)},
                   patient);
  };
  // A request that takes long itself, and an engine that begins to answer before it has all of it.
  const FakeEngine reads([](FakeEngine::Peer& peer, int) {
    if (!peer.Request().empty()) {
      peer.Send(Ok("{}"));
      peer.Hold();
    }
  });
  CHECK(build(reads, 8, kShort / 2));
  const FakeEngine busy([](FakeEngine::Peer& peer, int) {
    if (peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n") && peer.Pause(kLong) &&
        !peer.Request().empty()) {
      peer.Send("{}");
      peer.Hold();
    }
  });
  CHECK(build(busy, 64, 0));
  // One that takes nothing of it, and one that takes it and then says nothing.
  const FakeEngine full([](FakeEngine::Peer& peer, int) { peer.Hold(); });
  const FakeEngine mute([](FakeEngine::Peer& peer, int) {
    if (!peer.Request().empty()) {
      peer.Hold();
    }
  });
  for (const FakeEngine* engine : {&full, &mute}) {
    const auto reply = build(*engine, 64, 0);
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == ErrorCode::kUnavailable);
    CHECK(reply.error().message.find("hangs") != std::string::npos);
  }
}

TEST_CASE("An engine that dribbles is held by the limit on all of it", "[engine]") {
  const FakeEngine::Serve dribble = [](FakeEngine::Peer& peer, int) {
    if (!peer.Send("HTTP/1.1 200 OK\r\n\r\n")) {
      return;
    }
    while (peer.Pause(1) && peer.Send(".")) {
    }
  };
  const Error error = ErrorOf(dribble, {.idle_ms = 5000, .total_ms = kShort});
  CHECK(error.code == ErrorCode::kUnavailable);
  CHECK(error.message.find("only a part") != std::string::npos);
}

TEST_CASE("Answers that break off, lie or are none", "[engine]") {
  for (const std::string& bytes :
       {std::string(""), std::string("HTTP/1.1 200 OK\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n"),
        std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string("\0\0\0\0\0\0\0\0", 8),
        std::string("HTTP/1.1 abc OK\r\n\r\n")}) {
    CAPTURE(bytes);
    const Error error = ErrorOf(SayingOnce(bytes));
    CHECK(error.code == ErrorCode::kUnavailable);
    CHECK_FALSE(error.remedy.empty());
  }
}

TEST_CASE("Answers are bounded: body, head and the lines between chunks", "[engine]") {
  const Error body = ErrorOf(Saying(Ok(std::string(2000, 'x'))), {.max_body_bytes = 1000});
  CHECK(body.code == ErrorCode::kResourceExhausted);
  CHECK(body.message.find("too large") != std::string::npos);
  const auto endless = [](std::string head, std::string more) {
    return [head = std::move(head), more = std::move(more)](FakeEngine::Peer& peer, int) {
      bool goes_on = !peer.Request().empty() && peer.Send(head);
      while (goes_on) {
        goes_on = peer.Send(more);
      }
    };
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  for (const auto& serve : {endless(ok, "A: b\r\n"), endless(ok, "A"),
                            endless(ok + "Transfer-Encoding: chunked\r\n\r\n", "0"),
                            endless(ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n")}) {
    const Error error = ErrorOf(FakeEngine::Serve(serve));
    CAPTURE(error.message);
    CHECK(error.code == ErrorCode::kUnavailable);
  }
  // A refusal is kept no matter what the caller takes, but no more than a message may be.
  const Error refusal = ErrorOf(Saying(Answer("500 no", std::string((1 << 20) + 1, 'x'))),
                                {.on_body = [](std::string_view) { return true; }});
  CHECK(refusal.code == ErrorCode::kResourceExhausted);
}

TEST_CASE("Many small chunks are no long line", "[engine]") {
  std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 30'000; ++i) {
    bytes += "1\r\nx\r\n";
  }
  FakeEngine engine(Saying(bytes + "0\r\n\r\n"));
  const auto reply = Open(engine.socket())->Exchange({.target = "/x"}, {});
  REQUIRE(reply);
  CHECK(reply->body.size() == 30'000);
}

TEST_CASE("A body that comes is given on as it comes, until it is enough", "[engine]") {
  FakeEngine engine([](FakeEngine::Peer& peer, int) {
    if (!peer.Request().empty()) {
      peer.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
      peer.Hold();
    }
  });
  const auto transport = Open(engine.socket());
  std::string got;
  const auto reply = transport->Exchange({.target = "/x"}, {.on_body = [&](std::string_view bytes) {
                                           got.append(bytes);
                                           return false;
                                         }});
  REQUIRE(reply);
  CHECK(reply->status == 200);
  CHECK(got == "abc");
  // The rest of that answer is no answer to the next request.
  CHECK(transport->Exchange({.target = "/x"}, {.on_body = [](std::string_view) { return false; }}));
  CHECK(engine.connections() == 2);
}

TEST_CASE("A call that is taken back ends at once, wherever it is", "[engine]") {
  const FakeEngine deaf({}, 0);
  std::latch asked(1);
  FakeEngine silent([&](FakeEngine::Peer& peer, int) {
    asked.count_down();
    peer.Hold();
  });
  const FakeEngine full([](FakeEngine::Peer& peer, int) { peer.Hold(); });
  const auto source = [](std::string& chunk) {
    chunk.assign(1 << 16, 'x');
    return Result<void>();
  };
  for (const auto& [socket, request] :
       {std::pair(deaf.socket(), EngineRequest{.target = "/x"}),
        std::pair(silent.socket(), EngineRequest{.target = "/x"}),
        std::pair(full.socket(),
                  EngineRequest{.method = "POST", .target = "/x", .body_source = source})}) {
    std::stop_source stop;
    Result<EngineReply> reply = Error{};
    {
      const auto transport = Open(socket);
      std::jthread thread(
          [&] { reply = transport->Exchange(request, {.idle_ms = 0, .stop = stop.get_token()}); });
      if (socket == silent.socket()) {
        asked.wait();
      }
      stop.request_stop();
    }
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == ErrorCode::kCancelled);
  }
}

TEST_CASE("A body in pieces is sent in chunks", "[engine]") {
  std::string seen;
  FakeEngine engine([&](FakeEngine::Peer& peer, int) {
    seen = peer.Request();
    peer.Send(Ok("{}"));
    peer.Hold();
  });
  int left = 3;
  const auto reply = Open(engine.socket())
                         ->Exchange({.method = "POST",
                                     .target = "/build",
                                     .content_type = "application/x-tar",
                                     .body_source =
                                         [&](std::string& chunk) {
                                           chunk = left-- > 0 ? "part" : "";
                                           return Result<void>();
                                         }},
                                    {});
  REQUIRE(reply);
  CHECK(seen.find("Content-Type: application/x-tar\r\n") != std::string::npos);
  CHECK(seen.ends_with("\r\n\r\n4\r\npart\r\n4\r\npart\r\n4\r\npart\r\n0\r\n\r\n"));
}

TEST_CASE("An error of the body's source breaks off, and is the result", "[engine]") {
  FakeEngine engine([](FakeEngine::Peer& peer, int) { static_cast<void>(peer.Request()); });
  const auto reply =
      Open(engine.socket())
          ->Exchange({.method = "POST",
                      .target = "/build",
                      .body_source = [](std::string&) -> Result<void> {
                        return Error{ErrorCode::kNotFound, "the file is gone", "f", {}, 0};
                      }},
                     {});
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == ErrorCode::kNotFound);
  CHECK(reply.error().message == "the file is gone");
}

TEST_CASE("What an engine answers in the middle of a body is the reply", "[engine]") {
  FakeEngine engine([](FakeEngine::Peer& peer, int) {
    while (peer.text().size() < 1000 && peer.More()) {
    }
    peer.Send("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno");
  });
  const auto reply = Open(engine.socket())
                         ->Exchange({.method = "POST",
                                     .target = "/build",
                                     .body_source =
                                         [](std::string& chunk) {
                                           chunk.assign(1 << 16, 'x');
                                           return Result<void>();
                                         }},
                                    {});
  REQUIRE(reply);
  CHECK(reply->status == 400);
  CHECK(reply->body == "no");
}

TEST_CASE("No engine: absent, dead, or not for this user", "[engine]") {
  const casemate::testing::TempDir dir;
  const Error absent = ErrorOf(dir / "none.sock");
  CHECK(absent.code == ErrorCode::kUnavailable);
  CHECK(absent.message.find("no such socket") != std::string::npos);
  std::string left_behind;
  {
    const FakeEngine engine({});
    left_behind = dir / "dead.sock";
    REQUIRE(link(engine.socket().c_str(), left_behind.c_str()) == 0);
  }
  const Error dead = ErrorOf(left_behind);
  CHECK(dead.code == ErrorCode::kUnavailable);
  CHECK(dead.message.find("no engine listens") != std::string::npos);
  CHECK(dead.remedy.find("systemctl start docker") != std::string::npos);
  const Error file = ErrorOf(dir.Write("file", ""));
  CHECK(file.code == ErrorCode::kUnavailable);
  const auto too_long = Open("/" + std::string(200, 'a'))->Exchange({.target = "/x"}, {});
  REQUIRE_FALSE(too_long);
  CHECK(too_long.error().code == ErrorCode::kInvalidArgument);
}

// As root every socket is for us: another user looks, in a process of its own.
TEST_CASE("A socket of a group is refused with the group to join", "[engine]") {
  if (geteuid() != 0) {
    WARN("skipped: needs root to become somebody else");
    return;
  }
  const FakeEngine engine({});
  const std::string dir = engine.socket().substr(0, engine.socket().rfind('/'));
  REQUIRE(chmod(dir.c_str(), 0755) == 0);
  REQUIRE(chmod(engine.socket().c_str(), 0660) == 0);
  REQUIRE(chown(engine.socket().c_str(), 0, 1) == 0);
  const auto transport = Open(engine.socket());
  std::vector<gid_t> groups(static_cast<std::size_t>(getgroups(0, nullptr)));
  REQUIRE(getgroups(static_cast<int>(groups.size()), groups.data()) >= 0);
  REQUIRE(setgroups(0, nullptr) == 0);
  REQUIRE(setegid(54321) == 0);
  REQUIRE(seteuid(54321) == 0);
  const auto reply = transport->Exchange({.target = "/x"}, {});
  REQUIRE(seteuid(0) == 0);
  REQUIRE(setegid(0) == 0);
  REQUIRE(setgroups(groups.size(), groups.data()) == 0);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == ErrorCode::kPermissionDenied);
  CHECK(reply.error().remedy.find("usermod -aG daemon") != std::string::npos);
}

}  // namespace
}  // namespace casemate::container
