// TlsContext, TlsSession: TLS by OpenSSL around a connected, non-blocking socket. The peer's
// certificate and name are always verified; there is no way to leave that out. The context is
// guarded by its transport; a session is owned by one exchange at a time, borrows the socket, and
// ends before it and before the context.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace casemate::container {

class TlsSession {
 public:
  enum class Step : std::uint8_t { kDone, kWantRead, kWantWrite, kEnd, kClosed, kFailed };

  Step Handshake();
  // kEnd: the peer said that nothing more comes. A connection that ends without it is kClosed, so
  // that nobody cuts an answer short (attack: truncation).
  Step Read(char* into, std::size_t size, std::size_t& got);
  Step Write(const char* from, std::size_t size, std::size_t& sent);
  [[nodiscard]] bool is_ready() const { return ready_; }
  [[nodiscard]] bool HasPending() const { return SSL_has_pending(ssl_.get()) == 1; }
  // After kFailed.
  [[nodiscard]] bool is_untrusted() const { return untrusted_; }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  friend class TlsContext;
  struct Free {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  explicit TlsSession(SSL* session) : ssl_(session) {}
  Step After(int result);

  std::unique_ptr<SSL, Free> ssl_;
  bool ready_ = false;
  bool untrusted_ = false;
  std::string why_;
};

class TlsContext {
 public:
  // `ca_file`: PEM; empty: the system's. Errors: kInvalidArgument when it cannot be read.
  static Result<std::unique_ptr<TlsContext>> Make(const std::string& ca_file);
  // `name`: a host name or an address.
  Result<std::unique_ptr<TlsSession>> Begin(int socket, const std::string& name);

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  std::unique_ptr<SSL_CTX, Free> context_;
};

}  // namespace casemate::container
