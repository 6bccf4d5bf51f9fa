// Authenticator: who sends an HTTP request. One a server; borrowed by the HTTP endpoint, called on
// its I/O thread, so Authenticate must not wait for anything slow. Thread-safe.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "mcp/http/message.h"
#include "policies/identity/principal.h"

namespace casemate::mcp {

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // Errors: kInvalidArgument (400: the header is malformed), kPermissionDenied (401 with the
  // challenge, 403 without one), kResourceExhausted (429: too many wrong tokens from there), others
  // (503: the tokens cannot be read now).
  virtual Result<policies::Principal> Authenticate(const http::Headers& headers,
                                                   const http::Peer& peer) = 0;
  // Whether who was let in before still would be: their token may have been revoked or expired.
  virtual bool IsStillWelcome(const policies::Principal& /*principal*/) { return true; }
  // The value of WWW-Authenticate (RFC 6750 §3) after a refusal of a request with these headers: it
  // tells a missing token from a wrong one. Empty: no token would help.
  [[nodiscard]] virtual std::string Challenge(const http::Headers& headers) const = 0;
};

// auth.mode simple: whoever can reach the server is its owner. The kernel says who is at the other
// end of a unix socket, so that must be our own user or root. Over loopback any local user can
// connect; docs/configuration.md says so.
class SimpleAuthenticator : public Authenticator {
 public:
  // `own_uid`: the user whom this server serves.
  explicit SimpleAuthenticator(uid_t own_uid) : own_uid_(own_uid) {}
  Result<policies::Principal> Authenticate(const http::Headers& headers,
                                           const http::Peer& peer) override;
  [[nodiscard]] std::string Challenge(const http::Headers& headers) const override;

 private:
  const uid_t own_uid_;
};

}  // namespace casemate::mcp
