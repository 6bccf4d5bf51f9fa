// Against peers that break every promise.
#include "policies/opa/http_client.h"

#include <fcntl.h>

#include <functional>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "tests/unit/opa/fake_server.h"

namespace casemate::policies {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kPatience = 10'000;  // ms of a client that will get its answer
constexpr std::int64_t kShort = 25;
// What a machine under load may add to the short time.
constexpr std::int64_t kGenerous = 1000;
constexpr std::size_t kMaxBody = 1000;

HttpClient ClientOf(const FakeServer& server) {
  return {UniqueFd(open(server.dir.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), "opa.sock"};
}

Result<HttpReply> Post(HttpClient& client, std::int64_t ms = kPatience) {
  return client.Post("/v1/data/casemate/decision", R"({"input":{}})", MonotonicNs() + ms * kNsPerMs,
                     kMaxBody);
}

std::string Ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// The kind of failure, which must come in time.
std::string FailureOf(const FakeServer::Serve& serve, std::int64_t ms = kPatience) {
  FakeServer server(serve);
  HttpClient client = ClientOf(server);
  const std::int64_t began = MonotonicNs();
  const auto reply = Post(client, ms);
  CHECK((MonotonicNs() - began) / kNsPerMs < ms + kGenerous);
  REQUIRE_FALSE(reply);
  return reply.error().field;
}

// Answers the first request of a connection by exactly these bytes.
FakeServer::Serve Saying(std::string bytes) {
  return [bytes = std::move(bytes)](FakeServer::Peer& peer, int) {
    if (peer.Request()) {
      peer.Send(bytes);
      peer.Hold();
    }
  };
}

TEST_CASE("A connection serves several requests", "[opa][http]") {
  FakeServer server([](FakeServer::Peer& peer, int) {
    while (peer.Request()) {
      peer.Send(Ok("{}"));
    }
  });
  HttpClient client = ClientOf(server);
  for (int i = 0; i < 3; ++i) {
    const auto reply = Post(client);
    REQUIRE(reply);
    CHECK(reply->status == 200);
    CHECK(reply->body == "{}");
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("An answer may come in any pieces", "[opa][http]") {
  const std::string chunked =
      "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
  for (const std::string& text : {chunked, Ok("abcd")}) {
    FakeServer server([&](FakeServer::Peer& peer, int) {
      if (!peer.Request()) {
        return;
      }
      for (const char byte : text) {
        peer.Send({&byte, 1});
      }
      peer.Hold();
    });
    HttpClient client = ClientOf(server);
    const auto reply = Post(client);
    INFO((reply ? "" : reply.error().message));
    REQUIRE(reply);
    CHECK(reply->body == "abcd");
    CHECK(reply->status == (text == chunked ? 500 : 200));
  }
}

TEST_CASE("A peer that had closed a kept connection is asked once more", "[opa][http]") {
  FakeServer server([](FakeServer::Peer& peer, int) {
    if (peer.Request()) {
      peer.Send(Ok("{}"));  // and closes, although it said otherwise
    }
  });
  HttpClient client = ClientOf(server);
  CHECK(Post(client));
  CHECK(Post(client));
  CHECK(server.connections() == 2);
}

TEST_CASE("A second failure is one", "[opa][http]") {
  FakeServer server([](FakeServer::Peer& peer, int number) {
    if (peer.Request() && number == 1) {
      peer.Send(Ok("{}"));
    }
  });
  HttpClient client = ClientOf(server);
  REQUIRE(Post(client));
  const auto reply = Post(client);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().field == kOpaUnavailable);
  CHECK(server.connections() == 2);
}

TEST_CASE("A connection is not used again when the peer says or does so", "[opa][http]") {
  const std::string closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
  for (const std::string& text : {closing, Ok("{}") + "HTTP/1.1 200 OK\r\n"}) {
    FakeServer server([&](FakeServer::Peer& peer, int) {
      if (peer.Request()) {
        peer.Send(text);
      }
    });
    HttpClient client = ClientOf(server);
    CHECK(Post(client));
    CHECK(Post(client));
    CHECK(server.connections() == 2);
  }
}

TEST_CASE("Whatever a peer does, the deadline holds", "[opa][http]") {
  const auto forever = [](const std::string& head, const std::string& piece) {
    return [=](FakeServer::Peer& peer, int) {
      if (peer.Request() && peer.Send(head)) {
        while (peer.Send(piece) && peer.Wait(2)) {
        }
      }
    };
  };
  const std::string long_body = "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n";
  CHECK(FailureOf([](FakeServer::Peer& peer, int) { peer.Hold(); }, kShort) == kOpaTimeout);
  CHECK(FailureOf(Saying(""), kShort) == kOpaTimeout);
  CHECK(FailureOf(Saying("HTTP/1.1 200 OK\r\n"), kShort) == kOpaTimeout);
  CHECK(FailureOf(Saying(long_body + "a"), kShort) == kOpaTimeout);
  CHECK(FailureOf(forever("HTTP/1.1 200 OK\r\n", "A"), kShort) == kOpaTimeout);
  CHECK(FailureOf(forever(long_body, "a"), kShort) == kOpaTimeout);
}

TEST_CASE("A peer that accepts nobody is not waited for", "[opa][http]") {
  FakeServer server(nullptr);
  HttpClient client = ClientOf(server);
  const std::int64_t began = MonotonicNs();
  // Its backlog is full after the first ones.
  for (int i = 0; i < 8; ++i) {
    const auto reply = Post(client, kShort);
    REQUIRE_FALSE(reply);
    CHECK(reply.error().field == kOpaTimeout);
  }
  CHECK((MonotonicNs() - began) / kNsPerMs < 8 * kShort + kGenerous);
}

TEST_CASE("What is no bounded answer of HTTP is refused", "[opa][http]") {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  CHECK(FailureOf(Saying("{\"result\":{\"effect\":\"allow\"}}\r\n\r\n")) == kOpaReply);
  CHECK(FailureOf(Saying(head + "\r\n{}")) == kOpaReply);  // no length
  CHECK(FailureOf(Saying(head + "Content-Length: 1001\r\n\r\n")) == kOpaReply);
  CHECK(FailureOf(Saying(head + "Content-Length: -1\r\n\r\n")) == kOpaReply);
  CHECK(FailureOf(Saying(head + "Content-Length: 99999999999999999999\r\n\r\n")) == kOpaReply);
  CHECK(FailureOf(Saying(head + "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n")) == kOpaReply);
  CHECK(FailureOf(Saying(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n")) == kOpaReply);
  CHECK(FailureOf(Saying(head + "A: " + std::string(20000, 'a') + "\r\n\r\n")) == kOpaReply);
  CHECK(FailureOf([&](FakeServer::Peer& peer, int) {
          const std::string piece = "64\r\n" + std::string(100, 'a') + "\r\n";
          if (peer.Request() && peer.Send(head + "Transfer-Encoding: chunked\r\n\r\n")) {
            while (peer.Send(piece) && peer.Wait(0)) {
            }
          }
        }) == kOpaReply);
}

TEST_CASE("A peer that is not there, or goes, is unavailable", "[opa][http]") {
  CHECK(FailureOf([](FakeServer::Peer&, int) {}) == kOpaUnavailable);
  CHECK(FailureOf([](FakeServer::Peer& peer, int) {
          if (peer.Request()) {
            peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{");
          }
        }) == kOpaUnavailable);
  const casemate::testing::TempDir empty;
  HttpClient client(UniqueFd(open(empty.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
                    "opa.sock");
  const auto reply = Post(client);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().field == kOpaUnavailable);
}

}  // namespace
}  // namespace casemate::policies
