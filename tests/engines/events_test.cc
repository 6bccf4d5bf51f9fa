// Following the events of real engines: what happens is recorded and told once, also what happened
// while nobody followed.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <thread>

#include <catch2/catch.hpp>

#include "base/hash.h"
#include "policies/engine/policy_engine.h"
#include "sandbox/container/containers.h"
#include "sandbox/container/events/event_follower.h"
#include "sandbox/container/run/container_spec.h"
#include "tests/engines/control.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container {
namespace {

using Actions = std::vector<std::string>;

class Policy : public policies::PolicyEngine {
 public:
  static policies::Grant Everything() {
    policies::Rights rights;
    rights.limits = {.memory_mb = 64,
                     .cpu_millis = 500,
                     .pids = 32,
                     .wall_ms = 60'000,
                     .output_kb = 64,
                     .disk_mb = 16};
    rights.containers = policies::ContainerRights::All();
    return Issue(rights, "test-decision", {.id = "tester"});
  }
};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  INFO("start this by ctest, or: tests/engines/with-engines --docker --podman -- COMMAND");
  REQUIRE(value != nullptr);
  return value;
}

// A life of a container: its id.
std::string Live(const Engine& engine) {
  const auto image = engine.InspectImage(Variable("CASEMATE_TEST_IMAGE"));
  REQUIRE(image);
  const policies::Grant grant = Policy::Everything();
  ContainerSpecBuilder builder(grant, {image->id, false}, engine.info());
  builder.spec().command = {"sleep", "100000"};
  builder.spec().user = "65532:65532";
  auto spec = std::move(builder).Build();
  INFO((spec ? std::string() : Describe(spec.error())));
  REQUIRE(spec);
  const auto id = engine.Create(*spec);
  INFO((id ? std::string() : Describe(id.error())));
  REQUIRE(id);
  const auto started = engine.Start(*id);
  const auto removed = engine.Remove(*id, true);
  REQUIRE(started);
  REQUIRE(removed);
  return *id;
}

// A server that follows `socket`, on a database that others may share.
class Server {
 public:
  Server(const std::string& socket, const testing::TempDir& dir) {
    auto opened = Store::Open(dir / "casemate.db");
    REQUIRE(opened);
    store_ = *std::move(opened);
    auto events = EventStore::Open(*store_);
    REQUIRE(events);
    events_ = *std::move(events);
    ContainersOptions options;
    options.socket = socket;
    containers_ = std::make_unique<Containers>(options);
    follower_ = std::make_unique<EventFollower>(
        *events_, [this](const std::stop_token& stop) { return containers_->engine(stop); },
        [this](std::span<const StoredEvent> events_told) {
          const std::lock_guard lock(mutex_);
          told_.insert(told_.end(), events_told.begin(), events_told.end());
          more_.notify_all();
        });
  }
  void Start() {
    REQUIRE(follower_->Start());
    const auto status = follower_->Await(std::chrono::seconds(30));
    INFO((status.problem ? Describe(*status.problem) : std::string()));
    REQUIRE(status.is_current);
  }
  // What was told of `id` once it was destroyed.
  Actions Told(const std::string& id) {
    std::unique_lock lock(mutex_);
    more_.wait_for(lock, std::chrono::seconds(30), [&] {
      return std::ranges::any_of(told_, [&](const StoredEvent& stored) {
        return stored.event.id == id && stored.event.action == "destroy";
      });
    });
    return ActionsOf(told_, id);
  }
  [[nodiscard]] Actions Recorded(const std::string& id) const {
    const auto page = events_->After(0, 100'000);
    REQUIRE(page);
    return ActionsOf(page->events, id);
  }
  [[nodiscard]] const Engine& engine() const {
    // One that was killed may take its time to answer for the first time.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    auto engine = containers_->engine();
    while (!engine && engine.error().code == ErrorCode::kUnavailable &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
      engine = containers_->engine();
    }
    INFO((engine ? std::string() : Describe(engine.error())));
    REQUIRE(engine);
    return **engine;  // `containers_` keeps it
  }

 private:
  static Actions ActionsOf(const std::vector<StoredEvent>& events, const std::string& id) {
    Actions actions;
    for (const StoredEvent& stored : events) {
      if (stored.event.id == id) {
        actions.push_back(stored.event.action);
      }
    }
    std::ranges::sort(actions);  // engines do not keep the order of kill and die
    return actions;
  }
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<StoredEvent> told_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<EventStore> events_;
  std::unique_ptr<Containers> containers_;
  std::unique_ptr<EventFollower> follower_;
};

void CheckWholeLife(const Actions& actions) {
  CAPTURE(actions);
  for (const char* action : {"create", "start", "die", "destroy"}) {
    CHECK(std::ranges::count(actions, action) == 1);
  }
}

}  // namespace

TEST_CASE("the life of a container is told as it happens, and recorded once") {
  const std::string variable = GENERATE("CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN");
  INFO(variable);
  const testing::TempDir dir;
  Server one(Variable(variable.c_str()), dir);
  Server two(Variable(variable.c_str()), dir);
  one.Start();
  two.Start();
  const std::string id = Live(one.engine());
  CheckWholeLife(one.Told(id));
  CheckWholeLife(two.Told(id));
  CheckWholeLife(one.Recorded(id));
}

TEST_CASE("an engine that dies and comes back is followed on, and nothing is told twice") {
  const std::string variable = GENERATE("CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN");
  INFO(variable);
  const testing::TempDir dir;
  Server server(Variable(variable.c_str()), dir);
  server.Start();
  const std::string before = Live(server.engine());
  CheckWholeLife(server.Told(before));
  testing::Killed killed(variable == "CASEMATE_TEST_DOCKER" ? "docker" : "podman");
  killed.Start();
  // Whether or not it is followed again by now.
  const std::string after = Live(server.engine());
  CheckWholeLife(server.Told(after));
  CheckWholeLife(server.Told(before));
  CheckWholeLife(server.Recorded(before));
  CheckWholeLife(server.Recorded(after));
}

TEST_CASE("what happened while nobody followed is recorded afterwards") {
  const std::string variable = GENERATE("CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN");
  INFO(variable);
  const testing::TempDir dir;
  const std::string socket = Variable(variable.c_str());
  std::string before;
  {
    Server first(socket, dir);
    first.Start();
    before = Live(first.engine());
    CheckWholeLife(first.Told(before));
  }
  Server second(socket, dir);
  const std::string meanwhile = Live(second.engine());
  second.Start();
  CheckWholeLife(second.Recorded(meanwhile));
  CheckWholeLife(second.Recorded(before));
  CheckWholeLife(second.Told(meanwhile));
  const std::string after = Live(second.engine());
  CheckWholeLife(second.Told(after));
}

}  // namespace casemate::container
