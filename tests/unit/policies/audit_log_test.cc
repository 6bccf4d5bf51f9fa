#include "policies/audit/audit_log.h"

#include <limits>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/json.h"
#include "policies/audit/record.h"
#include "tests/unit/policies/audit_fixture.h"

namespace casemate::policies {

using test::TempDir;
using test::Trail;
using Json = nlohmann::json;

TEST_CASE("An empty trail verifies") {
  const TempDir dir;
  Trail trail(dir.path());
  const auto verification = trail.Verify();
  CHECK(verification.records == 0);
  CHECK(verification.problems.empty());
  CHECK(verification.head_hash == std::string(64, '0'));
  CHECK(trail.log().Tail(5)->empty());
}

TEST_CASE("what is appended after NoteFirst waits for it, and fails with its error", "[audit]") {
  const TempDir dir;
  Trail trail(dir.path());
  SECTION("it comes first") {
    trail.log().NoteFirst("server_start", {{"version", "0"}});
    CHECK(*trail.log().Note("server_stop", Json::object()) == 2);
    const Json body = Json::parse(trail.log().Read(1)->body);
    CHECK(body["kind"] == "server_start");
    CHECK(body["detail"] == Json{{"version", "0"}});
  }
  SECTION("an error") {
    trail.log().NoteFirst("no_such_kind", Json::object());
    const auto later = trail.log().Note("server_stop", Json::object());
    REQUIRE_FALSE(later);
    CHECK_THAT(later.error().message, Catch::Contains("no_such_kind"));
  }
}

TEST_CASE("Records are numbered, chained, hashed and canonical") {
  const TempDir dir;
  Trail trail(dir.path());
  REQUIRE(trail.log().Note("server_start", {{"version", "0"}}));
  const std::int64_t intent = trail.Begin();
  CHECK(intent == 2);
  trail.End(intent);
  CHECK(trail.Begin({{"network", "host"}}) == 4);  // refused, recorded, needs no End

  const auto records = trail.All();
  REQUIRE(records.size() == 4);
  std::string prev(64, '0');
  const std::vector<std::string> kinds = {"server_start", "intent", "outcome", "refused"};
  for (std::size_t i = 0; i < records.size(); ++i) {
    auto body = ParseJson(records[i].body);
    REQUIRE(body);
    CHECK(DumpJson(*body) == records[i].body);
    CHECK((*body)["version"] == 1);
    CHECK((*body)["seq"] == records[i].seq);
    CHECK((*body)["kind"] == kinds[i]);
    CHECK((*body)["incarnation"] == "server-1");
    CHECK((*body)["prev_hash"] == prev);
    CHECK(records[i].hash == Sha256Hex(std::string(1, '\0') + records[i].body));
    prev = records[i].hash;
  }
  const Json body = *ParseJson(records[1].body);
  CHECK(body["tool"] == "run");
  CHECK(body["principal"]["id"] == "local");
  CHECK(body["channel"] == "cli");
  CHECK(body["args"]["network"] == "none");
  CHECK(body["decision"]["effect"] == "allow");
  CHECK(body["decision"]["rule"] == "run-private");
  CHECK(body["decision"]["grant"]["limits"]["pids"] == 512);
  CHECK((*ParseJson(records[2].body))["intent_seq"] == 2);
  CHECK((*ParseJson(records[3].body))["decision"]["rule"] == "default-deny");

  const auto verification = trail.Verify();
  CHECK(verification.problems.empty());
  CHECK(verification.records == 4);
  CHECK(verification.head_hash == prev);
  CHECK(verification.unfinished_intents.empty());
}

TEST_CASE("A limit on disk I/O is on record where policy grants one") {
  const auto recorded = [](const std::string& limits) {
    const Decision decision = test::DecideCall(
        *test::Load("version: 1\nrules: [{id: a, effect: allow, tools: [run]" + limits + "}]\n"),
        Json::object());
    const Json none = Json::object();
    return IntentPayload({"run", {}, "cli", none, none, decision})["decision"]["grant"]["limits"];
  };
  CHECK(recorded(", limits: {io_mb_s: 20}")["io_mb_s"] == 20);
  CHECK_FALSE(recorded("").contains("io_mb_s"));
}

TEST_CASE("The trail outlives the server that wrote it") {
  const TempDir dir;
  {
    Trail first(dir.path(), "server-1");
    first.Calls(2);
  }
  Trail second(dir.path(), "server-2");
  CHECK(second.Begin() == 5);
  CHECK(second.Verify().problems.empty());
}

TEST_CASE("Tail gives the newest records, oldest first") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Calls(3);
  const auto tail = trail.log().Tail(2);
  REQUIRE(tail);
  REQUIRE(tail->size() == 2);
  CHECK((*tail)[0].seq == 5);
  CHECK((*tail)[1].seq == 6);
  CHECK(trail.log().Tail(100)->size() == 6);
  CHECK(trail.log().Tail(-1)->empty());
}

