// What is kept of events, for how long, and that each is kept once.
#include "sandbox/container/events/event_store.h"

#include <array>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
const std::string kEngine = "docker /run/docker.sock";

std::int64_t NowNs() {
  return WallClockMs() * 1'000'000;
}

EngineEvent Event(std::int64_t time_ns, std::string action = "start", std::string id = "a") {
  return {time_ns, "container", std::move(action), std::move(id), {{"name", "web"}}};
}

std::vector<EngineEvent> Row(std::int64_t first_ns, int count) {
  std::vector<EngineEvent> events;
  for (int i = 0; i < count; ++i) {
    events.push_back(Event(first_ns + i));
  }
  return events;
}

struct Place {
  explicit Place(EventStoreOptions options = {}) {
    auto opened = Store::Open(dir / "casemate.db");
    REQUIRE(opened);
    store = *std::move(opened);
    auto made = EventStore::Open(*store, options);
    REQUIRE(made);
    events = *std::move(made);
  }
  std::int64_t Add(const std::vector<EngineEvent>& added,
                   const std::string& engine = kEngine) const {
    const auto count = events->Add(engine, added);
    REQUIRE(count);
    return *count;
  }
  [[nodiscard]] EventPage After(std::int64_t since, std::int64_t limit = 100) const {
    auto page = events->After(since, limit);
    REQUIRE(page);
    return *std::move(page);
  }
  testing::TempDir dir;
  std::unique_ptr<Store> store;
  std::unique_ptr<EventStore> events;
};

TEST_CASE("events come back in their order, page by page, from a sequence number on", "[events]") {
  const Place place;
  const std::int64_t now = NowNs();
  CHECK(place.After(0).events.empty());
  CHECK(place.After(0).next == 0);
  CHECK_FALSE(place.After(0).is_gap);
  CHECK(place.Add(Row(now, 5)) == 5);
  const EventPage first = place.After(0, 3);
  REQUIRE(first.events.size() == 3);
  CHECK(first.has_more);
  CHECK(first.events[0].event.time_ns == now);
  CHECK(first.events[0].engine == kEngine);
  CHECK(first.events[0].event.type == "container");
  CHECK(first.events[0].event.action == "start");
  CHECK(first.events[0].event.id == "a");
  CHECK(first.events[0].name == "web");
  CHECK(first.events[0].event.attributes == Labels{{"name", "web"}});
  const EventPage second = place.After(first.next, 3);
  REQUIRE(second.events.size() == 2);
  CHECK_FALSE(second.has_more);
  CHECK(second.events[0].seq == first.events[2].seq + 1);
  CHECK(second.events[1].event.time_ns == now + 4);
  CHECK(second.next == *place.events->LastSeq());
  const EventPage end = place.After(second.next);
  CHECK(end.events.empty());
  CHECK(end.next == second.next);
  CHECK_FALSE(end.is_gap);
  const auto newest = place.events->Newest(2);
  REQUIRE(newest);
  REQUIRE(newest->events.size() == 2);
  CHECK(newest->events[1].seq == second.next);
  CHECK(newest->next == second.next);
  CHECK(place.events->Newest(100)->events.size() == 5);
}

TEST_CASE("what is told again is kept once, also when several servers record it", "[events]") {
  const Place place;
  auto other_store = Store::Open(place.dir / "casemate.db");
  REQUIRE(other_store);
  auto other = EventStore::Open(**other_store);
  REQUIRE(other);
  const std::int64_t now = NowNs();
  CHECK(place.Add(Row(now, 3)) == 3);
  CHECK((*other)->Add(kEngine, Row(now + 1, 4)).value() == 2);
  CHECK(place.Add(Row(now, 5)) == 0);
  CHECK(place.Add({Event(now + 9), Event(now + 9)}) == 1);
  // What differs is another event.
  CHECK(place.Add({Event(now, "die"), Event(now, "start", "b")}) == 2);
  CHECK(place.Add({Event(now)}, "podman /run/podman.sock") == 1);
  CHECK(place.After(0).events.size() == 9);
}

