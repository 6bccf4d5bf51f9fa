// Wire: a byte stream over a non-blocking socket, plain or TLS. It borrows the descriptor, never
// blocks and never waits: kWantRead and kWantWrite say what to wait for before the same call is
// made again. I/O thread only.
//
// Not boost::asio::ssl::stream: that one keeps 68 KiB of buffers for each connection, idle or not.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace casemate::http {

enum class IoStatus { kDone, kWantRead, kWantWrite, kEnd, kError };

struct IoResult {
  IoStatus status = IoStatus::kError;
  std::size_t bytes = 0;
  bool drained = false;  // of Read: the next one would have to wait
};

class Wire {
 public:
  virtual ~Wire() = default;
  virtual IoResult Handshake() = 0;
  virtual IoResult Read(std::span<char> buffer) = 0;
  virtual IoResult Write(std::string_view bytes) = 0;
  // Tells the peer that nothing follows.
  virtual void Shutdown() = 0;
};

std::unique_ptr<Wire> MakePlainWire(int fd);

}  // namespace casemate::http
