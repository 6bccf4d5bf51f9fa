// Attempt: one request on one connection, by cpp-httplib on a stream of ours. Owned by one
// exchange, and lives no longer than what it is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "sandbox/container/engine/module/factory.h"
#include "sandbox/container/engine/module/socket_stream.h"
#include "sandbox/container/engine/transport.h"

namespace casemate::container {

class Attempt {
 public:
  Attempt(const EngineRequest& request, const ExchangeOptions& options, const Peer& peer,
          int socket, TlsSession* tls, int stop_fd, std::int64_t deadline_ns)
      : request_(request),
        options_(options),
        peer_(peer),
        tls_(tls),
        stream_(socket, tls, stop_fd, options.idle_ms, options.head_ms, deadline_ns) {}

  Result<EngineReply> Run();
  // The peer had closed the connection before it saw the request, or it is no matter if it did.
  [[nodiscard]] bool is_stale() const {
    using Failure = SocketStream::Failure;
    const bool closed = stream_.failure() == Failure::kClosed ||
                        (stream_.failure() == Failure::kNone && broke_off_);
    const bool repeatable =
        request_.body_source == nullptr && (request_.method == "GET" || request_.method == "HEAD");
    return closed && !stream_.has_received() && (!stream_.has_sent() || repeatable);
  }
  [[nodiscard]] bool is_reusable() const { return reusable_; }

 private:
  httplib::Request MakeRequest();
  bool TakeHead(const httplib::Response& response);
  bool TakeBody(const char* bytes, std::size_t size);
  bool GiveBody(httplib::DataSink& sink);
  void TakeHeaders();
  [[nodiscard]] Error WhyItFailed() const;
  [[nodiscard]] Error Unavailable(const std::string& what) const;

  const EngineRequest& request_;
  const ExchangeOptions& options_;
  const Peer& peer_;
  const TlsSession* const tls_;
  SocketStream stream_;
  EngineReply reply_;
  std::string chunk_;
  std::optional<Error> error_;  // of the body's source, or a reply that is too long
  bool enough_ = false;         // on_body said so, or there is no body
  bool broke_off_ = false;
  bool reusable_ = false;
};

}  // namespace casemate::container
