// A server on a TCP port of the system's choice whose every byte a test decides, and a proxy that
// cuts connections. Each connection has a thread of its own, which calls no Catch2. Test-only.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
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

namespace casemate::registry::test {

// Listens on 127.0.0.1 and gives each connection to `serve`, in a thread.
class Listener {
 public:
  using Serve = std::function<void(int fd, int stop, int number)>;

  explicit Listener(Serve serve) : serve_(std::move(serve)) {
    auto stop = EventFd::Create();
    REQUIRE(stop);
    stop_ = std::make_unique<EventFd>(*std::move(stop));
    socket_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(socket_.get(), 64) == 0);
    REQUIRE(getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Accept(); });
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() {
    stop_->Signal();
    thread_.join();
    for (std::thread& each : peers_) {
      each.join();
    }
  }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int connections() const { return count_; }

 private:
  void Accept() {
    while (true) {
      std::array<pollfd, 2> entries = {{{socket_.get(), POLLIN, 0}, {stop_->fd(), POLLIN, 0}}};
      poll(entries.data(), 2, -1);
      if (entries[1].revents != 0) {
        return;
      }
      const int fd = accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) {
        peers_.emplace_back([this, fd, number = ++count_] {
          const UniqueFd connection(fd);
          serve_(fd, stop_->fd(), number);
        });
      }
    }
  }

  Serve serve_;
  UniqueFd socket_;
  std::unique_ptr<EventFd> stop_;
  std::atomic<int> count_ = 0;
  int port_ = 0;
  std::thread thread_;
  std::vector<std::thread> peers_;
};

inline bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// What comes, appended; false: the end, or that of the test.
inline bool ReceiveMore(int fd, int stop, std::string& text) {
  std::array<pollfd, 2> entries = {{{fd, POLLIN, 0}, {stop, POLLIN, 0}}};
  poll(entries.data(), 2, -1);
  if (entries[1].revents != 0) {
    return false;
  }
  std::array<char, 65536> chunk{};
  const ssize_t got = recv(fd, chunk.data(), chunk.size(), 0);
  text.append(chunk.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  return got > 0;
}

struct Request {
  std::string method;
  std::string target;
  std::string head;  // all of it, with the request line
  std::string body;

  [[nodiscard]] std::string Header(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) {
      return "";
    }
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

// Speaks HTTP; remembers what it was asked.
class FakeRegistry {
 public:
  // The bytes of the answer. With `after`, what is sent then, until it is false or the client goes.
  struct Answer {
    std::string bytes;
    bool keep = true;                           // the connection
    std::function<bool(std::string&)> after{};  // puts more bytes into its argument
  };
  using Handle = std::function<Answer(const Request& request)>;

  explicit FakeRegistry(Handle handle)
      : handle_(std::move(handle)), listener_([this](int fd, int stop, int) { Serve(fd, stop); }) {}

  [[nodiscard]] std::string address() const { return listener_.address(); }
  [[nodiscard]] int port() const { return listener_.port(); }
  [[nodiscard]] std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // How many had this method and began so.
  [[nodiscard]] int CountOf(const std::string& method, const std::string& target = "/") const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::ranges::count_if(requests_, [&](const Request& request) {
      return request.method == method && request.target.starts_with(target);
    }));
  }

 private:
  void Serve(int fd, int stop) {
    std::string text;
    while (true) {
      std::size_t end = 0;
      while ((end = text.find("\r\n\r\n")) == std::string::npos) {
        if (!ReceiveMore(fd, stop, text)) {
          return;
        }
      }
      Request request;
      request.head = text.substr(0, end + 2);
      text.erase(0, end + 4);
      request.method = request.head.substr(0, request.head.find(' '));
      const std::size_t target = request.method.size() + 1;
      request.target = request.head.substr(target, request.head.find(' ', target) - target);
      const std::string length = request.Header("Content-Length");
      const std::size_t size = length.empty() ? 0 : std::stoul(length);
      while (text.size() < size) {
        if (!ReceiveMore(fd, stop, text)) {
          return;
        }
      }
      request.body = text.substr(0, size);
      text.erase(0, size);
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      Answer answer = handle_(request);
      bool goes_on = SendAll(fd, answer.bytes);
      std::string more;
      while (goes_on && answer.after && answer.after(more)) {
        pollfd stopped = {stop, POLLIN, 0};
        goes_on = poll(&stopped, 1, 0) == 0 && SendAll(fd, more);
      }
      if (!goes_on || !answer.keep) {
        return;
      }
    }
  }

  Handle handle_;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  Listener listener_;  // last: its threads use the others
};

inline FakeRegistry::Answer Say(const std::string& status, const std::string& body = "",
                                const std::string& headers = "") {
  return {.bytes = "HTTP/1.1 " + status + "\r\n" + headers +
                   "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body};
}

// Between a client and a server; breaks the first `cuts` connections off after so many bytes of
// either side.
class CuttingProxy {
 public:
  CuttingProxy(int upstream, std::size_t bytes, int cuts)
      : listener_([=](int fd, int stop, int number) {
          const UniqueFd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
          sockaddr_in address{};
          address.sin_family = AF_INET;
          address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
          address.sin_port = htons(static_cast<std::uint16_t>(upstream));
          if (connect(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
            Pump(fd, server.get(), stop, number <= cuts ? bytes : ~std::size_t{0});
          }
        }) {}
  [[nodiscard]] std::string address() const { return listener_.address(); }
  [[nodiscard]] int connections() const { return listener_.connections(); }

 private:
  static void Pump(int client, int server, int stop, std::size_t left) {
    std::array<pollfd, 3> entries = {{{client, POLLIN, 0}, {server, POLLIN, 0}, {stop, POLLIN, 0}}};
    while (left > 0 && poll(entries.data(), 3, -1) > 0 && entries[2].revents == 0) {
      for (int i = 0; i < 2; ++i) {
        if (entries[i].revents == 0) {
          continue;
        }
        std::array<char, 16384> chunk{};
        const ssize_t got = recv(entries[i].fd, chunk.data(), std::min(left, chunk.size()), 0);
        if (got <= 0 || !SendAll(entries[1 - i].fd,
                                 std::string_view(chunk.data(), static_cast<std::size_t>(got)))) {
          return;
        }
        left -= static_cast<std::size_t>(got);
      }
    }
  }
  Listener listener_;
};

}  // namespace casemate::registry::test
