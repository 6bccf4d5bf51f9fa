// TokenAuthenticator: auth.mode enterprise. A bearer token on every request, looked up in the state
// directory, so that a revocation counts at once. Thread-safe; has one thread of its own, which
// notes when tokens were used, for Authenticate must not wait for a disk.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "mcp/auth/authenticator.h"
#include "mcp/auth/failure_limiter.h"
#include "policies/identity/token_store.h"

namespace casemate::mcp {

class TokenAuthenticator : public Authenticator {
 public:
  struct Options {
    // Peers of the unix socket with this uid need no token: the kernel says who they are.
    uid_t own_uid = static_cast<uid_t>(-1);
    // http.trusted_proxy. Then what connects may be a proxy that runs as our user and speaks for
    // the whole world: a unix socket is no proof, and everybody needs a token.
    bool behind_proxy = false;
    FailureLimiter::Limits limits;
  };

  // `database`: the path of the state directory's. Opens it for itself, twice: lookups wait neither
  // for writers of the audit trail nor for our own.
  static Result<std::unique_ptr<TokenAuthenticator>> Open(const std::string& database,
                                                          Options options);
  ~TokenAuthenticator() override;  // notes what is not noted yet

  Result<policies::Principal> Authenticate(const http::Headers& headers,
                                           const http::Peer& peer) override;
  bool IsStillWelcome(const policies::Principal& principal) override;
  [[nodiscard]] std::string Challenge(const http::Headers& headers) const override;

 private:
  // A connection to the database of our own, and the tokens in it.
  struct Access {
    std::unique_ptr<Store> store;
    std::unique_ptr<policies::TokenStore> tokens;
  };
  static Result<Access> OpenAccess(const std::string& database);
  TokenAuthenticator(Options options, Access reads, Access writes);
  void NoteUses(const std::stop_token& stop);

  const Options options_;
  FailureLimiter limiter_;
  Access reads_;
  Access writes_;
  // Look-ups of IsStillWelcome that failed, without one that worked between them.
  struct Doubt {
    std::int64_t since_ns;
    std::int64_t last_ns;
  };
  std::mutex mutex_;
  std::map<std::string, Doubt> doubts_;  // guarded by mutex_; by token id
  std::condition_variable_any wake_;
  std::set<std::string> used_;  // guarded by mutex_; ids of tokens, so as many as there are at most
  std::jthread writer_;         // last: it uses all of the above
};

}  // namespace casemate::mcp
