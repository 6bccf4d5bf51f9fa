// Following an engine's events: over its absences, and those of the disk.
#include "sandbox/container/events/event_follower.h"

#include <atomic>
#include <condition_variable>
#include <thread>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "tests/unit/container/events_engine.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::EventsEngine;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr FollowerOptions kQuick{.first_wait = milliseconds(5), .longest_wait = milliseconds(20)};

std::int64_t NowNs() {
  return WallClockMs() * 1'000'000;
}

// What was told, in its order.
class Told {
 public:
  void Take(std::span<const StoredEvent> events) {
    const std::lock_guard lock(mutex_);
    for (const StoredEvent& stored : events) {
      all_.push_back(stored);
    }
    more_.notify_all();
  }
  // Once there are as many; those that there are after 30 seconds.
  std::vector<StoredEvent> Await(std::size_t count) {
    std::unique_lock lock(mutex_);
    more_.wait_for(lock, seconds(30), [&] { return all_.size() >= count; });
    return all_;
  }
  std::vector<std::string> AwaitActions(std::size_t count) {
    std::vector<std::string> actions;
    for (const StoredEvent& stored : Await(count)) {
      actions.push_back(stored.event.action);
    }
    return actions;
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<StoredEvent> all_;
};

// One server's follower, on a database that may be another's, too.
struct Server {
  Server(EventsEngine& engine, const testing::TempDir& dir, FollowerOptions options = kQuick) {
    auto opened = Store::Open(dir / "casemate.db");
    REQUIRE(opened);
    store = *std::move(opened);
    auto made = EventStore::Open(*store);
    REQUIRE(made);
    events = *std::move(made);
    follower = std::make_unique<EventFollower>(
        *events,
        [socket = engine.socket()](
            const std::stop_token& stop) -> Result<std::shared_ptr<const Engine>> {
          auto connected = Engine::Connect(socket, 10'000, stop);
          if (!connected) {
            return std::move(connected).error();
          }
          return std::shared_ptr<const Engine>(*std::move(connected));
        },
        [this](std::span<const StoredEvent> some) { told.Take(some); }, options);
  }
  bool IsCurrent() const { return follower->Await(seconds(30)).is_current; }
  std::vector<StoredEvent> Recorded() const {
    auto page = events->After(0, 100'000);
    REQUIRE(page);
    return page->events;
  }
  Told told;
  std::unique_ptr<Store> store;
  std::unique_ptr<EventStore> events;
  std::unique_ptr<EventFollower> follower;
};

using Actions = std::vector<std::string>;

TEST_CASE("nothing is asked before the start; then what was and what comes is told", "[events]") {
  EventsEngine engine;
  const testing::TempDir dir;
  Server server(engine, dir);
  engine.Happens("create", "a", NowNs() - 2 * 3600 * kSecond);  // too long ago
  engine.Happens("create", "b");
  CHECK(engine.connections() == 0);
  REQUIRE(server.follower->Start());
  REQUIRE(server.follower->Start());
  REQUIRE(server.IsCurrent());
  CHECK(server.Recorded().size() == 1);  // before anything else happens
  engine.Happens("start", "b");
  CHECK(server.told.AwaitActions(2) == Actions{"create", "start"});
  const auto recorded = server.Recorded();
  REQUIRE(recorded.size() == 2);
  CHECK(recorded[0].event.id == "b");
  CHECK(recorded[0].name == "web");
  CHECK(recorded[0].engine == "docker " + engine.socket());
  const auto asked = engine.asked();
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].find("&until=") != std::string::npos);
  CHECK(asked[1].find("&until=") == std::string::npos);
  CHECK(asked[1].find("container") != std::string::npos);
}

TEST_CASE("only what happens to containers and images is recorded", "[events]") {
  const auto is_recorded = [](const char* type, const char* action) {
    return IsRecorded({1, type, action, "a", {}});
  };
  CHECK(is_recorded("container", "die"));
  CHECK(is_recorded("container", "health_status: unhealthy"));
  CHECK(is_recorded("image", "pull"));
  CHECK_FALSE(is_recorded("container", "exec_create: sh -c secret"));
  CHECK_FALSE(is_recorded("container", "exec_died"));
  CHECK_FALSE(is_recorded("container", "attach"));
  CHECK_FALSE(is_recorded("container", "top"));
  CHECK_FALSE(is_recorded("network", "create"));
  EventsEngine engine;
  const testing::TempDir dir;
  Server server(engine, dir);
  REQUIRE(server.follower->Start());
  engine.Happens("exec_start", "a");
  engine.Happens("start", "a");
  CHECK(server.told.AwaitActions(1) == Actions{"start"});
}

TEST_CASE("an engine that goes away and comes back loses nothing and doubles nothing", "[events]") {
  EventsEngine engine;
  const testing::TempDir dir;
  Server server(engine, dir);
  REQUIRE(server.follower->Start());
  REQUIRE(server.IsCurrent());
  Actions expected;
  const auto happens = [&](const char* action) {
    engine.Happens(action, std::to_string(expected.size()));
    expected.emplace_back(action);
  };
  for (int round = 0; round < 5; ++round) {
    happens("create");
    happens("start");
    CHECK(server.told.AwaitActions(expected.size()) == expected);
    engine.GoAway();
    happens("die");
    happens("destroy");
    engine.ComeBack();
    CHECK(server.told.AwaitActions(expected.size()) == expected);
  }
  CHECK(server.Recorded().size() == expected.size());
  CHECK(engine.asked().size() > 2);
}

TEST_CASE("events at the border with the same time are told apart, and once", "[events]") {
  EventsEngine engine;
  const testing::TempDir dir;
  Server server(engine, dir);
  REQUIRE(server.follower->Start());
  const std::int64_t time = NowNs();
  engine.Happens("start", "a", time);
  engine.Happens("start", "a", time);  // the engine itself says it twice
  engine.Happens("start", "b", time);
  CHECK(server.told.Await(2).size() == 2);
  engine.GoAway();
  engine.Happens("die", "a", time);
  engine.Happens("oom", "a", time - 1);  // written down too late
  engine.ComeBack();
  CHECK(server.told.AwaitActions(4) == Actions{"start", "start", "die", "oom"});
  CHECK(server.Recorded().size() == 4);
}

TEST_CASE("a stream that breaks off within an event is taken up again", "[events]") {
  EventsEngine engine;
  const testing::TempDir dir;
  Server server(engine, dir);
  REQUIRE(server.follower->Start());
  REQUIRE(server.IsCurrent());
  engine.Happens("create", "a");
  engine.Say(NowNs(), R"({"Type":"container","Action":)");
  CHECK(server.told.AwaitActions(1) == Actions{"create"});
  engine.GoAway();
  engine.Forget();
  engine.Happens("start", "a");
  engine.ComeBack();
  CHECK(server.told.AwaitActions(2) == Actions{"create", "start"});
}

TEST_CASE("a line that is none, or too long, is left out and counted", "[events]") {
  EventsEngine engine;
  const testing::TempDir dir;
  Server server(engine, dir);
  engine.Happens("create", "a");
  engine.Say(NowNs(), "nonsense\n");
  engine.Happens("start", "a");
  REQUIRE(server.follower->Start());
  REQUIRE(server.IsCurrent());
  CHECK(server.told.AwaitActions(2) == Actions{"create", "start"});
  const auto past = server.follower->Await(seconds(30));
  CHECK(past.is_current);
  CHECK_FALSE(past.problem);
  CHECK(past.unreadable > 0);
  CHECK(past.unreadable_after <= 2);
  engine.Say(NowNs(),
             R"({"Type":"container","Action":"start","Actor":{"ID":"b","Attributes":{"l":")" +
                 std::string(std::size_t{3} << 20, 'x') + "\"}}}\n");
  engine.Happens("die", "a");
  CHECK(server.told.AwaitActions(3) == Actions{"create", "start", "die"});
  CHECK(server.follower->Await(seconds(30)).unreadable > past.unreadable);
}

