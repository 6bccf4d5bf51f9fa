#include <catch2/catch.hpp>

#include "base/clock.h"
#include "mcp/auth/authenticator.h"
#include "mcp/auth/bearer.h"
#include "mcp/auth/failure_limiter.h"
#include "mcp/auth/token_authenticator.h"
#include "tests/unit/temp_dir.h"

namespace casemate::mcp {
namespace {

using Catch::Contains;
using Kind = BearerToken::Kind;

constexpr uid_t kOurs = 1000;
constexpr uid_t kOther = 1001;

http::Peer Unix(uid_t uid) {
  return {.is_unix = true, .uid = uid, .address = "unix"};
}
http::Peer Loopback() {
  return {.is_loopback = true, .address = "127.0.0.1:4711"};
}
http::Peer Remote(const std::string& address = "192.0.2.1:4711") {
  return {.address = address};
}
http::Headers Bearer(const std::string& token) {
  return {{"Host", "x"}, {"Authorization", "Bearer " + token}};
}
const std::string kUnknown = "cmt_00000000_" + std::string(43, 'A');

TEST_CASE("Simple: the owner's socket peers and loopback, nobody else", "[auth]") {
  SimpleAuthenticator simple(kOurs);
  for (const http::Peer& peer : {Unix(kOurs), Unix(0), Loopback()}) {
    auto principal = simple.Authenticate({}, peer);
    REQUIRE(principal.ok());
    CHECK(principal->id == "local");
    CHECK(principal->roles == std::vector<std::string>{"owner"});
  }
  // The last: a unix peer is judged by its uid alone.
  http::Peer odd = Unix(kOther);
  odd.is_loopback = true;
  for (const http::Peer& peer : {Unix(kOther), Unix(static_cast<uid_t>(-1)), Remote(), odd}) {
    auto principal = simple.Authenticate(Bearer(kUnknown), peer);
    REQUIRE_FALSE(principal.ok());
    CHECK(principal.error().code == ErrorCode::kPermissionDenied);
  }
  CHECK(simple.Challenge({}).empty());
}

TEST_CASE("A TCP peer that happens to carry uid 0 is not root", "[auth]") {
  SimpleAuthenticator simple(kOurs);
  CHECK_FALSE(simple.Authenticate({}, Remote()).ok());  // Peer::uid is 0 for TCP
}

TEST_CASE("One bearer token in one header, in any case", "[auth]") {
  for (const char* value : {"Bearer abc", "bearer abc", "BEARER   abc"}) {
    const http::Headers headers = {{"aUTHORIZATION", value}};
    const BearerToken found = FindBearer(headers);
    CHECK(found.kind == Kind::kPresent);
    CHECK(found.token == "abc");
  }
  CHECK(FindBearer({}).kind == Kind::kMissing);
  for (const char* value : {"", "Basic YTpi", "Bearerabc", "Bear abc", "abc"}) {
    INFO(value);
    CHECK(FindBearer({{"Authorization", value}}).kind == Kind::kMissing);
  }
  for (const char* value : {"Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer a\tb",
                            "Bearer a, Bearer b", "Bearer \xff"}) {
    INFO(value);
    CHECK(FindBearer({{"Authorization", value}}).kind == Kind::kMalformed);
  }
  CHECK(FindBearer({{"Authorization", "Bearer a"}, {"authorization", "Bearer a"}}).kind ==
        Kind::kMalformed);
}

TEST_CASE("Ten wrong tokens block a source until its minute is over", "[auth]") {
  FailureLimiter limiter(FailureLimiter::Limits{10, 60, 100});
  for (int i = 0; i < 10; ++i) {
    CHECK_FALSE(limiter.IsBlocked("a", i));
    limiter.AddFailure("a", i);
  }
  CHECK(limiter.IsBlocked("a", 9));
  CHECK(limiter.IsBlocked("a", 59));
  CHECK_FALSE(limiter.IsBlocked("b", 59));
  CHECK_FALSE(limiter.IsBlocked("a", 60));
  CHECK(limiter.sources() == 0);
}

TEST_CASE("The limiter stays small", "[auth]") {
  FailureLimiter limiter(FailureLimiter::Limits{1, 60, 100});
  for (int i = 0; i < 1000; ++i) {
    limiter.AddFailure("source " + std::to_string(i), 0);
  }
  CHECK(limiter.sources() == 100);
  CHECK_FALSE(limiter.IsBlocked("source 899", 0));
  CHECK(limiter.IsBlocked("source 900", 0));
  CHECK(limiter.IsBlocked("source 999", 0));
}

TEST_CASE("Sources are addresses without port, subnets of IPv6, and what the proxy says",
          "[auth]") {
  CHECK(SourceOf({}, Remote("192.0.2.1:4711"), false) == "192.0.2.1");
  CHECK(SourceOf({}, Remote("[2001:db8:1:2:3:4:5:6]:4711"), false) == "2001:db8:1:2::/64");
  CHECK(SourceOf({}, Remote("[2001:db8:1:2:9::]:1"), false) == "2001:db8:1:2::/64");
  CHECK(SourceOf({}, Remote("[::ffff:192.0.2.1]:4711"), false) == "::ffff:192.0.2.1");
  CHECK(SourceOf({}, Unix(1), false) == "unix");
  CHECK(SourceOf({}, Remote("["), false).empty());
  const http::Headers forwarded = {{"X-Forwarded-For", "6.6.6.6"},
                                   {"x-forwarded-for", "7.7.7.7, 198.51.100.9 "}};
  CHECK(SourceOf(forwarded, Loopback(), true) == "198.51.100.9");
  CHECK(SourceOf(forwarded, Loopback(), false) == "127.0.0.1");
  CHECK(SourceOf({}, Loopback(), true) == "127.0.0.1");
  CHECK(SourceOf({{"X-Forwarded-For", "2001:db8::1"}}, Loopback(), true) == "2001:db8::/64");
  CHECK(SourceOf({{"X-Forwarded-For", std::string(9999, 'x')}}, Loopback(), true).size() == 64);
}

struct Fixture {
  Fixture() {
    store = *Store::Open(database);
    tokens = *policies::TokenStore::Open(*store);
  }
  std::unique_ptr<TokenAuthenticator> Open(bool behind_proxy = false) {
    auto opened = TokenAuthenticator::Open(
        database, {.own_uid = kOurs, .behind_proxy = behind_proxy, .limits = {}});
    REQUIRE(opened.ok());
    return *std::move(opened);
  }
  std::string Token(const std::string& name) {
    return tokens->Create(name, {"ann", "local", {"dev"}}, 0)->token;
  }
  testing::TempDir dir;
  std::string database = dir / "casemate.db";
  std::unique_ptr<Store> store;
  std::unique_ptr<policies::TokenStore> tokens;
};

TEST_CASE_METHOD(Fixture, "A token says who asks, until it is revoked", "[auth]") {
  const std::string token = Token("laptop");
  const auto auth = Open();
  for (const http::Peer& peer : {Remote(), Loopback(), Unix(kOther), Unix(kOurs)}) {
    auto principal = auth->Authenticate(Bearer(token), peer);
    REQUIRE(principal.ok());
    CHECK(principal->id == "ann");
    CHECK(principal->roles == std::vector<std::string>{"dev"});
    CHECK(principal->token == token.substr(4, 8));
    CHECK(auth->IsStillWelcome(*principal));
  }
  const policies::Principal earlier = *auth->Authenticate(Bearer(token), Remote());
  CHECK(auth->IsStillWelcome({}));  // who needed no token
  REQUIRE(tokens->Revoke("laptop").ok());
  CHECK_FALSE(auth->IsStillWelcome(earlier));
  auto refused = auth->Authenticate(Bearer(token), Remote());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kPermissionDenied);
}

TEST_CASE_METHOD(Fixture, "Without a token only our own user on the unix socket comes in",
                 "[auth]") {
  const auto auth = Open();
  CHECK(auth->Authenticate({}, Unix(kOurs))->id == "local");
  for (const http::Peer& peer : {Unix(kOther), Unix(0), Loopback(), Remote()}) {
    auto refused = auth->Authenticate({}, peer);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::kPermissionDenied);
  }
  // Of TCP peers the uid is unknown, and stands at that of root.
  const auto of_root = TokenAuthenticator::Open(database, {.own_uid = 0, .limits = {}});
  REQUIRE(of_root.ok());
  CHECK((*of_root)->Authenticate({}, Unix(0)).ok());
  CHECK_FALSE((*of_root)->Authenticate({}, Loopback()).ok());
  // A wrong token is not as good as none.
  CHECK_FALSE(auth->Authenticate(Bearer(kUnknown), Unix(kOurs)).ok());
  // A proxy of ours speaks for others.
  CHECK_FALSE(Open(true)->Authenticate({}, Unix(kOurs)).ok());
}

