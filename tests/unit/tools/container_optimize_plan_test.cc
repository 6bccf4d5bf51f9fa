// What container_optimize proposes, and when it gives that up again.
#include "tools/container_optimize_plan.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tools/container_optimize_store.h"

namespace casemate::tools {
namespace {

using Catch::Contains;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::int64_t kNowMs = 1'800'000'000'000;

EngineFacts Docker() {
  EngineFacts engine;
  engine.memory_bytes = 16384 * kMiB;
  engine.now_ms = kNowMs;
  return engine;
}

EngineFacts Podman() {
  EngineFacts engine = Docker();
  engine.kind = container::EngineKind::kPodman;
  return engine;
}

// Within its limits, for an hour.
ContainerFacts Running() {
  ContainerFacts facts;
  facts.details.summary.id = std::string(64, 'a');
  facts.details.summary.name = "web";
  facts.details.summary.state = "running";
  facts.details.pid = 50;
  facts.details.started_ms = kNowMs - 3'600'000;
  facts.details.limits = {512 * kMiB, 1000, 256};
  facts.usage = container::Usage();
  facts.usage->memory_bytes = 100 * kMiB;
  facts.usage->memory_limit = 512 * kMiB;
  facts.usage->pids = 10;
  facts.zombies = 0;
  return facts;
}

ContainerFacts Stopped() {
  ContainerFacts facts = Running();
  facts.details.summary.state = "exited";
  facts.details.pid = 0;
  facts.details.exit_code = 3;
  facts.details.finished_ms = kNowMs - 60'000;
  facts.details.log_bytes = 5;
  facts.written_bytes = 100;
  facts.usage.reset();
  facts.zombies.reset();
  return facts;
}

ContainerFacts NearLimit() {
  ContainerFacts facts = Running();
  facts.usage->memory_bytes = 500 * kMiB;
  return facts;
}

std::vector<OptimizeKind> KindsOf(const std::vector<OptimizeAction>& actions) {
  std::vector<OptimizeKind> kinds;
  for (const OptimizeAction& action : actions) {
    kinds.push_back(action.kind);
  }
  return kinds;
}

using Kinds = std::vector<OptimizeKind>;

TEST_CASE("a container that is well gets no proposal") {
  CHECK(ProposeFor(Running(), Docker(), true).empty());
  ContainerFacts paused = NearLimit();
  paused.details.summary.state = "paused";
  CHECK(ProposeFor(paused, Docker(), true).empty());
}

TEST_CASE("memory at the limit: a higher one, and a restart of what has run for long") {
  const auto actions = ProposeFor(NearLimit(), Docker(), false);
  REQUIRE(KindsOf(actions) == Kinds{OptimizeKind::kSetLimits, OptimizeKind::kRestartContainer});
  CHECK(actions[0].limits.memory_bytes == 768 * kMiB);
  CHECK(actions[0].limits.pids == 0);
  CHECK_THAT(actions[1].reason, Contains("500.0 MiB of 512.0 MiB") || Contains("500 MiB of 512"));
  CHECK_THAT(actions[1].effect, Contains("interrupts"));
  CHECK(actions[1].frees == "memory");
  CHECK(actions[1].frees_bytes == 500 * kMiB);

  ContainerFacts young = NearLimit();
  young.details.started_ms = kNowMs - 599'999;
  CHECK(KindsOf(ProposeFor(young, Docker(), false)) == Kinds{OptimizeKind::kSetLimits});
  ContainerFacts below = NearLimit();
  below.usage->memory_bytes = 512 * kMiB / 100 * 90 - 1;
  CHECK(ProposeFor(below, Docker(), false).empty());
}

TEST_CASE("no higher limit than half of the machine, and none that the engine forgets") {
  EngineFacts small = Docker();
  small.memory_bytes = 1024 * kMiB;
  CHECK(KindsOf(ProposeFor(NearLimit(), small, false)) ==
        Kinds{OptimizeKind::kMissingLimits, OptimizeKind::kRestartContainer});
  CHECK(KindsOf(ProposeFor(NearLimit(), Podman(), false)) ==
        Kinds{OptimizeKind::kMissingLimits, OptimizeKind::kRestartContainer});
}

TEST_CASE("zombies call for a restart from ten on") {
  ContainerFacts facts = Running();
  facts.zombies = 9;
  CHECK(ProposeFor(facts, Docker(), false).empty());
  facts.zombies = 10;
  const auto actions = ProposeFor(facts, Docker(), false);
  REQUIRE(KindsOf(actions) == Kinds{OptimizeKind::kRestartContainer});
  CHECK_THAT(actions[0].reason, Contains("10 processes") && Contains("zombies"));
  CHECK(actions[0].frees.empty());
}

TEST_CASE("what is not bounded gets bounds of twice its use, or advice") {
  ContainerFacts facts = Running();
  facts.details.limits = {};
  facts.usage->memory_limit = 0;
  const auto actions = ProposeFor(facts, Docker(), false);
  REQUIRE(KindsOf(actions) == Kinds{OptimizeKind::kSetLimits});
  CHECK(actions[0].limits.memory_bytes == 256 * kMiB);
  CHECK(actions[0].limits.pids == 256);
  facts.usage->memory_bytes = 150 * kMiB;
  facts.usage->pids = 200;
  const auto larger = ProposeFor(facts, Docker(), false);
  REQUIRE(larger.size() == 1);
  CHECK(larger[0].limits.memory_bytes == 320 * kMiB);
  CHECK(larger[0].limits.pids == 400);
  CHECK(KindsOf(ProposeFor(facts, Podman(), false)) == Kinds{OptimizeKind::kMissingLimits});
  facts.usage.reset();
  CHECK(KindsOf(ProposeFor(facts, Docker(), false)) == Kinds{OptimizeKind::kMissingLimits});
}

TEST_CASE("stopped containers: one's own, or the one that was named, and no running call") {
  ContainerFacts facts = Stopped();
  CHECK(ProposeFor(facts, Docker(), false).empty());
  CHECK(KindsOf(ProposeFor(facts, Docker(), true)) == Kinds{OptimizeKind::kRemoveStopped});
  facts.own = true;
  const auto actions = ProposeFor(facts, Docker(), false);
  REQUIRE(KindsOf(actions) == Kinds{OptimizeKind::kRemoveStopped});
  CHECK(actions[0].frees == "disk");
  CHECK(actions[0].frees_bytes == 105);
  CHECK_THAT(actions[0].effect, Contains("for good"));
  facts.holds_call = true;
  CHECK(ProposeFor(facts, Docker(), true).empty());
  ContainerFacts call = NearLimit();
  call.holds_call = true;
  CHECK(ProposeFor(call, Docker(), true).empty());
}

TEST_CASE("what was made just now may be about to start") {
  ContainerFacts facts = Stopped();
  facts.own = true;
  facts.details.summary.state = "created";
  facts.details.summary.created_ms = kNowMs - 3'599'999;
  CHECK(ProposeFor(facts, Docker(), false).empty());
  CHECK(ProposeFor(facts, Docker(), true).size() == 1);
  facts.details.summary.created_ms = kNowMs - 3'600'000;
  CHECK(ProposeFor(facts, Docker(), false).size() == 1);
}

TEST_CASE("logs, restarts and page cache are advice") {
  ContainerFacts facts = Running();
  facts.details.log_bytes = 64 * kMiB;
  facts.details.restart_count = 3;
  facts.usage->cache_bytes = 256 * kMiB;
  const auto actions = ProposeFor(facts, Docker(), false);
  CHECK(KindsOf(actions) ==
        Kinds{OptimizeKind::kPageCache, OptimizeKind::kRotateLogs, OptimizeKind::kManyRestarts});
  for (const OptimizeAction& action : actions) {
    CHECK(IsAdvice(action.kind));
    CHECK(action.needs.empty());
    CHECK(ActionJson(action)["executable"] == false);
  }
  CHECK_THAT(actions[1].reason, Contains("nothing bounds it"));
  facts.details.log_max_bytes = -1;
  CHECK_THAT(ProposeFor(facts, Docker(), false)[1].reason, Contains("does not tell"));
  facts.details.log_max_bytes = 100 * kMiB;
  CHECK(KindsOf(ProposeFor(facts, Docker(), false)) ==
        Kinds{OptimizeKind::kPageCache, OptimizeKind::kManyRestarts});
  facts.details.log_max_bytes = 0;
  facts.details.log_bytes -= 1;
  facts.details.restart_count -= 1;
  facts.usage->cache_bytes -= 1;
  CHECK(ProposeFor(facts, Docker(), false).empty());
}

TEST_CASE("a container as good as root on the host takes one right more") {
  ContainerFacts facts = NearLimit();
  using policies::ContainerRight;
  CHECK(ProposeFor(facts, Docker(), false)[0].needs ==
        std::vector{ContainerRight::kUse, ContainerRight::kReclaim});
  facts.details.privileged = true;
  CHECK(ProposeFor(facts, Docker(), false)[0].needs ==
        std::vector{ContainerRight::kUse, ContainerRight::kReclaim,
                    ContainerRight::kPrivilegedTargets});
}

TEST_CASE("of the engine: images, cache; volumes and stopped containers of others are advice") {
  EngineFacts engine = Docker();
  CHECK(ProposeForEngine({}, engine).empty());
  engine.disk = container::DiskUsage();
  CHECK(ProposeForEngine({}, engine).empty());
  for (int i = 0; i < 101; ++i) {
    engine.disk->dangling.push_back({"sha256:" + std::to_string(i), 2});
  }
  engine.disk->idle_cache_bytes = 7;
  engine.disk->idle_cache_entries = 1;
  engine.disk->volumes = {{"a", 5, false}, {"b", 9, true}};
  ContainerFacts own = Stopped();
  own.own = true;
  ContainerFacts call = Stopped();
  call.holds_call = true;
  const auto actions = ProposeForEngine({Stopped(), own, call, Running()}, engine);
  REQUIRE(KindsOf(actions) == Kinds{OptimizeKind::kStoppedOfOthers, OptimizeKind::kPruneImages,
                                    OptimizeKind::kPruneBuildCache, OptimizeKind::kUnusedVolumes});
  CHECK(actions[0].facts[0].second == 1);
  CHECK(actions[0].frees_bytes == 105);
  CHECK(actions[1].images.size() == 100);
  CHECK(actions[1].frees_bytes == 200);
  CHECK(actions[2].frees_bytes == 7);
  CHECK(actions[3].frees_bytes == 5);
  CHECK(IsAdvice(actions[0].kind));
  CHECK_FALSE(IsAdvice(actions[1].kind));
  CHECK_FALSE(IsAdvice(actions[2].kind));
  CHECK(IsAdvice(actions[3].kind));
}

TEST_CASE("a plan has ids, limits first, then what frees most, advice last, within a bound") {
  const auto made = [](OptimizeKind kind, std::int64_t frees) {
    OptimizeAction action;
    action.kind = kind;
    action.frees_bytes = frees;
    return action;
  };
  auto proposal =
      Arrange({made(OptimizeKind::kRotateLogs, 900), made(OptimizeKind::kRemoveStopped, 5),
               made(OptimizeKind::kPruneImages, 50), made(OptimizeKind::kSetLimits, 0)});
  CHECK(KindsOf(proposal.actions) == Kinds{OptimizeKind::kSetLimits, OptimizeKind::kPruneImages,
                                           OptimizeKind::kRemoveStopped,
                                           OptimizeKind::kRotateLogs});
  CHECK(proposal.left_out == 0);
  std::vector<OptimizeAction> many(kMaxPlanned + 3);
  for (std::size_t i = 0; i < many.size(); ++i) {
    many[i].container = std::to_string(i + 100) + std::string(61, '0');
  }
  proposal = Arrange(many);
  CHECK(proposal.actions.size() == kMaxPlanned);
  CHECK(proposal.left_out == 3);
}

TEST_CASE("in any plan the same id is the same action on the same thing") {
  const auto made = [](OptimizeKind kind, const std::string& container, std::int64_t frees) {
    OptimizeAction action;
    action.kind = kind;
    action.container = container;
    action.frees_bytes = frees;
    return action;
  };
  const std::string web = "0123456789abcdef" + std::string(48, '0');
  const std::string other = "fedcba9876543210" + std::string(48, '0');
  const auto remove = OptimizeKind::kRemoveStopped;
  const auto ids = [](std::vector<OptimizeAction> actions) {
    std::vector<std::string> all;
    for (const OptimizeAction& action : Arrange(std::move(actions)).actions) {
      all.push_back(action.id);
    }
    return all;
  };
  using Ids = std::vector<std::string>;
  CHECK(ids({made(remove, web, 5), made(remove, other, 9)}) ==
        Ids{"remove_stopped-fedcba987654", "remove_stopped-0123456789ab"});
  CHECK(ids({made(remove, web, 9), made(remove, other, 5)}) ==
        Ids{"remove_stopped-0123456789ab", "remove_stopped-fedcba987654"});
  CHECK(ids({made(remove, other, 5)}) == Ids{"remove_stopped-fedcba987654"});

  OptimizeAction limits = made(OptimizeKind::kSetLimits, web, 0);
  limits.limits.memory_bytes = 768 * kMiB;
  CHECK(ids({limits}) == Ids{"set_limits-0123456789ab-768m"});
  limits.limits.pids = 256;
  CHECK(ids({limits}) == Ids{"set_limits-0123456789ab-768m-256p"});

  OptimizeAction images = made(OptimizeKind::kPruneImages, "", 7);
  images.images = {"sha256:1"};
  const Ids before = ids({images});
  CHECK(before.at(0).starts_with("prune_images-"));
  CHECK(ids({limits, images}).at(1) == before.at(0));
  images.images = {"sha256:2"};
  CHECK(ids({images}) != before);
  OptimizeAction cache = made(OptimizeKind::kPruneBuildCache, "", 7);
  cache.facts = {{"entries", 1}};
  const Ids small = ids({cache});
  cache.facts = {{"entries", 2}};
  CHECK(ids({cache}) != small);

  // Whose ids begin alike is not to be told apart: only one is offered.
  const auto alike =
      Arrange({made(remove, web, 5), made(remove, web.substr(0, 12) + std::string(52, '1'), 4)});
  REQUIRE(alike.actions.size() == 1);
  CHECK(alike.actions[0].container == web);
  CHECK(alike.left_out == 1);
}

TEST_CASE("an action is given up when the container is not as it was") {
  const ContainerFacts then = NearLimit();
  const auto actions = ProposeFor(then, Docker(), false);
  const OptimizeAction& limits = actions[0];
  const OptimizeAction& restart = actions[1];
  CHECK_FALSE(WhyNoMore(limits, then, then, Docker()));
  CHECK_FALSE(WhyNoMore(restart, then, then, Docker()));

  ContainerFacts now = then;
  now.details.summary.id = std::string(64, 'b');
  CHECK_THAT(WhyNoMore(restart, then, now, Docker()).value_or(""), Contains("another container"));
  now = then;
  now.details.summary.state = "exited";
  CHECK(WhyNoMore(restart, then, now, Docker()) == "it was running and is exited");
  now = then;
  now.details.started_ms += 1;
  CHECK(WhyNoMore(restart, then, now, Docker()) == "it was started anew");
  now = then;
  now.usage->memory_bytes = 10 * kMiB;
  CHECK(WhyNoMore(restart, then, now, Docker()) == "its reason has gone");
  CHECK(WhyNoMore(limits, then, now, Docker()) == "its reason has gone");
  now = then;
  now.details.limits.memory_bytes += kMiB;
  CHECK(WhyNoMore(limits, then, now, Docker()) == "its limits were changed");
  now = then;
  now.usage->memory_bytes = 760 * kMiB;
  CHECK(WhyNoMore(limits, then, now, Docker()) == "it uses too much for these limits now");
  now = then;
  now.details.network_mode = "host";
  CHECK(WhyNoMore(restart, then, now, Docker()) == "it reaches more of the host than it did");
  CHECK_FALSE(WhyNoMore(restart, now, then, Docker()));
  CHECK_FALSE(WhyNoMore(restart, now, now, Docker()));
}

TEST_CASE("a stopped container that was started and has ended again is another one") {
  ContainerFacts then = Stopped();
  then.own = true;
  const auto actions = ProposeFor(then, Docker(), false);
  CHECK_FALSE(WhyNoMore(actions[0], then, then, Docker()));
  ContainerFacts now = then;
  now.details.finished_ms += 1;
  CHECK(WhyNoMore(actions[0], then, now, Docker()) == "it was started anew");
}

class Plans {
 public:
  std::int64_t now_ns = 1;
  OptimizePlans plans{[this] { return now_ns; }};
  policies::Principal ann{"ann", "acme", {}, {}};
};

TEST_CASE("a plan is found by whoever made it, for ten minutes, and taken once") {
  Plans kept;
  const std::string id = kept.plans.Put({}, kept.ann);
  CHECK(id.size() == 24);
  CHECK(kept.plans.Find(id, kept.ann));
  const auto is_missing = [&](const std::string& name, const policies::Principal& who) {
    const auto found = kept.plans.Find(name, who);
    const auto taken = kept.plans.Take(name, who);
    REQUIRE_FALSE(found);
    REQUIRE_FALSE(taken);
    // Nobody learns whether there is one.
    CHECK(found.error().message == kept.plans.Find("none", kept.ann).error().message);
    CHECK(taken.error().field == "args.plan_id");
    return found.error().code == ErrorCode::kNotFound;
  };
  CHECK(is_missing("x" + id, kept.ann));
  CHECK(is_missing("", kept.ann));
  CHECK(is_missing(id, {"bob", "acme", {}, {}}));
  CHECK(is_missing(id, {"ann", "other", {}, {}}));

  kept.now_ns += OptimizePlans::kGoodForMs * 1'000'000 - 1;
  CHECK(kept.plans.Find(id, kept.ann));
  kept.now_ns += 1;
  CHECK(is_missing(id, kept.ann));

  const std::string again = kept.plans.Put({}, kept.ann);
  CHECK(again != id);
  CHECK(kept.plans.Take(again, kept.ann));
  CHECK(is_missing(again, kept.ann));
}

TEST_CASE("many plans push out the oldest of the same principal only") {
  Plans kept;
  const policies::Principal bob{"bob", "acme", {}, {}};
  const std::string of_bob = kept.plans.Put({}, bob);
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < OptimizePlans::kMaxOfOne + 2; ++i) {
    ++kept.now_ns;
    ids.push_back(kept.plans.Put({}, kept.ann));
  }
  CHECK(kept.plans.Find(of_bob, bob));
  CHECK_FALSE(kept.plans.Find(ids[0], kept.ann));
  CHECK_FALSE(kept.plans.Find(ids[1], kept.ann));
  CHECK(kept.plans.Find(ids[2], kept.ann));
  CHECK(kept.plans.Find(ids.back(), kept.ann));
  for (std::size_t i = 0; i < OptimizePlans::kMax; ++i) {
    ++kept.now_ns;
    kept.plans.Put({}, {"p" + std::to_string(i), "acme", {}, {}});
  }
  CHECK_FALSE(kept.plans.Find(of_bob, bob));
}

}  // namespace
}  // namespace casemate::tools
