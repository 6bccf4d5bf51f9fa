// EngineTransport: HTTP/1.1 over the unix socket of a container engine, or over TCP and TLS to a
// registry. What it does is exchange bytes; engine.h and registry/ know what they mean.
// Thread-safe: each exchange has a connection to itself or takes one that is kept.
//
// Implemented with cpp-httplib in a module of its own, loaded at first use: the library brings
// OpenSSL and Brotli with it, which no server without containers should pay for (docs/adr/0013).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace casemate::container {

// Of an answer that is kept as a whole, and so of what is read as JSON.
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{16} << 20;

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct EngineRequest {
  std::string method = "GET";
  std::string target{};  // path and query, escaped
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::string content_type{};  // of the body; empty: there is none
  // Instead of `body`: called until it puts nothing more into its argument (then the body is
  // complete, sent chunked). An error breaks the exchange off and is what it returns. Not called
  // again once the engine has answered.
  std::function<Result<void>(std::string& chunk)> body_source{};
};

struct EngineReply {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // empty when it went to `on_body`
};

struct ExchangeOptions {
  std::int64_t idle_ms = 30'000;  // without a byte for so long: kUnavailable; 0: any time
  // The same for connecting and until the head of the answer is there, counted anew with each byte
  // that is sent, where idle_ms is longer; 0: as idle_ms. Connecting always has an end.
  std::int64_t head_ms = 0;
  std::int64_t total_ms = 0;  // all of it, likewise, even if bytes dribble; 0: any time
  std::size_t max_body_bytes = kMaxAnswerBytes;  // of EngineReply::body
  // Takes the body of a 2xx answer as it comes instead; false ends the exchange, which is then no
  // error. Must not throw, as body_source.
  std::function<bool(std::string_view bytes)> on_body{};
  // Sees status and headers of a 2xx answer before its body; false ends the exchange likewise.
  std::function<bool(const EngineReply& head)> on_head{};
  std::stop_token stop{};  // requested: kCancelled, at once
};
// NOLINTEND(readability-redundant-member-init)

class EngineTransport {
 public:
  virtual ~EngineTransport() = default;
  // Any status is a reply. Errors, with a remedy: kUnavailable when nobody listens, the connection
  // breaks or nothing comes; kPermissionDenied when the socket is not for us; kCancelled;
  // kResourceExhausted when the answer is too long.
  virtual Result<EngineReply> Exchange(const EngineRequest& request,
                                       const ExchangeOptions& options) = 0;
};

// To who listens at `socket_path`; connects with the first exchange. Loads the module at first use.
// Errors: kUnavailable, with the package or file that is missing; kPermissionDenied when others may
// write to the module.
Result<std::unique_ptr<EngineTransport>> OpenTransport(const std::string& socket_path);

// NOLINTBEGIN(readability-redundant-member-init)
struct TcpPeer {
  std::string host{};  // a name, or an address without brackets
  std::uint16_t port = 0;
  bool tls = true;        // certificate and name are always verified
  std::string ca_file{};  // PEM: whom to trust in place of the system's certificates
  // "http://[USER:PASSWORD@]HOST[:PORT]", asked for a tunnel by CONNECT; empty: none.
  std::string proxy{};
};
// NOLINTEND(readability-redundant-member-init)

// The same to a registry. Errors of exchanges besides those above: kNotFound when the host's name
// is none; kPermissionDenied when its certificate is not to be trusted.
Result<std::unique_ptr<EngineTransport>> OpenTcpTransport(const TcpPeer& peer);

}  // namespace casemate::container
