#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "policies/audit/record.h"
#include "tests/unit/policies/audit_fixture.h"

namespace casemate::policies {

using test::TempDir;
using test::Trail;
using Json = nlohmann::json;

namespace {

bool Reports(const AuditVerification& verification, std::int64_t seq, const std::string& what) {
  for (const AuditProblem& problem : verification.problems) {
    if (problem.seq == seq && problem.what.find(what) != std::string::npos) {
      return true;
    }
  }
  return false;
}

// Gives record `seq` a new body with a matching hash, as one does who knows the format.
void Rewrite(Trail& trail, std::int64_t seq, const Json& changes) {
  const auto records = trail.All();
  Json body = *ParseJson(records.at(static_cast<std::size_t>(seq - 1)).body);
  body.update(changes);
  const std::string text = DumpJson(body);
  trail.Tamper("UPDATE audit_record SET body = '" + text + "', hash = '" + RecordHash(text) +
               "' WHERE seq = " + std::to_string(seq));
}

// Appends a record that is well-formed and well-chained.
void Forge(Trail& trail, const std::string& kind, const std::string& incarnation, Json payload,
           std::int64_t column_intent) {
  const auto records = trail.All();
  const std::int64_t seq = records.back().seq + 1;
  auto body = RecordBody(std::move(payload), kind, incarnation, {seq, 1, records.back().hash});
  REQUIRE(body);
  // The index would refuse a second outcome; without it the database itself is reported too.
  const std::string drop = column_intent == 0 ? "" : "DROP INDEX IF EXISTS audit_outcome; ";
  trail.Tamper(drop + "INSERT INTO audit_record VALUES (" + std::to_string(seq) + ", '" + kind +
               "', 1, '" + incarnation + "', nullif(" + std::to_string(column_intent) + ", 0), '" +
               *body + "', '" + RecordHash(*body) + "')");
}

}  // namespace

TEST_CASE("An edited body shows") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Calls(3);
  trail.Tamper("UPDATE audit_record SET body = replace(body, '\"cli\"', '\"web\"') WHERE seq = 3");
  const auto verification = trail.Verify();
  CHECK(Reports(verification, 3, "not that of the body"));
  CHECK(verification.problems.size() == 1);
}

TEST_CASE("A body edited together with its hash breaks the next link") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Calls(3);
  Rewrite(trail, 3, {{"channel", "web"}});
  const auto verification = trail.Verify();
  CHECK(Reports(verification, 4, "prev_hash"));
  CHECK(verification.problems.size() == 1);
}

TEST_CASE("An edited hash shows") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Calls(2);
  trail.Tamper(
      "UPDATE audit_record SET hash = replace(hash, substr(hash, 1, 1), 'x') "
      "WHERE seq = 2");
  const auto verification = trail.Verify();
  CHECK(Reports(verification, 2, "not that of the body"));
  CHECK(Reports(verification, 3, "prev_hash"));
}

TEST_CASE("Deleted records show") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Calls(4);
  SECTION("in the middle") {
    trail.Tamper("DELETE FROM audit_record WHERE seq IN (3, 4)");
    const auto verification = trail.Verify();
    CHECK(Reports(verification, 5, "records 3 to 4 are missing"));
    CHECK(Reports(verification, 5, "prev_hash"));
    CHECK(verification.records == 6);
  }
  SECTION("at the beginning") {
    trail.Tamper("DELETE FROM audit_record WHERE seq <= 2");
    CHECK(Reports(trail.Verify(), 3, "records 1 to 2 are missing"));
  }
  SECTION("an intent alone") {
    trail.Tamper("DELETE FROM audit_record WHERE seq = 3");
    CHECK(Reports(trail.Verify(), 4, "outcome of intent 3"));
  }
  SECTION("and renumbered to close the gap") {
    trail.Tamper(
        "DELETE FROM audit_record WHERE seq IN (3, 4);"
        "UPDATE audit_record SET seq = seq - 2 WHERE seq > 4");
    const auto verification = trail.Verify();
    CHECK(Reports(verification, 3, "column seq differs"));
    CHECK(Reports(verification, 3, "prev_hash"));
  }
}

