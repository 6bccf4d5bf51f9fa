// The transport by TCP and TLS: proxies, peers that hang, and ends that are none.
#include <latch>
#include <thread>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "sandbox/container/engine/transport.h"
#include "sandbox/container/registry/url.h"
#include "tests/unit/registry/fake_registry.h"
#include "tests/unit/registry/image_fixture.h"
#include "tests/unit/registry/real_registry.h"

namespace casemate::registry {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using container::OpenTcpTransport;
using container::TcpPeer;

TcpPeer At(int port, bool tls = false) {
  return {.host = "127.0.0.1", .port = static_cast<std::uint16_t>(port), .tls = tls};
}

TEST_CASE("By TCP: the head as it came, and what is sent before the body", "[registry]") {
  FakeRegistry peer([](const Request&) {
    return FakeRegistry::Answer{.bytes =
                                    "HTTP/1.1 100 Continue\r\n\r\n"
                                    "HTTP/1.1 200 OK\r\nLocation:/a?x=%26%2B%0d%0a \r\n"
                                    "Content-Length: 3\r\n\r\nabc"};
  });
  const auto transport = Must(OpenTcpTransport(At(peer.port())));
  std::string seen;
  for (int i = 0; i < 2; ++i) {
    const auto reply = Must(transport->Exchange(
        {.target = "/x"}, {.on_body =
                               [&](std::string_view bytes) {
                                 seen += bytes;
                                 return true;
                               },
                           .on_head =
                               [&](const container::EngineReply& head) {
                                 seen += std::to_string(head.status) + head.headers[0].second;
                                 return i == 0;
                               }}));
    CHECK(reply.status == 200);
    REQUIRE(reply.headers.size() == 2);
    CHECK(reply.headers[0].first == "Location");
    CHECK(reply.headers[0].second == "/a?x=%26%2B%0d%0a");
  }
  CHECK(seen == "200/a?x=%26%2B%0d%0aabc200/a?x=%26%2B%0d%0a");
}

TEST_CASE("A proxy is asked for a tunnel, and told its password", "[registry]") {
  FakeRegistry peer([](const Request&) { return Say("200 OK", "there"); });
  std::string asked;
  std::string answer = "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n";
  const Listener proxy([&](int fd, int stop, int) {
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos && ReceiveMore(fd, stop, text)) {
    }
    asked = text;
    if (!SendAll(fd, answer) || answer.find(" 200 ") == std::string::npos) {
      return;
    }
    const UniqueFd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(peer.port()));
    std::string request;
    std::string reply;
    if (connect(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
        ReceiveMore(fd, stop, request) && SendAll(server.get(), request) &&
        ReceiveMore(server.get(), stop, reply)) {
      SendAll(fd, reply);
    }
  });
  TcpPeer far{.host = "registry.example.com", .port = 5000, .tls = false};
  far.proxy = "http://me:p%40ss@" + proxy.address() + "/";
  const auto reply = Must(Must(OpenTcpTransport(far))->Exchange({.target = "/x"}, {}));
  CHECK(reply.body == "there");
  CHECK(asked.starts_with("CONNECT registry.example.com:5000 HTTP/1.1\r\n"));
  CHECK(asked.find("Proxy-Authorization: Basic bWU6cEBzcw==\r\n") != std::string::npos);
  answer = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
  const auto refused = Must(OpenTcpTransport(far))->Exchange({.target = "/x"}, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kUnavailable);
  CHECK(refused.error().message.find("407") != std::string::npos);
  CHECK(Describe(refused.error()).find("p@ss") == std::string::npos);
  for (const std::string bad :
       {"https://h:1", "http://", "http://h:x", "socks5://h:1", "http://h:0"}) {
    far.proxy = bad;
    CHECK_FALSE(OpenTcpTransport(far));
  }
}

TEST_CASE("The environment names the proxy, and for whom there is none", "[registry]") {
  // NOLINTBEGIN(concurrency-mt-unsafe): no thread of ours reads it now
  setenv("https_proxy", "http://p:1", 1);
  setenv("http_proxy", "http://q:1", 1);
  setenv("no_proxy", "a.example, .b.example,c.example:5000", 1);
  const auto proxy = [](const std::string& url) { return ProxyFor(Must(ParseUrl(url))); };
  CHECK(proxy("https://x.example/") == "http://p:1");
  CHECK(proxy("http://x.example/") == "http://q:1");
  for (const char* const url :
       {"https://a.example", "https://x.a.example", "https://b.example", "https://c.example:5000",
        "https://127.0.0.1", "http://localhost"}) {
    CHECK(proxy(url).empty());
  }
  CHECK_FALSE(proxy("https://c.example").empty());
  CHECK_FALSE(proxy("https://aa.example").empty());
  setenv("no_proxy", "*", 1);
  CHECK(proxy("https://x.example/").empty());
  for (const char* const name : {"https_proxy", "http_proxy", "no_proxy"}) {
    unsetenv(name);
  }
  // NOLINTEND(concurrency-mt-unsafe)
}

TEST_CASE("Peers that hang, by TCP and in the middle of TLS", "[registry]") {
  const Listener silent([](int fd, int stop, int) {
    std::string text;
    while (ReceiveMore(fd, stop, text)) {
    }
  });
  for (const bool tls : {false, true}) {
    const auto transport = Must(OpenTcpTransport(At(silent.port(), tls)));
    for (const auto& limits : {container::ExchangeOptions{.idle_ms = 40},
                               container::ExchangeOptions{.idle_ms = 0, .total_ms = 40}}) {
      const std::int64_t began = MonotonicNs();
      const auto reply = transport->Exchange({.target = "/x"}, limits);
      REQUIRE_FALSE(reply);
      CHECK(reply.error().code == ErrorCode::kUnavailable);
      CHECK((MonotonicNs() - began) / 1'000'000 < 5000);
    }
    std::stop_source stop;
    std::jthread stopping([&] { stop.request_stop(); });
    const auto reply =
        transport->Exchange({.target = "/x"}, {.idle_ms = 0, .stop = stop.get_token()});
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == ErrorCode::kCancelled);
  }
  const Listener proxy([](int fd, int stop, int) {
    std::string text;
    while (ReceiveMore(fd, stop, text)) {
    }
  });
  TcpPeer behind{.host = "registry.example.com", .port = 5000, .tls = false};
  behind.proxy = "http://" + proxy.address();
  CHECK_FALSE(Must(OpenTcpTransport(behind))->Exchange({.target = "/x"}, {.idle_ms = 40}));
}

TEST_CASE("A connection by TLS that was cut is replaced", "[registry][real]") {
  if (!HasRegistry()) {
    return;
  }
  const casemate::testing::TempDir dir;
  const Certificate certificate = MakeCertificate(dir, "server", "IP:127.0.0.1");
  RealRegistry registry({.certificate = certificate});
  const CuttingProxy proxy(registry.port(), 5'000, 100);
  TcpPeer peer = At(std::stoi(proxy.address().substr(10)), true);
  peer.ca_file = certificate.file;
  const auto transport = Must(OpenTcpTransport(peer));
  int fine = 0;
  for (int i = 0; i < 40; ++i) {
    const auto reply = transport->Exchange({.target = "/v2/"}, {});
    fine += reply.ok() ? 1 : 0;
    CHECK((!reply || (reply->status == 200 && reply->body == "{}")));
  }
  CHECK(fine >= 20);
  CHECK(proxy.connections() > 1);
}

}  // namespace
}  // namespace casemate::registry
