#include "policies/identity/token_store.h"

#include <array>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "policies/identity/token_text.h"

namespace casemate::policies {
namespace {

constexpr std::int64_t kUseInterval = 60'000;
constexpr int kMaxAttempts = 8;

// The hash is hex SHA-256 of the whole token. A name may be used again once its token is revoked.
constexpr std::array<Migration, 1> kMigrations = {{{1, R"sql(
CREATE TABLE token (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  principal TEXT NOT NULL,
  tenant TEXT NOT NULL,
  roles TEXT NOT NULL,
  hash TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  last_used_ms INTEGER NOT NULL DEFAULT 0,
  revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX token_name ON token (name) WHERE revoked = 0;
)sql"}}};

Error Refused() {
  return Error{ErrorCode::kPermissionDenied, "the token is unknown, expired or revoked",
               "Authorization", "`casemate token add` on the server makes a new one", 0};
}

std::vector<std::string> SplitSpaces(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// An open read statement would keep the write-ahead log from being reset.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(Statement& statement) : statement_(statement) {}
  ~ResetAtEnd() { statement_.Reset(); }
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;

 private:
  Statement& statement_;
};

// The columns of `list` and `named`.
TokenInfo InfoOf(const Statement& row) {
  return {.id = row.Text(0),
          .name = row.Text(1),
          .principal = {row.Text(2), row.Text(3), SplitSpaces(row.Text(4)), row.Text(0)},
          .created_ms = row.Int(5),
          .expires_ms = row.Int(6),
          .last_used_ms = row.Int(7),
          .revoked = row.Int(8) != 0};
}

}  // namespace

struct TokenStore::Statements {
  Statement by_id;
  Statement taken;
  Statement insert;
  Statement list;
  Statement named;
  Statement revoke;
  Statement use;

  // The token that `by_id` stands at.
  [[nodiscard]] bool IsInForce(std::int64_t now) const {
    const std::int64_t expires = by_id.Int(4);
    return by_id.Int(6) == 0 && (expires == 0 || now < expires);
  }
};

TokenStore::TokenStore(Store& store, Clock clock)
    : store_(store),
      clock_(clock ? std::move(clock) : Clock(WallClockMs)),
      statements_(std::make_unique<Statements>()) {}

TokenStore::~TokenStore() {
  const auto lock = store_.Lock();
  statements_.reset();
}

Result<std::unique_ptr<TokenStore>> TokenStore::Open(Store& store, Clock clock) {
  const auto lock = store.Lock();
  if (auto migrated = store.Migrate("tokens", kMigrations); !migrated) {
    return std::move(migrated).error();
  }
  std::unique_ptr<TokenStore> tokens(new TokenStore(store, std::move(clock)));
  Statements& all = *tokens->statements_;
  const std::array<std::pair<Statement*, std::string_view>, 7> texts = {{
      {&all.by_id,
       "SELECT hash, principal, tenant, roles, expires_ms, last_used_ms, revoked FROM token "
       "WHERE id = ?1"},
      {&all.taken, "SELECT 1 FROM token WHERE id = ?1 OR (name = ?2 AND revoked = 0)"},
      {&all.insert,
       "INSERT INTO token (id, name, principal, tenant, roles, hash, created_ms, expires_ms) "
       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
      {&all.list,
       "SELECT id, name, principal, tenant, roles, created_ms, expires_ms, last_used_ms, revoked "
       "FROM token ORDER BY created_ms, rowid"},
      {&all.named,
       "SELECT id, name, principal, tenant, roles, created_ms, expires_ms, last_used_ms, revoked "
       "FROM token WHERE revoked = 0 AND (id = ?1 OR name = ?1)"},
      {&all.revoke, "UPDATE token SET revoked = 1 WHERE id = ?1"},
      // `> ?2`: the clock was set back.
      {&all.use,
       "UPDATE token SET last_used_ms = ?2 WHERE id = ?1 AND "
       "(last_used_ms <= ?2 - 60000 OR last_used_ms > ?2)"},
  }};
  for (const auto& [target, sql] : texts) {
    auto statement = store.Prepare(sql);
    if (!statement) {
      return std::move(statement).error();
    }
    *target = *std::move(statement);
  }
  return tokens;
}

Result<void> TokenStore::Insert(const TokenInfo& info, const std::string& hash) {
  Statement& insert = statements_->insert;
  const ResetAtEnd reset(insert);
  auto done = insert.BindText(1, info.id)
                  .BindText(2, info.name)
                  .BindText(3, info.principal.id)
                  .BindText(4, info.principal.tenant)
                  .BindText(5, Join(info.principal.roles, " "))
                  .BindText(6, hash)
                  .BindInt(7, info.created_ms)
                  .BindInt(8, info.expires_ms)
                  .Step();
  return done ? Result<void>() : Result<void>(std::move(done).error());
}

Result<bool> TokenStore::IsTaken(const std::string& id, const std::string& name) {
  const ResetAtEnd reset(statements_->taken);
  return statements_->taken.BindText(1, id).BindText(2, name).Step();
}

Result<void> TokenStore::InsertNew(std::int64_t ttl_ms, CreatedToken& created) {
  TokenInfo& info = created.info;
  auto taken = IsTaken("", info.name);
  if (taken && *taken) {
    Error error = InvalidArgument(
        "name", "expected a new name, got `" + info.name + "`, which a token in force has");
    error.remedy = "choose another, or `casemate token rm " + info.name + "` first";
    return error;
  }
  // Ids are short, so that one may come up twice.
  for (int attempt = 0; taken && attempt < kMaxAttempts; ++attempt) {
    info.id = RandomHex(kTokenIdBytes / 2);
    taken = IsTaken(info.id, "");
    if (taken && !*taken) {
      created.token = MakeToken(info.id);
      info.created_ms = clock_();
      info.expires_ms = ttl_ms == 0 ? 0 : info.created_ms + ttl_ms;
      return Insert(info, Sha256Hex(created.token));
    }
  }
  return taken ? Error{ErrorCode::kResourceExhausted, "found no free id for a token", "", "", 0}
               : std::move(taken).error();
}

Result<CreatedToken> TokenStore::Create(const std::string& name, const Principal& principal,
                                        std::int64_t ttl_ms) {
  if (auto checked = CheckTokenNames(name, principal); !checked) {
    return std::move(checked).error();
  }
  if (ttl_ms < 0 || ttl_ms > kMaxTtlMs) {
    return InvalidArgument("expires", "expected at most ten years, or never");
  }
  CreatedToken created;
  created.info.name = name;
  created.info.principal = principal;
  auto done = store_.Transaction([&] { return InsertNew(ttl_ms, created); });
  if (!done) {
    return std::move(done).error();
  }
  return created;
}

Result<FoundToken> TokenStore::Find(std::string_view token) {
  const auto id = IdInToken(token);
  if (!id) {
    return Refused();
  }
  const std::string hash = Sha256Hex(token);
  const auto lock = store_.Lock();
  Statement& by_id = statements_->by_id;
  const ResetAtEnd reset(by_id);
  auto row = by_id.BindText(1, *id).Step();
  if (!row) {
    return std::move(row).error();
  }
  // Compared even if there is none such (attack: telling by the time which ids exist).
  const std::string known = *row ? by_id.Text(0) : std::string(hash.size(), '0');
  const bool is_equal = EqualInConstantTime(hash, known);
  if (!*row || !is_equal) {
    return Refused();
  }
  const std::int64_t now = clock_();
  if (!statements_->IsInForce(now)) {
    return Refused();
  }
  const std::int64_t used = by_id.Int(5);
  return FoundToken{
      .id = std::string(*id),
      .principal = {by_id.Text(1), by_id.Text(2), SplitSpaces(by_id.Text(3)), std::string(*id)},
      .use_is_due = now - used >= kUseInterval || used > now};
}

Result<bool> TokenStore::IsInForce(const std::string& id) {
  const auto lock = store_.Lock();
  Statement& by_id = statements_->by_id;
  const ResetAtEnd reset(by_id);
  auto row = by_id.BindText(1, id).Step();
  if (!row) {
    return std::move(row).error();
  }
  return *row && statements_->IsInForce(clock_());
}

Result<void> TokenStore::NoteUse(const std::string& id) {
  const auto lock = store_.Lock();
  const ResetAtEnd reset(statements_->use);
  auto done = statements_->use.BindText(1, id).BindInt(2, clock_()).Step();
  return done ? Result<void>() : Result<void>(std::move(done).error());
}

Result<std::vector<TokenInfo>> TokenStore::List() {
  const auto lock = store_.Lock();
  Statement& list = statements_->list;
  const ResetAtEnd reset(list);
  std::vector<TokenInfo> tokens;
  while (true) {
    auto row = list.Step();
    if (!row) {
      return std::move(row).error();
    }
    if (!*row) {
      return tokens;
    }
    tokens.push_back(InfoOf(list));
  }
}

Result<TokenInfo> TokenStore::MarkRevoked(const std::string& id_or_name) {
  TokenInfo info;
  {
    const ResetAtEnd reset(statements_->named);
    auto row = statements_->named.BindText(1, id_or_name).Step();
    if (!row) {
      return std::move(row).error();
    }
    if (!*row) {
      return Error{ErrorCode::kNotFound,
                   "expected the id or name of a token in force, got `" +
                       EscapeControls(id_or_name, false) + "`",
                   "token", "`casemate token list` shows them", 0};
    }
    info = InfoOf(statements_->named);
  }
  const ResetAtEnd reset(statements_->revoke);
  auto done = statements_->revoke.BindText(1, info.id).Step();
  if (!done) {
    return std::move(done).error();
  }
  info.revoked = true;
  return info;
}

Result<TokenInfo> TokenStore::Revoke(const std::string& id_or_name) {
  TokenInfo info;
  auto done = store_.Transaction([&]() -> Result<void> {
    auto revoked = MarkRevoked(id_or_name);
    if (!revoked) {
      return std::move(revoked).error();
    }
    info = *std::move(revoked);
    return {};
  });
  if (!done) {
    return std::move(done).error();
  }
  return info;
}

}  // namespace casemate::policies