TEST_CASE("each change of health is recorded, as Podman tells it", "[events]") {
  EventsEngine engine;
  const testing::TempDir dir;
  Server server(engine, dir);
  std::int64_t time = NowNs();
  const auto says = [&](const std::string& action, const std::string& more = "") {
    ++time;
    engine.Say(time, R"({"Type":"container","Action":")" + action +
                         R"(","Actor":{"ID":"a"},"timeNano":)" + std::to_string(time) + more +
                         "}\n");
  };
  says("start");
  for (const char* health :
       {"starting", "healthy", "healthy", "unhealthy", "unhealthy", "healthy"}) {
    says("health_status", R"(,"HealthStatus":")" + std::string(health) + "\"");
  }
  REQUIRE(server.follower->Start());
  CHECK(server.told.AwaitActions(5) == Actions{"start", "health_status: starting",
                                               "health_status: healthy", "health_status: unhealthy",
                                               "health_status: healthy"});
}

TEST_CASE("the wait grows also when each attempt takes long", "[events]") {
  const testing::TempDir dir;
  auto store = Store::Open(dir / "casemate.db");
  REQUIRE(store);
  auto events = EventStore::Open(**store);
  REQUIRE(events);
  std::atomic<int> attempts = 0;
  EventFollower follower(
      **events,
      [&](const std::stop_token&) -> Result<std::shared_ptr<const Engine>> {
        ++attempts;
        std::this_thread::sleep_for(milliseconds(20));
        return Error{ErrorCode::kUnavailable, "it hangs", {}, {}, 0};
      },
      [](std::span<const StoredEvent>) {},
      {.first_wait = milliseconds(5), .longest_wait = seconds(30)});
  REQUIRE(follower.Start());
  std::this_thread::sleep_for(milliseconds(1500));
  CHECK(attempts >= 2);
  CHECK(attempts <= 12);  // 5 ms doubled each time; without that over 50
}

