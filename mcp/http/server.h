// HttpServer: HTTP/1.1 on TCP (with or without TLS) and unix sockets, by Boost.Beast on one I/O
// thread. Connections cost a buffer, not a thread: idle streams and slow clients wait in the
// kernel. Everything that a client can make us keep is bounded by Limits. docs/adr/0006.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "mcp/http/message.h"

namespace casemate::http {

struct Limits {
  std::size_t max_connections = 8192;                 // then who waits longest gives way, or 503
  std::size_t max_streams = 4096;                     // responses in Begin … End at once; then 503
  std::size_t max_header_bytes = 32768;               // 431 beyond
  std::size_t max_headers = 100;                      // 431 beyond
  std::size_t max_body_bytes = std::size_t{4} << 20;  // 413 beyond
  std::size_t max_body_bytes_total = std::size_t{256}
                                     << 20;             // of all; then the slowest is told 503
  std::size_t max_unread_bytes = std::size_t{1} << 20;  // of one stream, then the peer is cut off
  std::size_t max_unread_bytes_total = std::size_t{256} << 20;  // of all; then who has most is cut
  std::chrono::milliseconds header_time{10'000};  // from the first byte to the end of the headers
  std::chrono::milliseconds body_time{60'000};    // to the end of the body
  std::chrono::milliseconds idle_time{75'000};    // between two requests of one connection
  std::chrono::milliseconds write_time{30'000};   // without progress of a response; then cut off
  std::chrono::milliseconds tls_time{10'000};     // of the TLS handshake
};

struct TlsFiles {
  std::string certificate;  // PEM, with the chain
  std::string key;          // PEM
};

struct Endpoint {
  std::string host;        // an IP address; or "unix"
  std::uint16_t port = 0;  // 0: any free one
  std::string path;        // of a unix socket; made with mode 0600, and removed at the end
  std::optional<TlsFiles> tls;
};

// Takes a request; called on the I/O thread, so it must not block.
using Handler = std::function<void(Request request, std::shared_ptr<Responder> responder)>;

class HttpServer {
 public:
  // Binds all of `endpoints` or none. Errors name the endpoint and what to do.
  static Result<std::unique_ptr<HttpServer>> Listen(const std::vector<Endpoint>& endpoints,
                                                    Limits limits, Handler handler);
  virtual ~HttpServer() = default;
  // "http://127.0.0.1:8080", "unix:/run/user/0/casemate.sock", in the order of the endpoints.
  [[nodiscard]] virtual std::vector<std::string> Addresses() const = 0;
  // Starts the I/O thread.
  virtual Result<void> Start() = 0;
  // Runs `task` on the I/O thread.
  virtual void Post(std::function<void()> task) = 0;
  // Runs `task` on the I/O thread every `period` until the server ends.
  virtual void Every(std::chrono::milliseconds period, std::function<void()> task) = 0;
  // Accepts no more, closes idle connections, lets answers end for at most `patience`, then cuts
  // off the rest and ends the thread. Waits for that: never to be called on the I/O thread. The
  // destructor does it without patience.
  virtual void Drain(std::chrono::milliseconds patience) = 0;
};

}  // namespace casemate::http
