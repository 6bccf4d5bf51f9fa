#include <thread>

#include "http_fixture.h"

namespace casemate::http {
namespace {

using testing::Client;
using testing::Flag;
using testing::Get;
using testing::HasStatus;
using testing::Held;
using testing::TestServer;

TEST_CASE("a stream is sent in chunks as it is written, and the connection is kept") {
  TestServer server;
  Client client(server.address());
  client.Send(Get("/hold"));
  auto held = server.Take();
  Flag gone;
  held.responder->OnGone(gone.Setter());
  held.responder->Begin({200, {{"Content-Type", "text/event-stream"}}, "one"});
  const std::string head = client.ReadUntil("\r\n\r\n");
  CHECK(HasStatus(head, 200));
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(client.ReadUntil("one\r\n") == "3\r\none\r\n");
  CHECK(held.responder->Write("two", true));
  CHECK(client.ReadUntil("two\r\n") == "3\r\ntwo\r\n");
  CHECK(held.responder->Write("", false));  // not the end
  CHECK(held.responder->Write(std::string(20, 'x'), false));
  CHECK(client.ReadUntil("x\r\n") == "14\r\n" + std::string(20, 'x') + "\r\n");
  held.responder->End();
  CHECK(client.ReadUntil("0\r\n\r\n") == "0\r\n\r\n");
  CHECK_FALSE(held.responder->Write("late", false));
  CHECK(client.Ask(Get("/x")).ends_with("GET /x "));
  held.responder.reset();
  client.Close();
  server.server().Drain(std::chrono::milliseconds(0));
  CHECK_FALSE(gone.IsSet());
}

TEST_CASE("a responder destroyed in the middle of a stream ends it") {
  TestServer server;
  Client client(server.address());
  client.Send(Get("/hold"));
  {
    auto held = server.Take();
    held.responder->Begin({200, {}, "a"});
  }
  CHECK(client.ReadUntil("0\r\n\r\n").ends_with("1\r\na\r\n0\r\n\r\n"));
  CHECK(HasStatus(client.Ask(Get("/x")), 200));
}

TEST_CASE("to HTTP/1.0 a stream has no chunks and ends with the connection") {
  TestServer server;
  Client client(server.address());
  client.Send("GET /hold HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto held = server.Take();
  held.responder->Begin({200, {}, "a"});
  held.responder->Write("b", false);
  held.responder->End();
  const std::string response = client.ReadAll();
  CHECK(response.ends_with("\r\n\r\nab"));
  CHECK(response.find("chunked") == std::string::npos);
}

TEST_CASE("a peer that goes away is noticed while it waits and while it is streamed to") {
  TestServer server;
  const bool streaming = GENERATE(false, true);
  const int how = GENERATE(0, 1, 2);
  Client client(server.address());
  client.Send(Get("/hold"));
  auto held = server.Take();
  Flag gone;
  held.responder->OnGone(gone.Setter());
  if (streaming) {
    held.responder->Begin({200, {}, "a"});
    client.ReadUntil("a\r\n");
  }
  if (how == 0) {
    client.Close();
  } else if (how == 1) {
    client.Reset();
  } else {
    ::shutdown(client.fd(), SHUT_WR);  // counts as gone, too
  }
  CHECK(gone.Wait());
  CHECK_FALSE(held.responder->Write("x", false));
  Flag late;
  held.responder->OnGone(late.Setter());
  CHECK(late.Wait());
  held.responder->Send({200, {}, ""});  // quietly dropped
  held.responder->End();
}

TEST_CASE("a peer that does not read is cut off, and what is droppable is dropped before that") {
  Limits limits;
  limits.max_unread_bytes = 256 << 10;
  TestServer server(limits);
  Client client(server.address(), 4096);
  client.Send(Get("/hold"));
  auto held = server.Take();
  Flag gone;
  held.responder->OnGone(gone.Setter());
  held.responder->Begin({200, {}, ""});
  const std::string piece(16 << 10, 'x');
  int droppable = 0;
  while (held.responder->Write(piece, true)) {
    REQUIRE(++droppable < 100'000);
  }
  CHECK_FALSE(gone.IsSet());
  int kept = 0;
  while (held.responder->Write(piece, false)) {
    REQUIRE(++kept < 100'000);
  }
  CHECK(kept >= 11);  // three quarters of the limit are left for what is not droppable
  CHECK(gone.Wait());
}

TEST_CASE("a stream longer than every limit reaches a peer that reads") {
  Limits limits;
  limits.max_unread_bytes = 64 << 10;
  TestServer server(limits);
  Client client(server.address());
  client.Send(Get("/hold"));
  auto held = server.Take();
  held.responder->Begin({200, {}, ""});
  client.ReadUntil("\r\n\r\n");
  const std::string piece(100'000, 'x');
  for (int i = 0; i < 100; ++i) {
    REQUIRE(held.responder->Write(piece, false));
    REQUIRE(client.ReadUntil("x\r\n").size() == piece.size() + 9);
  }
}

TEST_CASE("an answer that nobody takes ends after write_time") {
  Limits limits;
  limits.write_time = std::chrono::milliseconds(50);
  TestServer server(limits);
  Client client(server.address(), 4096);
  client.Send(Get("/hold"));
  auto held = server.Take();
  Flag gone;
  held.responder->OnGone(gone.Setter());
  held.responder->Begin({200, {}, std::string(16 << 20, 'x')});
  CHECK(gone.Wait());
}

TEST_CASE("all answers together are bounded, and who leaves most unread pays") {
  Limits limits;
  limits.max_unread_bytes = 8 << 20;
  limits.max_unread_bytes_total = 8 << 20;
  TestServer server(limits);
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Held> streams;
  std::vector<Flag> gone(8);
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<Client>(server.address(), 4096));
    clients.back()->Send(Get("/hold"));
    streams.push_back(server.Take());
    streams.back().responder->OnGone(gone.at(static_cast<std::size_t>(i)).Setter());
    streams.back().responder->Begin({200, {}, ""});
    int pieces = 0;
    while (pieces < 8 && streams.back().responder->Write(piece, false)) {
      ++pieces;
    }
  }
  std::promise<void> settled;  // the I/O thread has seen all of it
  server.server().Post([&] { settled.set_value(); });
  settled.get_future().wait();
  CHECK(std::count_if(gone.begin(), gone.end(), [](Flag& flag) { return flag.IsSet(); }) >= 2);
  Client other(server.address());
  CHECK(HasStatus(other.Ask(Get("/x")), 200));
}

TEST_CASE("answers that nobody reads do not cost others theirs") {
  Limits limits;
  limits.max_unread_bytes_total = 8 << 20;
  TestServer server(limits);
  std::vector<std::unique_ptr<Client>> hoarders;
  Client other(server.address());
  for (int i = 0; i < 16; ++i) {
    hoarders.push_back(std::make_unique<Client>(server.address(), 4096));
    hoarders.back()->Send(Get("/hold"));
    server.Take().responder->Send({200, {}, std::string(6 << 20, 'x')});
    CHECK(HasStatus(other.Ask(Get("/large")), 200));
  }
}

TEST_CASE("beyond max_streams a stream is refused, and one that ends makes room") {
  Limits limits;
  limits.max_streams = 2;
  TestServer server(limits);
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Held> streams;
  const auto open = [&] {
    clients.push_back(std::make_unique<Client>(server.address()));
    clients.back()->Send(Get("/hold"));
    streams.push_back(server.Take());
    streams.back().responder->Begin({200, {}, "a"});
    return clients.back()->ReadUntil("\r\n\r\n");
  };
  CHECK(HasStatus(open(), 200));
  CHECK(HasStatus(open(), 200));
  CHECK(HasStatus(open(), 503));
  CHECK_FALSE(streams.back().responder->Write("b", false));
  Flag refused;
  streams.back().responder->OnGone(refused.Setter());
  CHECK(refused.Wait());
  Client whole(server.address());
  CHECK(HasStatus(whole.Ask(Get("/x")), 200));  // other answers go on
  streams.at(0).responder->End();
  CHECK(HasStatus(open(), 200));
  Flag gone;
  streams.at(1).responder->OnGone(gone.Setter());
  clients.at(1)->Close();
  CHECK(gone.Wait());
  CHECK(HasStatus(open(), 200));
}

TEST_CASE("many threads write to many streams while peers come and go") {
  TestServer server;
  std::vector<std::thread> producers;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 24; ++i) {
    clients.push_back(std::make_unique<Client>(server.address()));
    clients.back()->Send(Get("/hold"));
    producers.emplace_back([held = server.Take()] {
      Flag gone;
      held.responder->OnGone(gone.Setter());
      held.responder->Begin({200, {}, "begin"});
      for (int n = 0; n < 500; ++n) {
        held.responder->Write("event " + std::to_string(n), n % 2 == 0);
      }
      held.responder->End();
    });
  }
  int whole = 0;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (i % 3 == 0) {
      clients.at(i)->Reset();
    } else {
      whole += clients.at(i)->ReadUntil("\r\n0\r\n\r\n").find("event 499") != std::string::npos;
    }
  }
  for (auto& producer : producers) {
    producer.join();
  }
  CHECK(whole == 16);
}

}  // namespace
}  // namespace casemate::http