TEST_CASE("only so many are kept, and a reader is told that it missed some", "[events]") {
  const Place place({.max_events = 10});
  const std::int64_t now = NowNs() - kSecond;
  place.Add(Row(now, 8));
  const std::int64_t seen = place.After(0, 5).next;
  CHECK_FALSE(place.After(seen).is_gap);
  place.Add(Row(now + 8, 8));
  const EventPage page = place.After(seen);
  CHECK(page.events.size() == 10);
  CHECK(page.is_gap);
  CHECK(page.events[0].event.time_ns == now + 6);
  CHECK_FALSE(place.After(page.events[0].seq - 1).is_gap);
  // What was forgotten is not news when it is told again.
  CHECK(place.Add(Row(now, 16)) == 0);
  CHECK(place.After(page.next).events.empty());
  // Also when all of them come at once.
  CHECK(place.Add(Row(now + 16, 30)) == 30);
  CHECK(place.After(page.next).events.size() == 10);
  CHECK(place.Add(Row(now, 46)) == 0);
}

TEST_CASE("what is forgotten of one engine is not of another", "[events]") {
  const Place place({.max_events = 10});
  const std::string other = "podman /run/podman.sock";
  const std::int64_t now = NowNs() - kSecond;
  CHECK(place.Add(Row(now + 100, 30)) == 30);
  // It was away meanwhile, and tells late what happened before.
  CHECK(place.Add(Row(now, 5), other) == 5);
  CHECK(place.Add(Row(now, 5), other) == 0);
  CHECK(place.Add(Row(now + 100, 15)) == 0);
}

