#include "mcp/http/wire.h"

#include <sys/socket.h>

#include <cerrno>

namespace casemate::http {
namespace {

class PlainWire final : public Wire {
 public:
  explicit PlainWire(int fd) : fd_(fd) {}

  IoResult Handshake() override { return {IoStatus::kDone}; }

  IoResult Read(std::span<char> buffer) override {
    ssize_t got = 0;
    do {
      got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
      const auto bytes = static_cast<std::size_t>(got);
      return {IoStatus::kDone, bytes, bytes < buffer.size()};
    }
    if (got == 0) {
      return {IoStatus::kEnd};
    }
    return {errno == EAGAIN ? IoStatus::kWantRead : IoStatus::kError};
  }

  IoResult Write(std::string_view bytes) override {
    ssize_t put = 0;
    do {
      put = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    if (put >= 0) {
      return {IoStatus::kDone, static_cast<std::size_t>(put)};
    }
    return {errno == EAGAIN ? IoStatus::kWantWrite : IoStatus::kError};
  }

  void Shutdown() override { (void)::shutdown(fd_, SHUT_WR); }

 private:
  const int fd_;
};

}  // namespace

std::unique_ptr<Wire> MakePlainWire(int fd) {
  return std::make_unique<PlainWire>(fd);
}

}  // namespace casemate::http
