#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "../temp_dir.h"
#include "http_fixture.h"

namespace casemate::http {
namespace {

using testing::Client;
using testing::Flag;
using testing::Get;
using testing::HasStatus;
using testing::Post;
using testing::TestServer;

TEST_CASE("a request is answered, and the connection is kept for the next") {
  TestServer server;
  Client client(server.address());
  const std::string first = client.Ask(Post("/echo?x=1", "hello"));
  CHECK(HasStatus(first, 200));
  CHECK(first.find("Content-Type: text/plain\r\n") != std::string::npos);
  CHECK(first.ends_with("\r\n\r\nPOST /echo?x=1 hello"));
  CHECK(client.Ask(Get("/two")).ends_with("GET /two "));
}

TEST_CASE("Connection: close and HTTP/1.0 end the connection after the answer") {
  TestServer server;
  Client client(server.address());
  client.Send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(client.ReadAll().find("Connection: close\r\n") != std::string::npos);
  Client old(server.address());
  old.Send("GET /a HTTP/1.0\r\n\r\n");
  CHECK(old.ReadAll().ends_with("\r\n\r\nGET /a "));
}

TEST_CASE("pipelined requests are answered in order") {
  TestServer server;
  Client client(server.address());
  std::string requests;
  for (int i = 0; i < 2000; ++i) {
    requests += Get("/" + std::to_string(i));
  }
  std::thread sender([&] { client.Send(requests); });
  int right = 0;
  for (int i = 0; i < 2000; ++i) {
    right += client.ReadResponse().ends_with("GET /" + std::to_string(i) + " ") ? 1 : 0;
  }
  sender.join();
  CHECK(right == 2000);
}

TEST_CASE("a pipelined request waits for the answer before it") {
  TestServer server;
  Client client(server.address());
  client.Send(Get("/hold") + Get("/second"));
  auto held = server.Take();
  held.responder->Send({200, {}, "first"});
  CHECK(client.ReadResponse().ends_with("first"));
  CHECK(client.ReadResponse().ends_with("GET /second "));
}

TEST_CASE("a chunked body arrives whole, byte by byte as well") {
  TestServer server;
  Client client(server.address());
  const std::string request =
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
  CHECK(client.Ask(request).ends_with("POST /c abcdefg"));
  for (const char byte : request) {
    client.Send({&byte, 1});
  }
  CHECK(client.ReadResponse().ends_with("POST /c abcdefg"));
}

TEST_CASE("Expect: 100-continue is granted before the body, and only for a body that is wanted") {
  TestServer server;
  Client client(server.address());
  const std::string head =
      "POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: ";
  CHECK(client.Ask(head + "3\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(client.Ask("abc").ends_with("POST /e abc"));
  CHECK(HasStatus(client.Ask(head + "999999999\r\n\r\n"), 413));
}

TEST_CASE("HEAD is answered without a body, 204 and 304 without a length") {
  TestServer server;
  Client client(server.address());
  client.Send("HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n" + Get("/hold"));
  const std::string head = client.ReadUntil("\r\n\r\n");
  CHECK(head.find("Content-Length: 8\r\n") != std::string::npos);
  server.Take().responder->Send({204, {}, "ignored"});
  const std::string none = client.ReadUntil("\r\n\r\n");
  CHECK(HasStatus(none, 204));
  CHECK(none.find("Content-Length") == std::string::npos);
  CHECK(client.Ask(Get("/x")).ends_with("GET /x "));
}

TEST_CASE("a responder destroyed unanswered answers 500, a handler that throws too") {
  TestServer server;
  Client client(server.address());
  CHECK(HasStatus(client.Ask(Get("/drop")), 500));
  CHECK(HasStatus(client.Ask(Get("/throw")), 500));
  client.Send(Get("/hold"));
  server.Take().responder.reset();
  CHECK(HasStatus(client.ReadResponse(), 500));
  CHECK(HasStatus(client.Ask(Get("/x")), 200));
}

TEST_CASE("a header with a line break does not split the response") {
  TestServer server;
  Client client(server.address());
  for (const Headers& headers : {Headers{{"X", "a\r\nSet-Cookie: b"}}, Headers{{"X\r\nY", "a"}}}) {
    client.Send(Get("/hold"));
    server.Take().responder->Send({200, headers, ""});
    const std::string response = client.ReadResponse();
    CHECK(HasStatus(response, 500));
    CHECK(response.find("Cookie") == std::string::npos);
  }
}

TEST_CASE("tasks run on the server's thread, once and again") {
  TestServer server;
  std::promise<std::thread::id> once;
  server.server().Post([&] { once.set_value(std::this_thread::get_id()); });
  const auto io_thread = once.get_future().get();
  CHECK(io_thread != std::this_thread::get_id());
  std::promise<void> thrice;
  std::atomic<int> count = 0;
  server.server().Every(std::chrono::milliseconds(1), [&] {
    if (++count == 3) {
      thrice.set_value();
    } else if (count == 1) {
      throw std::runtime_error("on purpose");  // ends neither the server nor the series
    }
  });
  CHECK(thrice.get_future().wait_for(testing::kPatience) == std::future_status::ready);
  server.server().Drain(std::chrono::milliseconds(0));
}

TEST_CASE("IPv6, and the peer's address") {
  TestServer server({}, {"::1", 0, "", {}});
  CHECK(server.address().starts_with("http://[::1]:"));
  Client client(server.address());
  client.Send(Get("/hold"));
  auto held = server.Take();
  CHECK(held.request.peer.is_loopback);
  CHECK_FALSE(held.request.peer.is_unix);
  CHECK_FALSE(held.request.peer.is_tls);
  CHECK(held.request.peer.address.starts_with("[::1]:"));
}

TEST_CASE("a unix socket knows its peer, is private, and goes with the server") {
  const casemate::testing::TempDir dir;
  const std::string path = dir / "s.sock";
  {
    TestServer server({}, {"unix", 0, path, {}});
    CHECK(server.address() == "unix:" + path);
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0600);
    Client client(server.address());
    client.Send(Get("/hold"));
    auto held = server.Take();
    CHECK(held.request.peer.is_unix);
    CHECK(held.request.peer.uid == ::getuid());
    CHECK_FALSE(held.request.peer.is_loopback);
  }
  CHECK(::access(path.c_str(), F_OK) != 0);
}

Result<std::unique_ptr<HttpServer>> ListenAt(const std::string& path) {
  return HttpServer::Listen({{"unix", 0, path, {}}}, {}, [](Request, auto) {});
}

TEST_CASE("a unix socket in use is left alone, a dead one replaced, another file kept") {
  const casemate::testing::TempDir dir;
  const std::string path = dir / "s.sock";
  {
    TestServer server({}, {"unix", 0, path, {}});
    const auto second = ListenAt(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == ErrorCode::kUnavailable);
    Client client(server.address());
    CHECK(HasStatus(client.Ask(Get("/x")), 200));
  }
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{AF_UNIX, {}};
    path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    REQUIRE(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  REQUIRE(::access(path.c_str(), F_OK) == 0);
  CHECK(ListenAt(path));
  CHECK_FALSE(ListenAt(dir.Write("file", "precious")));
  CHECK(::access((dir / "file").c_str(), F_OK) == 0);
  CHECK_FALSE(ListenAt(dir / std::string(200, 'x')));
  CHECK_FALSE(ListenAt(dir / "missing/s.sock"));
}

TEST_CASE("all endpoints or none, and the error names the one that failed") {
  TestServer first;
  const casemate::testing::TempDir dir;
  const std::string path = dir / "s.sock";
  const auto port = Client::PortOf(first.address());
  const auto none = HttpServer::Listen({{"unix", 0, path, {}}, {"127.0.0.1", port, "", {}}}, {},
                                       [](Request, auto) {});
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::kUnavailable);
  CHECK(none.error().field.find(std::to_string(port)) != std::string::npos);
  CHECK_FALSE(none.error().remedy.empty());
  CHECK(::access(path.c_str(), F_OK) != 0);
  CHECK_FALSE(HttpServer::Listen({{"localhost", 0, "", {}}}, {}, [](Request, auto) {}));
  CHECK_FALSE(HttpServer::Listen({{"", 0, "", {}}}, {}, [](Request, auto) {}));
}

TEST_CASE("a server that never started goes quietly") {
  const auto server = HttpServer::Listen({{"127.0.0.1", 0, "", {}}}, {}, [](Request, auto) {});
  REQUIRE(server);
  CHECK((*server)->Addresses().size() == 1);
}

TEST_CASE("drain closes what is idle, lets answers end, and cuts off the rest") {
  TestServer server;
  Client idle(server.address());
  CHECK(HasStatus(idle.Ask(Get("/x")), 200));
  Client busy(server.address());
  busy.Send(Get("/hold"));
  auto held = server.Take();
  Flag gone;
  held.responder->OnGone(gone.Setter());
  std::thread drain([&] { server.server().Drain(testing::kPatience); });
  CHECK(idle.ReadAll().empty());
  CHECK_FALSE(Client(server.address()).connected());
  held.responder->Send({200, {}, "done"});
  const std::string answer = busy.ReadAll();
  CHECK(answer.ends_with("done"));
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  drain.join();
  CHECK_FALSE(gone.IsSet());
}

TEST_CASE("half a request does not hold up a drain") {
  TestServer server;
  Client head(server.address());
  head.Send("GET / HT");
  Client body(server.address());
  body.Send("POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  CHECK(HasStatus(body.ReadUntil("\r\n\r\n"), 100));
  const auto begin = std::chrono::steady_clock::now();
  server.server().Drain(testing::kPatience);
  CHECK(std::chrono::steady_clock::now() - begin < testing::kPatience);
  CHECK(HasStatus(body.ReadAll(), 503));
}

TEST_CASE("a drain without patience cuts off streams and tells their producers") {
  TestServer server;
  Client client(server.address());
  client.Send(Get("/hold"));
  auto held = server.Take();
  Flag gone;
  held.responder->OnGone(gone.Setter());
  held.responder->Begin({200, {}, "a"});
  server.server().Drain(std::chrono::milliseconds(1));
  CHECK(gone.IsSet());
  CHECK_FALSE(held.responder->Write("b", false));
  Flag late;  // after the thread has ended
  held.responder->OnGone(late.Setter());
  CHECK(late.IsSet());
  CHECK_FALSE(client.ReadAll().ends_with("0\r\n\r\n"));
}

}  // namespace
}  // namespace casemate::http