TEST_CASE("Walks go beyond one page and may append while they visit") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Calls(50);
  std::int64_t seen = 0;
  REQUIRE(trail.log().ForEach([&](const AuditRecord& record) {
    CHECK(record.seq == ++seen);
    if (record.seq == 1) {
      CHECK(trail.log().Note("reaped", Json::object()));
    }
  }));
  CHECK(seen == 100);
  CHECK(trail.Verify().records == 101);
}

TEST_CASE("Unfinished and running intents are told apart") {
  const TempDir dir;
  {
    Trail dead(dir.path(), "dead-server");
    dead.End(dead.Begin());
    CHECK(dead.Begin() == 3);
  }
  Trail alive(dir.path(), "live-server");
  CHECK(alive.Begin() == 4);
  const auto verification = alive.Verify({"live-server"});
  CHECK(verification.problems.empty());
  CHECK(verification.unfinished_intents == std::vector<std::int64_t>{3});
  CHECK(verification.running_intents == std::vector<std::int64_t>{4});
  CHECK(*alive.log().UnfinishedIntents("dead-server") == std::vector<std::int64_t>{3});
  CHECK(alive.log().UnfinishedIntents("nobody")->empty());
}

TEST_CASE("An outcome needs an open intent of this server") {
  const TempDir dir;
  {
    Trail other(dir.path(), "other");
    CHECK(other.Begin() == 1);
  }
  Trail trail(dir.path());
  const std::int64_t intent = trail.Begin();
  const std::int64_t refused = trail.Begin({{"network", "host"}});
  trail.End(intent);
  const Json outcome = {{"status", "exited"}};
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t seq : {std::int64_t{1}, intent, refused, std::int64_t{0},
                                 std::int64_t{-1}, std::int64_t{99}, huge}) {
    INFO(seq);
    CHECK_FALSE(trail.log().End(seq, outcome));
  }
  const auto verification = trail.Verify();
  CHECK(verification.records == 4);
  CHECK(verification.problems.empty());
}

TEST_CASE("Only facts about servers and tokens can be noted") {
  const TempDir dir;
  Trail trail(dir.path());
  for (const char* kind : {"intent", "outcome", "refused", "", "other"}) {
    CHECK_FALSE(trail.log().Note(kind, Json::object()));
  }
  CHECK(trail.Verify().records == 0);
  for (const char* kind : {"token_added", "token_removed", "approval_requested", "approval_granted",
                           "approval_denied", "approval_used"}) {
    CHECK(trail.log().Note(kind, Json::object()));
  }
  CHECK(trail.Verify().records == 6);
  CHECK(trail.Verify().problems.empty());
}

TEST_CASE("A decision without its grant is never recorded as allowed") {
  const TempDir dir;
  Trail trail(dir.path());
  Decision decision;
  decision.effect = Effect::kAllow;
  const Json empty = Json::object();
  CHECK_FALSE(trail.log().Begin({"run", {}, "cli", empty, empty, decision}));
  CHECK(trail.Verify().records == 0);
}

TEST_CASE("An audit log needs an incarnation") {
  const TempDir dir;
  Trail trail(dir.path());
  CHECK_FALSE(AuditLog::Open(trail.store(), ""));
}