TEST_CASE_METHOD(Fixture, "The challenge tells missing from wrong", "[auth]") {
  const auto auth = Open();
  CHECK(auth->Challenge({}) == "Bearer realm=\"casemate\"");
  CHECK_THAT(auth->Challenge(Bearer(kUnknown)), Contains("error=\"invalid_token\""));
  CHECK_THAT(auth->Challenge({{"Authorization", "Bearer a"}, {"Authorization", "Bearer b"}}),
             Contains("error=\"invalid_request\""));
}

TEST_CASE_METHOD(Fixture, "After ten wrong tokens further ones have to wait, right ones never",
                 "[auth]") {
  const std::string token = Token("laptop");
  const auto auth = Open();
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(auth->Authenticate({}, Remote()).ok());  // asking without one is no failure
  }
  for (int i = 0; i < 10; ++i) {
    const auto headers = i % 2 == 0 ? Bearer(kUnknown) : Bearer("a b");
    const ErrorCode expected =
        i % 2 == 0 ? ErrorCode::kPermissionDenied : ErrorCode::kInvalidArgument;
    const auto from = Remote("192.0.2.1:" + std::to_string(1000 + i));
    CHECK(auth->Authenticate(headers, from).error().code == expected);
  }
  for (const auto& headers : {Bearer(kUnknown), Bearer("a b")}) {
    CHECK(auth->Authenticate(headers, Remote()).error().code == ErrorCode::kResourceExhausted);
  }
  CHECK(auth->Authenticate(Bearer(token), Remote()).ok());
  CHECK(auth->Authenticate(Bearer(kUnknown), Remote("192.0.2.2:1")).error().code ==
        ErrorCode::kPermissionDenied);
}

TEST_CASE_METHOD(Fixture, "The use of a token is noted", "[auth]") {
  const std::string used = Token("used");
  Token("unused");
  const std::int64_t before = WallClockMs();
  {
    const auto auth = Open();
    REQUIRE(auth->Authenticate(Bearer(used), Remote()).ok());
  }  // which waits for what is to be noted
  const auto list = tokens->List();
  REQUIRE(list.ok());
  CHECK(list->at(0).last_used_ms >= before);
  CHECK(list->at(1).last_used_ms == 0);
}

TEST_CASE_METHOD(Fixture, "A database that does not open is an error", "[auth]") {
  CHECK_FALSE(TokenAuthenticator::Open(dir / "no/such/dir.db", {.limits = {}}).ok());
}

}  // namespace
}  // namespace casemate::mcp
