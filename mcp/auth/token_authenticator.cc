#include "mcp/auth/token_authenticator.h"

#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "mcp/auth/bearer.h"

namespace casemate::mcp {

namespace {

// How long what a token began lives on while nobody can say whether it is still in force.
constexpr std::int64_t kMaxDoubtNs = std::int64_t{30} * 1'000'000'000;

}  // namespace

Result<TokenAuthenticator::Access> TokenAuthenticator::OpenAccess(const std::string& database) {
  Access access;
  auto store = Store::Open(database);
  if (!store) {
    return std::move(store).error();
  }
  access.store = *std::move(store);
  auto tokens = policies::TokenStore::Open(*access.store);
  if (!tokens) {
    return std::move(tokens).error();
  }
  access.tokens = *std::move(tokens);
  return access;
}

Result<std::unique_ptr<TokenAuthenticator>> TokenAuthenticator::Open(const std::string& database,
                                                                     Options options) {
  auto reads = OpenAccess(database);
  if (!reads) {
    return std::move(reads).error();
  }
  auto writes = OpenAccess(database);
  if (!writes) {
    return std::move(writes).error();
  }
  return std::unique_ptr<TokenAuthenticator>(
      new TokenAuthenticator(options, *std::move(reads), *std::move(writes)));
}

TokenAuthenticator::TokenAuthenticator(Options options, Access reads, Access writes)
    : options_(options),
      limiter_(options.limits),
      reads_(std::move(reads)),
      writes_(std::move(writes)),
      writer_([this](const std::stop_token& stop) { NoteUses(stop); }) {}

TokenAuthenticator::~TokenAuthenticator() = default;

Result<policies::Principal> TokenAuthenticator::Authenticate(const http::Headers& headers,
                                                             const http::Peer& peer) {
  const BearerToken bearer = FindBearer(headers);
  if (bearer.kind == BearerToken::Kind::kMissing) {
    if (peer.is_unix && peer.uid == options_.own_uid && !options_.behind_proxy) {
      return policies::Principal{};
    }
    return Error{ErrorCode::kPermissionDenied, "this server needs a bearer token", "Authorization",
                 "`casemate token add` on the server makes one", 0};
  }
  const std::string source = SourceOf(headers, peer, options_.behind_proxy);
  const std::int64_t now = MonotonicNs();
  const bool is_blocked = limiter_.IsBlocked(source, now);
  const Error blocked{ErrorCode::kResourceExhausted, "too many wrong tokens came from this address",
                      "Authorization", "try again in a minute", 0};
  if (bearer.kind == BearerToken::Kind::kMalformed) {
    if (is_blocked) {
      return blocked;
    }
    limiter_.AddFailure(source, now);
    return Error{ErrorCode::kInvalidArgument, "expected one header `Authorization: Bearer TOKEN`",
                 "Authorization", "send the token as `casemate token add` printed it", 0};
  }
  auto found = reads_.tokens->Find(bearer.token);
  if (!found) {
    // A right one is let in even so: somebody else at its address must not lock it out.
    if (is_blocked) {
      return blocked;
    }
    if (found.error().code == ErrorCode::kPermissionDenied) {
      limiter_.AddFailure(source, now);
    }
    return std::move(found).error();
  }
  if (found->use_is_due) {
    const std::lock_guard lock(mutex_);
    used_.insert(found->id);
    wake_.notify_one();
  }
  return std::move(found->principal);
}

bool TokenAuthenticator::IsStillWelcome(const policies::Principal& principal) {
  if (principal.token.empty()) {
    return true;  // let in by the kernel's word
  }
  auto in_force = reads_.tokens->IsInForce(principal.token);
  if (!in_force) {
    Log(LogLevel::kWarning,
        "cannot look token " + principal.token + " up again: " + Describe(in_force.error()));
    // New requests are not let in meanwhile; what runs is not ended for one moment's trouble.
    const std::int64_t now = MonotonicNs();
    const std::lock_guard lock(mutex_);
    const auto [doubt, is_new] = doubts_.try_emplace(principal.token, Doubt{now, now});
    if (now - doubt->second.last_ns > kMaxDoubtNs) {  // of another time
      doubt->second.since_ns = now;
    }
    doubt->second.last_ns = now;
    return now - doubt->second.since_ns < kMaxDoubtNs;
  }
  const std::lock_guard lock(mutex_);
  doubts_.erase(principal.token);
  return *in_force;
}

void TokenAuthenticator::NoteUses(const std::stop_token& stop) {
  while (true) {
    std::set<std::string> used;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, stop, [this] { return !used_.empty(); });
      used.swap(used_);
    }
    if (used.empty()) {
      return;  // asked to stop, and all is noted
    }
    for (const std::string& id : used) {
      if (auto noted = writes_.tokens->NoteUse(id); !noted) {
        Log(LogLevel::kWarning,
            "cannot note the use of token " + id + ": " + Describe(noted.error()));
      }
    }
  }
}

std::string TokenAuthenticator::Challenge(const http::Headers& headers) const {
  constexpr const char* kRealm = "Bearer realm=\"casemate\"";
  switch (FindBearer(headers).kind) {
    case BearerToken::Kind::kMissing:
      return kRealm;
    case BearerToken::Kind::kMalformed:
      return std::string(kRealm) +
             ", error=\"invalid_request\", error_description=\"expected one header "
             "Authorization: Bearer TOKEN\"";
    case BearerToken::Kind::kPresent:
      break;
  }
  return std::string(kRealm) +
         ", error=\"invalid_token\", error_description=\"the token is unknown, expired or "
         "revoked\"";
}

}  // namespace casemate::mcp
