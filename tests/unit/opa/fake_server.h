// A server on a unix socket whose every byte a test decides. Test-only; its thread calls no Catch2.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include <catch2/catch.hpp>

#include "base/event_fd.h"
#include "base/unique_fd.h"
#include "tests/unit/temp_dir.h"

namespace casemate::policies::test {

class FakeServer {
 public:
  // Answers one connection; returns when it is done with it. `number` counts from 1.
  class Peer {
   public:
    Peer(int fd, int stop) : fd_(fd), stop_(stop) {}
    // Reads one request; false: the client has gone, or the test ends.
    [[nodiscard]] bool Request() {
      std::string text;
      while (text.find("\r\n\r\n") == std::string::npos || !IsWhole(text)) {
        char chunk[4096];
        const ssize_t got = Wait(-1) ? recv(fd_, chunk, sizeof(chunk), 0) : 0;
        if (got <= 0) {
          return false;
        }
        text.append(chunk, static_cast<std::size_t>(got));
      }
      return true;
    }
    bool Send(std::string_view bytes) {
      return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
             static_cast<ssize_t>(bytes.size());
    }
    // Until there is something to read, the test ends, or `ms` have passed. False: the test ends.
    bool Wait(int ms) {
      pollfd entries[2] = {{fd_, POLLIN, 0}, {stop_, POLLIN, 0}};
      poll(entries, 2, ms);
      return entries[1].revents == 0;
    }
    // Reads nothing, until the client goes or the test ends.
    void Hold() {
      pollfd entries[2] = {{fd_, POLLRDHUP, 0}, {stop_, POLLIN, 0}};
      poll(entries, 2, -1);
    }

   private:
    static bool IsWhole(const std::string& text) {
      const std::size_t at = text.find("Content-Length: ");
      const std::size_t head = text.find("\r\n\r\n") + 4;
      return at == std::string::npos || text.size() >= head + std::stoul(text.substr(at + 16));
    }
    int fd_;
    int stop_;
  };
  using Serve = std::function<void(Peer& peer, int number)>;

  explicit FakeServer(Serve serve) : serve_(std::move(serve)) {
    auto stop = EventFd::Create();
    REQUIRE(stop);
    stop_ = std::make_unique<EventFd>(*std::move(stop));
    listener_.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = dir / "opa.sock";
    REQUIRE(path.size() < sizeof(address.sun_path));
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(listen(listener_.get(), 1) == 0);
    if (serve_) {
      thread_ = std::thread([this] { Accept(); });
    }
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;
  ~FakeServer() {
    stop_->Signal();
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  [[nodiscard]] int connections() const { return count_; }

  casemate::testing::TempDir dir;

 private:
  void Accept() {
    while (true) {
      pollfd entries[2] = {{listener_.get(), POLLIN, 0}, {stop_->fd(), POLLIN, 0}};
      poll(entries, 2, -1);
      if (entries[1].revents != 0) {
        return;
      }
      const UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (connection.valid()) {
        Peer peer(connection.get(), stop_->fd());
        serve_(peer, ++count_);
      }
    }
  }

  Serve serve_;
  UniqueFd listener_;
  std::unique_ptr<EventFd> stop_;
  std::atomic<int> count_ = 0;
  std::thread thread_;
};

}  // namespace casemate::policies::test