TEST_CASE("a database of before knows what each engine's events are", "[events]") {
  const testing::TempDir dir;
  auto store = Store::Open(dir / "casemate.db");
  REQUIRE(store);
  constexpr std::array<Migration, 1> kFirst = {{{1, R"sql(
CREATE TABLE container_events(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  time_ns INTEGER NOT NULL,
  engine TEXT NOT NULL,
  type TEXT NOT NULL,
  action TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  attributes TEXT NOT NULL,
  UNIQUE(time_ns, id, action, type, engine)) STRICT;
CREATE INDEX container_events_by_id ON container_events(id, time_ns);
CREATE TABLE container_events_pruned(
  only_row INTEGER PRIMARY KEY CHECK(only_row = 1),
  time_ns INTEGER NOT NULL,
  seq INTEGER NOT NULL) STRICT;
INSERT INTO container_events_pruned VALUES (1, 0, 0);
)sql"}}};
  REQUIRE((*store)->Migrate("container_events", kFirst));
  const std::int64_t now = NowNs() - kSecond;
  const auto text = [&](std::int64_t ns) { return std::to_string(now + ns); };
  REQUIRE((*store)->Execute("INSERT INTO container_events VALUES (8, " + text(50) + ", '" +
                            kEngine +
                            "', 'container', 'start', 'a', 'web', '{}');"
                            "INSERT INTO container_events VALUES (9, " +
                            text(10) +
                            ", 'other', 'container', 'start', 'a', 'web', '{}');"
                            "UPDATE container_events_pruned SET seq = 7, time_ns = " +
                            text(40)));
  auto events = EventStore::Open(**store, {});
  REQUIRE(events);
  CHECK((*events)->After(0, 10)->is_gap);
  CHECK((*events)->After(0, 10)->events.size() == 2);
  CHECK_FALSE((*events)->After(7, 10)->is_gap);
  const auto add = [&](const char* engine, std::int64_t ns) {
    return (*events)->Add(engine, std::vector{Event(now + ns)}).value();
  };
  CHECK(add(kEngine.c_str(), 40) == 0);
  CHECK(add(kEngine.c_str(), 41) == 1);
  CHECK(add("other", 9) == 0);
  CHECK(add("other", 11) == 1);
  CHECK(add("third", 1) == 1);
}

TEST_CASE("what is too old is forgotten", "[events]") {
  const Place place({.max_age_ms = 60'000});
  const std::int64_t now = NowNs();
  place.Add({Event(now - 120 * kSecond), Event(now - 30 * kSecond)});
  const EventPage page = place.After(0);
  REQUIRE(page.events.size() == 1);
  CHECK(page.events[0].event.time_ns == now - 30 * kSecond);
  CHECK(page.is_gap);
}

TEST_CASE("an engine whose clock is wrong does not hide what happens later", "[events]") {
  const Place place({.max_events = 10});
  const std::int64_t now = NowNs();
  const std::int64_t year = std::int64_t{365} * 24 * 3600 * kSecond;
  place.Add(Row(now + year, 20));
  CHECK(*place.events->NewestNs(kEngine) == 0);
  CHECK(place.Add({Event(now)}) == 1);
  CHECK(*place.events->NewestNs(kEngine) == now);
  CHECK(place.Add(Row(NowNs() + kSecond, 5)) == 5);
  CHECK(place.Add({Event(0)}) == 0);  // no time at all
}

TEST_CASE("a sequence number of another database starts from the beginning", "[events]") {
  const Place place;
  place.Add(Row(NowNs(), 3));
  const EventPage page = place.After(1000);
  CHECK(page.events.size() == 3);
  CHECK(page.is_gap);
  CHECK(page.next == 3);
}

TEST_CASE("a state of health that repeats itself is one event", "[events]") {
  const Place place;
  const std::int64_t now = NowNs();
  const auto add = [&](std::int64_t at, const char* action, const char* id = "a") {
    return place.Add({Event(now + at, action, id)});
  };
  CHECK(add(1, "health_status: healthy") == 1);
  CHECK(add(2, "health_status: healthy") == 0);
  CHECK(add(3, "health_status: healthy", "b") == 1);
  CHECK(add(4, "health_status: unhealthy") == 1);
  CHECK(add(5, "health_status: unhealthy") == 0);
  CHECK(add(6, "health_status: healthy") == 1);
  // Told again from before: still none.
  CHECK(add(2, "health_status: healthy") == 0);
  CHECK(add(5, "health_status: unhealthy") == 0);
  // After a start it is news.
  CHECK(add(7, "start") == 1);
  CHECK(add(8, "health_status: healthy") == 1);
}

TEST_CASE("what an event says is bounded, and text", "[events]") {
  const Place place;
  EngineEvent event = Event(NowNs());
  event.attributes.clear();
  for (int i = 0; i < 100; ++i) {
    event.attributes.emplace_back("a" + std::to_string(i), std::string(1000, 'x'));
  }
  event.attributes.emplace_back("exitCode", "137");
  event.attributes.emplace_back("name", "caf\xc3");
  // Attack: an image with so many labels that it is forgotten whose the container was.
  for (const char* label : {kLabelPrincipal, kLabelTenant, kLabelPurpose}) {
    event.attributes.emplace_back(label, "whose");
  }
  event.action = std::string(5000, 'a');
  CHECK(place.Add({event}) == 1);
  CHECK(place.Add({event}) == 0);
  const StoredEvent stored = place.After(0).events.at(0);
  CHECK(stored.attributes.size() < 4096);
  CHECK(stored.attributes.find(R"("exitCode":"137")") != std::string::npos);
  CHECK(stored.event.action.size() == 256);
  CHECK(std::ranges::count(stored.event.attributes, "whose",
                           &std::pair<std::string, std::string>::second) == 3);
  CHECK(IsValidUtf8(stored.name));
  CHECK(stored.name.starts_with("caf"));
}

TEST_CASE("when the disk is full, all or none is recorded", "[events]") {
  const Place place;
  const std::int64_t now = NowNs();
  place.Add(Row(now, 5));
  auto pages = place.store->Prepare("PRAGMA page_count");
  REQUIRE(pages);
  REQUIRE(pages->Step());
  REQUIRE(place.store->Execute("PRAGMA max_page_count = " + std::to_string(pages->Int(0))));
  *pages = Statement();
  const auto added = place.events->Add(kEngine, Row(now, 2000));
  REQUIRE_FALSE(added);
  CHECK(added.error().code == ErrorCode::kResourceExhausted);
  CHECK(place.After(0).events.size() == 5);
  REQUIRE(place.store->Execute("PRAGMA max_page_count = 1000000"));
  CHECK(place.Add(Row(now, 2000)) == 1995);
  CHECK(place.After(5, 3000).events.size() == 1995);
}

}  // namespace
}  // namespace casemate::container
