#include "policies/history/history.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/engine/policy_engine.h"

namespace casemate::policies {

namespace {

const Principal kAnn = {.id = "ann", .tenant = "acme"};
const Principal kBob = {.id = "bob", .tenant = "acme"};
const std::vector<std::string> kSecret = {"read_secret"};

}  // namespace

TEST_CASE("Facts are of one principal in one session") {
  History history;
  CHECK(history.Facts(kAnn, "s", 0) == NoHistory());
  history.NoteCall(kAnn, "s", kSecret, 1000);
  history.NoteEgress(kAnn, "s", "example.org");
  history.NoteEgress(kAnn, "s", "a.example");
  history.NoteEgress(kAnn, "s", "example.org");
  const auto facts = history.Facts(kAnn, "s", 2000);
  CHECK(facts["read_secret"] == 1);
  CHECK(facts["read_untrusted"] == 0);
  CHECK(facts["egress_hosts"] == nlohmann::json{"a.example", "example.org"});
  CHECK(facts["calls"]["1m"] == 1);
  // Another session has read and reached nothing; calls are the principal's.
  const auto other = history.Facts(kAnn, "t", 2000);
  CHECK(other["read_secret"] == 0);
  CHECK(other["egress_hosts"].empty());
  CHECK(other["calls"]["1m"] == 1);
  CHECK(history.Facts(kBob, "s", 2000) == NoHistory());
  CHECK(history.Facts({.id = "ann", .tenant = "other"}, "s", 2000) == NoHistory());
  // No two triples are the same subject by being joined.
  CHECK(history.Facts({.id = "eann", .tenant = "acm"}, "s", 2000) == NoHistory());
  CHECK(history.Facts({.id = "anns", .tenant = "acme"}, "", 2000) == NoHistory());
}

TEST_CASE("Calls are counted by windows, and marks for ever") {
  History history;
  constexpr std::int64_t kMinute = 60'000;
  for (int minute = 0; minute < 120; ++minute) {
    history.NoteCall(kAnn, "", minute == 0 ? kSecret : std::vector<std::string>(),
                     minute * kMinute);
  }
  const auto facts = history.Facts(kAnn, "", 119 * kMinute);
  CHECK(facts["calls"]["1m"] == 1);
  CHECK(facts["calls"]["5m"] == 5);
  CHECK(facts["calls"]["15m"] == 15);
  CHECK(facts["calls"]["60m"] == 60);
  CHECK(facts["calls"]["24h"] == 120);
  const auto later = history.Facts(kAnn, "", 3 * 24 * 60 * kMinute);
  CHECK(later["calls"]["24h"] == 0);
  CHECK(later["read_secret"] == 1);
}

TEST_CASE("A clock that goes back, floods and crowds forget nothing that matters") {
  History history;
  history.NoteCall(kAnn, "", kSecret, 5000);
  history.NoteCall(kAnn, "", {}, 1000);
  CHECK(history.Facts(kAnn, "", 5000)["calls"]["1m"] == 2);
  for (std::size_t i = 0; i < History::kMaxCalls + 10; ++i) {
    history.NoteCall(kAnn, "", {}, 6000);
  }
  CHECK(history.Facts(kAnn, "", 6000)["calls"]["1m"] == History::kMaxCalls);
  for (std::size_t i = 0; i < History::kMaxHosts + 10; ++i) {
    history.NoteEgress(kAnn, "", "h" + std::to_string(i));
  }
  CHECK(history.Facts(kAnn, "", 6000)["egress_hosts"].size() == History::kMaxHosts + 1);
  for (std::size_t i = 0; i < History::kMaxSubjects + 10; ++i) {
    history.NoteCall(kBob, std::to_string(i), kSecret, 6000);
  }
  CHECK(history.Facts(kAnn, "", 6000)["read_secret"] == 1);
  CHECK(history.Facts(kBob, "0", 6000)["read_secret"] == 0);  // his own first
  CHECK(history.Facts(kBob, std::to_string(History::kMaxSubjects), 6000)["read_secret"] == 1);
}

}  // namespace casemate::policies
