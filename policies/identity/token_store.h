// TokenStore: bearer tokens (RFC 6750) in the state directory's database. A token is
// `cmt_<id>_<secret>`: the id (8 hex digits) finds the row and is no secret, the secret is 256
// random bits, and only SHA-256 of the whole is stored: nothing in the database lets anyone in.
// Thread-safe; safe for concurrent processes: a revocation counts at the next Find of each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/store/store.h"
#include "policies/identity/principal.h"

namespace casemate::policies {

struct TokenInfo {
  std::string id;
  std::string name;
  Principal principal;
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;    // 0: never
  std::int64_t last_used_ms = 0;  // 0: never; exact to a minute
  bool revoked = false;
};

struct CreatedToken {
  TokenInfo info;
  std::string token;  // to be shown once; it cannot be read back
};

struct FoundToken {
  std::string id;
  Principal principal;
  bool use_is_due = false;  // the last noted use is over a minute ago: see NoteUse
};

class TokenStore {
 public:
  using Clock = std::function<std::int64_t()>;  // milliseconds since 1970
  static constexpr std::int64_t kMaxTtlMs = std::int64_t{3650} * 24 * 3600 * 1000;

  // Borrows `store`. `clock`: WallClockMs unless a test needs another.
  static Result<std::unique_ptr<TokenStore>> Open(Store& store, Clock clock = nullptr);
  ~TokenStore();
  TokenStore(const TokenStore&) = delete;
  TokenStore& operator=(const TokenStore&) = delete;

  // `ttl_ms`: 0 for a token that never expires. Errors: kInvalidArgument for names, ids and roles
  // that are not, and for a name that a token in force has already.
  Result<CreatedToken> Create(const std::string& name, const Principal& principal,
                              std::int64_t ttl_ms);
  // Whose token this is. Errors: kPermissionDenied, with the same text whatever is wrong with it
  // (attack: learning which ids exist). Takes the same time whatever the secret. Reads only.
  Result<FoundToken> Find(std::string_view token);
  // Whether the token with this id is neither revoked nor expired.
  Result<bool> IsInForce(const std::string& id);
  // Remembers that the token was used now. Writes at most once a minute.
  Result<void> NoteUse(const std::string& id);
  // In the order of creation, revoked and expired ones too.
  Result<std::vector<TokenInfo>> List();
  // Ends the token with this id, or the one in force with this name. Errors: kNotFound.
  Result<TokenInfo> Revoke(const std::string& id_or_name);

 private:
  struct Statements;
  TokenStore(Store& store, Clock clock);
  // Whether there is a token with that id, or one in force with that name.
  Result<bool> IsTaken(const std::string& id, const std::string& name);
  Result<void> InsertNew(std::int64_t ttl_ms, CreatedToken& created);
  Result<void> Insert(const TokenInfo& info, const std::string& hash);
  Result<TokenInfo> MarkRevoked(const std::string& id_or_name);

  Store& store_;
  const Clock clock_;
  std::unique_ptr<Statements> statements_;  // used under the Store's lock
};

}  // namespace casemate::policies
