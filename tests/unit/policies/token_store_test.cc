#include "policies/identity/token_store.h"

#include <set>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "policies/identity/token_text.h"
#include "tests/unit/temp_dir.h"

namespace casemate::policies {
namespace {

using Catch::Contains;

constexpr std::int64_t kMinute = 60'000;

struct Fixture {
  Fixture() {
    store = *Store::Open(path);
    tokens = *TokenStore::Open(*store, [this] { return now; });
  }
  CreatedToken Create(const std::string& name, std::int64_t ttl_ms = 0) {
    auto created = tokens->Create(name, {"ann", "acme", {"dev", "ops"}}, ttl_ms);
    INFO((created ? std::string() : Describe(created.error())));
    REQUIRE(created.ok());
    return *created;
  }
  std::string Refusal(std::string_view token) {
    auto found = tokens->Find(token);
    REQUIRE_FALSE(found.ok());
    CHECK(found.error().code == ErrorCode::kPermissionDenied);
    return Describe(found.error());
  }
  testing::TempDir dir;
  std::string path = dir / "casemate.db";
  std::int64_t now = 1'000'000'000;
  std::unique_ptr<Store> store;
  std::unique_ptr<TokenStore> tokens;
};

TEST_CASE_METHOD(Fixture, "A token finds its principal", "[tokens]") {
  const CreatedToken created = Create("laptop");
  CHECK(created.token.size() == 4 + 8 + 1 + 43);
  CHECK(created.token.starts_with("cmt_" + created.info.id + "_"));
  CHECK(created.token.find_first_not_of(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        std::string::npos);
  const auto found = tokens->Find(created.token);
  REQUIRE(found.ok());
  CHECK(found->id == created.info.id);
  CHECK(found->principal.id == "ann");
  CHECK(found->principal.tenant == "acme");
  CHECK(found->principal.roles == std::vector<std::string>{"dev", "ops"});
}

TEST_CASE_METHOD(Fixture, "No two tokens are alike, and the secret is nowhere in the files",
                 "[tokens]") {
  std::set<std::string> secrets;
  for (int i = 0; i < 50; ++i) {
    secrets.insert(Create("t" + std::to_string(i)).token.substr(13));
  }
  CHECK(secrets.size() == 50);
  for (const char* suffix : {"", "-wal"}) {
    const auto bytes = ReadFile(path + suffix, std::size_t{1} << 24);
    REQUIRE(bytes.ok());
    for (const std::string& secret : secrets) {
      CHECK(bytes->find(secret) == std::string::npos);
    }
  }
}

TEST_CASE_METHOD(Fixture, "Whatever is wrong with a token, the refusal is the same", "[tokens]") {
  const CreatedToken good = Create("good");
  const CreatedToken revoked = Create("revoked");
  REQUIRE(tokens->Revoke(revoked.info.id).ok());
  const CreatedToken expired = Create("expired", kMinute);
  CHECK(tokens->Find(expired.token).ok());
  now += kMinute - 1;
  CHECK(tokens->Find(expired.token).ok());
  now += 1;

  std::string other_secret = good.token;
  other_secret.back() = other_secret.back() == 'A' ? 'B' : 'A';
  std::string other_case = good.token;
  for (char& c : other_case) {
    c = static_cast<char>(std::toupper(c));
  }
  const std::string unknown = "cmt_00000000_" + good.token.substr(13);
  const std::string hash_as_secret = "cmt_" + good.info.id + "_" + Sha256Hex(good.token);
  std::set<std::string> refusals;
  for (const std::string& token :
       {revoked.token, expired.token, other_secret, other_case, unknown, hash_as_secret,
        good.token + "A", good.token.substr(0, good.token.size() - 1), std::string(),
        std::string("cmt_"), std::string(56, '\0'), "xmt" + good.token.substr(3),
        "cmt_' OR 1=1_" + good.token.substr(13),
        good.token.substr(0, 12) + "-" + good.token.substr(13), std::string(1 << 20, 'a')}) {
    refusals.insert(Refusal(token));
  }
  CHECK(refusals.size() == 1);
  CHECK_THAT(*refusals.begin(), Contains("the token is unknown, expired or revoked"));
  CHECK(tokens->Find(good.token).ok());
}

TEST_CASE_METHOD(Fixture, "A damaged hash lets nobody in", "[tokens]") {
  const CreatedToken created = Create("laptop");
  for (const char* hash : {"''", "'0'", "'0000'", "hash || '0'", "upper(hash)"}) {
    REQUIRE(store->Execute("UPDATE token SET hash = " + std::string(hash)).ok());
    Refusal(created.token);
  }
  // What an unknown id is compared with is no way in.
  REQUIRE(store->Execute("UPDATE token SET hash = '" + std::string(64, '0') + "'").ok());
  Refusal(created.token);
}

TEST_CASE_METHOD(Fixture, "Names, principals and roles are checked", "[tokens]") {
  const auto problem = [this](const std::string& name, const Principal& principal,
                              std::int64_t ttl = 0) {
    auto created = tokens->Create(name, principal, ttl);
    return created ? "" : Describe(created.error());
  };
  CHECK_THAT(problem("", {}), Contains("name"));
  CHECK_THAT(problem("-rf", {}), Contains("name"));
  CHECK_THAT(problem("a b", {}), Contains("got `a b`"));
  CHECK_THAT(problem(std::string(65, 'a'), {}), Contains("1 to 64"));
  CHECK_THAT(problem("a\x1b[31m", {}), Contains("\\x1b"));
  CHECK_THAT(problem("deadbeef", {}), Contains("look like the id"));
  CHECK_THAT(problem("a", {"", "local", {}}), Contains("principal"));
  CHECK_THAT(problem("a", {"ann bob", "local", {}}), Contains("principal"));
  CHECK_THAT(problem("a", {"ann", "", {}}), Contains("tenant"));
  CHECK_THAT(problem("a", {"ann", "local", {"dev ops"}}), Contains("roles"));
  CHECK_THAT(problem("a", {"ann", "local", std::vector<std::string>(17, "r")}),
             Contains("at most 16"));
  CHECK_THAT(problem("a", {}, -1), Contains("expires"));
  CHECK_THAT(problem("a", {}, TokenStore::kMaxTtlMs + 1), Contains("expires"));
  CHECK(tokens->List()->empty());
  CHECK(problem("a", {"ann@example.org", "local", {}}).empty());
  CHECK(tokens->List()->front().principal.roles.empty());
}

TEST_CASE_METHOD(Fixture, "A name is taken while its token is in force", "[tokens]") {
  const CreatedToken first = Create("laptop");
  auto second = tokens->Create("laptop", {}, 0);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == ErrorCode::kInvalidArgument);
  CHECK_THAT(second.error().remedy, Contains("casemate token rm laptop"));
  REQUIRE(tokens->Revoke("laptop").ok());
  const CreatedToken third = Create("laptop");
  CHECK(tokens->Find(third.token).ok());
  Refusal(first.token);
}

TEST_CASE_METHOD(Fixture, "Revoking by id and by name, once", "[tokens]") {
  const CreatedToken a = Create("a");
  const CreatedToken b = Create("b");
  CHECK(tokens->Revoke(a.info.id)->name == "a");
  CHECK(tokens->Revoke("b")->id == b.info.id);
  for (const std::string& gone : {a.info.id, std::string("a"), std::string("c"), std::string()}) {
    auto again = tokens->Revoke(gone);
    REQUIRE_FALSE(again.ok());
    CHECK(again.error().code == ErrorCode::kNotFound);
  }
  const auto list = tokens->List();
  REQUIRE(list->size() == 2);
  CHECK(list->at(0).revoked);
  CHECK(list->at(1).revoked);
}

TEST_CASE_METHOD(Fixture, "The last use is noted at most once a minute", "[tokens]") {
  const CreatedToken created = Create("laptop");
  const auto use = [&] {
    const auto found = tokens->Find(created.token);
    REQUIRE(found.ok());
    if (found->use_is_due) {
      REQUIRE(tokens->NoteUse(found->id).ok());
    }
    return found->use_is_due;
  };
  CHECK(use());
  const std::int64_t first = now;
  now += kMinute - 1;
  CHECK_FALSE(use());
  REQUIRE(tokens->NoteUse(created.info.id).ok());  // of a process that looked earlier
  CHECK(tokens->List()->front().last_used_ms == first);
  now += 1;
  CHECK(use());
  CHECK(tokens->List()->front().last_used_ms == first + kMinute);
  now = first - kMinute;  // the clock was set back
  CHECK(use());
  CHECK(tokens->List()->front().last_used_ms == now);
}

TEST_CASE_METHOD(Fixture, "Another process sees new and revoked tokens at once", "[tokens]") {
  auto other_store = Store::Open(path);
  REQUIRE(other_store.ok());
  auto other = TokenStore::Open(**other_store, [this] { return now; });
  REQUIRE(other.ok());
  const CreatedToken created = Create("laptop");
  CHECK((*other)->Find(created.token).ok());
  REQUIRE((*other)->Revoke("laptop").ok());
  Refusal(created.token);
}

}  // namespace
}  // namespace casemate::policies
