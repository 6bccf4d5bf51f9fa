// An engine on a unix socket whose answer to POST /build a test decides, byte by byte. Test-only;
// its thread calls no Catch2.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "base/event_fd.h"
#include "base/unique_fd.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container::test {

struct SeenBuild {
  std::string head;
  std::string body;  // without its chunks
};

class BuildServer {
 public:
  class Peer {
   public:
    Peer(int fd, int stop) : fd_(fd), stop_(stop) {}
    bool Send(std::string_view bytes) const {
      while (!bytes.empty()) {
        const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
          return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }
    // A whole answer. `piece`: bytes in each chunk of it.
    bool Answer(int status, std::string_view body, std::size_t piece = 1 << 16) const {
      std::string all = Head(status);
      while (!body.empty()) {
        all += Chunk(body.substr(0, piece));
        body.remove_prefix(std::min(piece, body.size()));
      }
      return Send(all + "0\r\n\r\n");
    }
    static std::string Head(int status) {
      return "HTTP/1.1 " + std::to_string(status) +
             " X\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    }
    static std::string Chunk(std::string_view bytes) {
      char size[32];
      std::snprintf(size, sizeof(size), "%zx\r\n", bytes.size());
      return size + std::string(bytes) + "\r\n";
    }
    // Until the client has gone or the test ends; true: the client has gone.
    [[nodiscard]] bool WaitForEnd() const {
      while (true) {
        pollfd entries[2] = {{fd_, POLLIN | POLLRDHUP, 0}, {stop_, POLLIN, 0}};
        poll(entries, 2, -1);
        char byte = 0;
        if (entries[1].revents != 0) {
          return false;
        }
        if (recv(fd_, &byte, 1, 0) <= 0) {
          return true;
        }
      }
    }
    bool Read(SeenBuild& request, bool with_body) {
      while (text_.find("\r\n\r\n") == std::string::npos) {
        if (!More()) {
          return false;
        }
      }
      const std::size_t end = text_.find("\r\n\r\n") + 4;
      request.head = text_.substr(0, end);
      text_.erase(0, end);
      if (!with_body || request.head.find("chunked") == std::string::npos) {
        return true;
      }
      while (true) {
        while (text_.find("\r\n") == std::string::npos) {
          if (!More()) {
            return false;
          }
        }
        const std::size_t size = std::stoull(text_, nullptr, 16);
        text_.erase(0, text_.find("\r\n") + 2);
        while (text_.size() < size + 2) {
          if (!More()) {
            return false;
          }
        }
        request.body += text_.substr(0, size);
        text_.erase(0, size + 2);
        if (size == 0) {
          return true;
        }
      }
    }

   private:
    bool More() {
      pollfd entries[2] = {{fd_, POLLIN, 0}, {stop_, POLLIN, 0}};
      poll(entries, 2, -1);
      char chunk[65536];
      const ssize_t got = entries[1].revents == 0 ? recv(fd_, chunk, sizeof(chunk), 0) : 0;
      text_.append(chunk, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      return got > 0;
    }
    int fd_;
    int stop_;
    std::string text_;
  };
  // Answers one build; false: the connection is closed then.
  using ServeBuild = std::function<bool(Peer& peer, const SeenBuild& request)>;

  BuildServer(bool podman, ServeBuild serve, bool reads_body = true)
      : podman_(podman), reads_body_(reads_body), serve_(std::move(serve)) {
    auto stop = EventFd::Create();
    REQUIRE(stop);
    stop_ = std::make_unique<EventFd>(*std::move(stop));
    listener_.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path().size() < sizeof(address.sun_path));
    std::memcpy(address.sun_path, path().data(), path().size());
    REQUIRE(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(listen(listener_.get(), 8) == 0);
    thread_ = std::thread([this] { Accept(); });
  }
  BuildServer(const BuildServer&) = delete;
  BuildServer& operator=(const BuildServer&) = delete;
  ~BuildServer() {
    stop_->Signal();
    thread_.join();
  }

  [[nodiscard]] std::string path() const { return dir_ / "sock"; }
  [[nodiscard]] std::vector<SeenBuild> builds() const {
    const std::lock_guard lock(mutex_);
    return builds_;
  }

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
        while (Serve(peer)) {
        }
      }
    }
  }
  bool Serve(Peer& peer) {
    SeenBuild request;
    if (!peer.Read(request, reads_body_)) {
      return false;
    }
    if (request.head.find("/build?") != std::string::npos) {
      {
        const std::lock_guard lock(mutex_);
        builds_.push_back(request);
      }
      return serve_(peer, request);
    }
    const std::string component = podman_ ? "Podman Engine" : "Engine";
    const std::string version = podman_ ? "4.3.1" : "20.10.24";
    return peer.Answer(200, request.head.find("/version") != std::string::npos
                                ? R"({"Version":")" + version +
                                      R"(","ApiVersion":"1.41","MinAPIVersion":"1.12",)" +
                                      R"("Components":[{"Name":")" + component +
                                      R"(","Version":")" + version + R"("}]})"
                                : R"({"Driver":"vfs","ServerVersion":")" + version + R"("})");
  }

  const bool podman_;
  const bool reads_body_;
  ServeBuild serve_;
  casemate::testing::TempDir dir_;
  UniqueFd listener_;
  std::unique_ptr<EventFd> stop_;
  mutable std::mutex mutex_;
  std::vector<SeenBuild> builds_;
  std::thread thread_;
};

}  // namespace casemate::container::test