TEST_CASE("A cut-off tail cannot be seen from inside, only against a kept head") {
  // docs/audit.md says so; this test keeps that honest.
  const TempDir dir;
  Trail trail(dir.path());
  trail.Calls(3);
  const std::string kept = trail.Verify().head_hash;
  trail.Tamper("DELETE FROM audit_record WHERE seq > 4");
  const auto verification = trail.Verify();
  CHECK(verification.problems.empty());
  CHECK(verification.records == 4);
  CHECK(verification.head_hash != kept);
}

TEST_CASE("Swapped records show") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Calls(3);
  trail.Tamper(
      "UPDATE audit_record SET seq = -1 WHERE seq = 3;"
      "UPDATE audit_record SET seq = 3 WHERE seq = 5;"
      "UPDATE audit_record SET seq = 5 WHERE seq = -1");
  const auto verification = trail.Verify();
  CHECK(Reports(verification, 3, "column seq differs"));
  CHECK(Reports(verification, 5, "column seq differs"));
  CHECK(Reports(verification, 3, "prev_hash"));
}

TEST_CASE("Columns that differ from the body show") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Calls(2);
  SECTION("kind") {
    trail.Tamper("UPDATE audit_record SET kind = 'refused' WHERE seq = 3");
    CHECK(Reports(trail.Verify(), 3, "column kind"));
  }
  SECTION("time") {
    trail.Tamper("UPDATE audit_record SET time_ms = time_ms + 1 WHERE seq = 3");
    CHECK(Reports(trail.Verify(), 3, "column time_ms"));
  }
  SECTION("incarnation") {
    trail.Tamper("UPDATE audit_record SET incarnation = 'x' WHERE seq = 3");
    CHECK(Reports(trail.Verify(), 3, "column incarnation"));
  }
  SECTION("intent_seq changed") {
    trail.Tamper("UPDATE audit_record SET intent_seq = 1000 WHERE seq = 4");
    CHECK(Reports(trail.Verify(), 4, "column intent_seq"));
  }
  SECTION("intent_seq removed") {
    trail.Tamper("UPDATE audit_record SET intent_seq = NULL WHERE seq = 4");
    CHECK(Reports(trail.Verify(), 4, "column intent_seq"));
  }
  SECTION("intent_seq added") {
    trail.Tamper("UPDATE audit_record SET intent_seq = 1000 WHERE seq = 3");
    CHECK(Reports(trail.Verify(), 3, "column intent_seq"));
  }
}

TEST_CASE("Forged outcomes show, though well chained") {
  const TempDir dir;
  Trail trail(dir.path());
  const std::int64_t done = trail.Begin();
  trail.End(done);
  const std::int64_t refused = trail.Begin({{"network", "host"}});
  const std::int64_t open = trail.Begin();
  const std::int64_t forged = open + 1;
  const auto payload = [](std::int64_t seq) { return Json{{"intent_seq", seq}, {"outcome", {}}}; };
  SECTION("a second one") {
    Forge(trail, "outcome", "server-1", payload(done), done);
    CHECK(Reports(trail.Verify(), forged, "already has an outcome"));
  }
  SECTION("of a refused call") {
    Forge(trail, "outcome", "server-1", payload(refused), refused);
    CHECK(Reports(trail.Verify(), forged, "outcome of intent 3"));
  }
  SECTION("of nothing") {
    Forge(trail, "outcome", "server-1", payload(99), 99);
    CHECK(Reports(trail.Verify(), forged, "outcome of intent 99"));
  }
  SECTION("without saying of what") {
    Forge(trail, "outcome", "server-1", Json::object(), 0);
    CHECK(Reports(trail.Verify(), forged, "outcome of intent 0"));
  }
  SECTION("by another server") {
    Forge(trail, "outcome", "server-2", payload(open), open);
    CHECK(Reports(trail.Verify(), forged, "another incarnation"));
  }
  SECTION("of unknown kind") {
    Forge(trail, "outcom", "server-1", Json::object(), 0);
    CHECK(Reports(trail.Verify(), forged, "unknown kind `outcom`"));
    CHECK(trail.Verify().unfinished_intents == std::vector<std::int64_t>{open});
  }
}

TEST_CASE("Records that are no records show and do not stop the verification") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Calls(3);
  const std::string garbage = GENERATE(as<std::string>{}, "", "7", "{", "[]", "{\"a\":1,\"a\":2}");
  trail.Tamper("UPDATE audit_record SET body = '" + garbage + "', hash = '" + RecordHash(garbage) +
               "' WHERE seq = 2");
  const auto verification = trail.Verify();
  CHECK(Reports(verification, 2, "not a JSON object"));
  CHECK(Reports(verification, 3, "prev_hash"));
  CHECK(verification.records == 6);
}