TEST_CASE("who awaits does not wait for the next attempt", "[events]") {
  EventsEngine engine;
  const testing::TempDir dir;
  Server server(engine, dir,
                {.first_wait = std::chrono::hours(1), .longest_wait = std::chrono::hours(1)});
  engine.GoAway();
  REQUIRE(server.follower->Start());
  const auto away = server.follower->Await(seconds(30));
  CHECK_FALSE(away.is_current);
  REQUIRE(away.problem);
  CHECK(away.problem->code == ErrorCode::kUnavailable);
  engine.ComeBack();
  engine.Happens("create", "a");
  // The first may still meet the attempt before.
  const bool is_current = server.IsCurrent() || server.IsCurrent();
  CHECK(is_current);
  CHECK(server.told.AwaitActions(1) == Actions{"create"});
}

TEST_CASE("it ends at once, whatever it waits for", "[events]") {
  const char* what = GENERATE("events", "an engine that hangs", "the next attempt");
  INFO(what);
  EventsEngine engine;
  const testing::TempDir dir;
  Server server(engine, dir, {.first_wait = std::chrono::hours(1)});
  if (what == std::string("an engine that hangs")) {
    engine.Hang();
    REQUIRE(server.follower->Start());
    CHECK_FALSE(server.follower->Await(milliseconds(50)).is_current);
  } else if (what == std::string("the next attempt")) {
    engine.GoAway();
    REQUIRE(server.follower->Start());
    CHECK(server.follower->Await(seconds(30)).problem);
  } else {
    REQUIRE(server.follower->Start());
    CHECK(server.IsCurrent());
  }
  const std::int64_t began = MonotonicNs();
  server.follower.reset();
  CHECK(MonotonicNs() - began < 3 * kSecond);
}

TEST_CASE("ten thousand events are told in their order, none twice", "[events]") {
  EventsEngine engine;
  const testing::TempDir dir;
  Server server(engine, dir);
  constexpr int kPast = 4000;
  constexpr int kAll = 10'000;
  const std::int64_t first = NowNs() - 60 * kSecond;
  const auto happens = [&](int i) { engine.Happens("start", std::to_string(i), first + i); };
  for (int i = 0; i < kPast; ++i) {
    happens(i);
  }
  REQUIRE(server.follower->Start());
  REQUIRE(server.IsCurrent());
  CHECK(server.Recorded().size() == kPast);
  for (int i = kPast; i < kAll; ++i) {
    engine.Happens("start", std::to_string(i));
  }
  const auto told = server.told.Await(kAll);
  REQUIRE(told.size() == kAll);
  bool is_in_order = true;
  for (int i = 0; i < kAll; ++i) {
    is_in_order = is_in_order && told[i].event.id == std::to_string(i);
  }
  CHECK(is_in_order);
  CHECK(server.Recorded().size() == kAll);
}

TEST_CASE("when the store is full it says so, and loses nothing once there is room", "[events]") {
  EventsEngine engine;
  const testing::TempDir dir;
  Server server(engine, dir);
  REQUIRE(server.follower->Start());
  REQUIRE(server.IsCurrent());
  engine.Happens("create", "first");
  REQUIRE(server.told.Await(1).size() == 1);
  REQUIRE(server.store->Execute("PRAGMA max_page_count = 1"));  // as many as there are
  constexpr int kMore = 3000;
  for (int i = 0; i < kMore; ++i) {
    engine.Happens("start", std::to_string(i));
  }
  std::optional<Error> problem;
  const std::int64_t deadline = MonotonicNs() + 30 * kSecond;
  while (!problem && MonotonicNs() < deadline) {
    problem = server.follower->Await(milliseconds(100)).problem;
  }
  REQUIRE(problem);
  CHECK(problem->code == ErrorCode::kResourceExhausted);
  REQUIRE(server.store->Execute("PRAGMA max_page_count = 1000000"));
  const auto told = server.told.Await(kMore + 1);
  REQUIRE(told.size() == kMore + 1);
  CHECK(told.back().event.id == std::to_string(kMore - 1));
  CHECK(server.Recorded().size() == kMore + 1);
}

TEST_CASE("several servers follow one engine: each event is kept once and told by each",
          "[events]") {
  EventsEngine engine;
  const testing::TempDir dir;
  Server one(engine, dir);
  Server two(engine, dir);
  REQUIRE(one.follower->Start());
  REQUIRE(two.follower->Start());
  constexpr int kEvents = 300;
  for (int i = 0; i < kEvents; ++i) {
    engine.Happens("start", std::to_string(i));
    if (i == kEvents / 2) {
      engine.GoAway();
      engine.ComeBack();
    }
  }
  const auto by_one = one.told.Await(kEvents);
  const auto by_two = two.told.Await(kEvents);
  REQUIRE(by_one.size() == kEvents);
  REQUIRE(by_two.size() == kEvents);
  CHECK(one.Recorded().size() == kEvents);
  for (int i = 0; i < kEvents; ++i) {
    REQUIRE(by_one[i].seq == by_two[i].seq);
    REQUIRE(by_one[i].event.id == std::to_string(i));
  }
  // One that begins later tells only what is new.
  Server three(engine, dir);
  REQUIRE(three.follower->Start());
  REQUIRE(three.IsCurrent());
  engine.Happens("die", "x");
  CHECK(three.told.AwaitActions(1) == Actions{"die"});
}

}  // namespace
}  // namespace casemate::container
