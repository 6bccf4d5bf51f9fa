#include "mcp/transport/stdio/stdio_transport.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "base/file.h"

namespace casemate::mcp {
namespace {

constexpr int kPatienceMs = 30'000;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
  Pipe() {
    std::array<int, 2> fds{};
    REQUIRE(pipe2(fds.data(), O_CLOEXEC) == 0);
    read = UniqueFd(fds[0]);
    write = UniqueFd(fds[1]);
  }
};

EventFd MakeEvent() {
  auto event = EventFd::Create();
  REQUIRE(event);
  return *std::move(event);
}

// The client's two pipes and our transport between them.
struct Wire {
  Pipe input;
  Pipe output;
  EventFd stop = MakeEvent();
  std::shared_ptr<StdioTransport> transport;
  std::vector<std::string> lines;
  std::vector<std::size_t> oversized;

  // `output_flags`: O_NONBLOCK for our end of the output, as some hosts hand it over.
  explicit Wire(StdioOptions options = {}, int output_flags = 0) {
    REQUIRE(fcntl(output.write.get(), F_SETFL, output_flags) == 0);
    auto made = StdioTransport::Create(input.read.get(), output.write.get(), options, stop);
    REQUIRE(made);
    transport = *std::move(made);
    input.read.Reset();  // the transport has its own
    output.write.Reset();
  }
  void Run() {
    transport->Run([this](std::string_view line) { lines.emplace_back(line); },
                   [this](std::size_t limit) { oversized.push_back(limit); });
  }
  void Type(std::string_view bytes) const { REQUIRE(WriteAll(input.write.get(), bytes)); }
  // Everything until the transport closes its end.
  [[nodiscard]] std::string ReadAll() const {
    std::string all;
    std::array<char, 4096> chunk{};
    ssize_t got = 0;
    while ((got = read(output.read.get(), chunk.data(), chunk.size())) > 0) {
      all.append(chunk.data(), static_cast<std::size_t>(got));
    }
    return all;
  }
};

TEST_CASE("lines come in until the end of input, the last one without its end") {
  Wire wire({.max_line_bytes = 8});
  wire.Type("one\r\ntwo\n\n123456789\n12345678\nlast");
  wire.input.write.Reset();
  wire.Run();
  CHECK(wire.lines == std::vector<std::string>{"one", "two", "12345678", "last"});
  CHECK(wire.oversized == std::vector<std::size_t>{8});
}

TEST_CASE("messages go out one a line, in order") {
  Wire wire;
  wire.transport->Send("a", SendClass::kReply);
  wire.transport->Send("b", SendClass::kProgress);
  wire.transport->Send("c", SendClass::kReply);
  wire.transport->Close(kPatienceMs);
  wire.transport->Send("late", SendClass::kReply);
  wire.transport.reset();
  CHECK(wire.ReadAll() == "a\nb\nc\n");
}

TEST_CASE("a stop ends Run, even while input is there") {
  Wire wire;
  wire.Type("one\ntwo\n");
  wire.transport->Run(
      [&](std::string_view line) {
        wire.lines.emplace_back(line);
        wire.stop.Signal();
      },
      [](std::size_t) {});
  CHECK(wire.lines == std::vector<std::string>{"one"});
}

TEST_CASE("a client that is gone ends Run") {
  Wire wire;  // its input stays open
  SECTION("while nothing is being sent") {}
  SECTION("with output on its way") {
    wire.transport->Send("lost", SendClass::kReply);
  }
  wire.output.read.Reset();
  wire.Run();
  CHECK(wire.lines.empty());
  wire.transport->Send("lost too", SendClass::kReply);
  wire.transport->Close(kPatienceMs);
}

TEST_CASE("a message larger than pipe and queue goes through, blocking or not") {
  const bool non_blocking = GENERATE(false, true);
  Wire wire({.max_queued_bytes = 1000}, non_blocking ? O_NONBLOCK : 0);
  const std::string big(1 << 20, 'x');
  std::jthread sender([&] {
    for (int i = 0; i < 3; ++i) {
      wire.transport->Send(big, SendClass::kReply);
    }
    wire.transport->Close(kPatienceMs);
    wire.transport.reset();
  });
  CHECK(wire.ReadAll().size() == 3 * (big.size() + 1));
}

TEST_CASE("a client that does not read loses progress but no replies") {
  Wire wire({.max_queued_bytes = 4000});
  const std::string line(299, 'r');
  const std::string note(299, 'p');
  // More than a pipe holds.
  std::jthread sender([&] {
    for (int i = 0; i < 500; ++i) {
      wire.transport->Send(note, SendClass::kProgress);  // never blocks
      wire.transport->Send(line, SendClass::kReply);     // waits for room
    }
    wire.transport->Close(kPatienceMs);
    wire.transport.reset();
  });
  const std::string all = wire.ReadAll();
  std::size_t replies = 0;
  for (std::size_t at = 0; at < all.size(); at += 300) {
    CHECK(all[at + 299] == '\n');  // whole lines only
    replies += all[at] == 'r' ? 1 : 0;
  }
  CHECK(replies == 500);
}

TEST_CASE("progress is dropped when nobody reads, without blocking") {
  Wire wire({.max_queued_bytes = 4000});
  for (int i = 0; i < 1000; ++i) {
    wire.transport->Send(std::string(999, 'p'), SendClass::kProgress);
  }
  wire.transport->Close(0);
  wire.transport.reset();
  CHECK(wire.ReadAll().size() < 1'000'000);
}

// Otherwise a client that stops reading could keep a server from ending on SIGTERM.
TEST_CASE("whoever waits to send is let go when the connection ends") {
  Wire wire({.max_queued_bytes = 1000});
  std::latch started(1);
  std::atomic<bool> sent = false;
  const auto fill = [&] {
    started.count_down();
    for (int i = 0; i < 10; ++i) {
      wire.transport->Send(std::string(100'000, 'x'), SendClass::kReply);
    }
    sent = true;
  };
  SECTION("by a stop") {
    std::jthread sender(fill);
    started.wait();
    wire.stop.Signal();
    sender.join();
  }
  SECTION("by the end of input") {
    std::jthread sender(fill);
    started.wait();
    wire.input.write.Reset();
    wire.Run();
    sender.join();
  }
  SECTION("by the client going away") {
    std::jthread sender(fill);
    started.wait();
    wire.output.read.Reset();
    sender.join();
  }
  CHECK(sent);
  wire.transport->Close(0);  // abandons the rest
}

TEST_CASE("the reader itself is let go by a stop while it answers") {
  Wire wire({.max_queued_bytes = 1000});
  wire.Type("one\ntwo\nthree\n");
  std::latch reading(1);
  std::jthread stopper([&] {
    reading.wait();
    wire.stop.Signal();
  });
  wire.transport->Run(
      [&](std::string_view) {
        for (int i = 0; i < 10; ++i) {
          wire.transport->Send(std::string(100'000, 'x'), SendClass::kReply);
          if (i == 0) {
            reading.count_down();
          }
        }
      },
      [](std::size_t) {});
  wire.transport->Close(0);
}

// Otherwise a host that vanished while we owe it much would leave us behind.
TEST_CASE("the end of input is seen while output is not read") {
  Wire wire({.max_queued_bytes = 1000});
  wire.Type("one\ntwo\nthree\n");
  std::latch reading(1);
  std::jthread client([&] {
    reading.wait();
    wire.input.write.Reset();
  });
  wire.transport->Run(
      [&](std::string_view) {
        for (int i = 0; i < 10; ++i) {
          wire.transport->Send(std::string(100'000, 'x'), SendClass::kReply);
          if (i == 0) {
            reading.count_down();
          }
        }
      },
      [](std::size_t) {});
  wire.transport->Close(0);
}

TEST_CASE("a socket serves as well as a pipe") {
  std::array<int, 2> ends{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  UniqueFd client(ends[0]);
  UniqueFd server(ends[1]);
  const EventFd stop = MakeEvent();
  auto made = StdioTransport::Create(server.get(), server.get(), {}, stop);
  REQUIRE(made);
  server.Reset();
  std::shared_ptr<StdioTransport> transport = *std::move(made);
  REQUIRE(WriteAll(client.get(), "ping\n"));
  std::array<char, 64> buffer{};
  std::jthread reader([&] {  // an answer goes out when all that came with its request is read
    CHECK(read(client.get(), buffer.data(), buffer.size()) == 9);
    client.Reset();
  });
  transport->Run(
      [&](std::string_view line) {
        transport->Send("got " + std::string(line), SendClass::kReply);
      },
      [](std::size_t) {});
  reader.join();
  CHECK(std::string_view(buffer.data()) == "got ping\n");
}

// Banners, loggers and children must not write into the protocol, nor read from it.
TEST_CASE("standard input and output are taken over") {
  const UniqueFd old_in(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10));
  const UniqueFd old_out(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10));
  const UniqueFd old_err(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10));
  const Pipe input;
  Pipe output;
  Pipe errors;
  dup2(input.read.get(), STDIN_FILENO);
  dup2(output.write.get(), STDOUT_FILENO);
  dup2(errors.write.get(), STDERR_FILENO);
  const EventFd stop = MakeEvent();
  auto made = StdioTransport::Create(STDIN_FILENO, STDOUT_FILENO, {}, stop);
  const bool printed = write(STDOUT_FILENO, "banner", 6) == 6;
  std::array<char, 16> byte{};
  const ssize_t stolen = read(STDIN_FILENO, byte.data(), byte.size());
  dup2(old_in.get(), STDIN_FILENO);
  dup2(old_out.get(), STDOUT_FILENO);
  dup2(old_err.get(), STDERR_FILENO);
  REQUIRE(made);
  CHECK(printed);
  CHECK(stolen == 0);  // /dev/null
  (*made)->Send("message", SendClass::kReply);
  (*made)->Close(kPatienceMs);
  made->reset();
  output.write.Reset();
  errors.write.Reset();
  CHECK(read(output.read.get(), byte.data(), byte.size()) == 8);
  CHECK(std::string_view(byte.data(), 8) == "message\n");
  CHECK(read(output.read.get(), byte.data(), byte.size()) == 0);
  CHECK(read(errors.read.get(), byte.data(), byte.size()) == 6);
}

TEST_CASE("a descriptor that is not open is an error") {
  const EventFd stop = MakeEvent();
  const Pipe pipe;
  CHECK_FALSE(StdioTransport::Create(9999, pipe.write.get(), {}, stop));
  CHECK_FALSE(StdioTransport::Create(pipe.read.get(), 9999, {}, stop));
}

}  // namespace
}  // namespace casemate::mcp