TEST_CASE("Another format version shows") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Calls(1);
  Rewrite(trail, 2, {{"version", 2}});
  CHECK(Reports(trail.Verify(), 2, "format version"));
}

TEST_CASE("A clock that ran backwards is information, not tampering") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Begin();
  Forge(trail, "reaped", "server-1", {{"detail", Json::object()}}, 0);  // at 1 ms of 1970
  const auto verification = trail.Verify();
  CHECK(verification.problems.empty());
  CHECK(verification.clock_regressions == std::vector<std::int64_t>{2});
}

TEST_CASE("The list of problems is bounded") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Calls(1);
  trail.Tamper(
      "WITH RECURSIVE n(x) AS (SELECT 10 UNION ALL SELECT x + 2 FROM n LIMIT 2000) "
      "INSERT INTO audit_record SELECT x, 'intent', 0, 'x', NULL, 'x', 'x' FROM n");
  const auto verification = trail.Verify();
  CHECK(verification.records == 2002);
  CHECK(verification.problems.size() == 1001);
  CHECK_THAT(verification.problems.back().what, Catch::Contains("more than 1000"));
}

TEST_CASE("What was planted beside the records shows, and no server starts on it") {
  const char* const planted[] = {
      "CREATE TRIGGER drop_refused BEFORE INSERT ON audit_record WHEN new.kind = 'refused' "
      "BEGIN SELECT RAISE(IGNORE); END",
      "CREATE TRIGGER hide AFTER INSERT ON audit_record WHEN new.kind = 'outcome' "
      "BEGIN DELETE FROM audit_record WHERE seq >= new.intent_seq; END",
      "CREATE VIEW look AS SELECT * FROM audit_record",
      "CREATE INDEX more ON audit_record (kind)",
      "DROP INDEX audit_outcome",
      "DROP INDEX audit_intent; CREATE INDEX audit_intent ON audit_record (body)",
  };
  for (const char* sql : planted) {
    INFO(sql);
    const TempDir dir;
    Trail trail(dir.path());
    trail.Calls(2);
    trail.Tamper(sql);
    CHECK(Reports(trail.Verify(), 0, "Casemate"));
    auto store = Store::Open(dir.path() + "/audit.db");
    REQUIRE(store);
    const auto again = AuditLog::Open(**store, "server-2");
    REQUIRE_FALSE(again);
    CHECK(again.error().code == ErrorCode::kDataLoss);
    // A running server is not misled either.
    trail.Calls(1);
    CHECK(trail.All().size() == 6);
  }
}

TEST_CASE("A record that the database drops is an error, not a call without a record") {
  const TempDir dir;
  Trail trail(dir.path());
  trail.Tamper(
      "ALTER TABLE audit_record RENAME TO old; CREATE TABLE audit_record (seq INTEGER PRIMARY KEY "
      "ON CONFLICT IGNORE, kind TEXT, time_ms INTEGER, incarnation TEXT, intent_seq INTEGER, body "
      "TEXT, hash TEXT CHECK (length(hash) = 64) NOT NULL, UNIQUE (kind) ON CONFLICT IGNORE)");
  trail.Begin();
  const auto dropped = trail.TryBegin();
  REQUIRE_FALSE(dropped);
  CHECK(dropped.error().code == ErrorCode::kDataLoss);
}

TEST_CASE("A trail is read without being made or changed") {
  const TempDir dir;
  CHECK(Store::OpenToRead(dir.path() + "/audit.db").error().code == ErrorCode::kNotFound);
  CHECK(std::filesystem::is_empty(dir.path()));
  {
    Trail trail(dir.path());
    trail.Calls(2);
  }
  auto store = Store::OpenToRead(dir.path() + "/audit.db");
  REQUIRE(store);
  auto log = AuditLog::OpenToRead(**store);
  REQUIRE(log);
  const auto verification = (*log)->Verify({});
  REQUIRE(verification);
  CHECK(verification->records == 4);
  CHECK(verification->problems.empty());
  CHECK_FALSE((*log)->Note("reaped", {}));
}

}  // namespace casemate::policies
