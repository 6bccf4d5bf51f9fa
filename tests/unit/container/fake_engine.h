// An engine on a unix socket whose every byte a test decides. Each connection has a thread of its
// own, which calls no Catch2. Test-only.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "base/event_fd.h"
#include "base/unique_fd.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container::test {

class FakeEngine {
 public:
  class Peer {
   public:
    Peer(int fd, int stop) : fd_(fd), stop_(stop) {}
    // One request with its body; empty: the client has gone, or the test ends.
    std::string Request() {
      while (!IsWhole()) {
        if (!More()) {
          return "";
        }
      }
      return std::exchange(text_, {});
    }
    bool Send(std::string_view bytes) {
      while (!bytes.empty()) {
        const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
          return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }
    // Reads what comes; false: the end, or that of the test.
    bool More() {
      pollfd entries[2] = {{fd_, POLLIN, 0}, {stop_, POLLIN, 0}};
      poll(entries, 2, -1);
      if (entries[1].revents != 0) {
        return false;
      }
      char chunk[4096];
      const ssize_t got = recv(fd_, chunk, sizeof(chunk), 0);
      text_.append(chunk, got > 0 ? static_cast<std::size_t>(got) : 0);
      return got > 0;
    }
    [[nodiscard]] const std::string& text() const { return text_; }
    // Until `ms` have passed; false: the client has gone, or the test ends.
    bool Pause(int ms) {
      pollfd entries[2] = {{fd_, POLLRDHUP, 0}, {stop_, POLLIN, 0}};
      return poll(entries, 2, ms) == 0;
    }
    void Hold() { Pause(-1); }
    [[nodiscard]] int fd() const { return fd_; }

   private:
    [[nodiscard]] bool IsWhole() const {
      const std::size_t head = text_.find("\r\n\r\n");
      if (head == std::string::npos) {
        return false;
      }
      if (text_.find("Transfer-Encoding: chunked") < head) {
        return text_.ends_with("\r\n0\r\n\r\n");
      }
      const std::size_t at = text_.find("Content-Length: ");
      return at > head || text_.size() >= head + 4 + std::stoul(text_.substr(at + 16));
    }
    int fd_;
    int stop_;
    std::string text_;
  };
  // `number` of the connection counts from 1.
  using Serve = std::function<void(Peer& peer, int number)>;

  // Without `serve`: listens, but never accepts.
  explicit FakeEngine(Serve serve, int backlog = 16) : serve_(std::move(serve)) {
    auto stop = EventFd::Create();
    REQUIRE(stop);
    stop_ = std::make_unique<EventFd>(*std::move(stop));
    Listen(backlog);
    if (serve_) {
      thread_ = std::thread([this] { Accept(); });
    }
  }
  FakeEngine(const FakeEngine&) = delete;
  FakeEngine& operator=(const FakeEngine&) = delete;
  ~FakeEngine() {
    stop_->Signal();
    if (thread_.joinable()) {
      thread_.join();
    }
    for (std::thread& each : peers_) {
      each.join();
    }
  }
  [[nodiscard]] int connections() const { return count_; }
  [[nodiscard]] std::string socket() const { return dir_ / "engine.sock"; }

 private:
  void Listen(int backlog) {
    listener_.Reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket();
    REQUIRE(path.size() < sizeof(address.sun_path));
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(listen(listener_.get(), backlog) == 0);
  }
  void Accept() {
    while (true) {
      pollfd entries[2] = {{listener_.get(), POLLIN, 0}, {stop_->fd(), POLLIN, 0}};
      poll(entries, 2, -1);
      if (entries[1].revents != 0) {
        return;
      }
      const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) {
        continue;
      }
      peers_.emplace_back([this, fd, number = ++count_] {
        const UniqueFd connection(fd);
        Peer peer(connection.get(), stop_->fd());
        serve_(peer, number);
      });
    }
  }

  casemate::testing::TempDir dir_;
  Serve serve_;
  UniqueFd listener_;
  std::unique_ptr<EventFd> stop_;
  std::atomic<int> count_ = 0;
  std::thread thread_;
  std::vector<std::thread> peers_;
};

inline std::string Answer(std::string_view status, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}
inline std::string Ok(std::string_view body) {
  return Answer("200 OK", body);
}

// Answers each request by exactly these bytes, then waits for the next one.
inline FakeEngine::Serve Saying(std::string bytes) {
  return [bytes = std::move(bytes)](FakeEngine::Peer& peer, int) {
    while (!peer.Request().empty() && peer.Send(bytes)) {
    }
  };
}

// Answers one request by these bytes and ends the connection.
inline FakeEngine::Serve SayingOnce(std::string bytes) {
  return [bytes = std::move(bytes)](FakeEngine::Peer& peer, int) {
    if (!peer.Request().empty()) {
      peer.Send(bytes);
    }
  };
}

}  // namespace casemate::container::test
