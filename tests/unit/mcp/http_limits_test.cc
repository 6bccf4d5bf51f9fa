#include <sys/resource.h>

#include <thread>

#include "http_fixture.h"

namespace casemate::http {
namespace {

using std::chrono::milliseconds;
using testing::Client;
using testing::Get;
using testing::HasStatus;
using testing::Post;
using testing::TestServer;

const std::string kHead = "POST /x HTTP/1.1\r\nHost: h\r\n";

// Sends without end while the server lets it, and returns what it said.
std::string Flood(Client& client, const std::string& begin, const std::string& piece, int pieces) {
  std::thread sender([&] {
    bool open = client.Send(begin);
    for (int i = 0; open && i < pieces; ++i) {
      open = client.Send(piece);
    }
  });
  std::string said = client.ReadAll();
  sender.join();
  return said;
}

TEST_CASE("a header line of 100 MB, 200,000 headers and a chunked bomb are cut short") {
  TestServer server;
  Client other(server.address());
  Client line(server.address());
  CHECK(HasStatus(Flood(line, kHead + "X: ", std::string(1 << 20, 'x'), 100), 431));
  Client many(server.address());
  CHECK(HasStatus(Flood(many, kHead, "A: b\r\n", 200'000), 431));
  Client bomb(server.address());
  const std::string chunk = "10000\r\n" + std::string(1 << 16, 'x') + "\r\n";
  CHECK(HasStatus(Flood(bomb, kHead + "Transfer-Encoding: chunked\r\n\r\n", chunk, 1000), 413));
  Client target(server.address());
  CHECK(HasStatus(Flood(target, "GET /", std::string(1 << 20, 'x'), 10), 431));
  CHECK(HasStatus(other.Ask(Get("/x")), 200));
}

TEST_CASE("101 short headers are too many") {
  TestServer server;
  Client client(server.address());
  std::string headers = kHead;
  for (int i = 0; i < 100; ++i) {
    headers += "A: b\r\n";
  }
  CHECK(HasStatus(client.Ask(headers + "\r\n"), 431));
  CHECK(client.ReadAll().empty());
}

TEST_CASE("a giant declared length is refused before a byte of it is sent") {
  TestServer server;
  for (const char* length : {"4194305", "999999999999", "18446744073709551615"}) {
    Client client(server.address());
    client.Send(kHead + "Content-Length: " + length + "\r\n\r\n");
    const std::string answer = client.ReadAll();
    CHECK(HasStatus(answer, 413));
    CHECK(answer.find("Connection: close\r\n") != std::string::npos);
    CHECK(answer.find("{\"error\":") != std::string::npos);
  }
}

TEST_CASE("smuggled and malformed requests are answered 400 and closed") {
  TestServer server;
  for (const std::string& bad :
       {kHead + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        kHead + "Host: i\r\n\r\n", std::string("GET / HTTP/1.1\r\n\r\n"),
        std::string("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), kHead + "X: a\r\n b\r\n\r\n",
        std::string("\x16\x03\x01")}) {
    Client client(server.address());
    client.Send(bad + Get("/smuggled"));
    const std::string answer = client.ReadAll();
    CHECK(HasStatus(answer, 400));
    CHECK(answer.find("smuggled") == std::string::npos);
  }
}

TEST_CASE("clients that dribble are cut off by the clock, however busy they look") {
  Limits limits;
  limits.header_time = limits.body_time = milliseconds(60);
  limits.max_header_bytes = limits.max_body_bytes = 1 << 30;
  TestServer server(limits);
  for (const std::string& begin :
       {std::string("GET / HT"), kHead + "Content-Length: 5\r\n\r\nabc",
        kHead + "Transfer-Encoding: chunked\r\n\r\n3\r\na", std::string("\r\n\r")}) {
    Client client(server.address());
    client.Send(begin);
    CHECK(HasStatus(client.ReadAll(), 408));
  }
  for (const std::string& begin : {kHead + "X: ", kHead + "Content-Length: 900000000\r\n\r\n"}) {
    Client client(server.address());
    CHECK(HasStatus(Flood(client, begin, "x", 1 << 30), 408));  // a byte at a time, without pause
  }
}

TEST_CASE("a connection without a request is closed after idle_time, before and after one") {
  Limits limits;
  limits.idle_time = milliseconds(60);
  TestServer server(limits);
  Client mute(server.address());
  CHECK(mute.ReadAll().empty());
  Client client(server.address());
  CHECK(HasStatus(client.Ask(Get("/x")), 200));
  CHECK(client.ReadAll().empty());
}

TEST_CASE("an answer that takes longer than every read limit is waited for") {
  Limits limits;
  limits.idle_time = limits.header_time = limits.body_time = milliseconds(30);
  TestServer server(limits);
  Client mute(server.address());
  Client client(server.address());
  client.Send(Get("/hold"));
  auto held = server.Take();
  CHECK(mute.ReadAll().empty());  // by now the limits have passed
  Client later(server.address());
  CHECK(later.ReadAll().empty());
  held.responder->Send({200, {}, "patience"});
  CHECK(client.ReadResponse().ends_with("patience"));
}

TEST_CASE("bodies being read share one budget, which comes back") {
  Limits limits;
  limits.max_body_bytes_total = 300'000;
  TestServer server(limits);
  const std::string half(200'000, 'x');
  const auto begin = [&](Client& client) {
    client.Send(kHead + "Expect: 100-continue\r\nContent-Length: 200001\r\n\r\n");
    client.ReadUntil("\r\n\r\n");  // 100 Continue
    client.Send(half);
  };
  Client first(server.address());
  begin(first);
  Client second(server.address());
  begin(second);
  // Who has been sending longest gives way, not who comes later (attack: a few that send large
  // bodies and never end them).
  CHECK(HasStatus(first.ReadAll(), 503));
  CHECK(HasStatus(second.Ask("y"), 200));
  first.Close();
  second.Close();
  for (int i = 0; i < 3; ++i) {
    Client next(server.address());
    CHECK(HasStatus(next.Ask(Post("/x", half)), 200));
  }
}

TEST_CASE("a body beyond the common budget is refused") {
  Limits limits;
  limits.max_body_bytes_total = 100'000;
  TestServer server(limits);
  Client client(server.address());
  CHECK(HasStatus(
      Flood(client, kHead + "Content-Length: 200000\r\n\r\n", std::string(100'000, 'x'), 2), 503));
  Client next(server.address());
  CHECK(HasStatus(next.Ask(Post("/x", "small")), 200));
}

TEST_CASE("with max_connections busy a client is told so, and one that leaves makes room") {
  Limits limits;
  limits.max_connections = 3;
  TestServer server(limits);
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<testing::Held> held;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(server.address()));
    clients.back()->Send(Get("/hold"));
    held.push_back(server.Take());
  }
  for (int i = 0; i < 400; ++i) {  // more than are told
    Client refused(server.address());
    refused.Send(Get("/x"));
    const std::string said = refused.ReadAll();
    if (i < 100) {
      CHECK(HasStatus(said, 503));
    }
  }
  held.front().responder->Send({200, {}, "done"});
  CHECK(clients.front()->ReadResponse().ends_with("done"));
  Client next(server.address());
  CHECK(HasStatus(next.Ask(Get("/x")), 200));
}

TEST_CASE("with max_connections there, who has sent no request for longest gives way") {
  Limits limits;
  limits.max_connections = 4;
  TestServer server(limits);
  Client busy(server.address());
  busy.Send(Get("/hold"));
  auto held = server.Take();
  Client silent(server.address());
  Client half(server.address());
  half.Send(kHead + "X: ");
  Client idle(server.address());
  CHECK(HasStatus(idle.Ask(Get("/x")), 200));  // the last to begin its wait
  std::vector<std::unique_ptr<Client>> later;
  for (Client* const expected : {&silent, &half, &idle}) {
    later.push_back(std::make_unique<Client>(server.address()));
    CHECK(HasStatus(later.back()->Ask(Get("/x")), 200));
    CHECK(expected->ReadAll().empty());
  }
  for (const auto& client : later) {
    CHECK(HasStatus(client->Ask(Get("/x")), 200));
  }
  held.responder->Send({200, {}, "never in doubt"});
  CHECK(busy.ReadResponse().ends_with("never in doubt"));
}

TEST_CASE("2,000 idle connections cost others nothing") {
  TestServer server;
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 2000; ++i) {
    idle.push_back(std::make_unique<Client>(server.address()));
    REQUIRE(idle.back()->connected());
  }
  Client client(server.address());
  CHECK(HasStatus(client.Ask(Get("/x")), 200));
  CHECK(HasStatus(idle.front()->Ask(Get("/x")), 200));
  CHECK(HasStatus(idle.back()->Ask(Get("/x")), 200));
}

// Lowers the soft limit of open files to what is open, for the time of a scope.
class NoMoreFiles {
 public:
  NoMoreFiles() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const UniqueFd next(::dup(0));
    const rlimit none{static_cast<rlim_t>(next.get()), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoMoreFiles(const NoMoreFiles&) = delete;
  NoMoreFiles& operator=(const NoMoreFiles&) = delete;
  ~NoMoreFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_CASE("without descriptors the server waits, answers whom it has, and recovers") {
  TestServer server;
  Client first(server.address());
  CHECK(HasStatus(first.Ask(Get("/x")), 200));
  // Sockets made now, and connected when no further descriptor is to be had.
  sockaddr_in to{AF_INET, htons(Client::PortOf(server.address())), {htonl(INADDR_LOOPBACK)}, {}};
  std::array<UniqueFd, 3> clients;
  for (UniqueFd& client : clients) {
    client.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  }
  int connected = 0;
  int answered = 0;
  {
    const NoMoreFiles none;  // UBSan needs descriptors, too: no assertions in here
    for (const UniqueFd& client : clients) {
      connected += ::connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    }
    for (int i = 0; i < 100; ++i) {
      answered += HasStatus(first.Ask(Get("/x")), 200) ? 1 : 0;
    }
  }
  CHECK(connected == 3);
  CHECK(answered == 100);
  for (const UniqueFd& client : clients) {
    const std::string request = Get("/x");
    REQUIRE(::send(client.get(), request.data(), request.size(), 0) > 0);
    std::array<char, 512> answer{};
    CHECK(::recv(client.get(), answer.data(), answer.size(), 0) > 0);
  }
}

TEST_CASE("a client that asks and never reads is held back, then cut off") {
  Limits limits;
  limits.write_time = milliseconds(50);
  TestServer server(limits);
  Client client(server.address(), 4096);
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    requests += Get("/large");
  }
  while (client.Send(requests)) {
  }
  Client other(server.address());
  CHECK(HasStatus(other.Ask(Get("/x")), 200));
}

}  // namespace
}  // namespace casemate::http
