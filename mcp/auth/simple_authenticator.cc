#include "mcp/auth/authenticator.h"

namespace casemate::mcp {

Result<policies::Principal> SimpleAuthenticator::Authenticate(const http::Headers& /*headers*/,
                                                              const http::Peer& peer) {
  constexpr uid_t kRoot = 0;
  const bool is_ours = peer.uid == own_uid_ || peer.uid == kRoot;
  if (peer.is_unix ? is_ours : peer.is_loopback) {
    return policies::Principal{};
  }
  // The configuration allows no such address; this is the second lock on the same door.
  return Error{ErrorCode::kPermissionDenied,
               peer.is_unix ? "this socket serves the user who started the server"
                            : "without tokens only this machine is served",
               "", "set `auth.mode: enterprise` and use a token", 0};
}

std::string SimpleAuthenticator::Challenge(const http::Headers& /*headers*/) const {
  return "";
}

}  // namespace casemate::mcp