TEST_CASE("Long and deep values are recorded as their digest") {
  const TempDir dir;
  Trail trail(dir.path());
  const Json big = {{"network", "none"}, {"code", std::string(200'000, 'x')}};
  trail.Begin(big);
  Json deep = 1;
  for (int i = 0; i < 100; ++i) {
    deep = Json::array({deep});
  }
  trail.Begin({{"network", "none"}, {"deep", deep}});
  const auto records = trail.All();
  REQUIRE(records.size() == 2);
  CHECK(records[0].body.size() < 5'000);
  const Json args = (*ParseJson(records[0].body))["args"];
  CHECK(args["omitted"] == true);
  CHECK(args["bytes"] == DumpJson(big).size());
  CHECK(args["sha256"] == Sha256Hex(DumpJson(big)));
  CHECK((*ParseJson(records[1].body))["args"]["omitted"] == true);
  CHECK(trail.Verify().problems.empty());
}

TEST_CASE("What just fits is recorded whole and still verifies") {
  Json deep = 1;
  for (int i = 0; i < kMaxRecordedDepth - 1; ++i) {
    deep = Json::array({deep});
  }
  const TempDir dir;
  Trail trail(dir.path());
  trail.Begin({{"network", "none"}, {"brackets", "[[{{\\\"[["}, {"deep", deep}});
  CHECK((*ParseJson(trail.All()[0].body,
                    {.max_bytes = 1 << 20, .max_depth = 128}))["args"]["deep"] == deep);
  CHECK(trail.Verify().problems.empty());
}

TEST_CASE("Bytes that are not UTF-8 and odd values are recorded and verify") {
  const TempDir dir;
  Trail trail(dir.path());
  const std::int64_t seq = trail.Begin({{"network", "none"}, {"x", std::string("\xff\0\n", 3)}});
  REQUIRE(trail.log().End(
      seq, {{"nan", std::numeric_limits<double>::quiet_NaN()}, {"big", 18446744073709551615ULL}}));
  CHECK(trail.Verify().problems.empty());
}

TEST_CASE("A body beyond a mebibyte is refused, and nothing is recorded") {
  const TempDir dir;
  Trail trail(dir.path());
  const Json empty = Json::object();
  Decision decision;
  const Principal principal{
      .id = std::string(2 << 20, 'x'), .tenant = "t", .roles = {}, .token = {}};
  auto seq = trail.log().Begin({"run", principal, "cli", empty, empty, decision});
  REQUIRE_FALSE(seq);
  CHECK(seq.error().code == ErrorCode::kResourceExhausted);
  CHECK(trail.Verify().records == 0);
  CHECK(trail.Begin() == 1);
}

TEST_CASE("A full disk is an error, and the chain stays whole") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Begin();
  REQUIRE(trail.store().Execute("PRAGMA max_page_count = 12"));
  const Json args = {{"network", "none"}, {"code", std::string(20'000, 'x')}};
  bool failed = false;
  for (int i = 0; i < 20 && !failed; ++i) {
    auto seq = trail.TryBegin(args);
    failed = !seq;
    if (failed) {
      CHECK(seq.error().code == ErrorCode::kResourceExhausted);
    }
  }
  CHECK(failed);
  const auto before = trail.Verify();
  CHECK(before.problems.empty());
  REQUIRE(trail.store().Execute("PRAGMA max_page_count = 100000"));
  CHECK(trail.Begin() == before.records + 1);
  CHECK(trail.Verify().problems.empty());
}

TEST_CASE("A damaged head is not extended") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Begin();
  SECTION("hash gone") {
    trail.Tamper("UPDATE audit_record SET hash = ''");
  }
  SECTION("last number taken") {
    trail.Tamper("UPDATE audit_record SET seq = 9223372036854775807");
  }
  SECTION("numbers below one") {
    trail.Tamper("UPDATE audit_record SET seq = -5");
  }
  auto seq = trail.TryBegin();
  REQUIRE_FALSE(seq);
  CHECK(seq.error().code == ErrorCode::kDataLoss);
  CHECK_FALSE(trail.Verify().problems.empty());
}

TEST_CASE("A missing table is an error, not a silent success") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Tamper("DROP TABLE audit_record");
  CHECK_FALSE(trail.TryBegin());
  CHECK_FALSE(trail.log().Verify(nullptr));
}

}  // namespace casemate::policies
