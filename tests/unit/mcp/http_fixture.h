// A server with a few fixed answers, and a client on a raw socket, for the tests of mcp/http. The
// client blocks for at most 20 seconds and then fails the test. One thread each.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"
#include "mcp/http/server.h"

namespace casemate::http::testing {

inline constexpr std::chrono::seconds kPatience{20};

class Client {
 public:
  // `address` as from HttpServer::Addresses. A receive buffer of `receive_bytes`, if not 0.
  explicit Client(const std::string& address, int receive_bytes = 0) {
    const bool is_unix = address.starts_with("unix:");
    const bool is_v6 = address.find('[') != std::string::npos;
    fd_.Reset(::socket(is_unix ? AF_UNIX
                       : is_v6 ? AF_INET6
                               : AF_INET,
                       SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval wait{kPatience.count(), 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (receive_bytes > 0) {
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    sockaddr_storage target{};
    socklen_t size = 0;
    if (is_unix) {
      auto& to = reinterpret_cast<sockaddr_un&>(target);
      to.sun_family = AF_UNIX;
      std::strncpy(static_cast<char*>(to.sun_path), address.c_str() + 5, sizeof to.sun_path - 1);
      size = sizeof to;
    } else if (is_v6) {
      auto& to = reinterpret_cast<sockaddr_in6&>(target);
      to = {AF_INET6, htons(PortOf(address)), 0, in6addr_loopback, 0};
      size = sizeof to;
    } else {
      auto& to = reinterpret_cast<sockaddr_in&>(target);
      to = {AF_INET, htons(PortOf(address)), {htonl(INADDR_LOOPBACK)}, {}};
      size = sizeof to;
    }
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&target), size) == 0;
  }

  static std::uint16_t PortOf(const std::string& address) {
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // False: the server closed meanwhile.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  }
  // Up to and with `end`; what came before the end of the connection if that is first.
  std::string ReadUntil(std::string_view end) {
    std::size_t at = 0;
    while ((at = kept_.find(end)) == std::string::npos) {
      if (!ReadSome()) {
        return std::exchange(kept_, {});
      }
    }
    std::string text = kept_.substr(0, at + end.size());
    kept_.erase(0, text.size());
    return text;
  }
  std::string ReadBytes(std::size_t count) {
    while (kept_.size() < count && ReadSome()) {
    }
    std::string text = kept_.substr(0, count);
    kept_.erase(0, text.size());
    return text;
  }
  // One response with Content-Length, whole.
  std::string ReadResponse() {
    const std::string head = ReadUntil("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    return at == std::string::npos ? head : head + ReadBytes(std::stoul(head.substr(at + 16)));
  }
  // To the end of the connection; throws if the server does not end it.
  std::string ReadAll() {
    while (ReadSome()) {
    }
    return std::exchange(kept_, {});
  }
  std::string Ask(std::string_view request) {
    Send(request);
    return ReadResponse();
  }
  void Close() { fd_.Reset(); }
  // The server sees a reset and not an end.
  void Reset() {
    const linger now{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.Reset();
  }

 private:
  bool ReadSome() {
    std::array<char, 65536> buffer{};
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) {
      throw std::runtime_error("the server neither answered nor closed");
    }
    if (got <= 0) {
      return false;
    }
    kept_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }

  UniqueFd fd_;
  bool connected_ = false;
  std::string kept_;
};

struct Held {
  Request request;
  std::shared_ptr<Responder> responder;
};

// GET /echo answers method, target and body; /hold hands the request to Take(); /drop destroys the
// responder; /throw throws; /large answers a megabyte.
class TestServer {
 public:
  explicit TestServer(Limits limits = {}, Endpoint endpoint = {"127.0.0.1", 0, "", {}}) {
    auto server = HttpServer::Listen({std::move(endpoint)}, limits,
                                     [this](Request request, std::shared_ptr<Responder> responder) {
                                       Handle(std::move(request), std::move(responder));
                                     });
    if (!server || !(*server)->Start()) {
      throw std::runtime_error("no server: " + (server ? "" : Describe(server.error())));
    }
    server_ = *std::move(server);
  }

  [[nodiscard]] std::string address() const { return server_->Addresses().at(0); }
  [[nodiscard]] HttpServer& server() { return *server_; }
  // The next request to /hold.
  Held Take() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, kPatience, [&] { return !held_.empty(); })) {
      throw std::runtime_error("no request came");
    }
    Held held = std::move(held_.front());
    held_.pop_front();
    return held;
  }

 private:
  void Handle(Request request, std::shared_ptr<Responder> responder) {
    if (request.target == "/throw") {
      throw std::runtime_error("on purpose");
    }
    if (request.target == "/large") {
      responder->Send({200, {}, std::string(1 << 20, 'x')});
    } else if (request.target == "/hold") {
      const std::lock_guard lock(mutex_);
      held_.push_back({std::move(request), std::move(responder)});
      arrived_.notify_one();
    } else if (request.target != "/drop") {
      responder->Send({200,
                       {{"Content-Type", "text/plain"}},
                       request.method + " " + request.target + " " + request.body});
    }
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Held> held_;
  std::unique_ptr<HttpServer> server_;  // last: its thread uses the others
};

// A flag that OnGone sets.
class Flag {
 public:
  std::function<void()> Setter() {
    return [promise = promise_] { promise->set_value(); };  // throws if called twice
  }
  bool Wait() { return future_.wait_for(kPatience) == std::future_status::ready; }
  [[nodiscard]] bool IsSet() const {
    return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

 private:
  std::shared_ptr<std::promise<void>> promise_ = std::make_shared<std::promise<void>>();
  std::future<void> future_ = promise_->get_future();
};

inline std::string Get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n";
}
inline std::string Post(std::string_view target, std::string_view body) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}
inline bool HasStatus(const std::string& response, int status) {
  return response.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
}

}  // namespace casemate::http::testing
