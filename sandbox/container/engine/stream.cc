#include "sandbox/container/engine/stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "sandbox/container/engine/answer.h"
#include "sandbox/container/engine/unix_socket.h"

namespace casemate::container {
namespace {

constexpr std::size_t kFrameHead = 8;
constexpr std::size_t kMaxHead = std::size_t{16} << 10;
constexpr std::size_t kMaxRefusal = std::size_t{64} << 10;  // of the text that says why not

Error BrokeOff(std::string_view what) {
  return Error{ErrorCode::kUnavailable,
               std::string(what) + ": the engine ended the connection before it had answered",
               {},
               "see whether the engine is alive and what it logs, then try again",
               0};
}

Error NoHttp(std::string_view what) {
  return Error{ErrorCode::kUnavailable,
               std::string(what) + ": expected an answer in HTTP/1.1, got something else",
               {},
               "see whether the socket is that of Docker or Podman",
               0};
}

Result<void> SendAll(int fd, std::string_view bytes, std::string_view what,
                     std::int64_t deadline_ns, const std::stop_token& stop) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (auto waited = WaitFor(fd, POLLOUT, deadline_ns, stop); !waited) {
        return waited;
      }
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return BrokeOff(what);
    } else if (errno != EINTR) {
      return ErrnoError(std::string(what), errno);
    }
  }
  return {};
}

// Adds what comes; false at the end.
Result<bool> ReadMore(int fd, std::string& into, std::string_view what, std::int64_t deadline_ns,
                      const std::stop_token& stop) {
  while (true) {
    if (auto waited = WaitFor(fd, POLLIN, deadline_ns, stop); !waited) {
      return std::move(waited).error();
    }
    std::array<char, 4096> buffer{};
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got >= 0) {
      into.append(buffer.data(), static_cast<std::size_t>(got));
      return got > 0;
    }
    if (errno == ECONNRESET) {
      return false;
    }
    if (errno != EAGAIN && errno != EINTR) {
      return ErrnoError(std::string(what), errno);
    }
  }
}

// "HTTP/1.1 101 UPGRADED": the number, or 0.
int StatusOf(std::string_view head) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (!head.starts_with(kVersion) || head.size() < kVersion.size() + 4) {
    return 0;
  }
  const std::string_view digits = head.substr(kVersion.size(), 3);
  const char after = head[kVersion.size() + 3];
  const bool is_number =
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number || (after != ' ' && after != '\r')) {
    return 0;
  }
  return (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
}

// What the engine says in place of a stream: read until it ends, or as far as an object goes that
// ends in "}\n", for a connection that is kept does not end.
Error ReadRefusal(int fd, int status, std::string body, std::string_view what,
                  std::int64_t deadline_ns, const std::stop_token& stop) {
  while (body.size() < kMaxRefusal && body.find('}') == std::string::npos) {
    auto more = ReadMore(fd, body, what, deadline_ns, stop);
    if (!more) {
      return std::move(more).error();
    }
    if (!*more) {
      break;
    }
  }
  // It may lie in a chunk.
  const std::size_t begin = body.find('{');
  const std::size_t end = body.rfind('}');
  if (begin != std::string::npos && end != std::string::npos && end > begin) {
    body = body.substr(begin, end - begin + 1);
  }
  return ErrorOfAnswer(what, status, body);
}

}  // namespace

Result<std::optional<FrameDecoder::Piece>> FrameDecoder::Next(std::string_view& bytes) {
  if (raw_) {
    const std::string_view all = bytes;
    bytes = {};
    return all.empty() ? std::optional<Piece>() : Piece{StdStream::kStdout, all};
  }
  while (!bytes.empty()) {
    if (left_ > 0) {
      const std::string_view piece = bytes.substr(0, left_);
      bytes.remove_prefix(piece.size());
      left_ -= static_cast<std::uint32_t>(piece.size());
      return std::optional(Piece{stream_, piece});
    }
    const std::size_t wanted = std::min(kFrameHead - header_.size(), bytes.size());
    header_.append(bytes.substr(0, wanted));
    bytes.remove_prefix(wanted);
    if (header_.size() < kFrameHead) {
      return std::optional<Piece>();
    }
    const auto byte = [this](std::size_t at) { return static_cast<std::uint8_t>(header_[at]); };
    // 0 is stdin, which no engine sends back; 3 are Docker's own errors, in words.
    if (byte(0) == 0 || byte(0) > 3 || byte(1) != 0 || byte(2) != 0 || byte(3) != 0) {
      return InvalidArgument("stream", "expected a frame of stdout or stderr, got the stream " +
                                           std::to_string(byte(0)));
    }
    stream_ = byte(0) == 1 ? StdStream::kStdout : StdStream::kStderr;
    left_ = static_cast<std::uint32_t>(byte(4)) << 24 | static_cast<std::uint32_t>(byte(5)) << 16 |
            static_cast<std::uint32_t>(byte(6)) << 8 | byte(7);
    header_.clear();
  }
  return std::optional<Piece>();
}

Result<void> EngineStream::CloseStdin() {
  if (shutdown(socket_.get(), SHUT_WR) != 0 && errno != ENOTCONN) {
    return ErrnoError("shutdown", errno);
  }
  return {};
}

Result<EngineStream> EngineStream::Open(const std::string& socket_path, std::string_view target,
                                        std::string_view body, bool raw, std::string_view what,
                                        std::int64_t deadline_ns, const std::stop_token& stop) {
  auto socket = ConnectTo(socket_path, deadline_ns, stop);
  if (!socket) {
    return std::move(socket).error();
  }
  std::string request = "POST " + std::string(target) +
                        " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n" +
                        (body.empty() ? "" : "Content-Type: application/json\r\n") +
                        "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  request.append(body);
  if (auto sent = SendAll(socket->get(), request, what, deadline_ns, stop); !sent) {
    return std::move(sent).error();
  }
  std::string got;
  std::size_t end = std::string::npos;
  while ((end = got.find("\r\n\r\n")) == std::string::npos) {
    if (got.size() > kMaxHead || (got.size() >= 5 && !got.starts_with("HTTP/"))) {
      return NoHttp(what);
    }
    auto more = ReadMore(socket->get(), got, what, deadline_ns, stop);
    if (!more) {
      return std::move(more).error();
    }
    if (!*more) {
      return BrokeOff(what);
    }
  }
  const int status = StatusOf(got);
  std::string early = got.substr(end + 4);
  if (status == 0) {
    return NoHttp(what);
  }
  // 200 is how engines answer who did not ask for the upgrade, and some that did.
  if (status != 101 && status != 200) {
    return ReadRefusal(socket->get(), status, std::move(early), what, deadline_ns, stop);
  }
  return EngineStream(std::move(socket).value(), raw, std::move(early));
}

}  // namespace casemate::container
