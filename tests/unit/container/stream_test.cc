#include "sandbox/container/engine/stream.h"

#include <poll.h>
#include <unistd.h>

#include <thread>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "tests/unit/container/fake_engine.h"

namespace casemate::container {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::string_view kUpgraded =
    "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

std::string Frame(int stream, std::string_view bytes) {
  std::string frame(8, '\0');
  frame[0] = static_cast<char>(stream);
  for (std::size_t i = 0; i < 4; ++i) {
    frame[4 + i] = static_cast<char>(bytes.size() >> (24 - 8 * i));
  }
  return frame + std::string(bytes);
}

Result<EngineStream> Open(const std::string& socket, std::int64_t ms = 10'000,
                          const std::stop_token& stop = {}) {
  return EngineStream::Open(socket, "/v1.41/exec/abc/start", R"({"Tty":false})", false,
                            "starting the command", MonotonicNs() + ms * 1'000'000, stop);
}

// All pieces as "stream:bytes", joined where they belong to one frame.
std::string Decoded(FrameDecoder& decoder, std::string_view bytes, std::size_t cut) {
  std::string all;
  char last = 0;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, cut);
    bytes.remove_prefix(part.size());
    while (true) {
      const auto piece = decoder.Next(part);
      if (!piece) {
        return "error: " + piece.error().message;
      }
      if (!piece->has_value()) {
        break;
      }
      const char name = (*piece)->stream == StdStream::kStdout ? 'o' : 'e';
      all += (name == last ? "" : std::string(1, name) + ":") + std::string((*piece)->bytes);
      last = name;
    }
  }
  return all;
}

TEST_CASE("Frames are taken apart however they are cut", "[engine][stream]") {
  const std::string bytes =
      Frame(1, "one") + Frame(2, "") + Frame(2, "two") + Frame(1, "three") + Frame(3, "four");
  for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
    FrameDecoder decoder(false);
    CHECK(Decoded(decoder, bytes, cut) == "o:onee:twoo:threee:four");
    CHECK(decoder.is_between());
  }
  FrameDecoder raw(true);
  CHECK(Decoded(raw, bytes, 7) == "o:" + bytes);
  FrameDecoder open(false);
  CHECK(Decoded(open, Frame(1, "abc").substr(0, 9), 100) == "o:a");
  CHECK_FALSE(open.is_between());
}

TEST_CASE("Frames of streams that do not exist are errors", "[engine][stream]") {
  for (const int stream : {0, 4, 72, 255}) {
    FrameDecoder decoder(false);
    CHECK(Decoded(decoder, Frame(stream, "x"), 3).starts_with("error: "));
  }
  FrameDecoder text(false);
  CHECK(Decoded(text, "\001HTTP/1.1 200 OK", 100).starts_with("error: "));
}

TEST_CASE("An upgraded connection carries bytes both ways, and early ones", "[engine][stream]") {
  for (const std::string& head :
       {std::string(kUpgraded), std::string("HTTP/1.1 200 OK\r\nContent-Type: x\r\n\r\n")}) {
    std::string request;
    FakeEngine engine([&](FakeEngine::Peer& peer, int) {
      request = peer.Request();
      peer.Send(head + Frame(1, "early"));
      while (peer.More()) {
      }
      peer.Send(Frame(2, peer.text()));
    });
    auto stream = Open(engine.socket());
    REQUIRE(stream);
    std::string all = stream->TakeEarly();
    CHECK(stream->TakeEarly().empty());
    REQUIRE(write(stream->fd(), "input", 5) == 5);
    REQUIRE(stream->CloseStdin());
    while (true) {
      pollfd entry = {stream->fd(), POLLIN, 0};
      REQUIRE(poll(&entry, 1, 10'000) == 1);
      char buffer[100];
      const ssize_t got = read(stream->fd(), buffer, sizeof(buffer));
      if (got <= 0) {
        break;
      }
      all.append(buffer, static_cast<std::size_t>(got));
    }
    CHECK(Decoded(stream->decoder(), all, 1000) == "o:earlye:input");
    CHECK(request.starts_with("POST /v1.41/exec/abc/start HTTP/1.1\r\n"));
    CHECK(request.find("Connection: Upgrade\r\nUpgrade: tcp\r\n") != std::string::npos);
    CHECK(request.ends_with("\r\n\r\n{\"Tty\":false}"));
  }
}

TEST_CASE("A stream that is refused says why", "[engine][stream]") {
  const std::string words = R"({"message":"Container abc is not running"})";
  const std::string hex = "2A\r\n" + words + "\r\n0\r\n\r\n";
  for (const std::string& answer :
       {Answer("409 Conflict", words),
        "HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n" + hex}) {
    FakeEngine engine([&](FakeEngine::Peer& peer, int) {
      static_cast<void>(peer.Request());
      for (const char c : answer) {
        peer.Send({&c, 1});
      }
      peer.Hold();  // the connection is kept
    });
    const auto stream = Open(engine.socket());
    REQUIRE_FALSE(stream);
    CHECK(stream.error().code == ErrorCode::kInvalidArgument);
    CHECK(stream.error().message ==
          "starting the command: the engine answered 409: Container abc is not running");
  }
}

TEST_CASE("Heads that break off, hang, have no end or are none", "[engine][stream]") {
  for (const std::string& bytes :
       {std::string(), std::string("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n"),
        std::string("SSH-2.0-OpenSSH\r\n\r\n"), std::string("HTTP/1.1 1x1 UP\r\n\r\n"),
        std::string("HTTP/1.1 1010 UP\r\n\r\n"), std::string("HTTP/2 200\r\n\r\n"),
        "HTTP/1.1 101 UPGRADED\r\n" + std::string(100'000, 'A')}) {
    CAPTURE(bytes.substr(0, 50));
    FakeEngine engine(SayingOnce(bytes));
    const auto stream = Open(engine.socket());
    REQUIRE_FALSE(stream);
    CHECK(stream.error().code == ErrorCode::kUnavailable);
  }
  FakeEngine silent([](FakeEngine::Peer& peer, int) { peer.Hold(); });
  const auto late = Open(silent.socket(), 30);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ErrorCode::kUnavailable);
  FakeEngine half([](FakeEngine::Peer& peer, int) {
    peer.Send("HTTP/1.1 500 x\r\n\r\n{");
    peer.Hold();
  });
  CHECK_FALSE(Open(half.socket(), 30));
  std::stop_source stop;
  Result<void> cancelled;
  {
    const std::jthread thread([&] {
      if (auto stream = Open(silent.socket(), 60'000, stop.get_token()); !stream) {
        cancelled = std::move(stream).error();
      }
    });
    stop.request_stop();
  }
  REQUIRE_FALSE(cancelled);
  CHECK(cancelled.error().code == ErrorCode::kCancelled);
}

}  // namespace
}  // namespace casemate::container
