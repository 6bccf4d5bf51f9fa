#include "policies/opa/http_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/clock.h"

namespace casemate::policies {
namespace {

namespace http = boost::beast::http;
using BeastError = boost::beast::error_code;

constexpr std::size_t kMostKept = 16;
constexpr std::size_t kChunk = 16384;
constexpr std::uint32_t kMaxHeaderBytes = 8192;
constexpr std::size_t kMaxGetBytes = 65536;
constexpr std::int64_t kNsPerMs = 1'000'000;
// While somebody's backlog is full there is nothing to wait on.
constexpr int kBacklogWaitMs = 1;
// Beast's chunk parser asserts when it is given less than the least that can still be missing.
constexpr std::size_t kShortestEnd = 5;

Error Failed(const char* kind, std::string message) {
  return {ErrorCode::kUnavailable, std::move(message), kind, {}, 0};
}

Error TooLate() {
  return Failed(kOpaTimeout, "no answer in time");
}

int RestMs(std::int64_t deadline_ns) {
  const std::int64_t rest = deadline_ns - MonotonicNs();
  return rest <= 0 ? 0 : static_cast<int>(std::min<std::int64_t>(rest / kNsPerMs + 1, 600'000));
}

// False: the deadline passed.
bool WaitFor(int fd, short events, std::int64_t deadline_ns) {
  while (MonotonicNs() < deadline_ns) {
    pollfd entry{fd, events, 0};
    const int ready = poll(&entry, 1, RestMs(deadline_ns));
    if (ready > 0) {
      return true;
    }
    if (ready < 0 && errno != EINTR) {
      return false;
    }
  }
  return false;
}

bool IsTransient(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

std::string Request(std::string_view method, std::string_view path, std::string_view body) {
  std::string text;
  text.reserve(body.size() + 256);
  text.append(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: opa\r\n");
  if (method == "POST") {
    text.append("Content-Type: application/json\r\nContent-Length: ")
        .append(std::to_string(body.size()))
        .append("\r\n");
  }
  text.append("\r\n").append(body);
  return text;
}

}  // namespace

// One request and its reply on one connection.
struct HttpClient::Attempt {
  Attempt(int connection, std::int64_t deadline, std::size_t max_body_bytes)
      : fd(connection), deadline_ns(deadline) {
    parser.eager(true);
    parser.header_limit(kMaxHeaderBytes);
    parser.body_limit(max_body_bytes);
  }

  Result<void> Send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (!IsTransient(errno)) {
        return Failed(kOpaUnavailable, "the connection broke while the question was sent");
      }
      if (!bytes.empty() && !WaitFor(fd, POLLOUT, deadline_ns)) {
        return TooLate();
      }
    }
    return {};
  }

  Result<void> Receive() {
    std::array<char, kChunk> chunk{};
    while (!parser.is_done()) {
      if (!WaitFor(fd, POLLIN, deadline_ns)) {
        return TooLate();
      }
      const ssize_t got = recv(fd, chunk.data(), chunk.size(), MSG_DONTWAIT);
      if (got < 0 && IsTransient(errno)) {
        continue;
      }
      if (got <= 0) {
        return Failed(kOpaUnavailable, "the connection was closed before the answer was whole");
      }
      anything_came = true;
      buffer.append(chunk.data(), static_cast<std::size_t>(got));
      if (auto parsed = Parse(); !parsed) {
        return parsed;
      }
    }
    return {};
  }

  Result<void> Parse() {
    while (!buffer.empty() && !parser.is_done()) {
      if (parser.is_header_done() && parser.chunked() && buffer.size() < kShortestEnd) {
        return {};
      }
      BeastError error;
      const std::size_t used =
          parser.put(boost::asio::const_buffer(buffer.data(), buffer.size()), error);
      buffer.erase(0, used);
      if (error == http::error::need_more) {
        // What has no end yet is bounded by the parser's limits, and so is what waits for one.
        return buffer.size() > kMaxHeaderBytes + kChunk
                   ? Result<void>(Failed(kOpaReply, "the answer is no HTTP"))
                   : Result<void>();
      }
      if (error) {
        return Failed(kOpaReply, "the answer cannot be used: " + error.message());
      }
      // Without a length it would end with the connection, and one that broke would look whole.
      if (parser.is_header_done() && parser.need_eof()) {
        return Failed(kOpaReply, "the answer has no length");
      }
    }
    return {};
  }

  int fd;
  std::int64_t deadline_ns;
  http::response_parser<http::string_body> parser;
  std::string buffer;
  bool anything_came = false;
};

HttpClient::HttpClient(UniqueFd directory, const std::string& name)
    : directory_(std::move(directory)),
      address_("/proc/self/fd/" + std::to_string(directory_.get()) + "/" + name) {}

UniqueFd HttpClient::TakeKept() {
  const std::lock_guard lock(mutex_);
  if (kept_.empty()) {
    return UniqueFd();
  }
  UniqueFd connection = std::move(kept_.back());
  kept_.pop_back();
  return connection;
}

void HttpClient::Keep(UniqueFd connection) {
  const std::lock_guard lock(mutex_);
  if (kept_.size() < kMostKept) {
    kept_.push_back(std::move(connection));
  }
}

Result<UniqueFd> HttpClient::Connect(std::int64_t deadline_ns) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (address_.size() >= sizeof(address.sun_path)) {
    return Failed(kOpaUnavailable, "the name of the socket is too long");
  }
  std::memcpy(address.sun_path, address_.data(), address_.size());
  UniqueFd connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!connection.valid()) {
    return Failed(kOpaUnavailable, ErrnoError("cannot make a socket", errno).message);
  }
  while (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
         0) {
    if (!IsTransient(errno)) {
      return Failed(kOpaUnavailable, ErrnoError("cannot connect", errno).message);
    }
    if (MonotonicNs() >= deadline_ns) {
      return TooLate();
    }
    poll(nullptr, 0, kBacklogWaitMs);
  }
  return connection;
}

Result<HttpReply> HttpClient::Exchange(std::string_view request, std::int64_t deadline_ns,
                                       std::size_t max_body_bytes) {
  for (bool is_second = false;; is_second = true) {
    UniqueFd connection = is_second ? UniqueFd() : TakeKept();
    const bool was_kept = connection.valid();
    if (!was_kept) {
      auto made = Connect(deadline_ns);
      if (!made) {
        return std::move(made).error();
      }
      connection = *std::move(made);
    }
    Attempt attempt(connection.get(), deadline_ns, max_body_bytes);
    auto done = attempt.Send(request);
    if (done) {
      done = attempt.Receive();
    }
    if (done) {
      auto& message = attempt.parser.get();
      HttpReply reply{static_cast<int>(message.result_int()), std::move(message.body())};
      if (attempt.parser.keep_alive() && attempt.buffer.empty()) {
        Keep(std::move(connection));
      }
      return reply;
    }
    const bool was_stale =
        was_kept && !attempt.anything_came && done.error().field == kOpaUnavailable;
    if (!was_stale) {
      return done.error();
    }
    // Whoever closed one has closed the others: the second attempt has a connection of its own.
    const std::lock_guard lock(mutex_);
    kept_.clear();
  }
}

Result<HttpReply> HttpClient::Post(std::string_view path, std::string_view body,
                                   std::int64_t deadline_ns, std::size_t max_body_bytes) {
  try {
    return Exchange(Request("POST", path, body), deadline_ns, max_body_bytes);
  } catch (const std::exception& failure) {  // Beast's, out of memory
    return Failed(kOpaReply, failure.what());
  }
}

Result<HttpReply> HttpClient::Get(std::string_view path, std::int64_t deadline_ns) {
  try {
    return Exchange(Request("GET", path, {}), deadline_ns, kMaxGetBytes);
  } catch (const std::exception& failure) {
    return Failed(kOpaReply, failure.what());
  }
}

pid_t HttpClient::PeerPid(std::int64_t deadline_ns) {
  auto connection = Connect(deadline_ns);
  ucred peer{};
  socklen_t length = sizeof(peer);
  if (!connection || getsockopt(connection->get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    return 0;
  }
  return peer.pid;
}

}  // namespace casemate::policies
