// The policy in force while its files change under load: whole, or not at all.
#include "policies/live/live_policy.h"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "policies/live/shadow_engine.h"
#include "policies/source/policy_files.h"
#include "tests/unit/policies/fixtures.h"

namespace casemate::policies {

namespace {

// Replaces the file as editors and git do.
void Write(const std::string& path, const std::string& text) {
  std::ofstream(path + ".new") << text;
  std::filesystem::rename(path + ".new", path);
}

// Two rules that any call must meet together: half a policy would grant half of them.
std::string Version(int number) {
  const std::string n = std::to_string(number);
  return "version: 1\nrules:\n  - {id: a-" + n +
         ", effect: allow, tools: [run], limits: {pids: " + std::to_string(100 + number) +
         "}}\n  - {id: b-" + n +
         ", effect: allow, tools: [run], limits: {memory_mb: " + std::to_string(100 + number) +
         "}}\n";
}

LivePolicy::Loader LoaderOf(const std::string& path) {
  return [path](std::vector<std::string>& files) -> Result<std::shared_ptr<const PolicyEngine>> {
    auto policy = LoadPolicy({path, {}}, &files);
    if (!policy) {
      return policy.error();
    }
    return std::shared_ptr<const PolicyEngine>(*std::move(policy));
  };
}

// Waits for what the watching thread tells.
class Told {
 public:
  LivePolicy::Observer observer() {
    return [this](const LivePolicy::Status& status, bool) {
      const std::lock_guard lock(mutex_);
      statuses_.push_back(status);
      told_.notify_all();
    };
  }
  template <typename Predicate>
  LivePolicy::Status Until(Predicate predicate) {
    std::unique_lock lock(mutex_);
    const bool came = told_.wait_for(lock, std::chrono::seconds(60), [&] {
      return !statuses_.empty() && predicate(statuses_.back());
    });
    REQUIRE(came);
    return statuses_.back();
  }

 private:
  std::mutex mutex_;
  std::condition_variable told_;
  std::vector<LivePolicy::Status> statuses_;
};

}  // namespace

TEST_CASE("A changed file takes over, and one with an error does not") {
  const test::TempDir dir;
  const std::string path = dir.path() + "/policy.yaml";
  Write(path, Version(1));
  auto live = LivePolicy::Load(LoaderOf(path));
  REQUIRE(live);
  const std::string first = (*live)->revision();
  const LivePolicy::Status begun = (*live)->status();
  CHECK(begun.revision == first);
  CHECK((begun.reloads == 0 && begun.failures == 0 && !begun.problem));
  CHECK(begun.loaded_ms >= WallClockMs() - 60'000);
  Told told;
  REQUIRE((*live)->Follow(told.observer()));

  Write(path, Version(2));
  const auto second = told.Until([](const auto& status) { return status.reloads == 1; });
  CHECK(second.revision != first);
  CHECK(test::DecideCall(**live, nlohmann::json::object()).revision == second.revision);

  Write(path, Version(3) + "  - {id: a-3, effect: deny}\n");
  const auto failed = told.Until([](const auto& status) { return status.problem.has_value(); });
  CHECK(failed.revision == second.revision);
  CHECK(failed.failures == 1);
  CHECK_THAT(*failed.problem, Catch::Contains("policy.yaml:5"));
  const LivePolicy::Status now = (*live)->status();
  CHECK(now.revision == second.revision);
  CHECK((now.reloads == 1 && now.failures == 1 && now.problem == failed.problem));
  CHECK((*live)->revision() == second.revision);

  std::filesystem::remove(path);
  const auto gone = told.Until([](const auto& status) { return status.failures == 2; });
  CHECK(gone.loaded_ms == failed.loaded_ms);
  CHECK((*live)->revision() == second.revision);

  Write(path, Version(4));
  const auto mended = told.Until([](const auto& status) { return !status.problem; });
  CHECK(mended.reloads == 2);
  CHECK(mended.loaded_ms >= second.loaded_ms);
  CHECK(test::DecideCall(**live, nlohmann::json::object()).grant->limits().pids == 104);
}

TEST_CASE("A link that is repointed is a change, and a layer that comes back is taken up") {
  const test::TempDir dir;
  const auto in = [&](const std::string& name) { return dir.path() + "/" + name; };
  std::filesystem::create_directories(in("1"));
  std::filesystem::create_directories(in("2"));
  Write(in("1/base.yaml"), Version(1));
  Write(in("2/base.yaml"), Version(2));
  std::filesystem::create_directory_symlink("1", in("now"));
  Write(in("leaf.yaml"), "version: 1\nextends: now/base.yaml\nrules: []\n");
  auto live = LivePolicy::Load(LoaderOf(in("leaf.yaml")));
  REQUIRE(live);
  Told told;
  REQUIRE((*live)->Follow(told.observer()));
  std::filesystem::create_directory_symlink("2", in("next"));
  std::filesystem::rename(in("next"), in("now"));
  told.Until([](const auto& status) { return status.reloads == 1; });
  CHECK(test::DecideCall(**live, nlohmann::json::object()).grant->limits().pids == 102);

  std::filesystem::remove(in("2/base.yaml"));
  told.Until([](const auto& status) { return status.problem.has_value(); });
  Write(in("2/base.yaml"), Version(3));
  told.Until([](const auto& status) { return status.reloads == 2; });
  CHECK(test::DecideCall(**live, nlohmann::json::object()).grant->limits().pids == 103);
}

TEST_CASE("The first reading must succeed") {
  const test::TempDir dir;
  CHECK_FALSE(LivePolicy::Load(LoaderOf(dir.path() + "/none.yaml")));
}

TEST_CASE("No call is judged by a policy that is half loaded") {
  const test::TempDir dir;
  const std::string path = dir.path() + "/policy.yaml";
  Write(path, Version(0));
  auto live = LivePolicy::Load(LoaderOf(path));
  REQUIRE(live);
  Told told;
  REQUIRE((*live)->Follow(told.observer()));
  std::atomic<int> torn = 0;
  std::atomic<int> judged = 0;
  const auto judge = [&](const std::stop_token& stop) {
    const nlohmann::json none = nlohmann::json::object();
    while (!stop.stop_requested()) {
      const Decision decision = (*live)->Decide({"run", {}, none, none, NoHistory()});
      const bool is_whole = decision.grant && decision.matched.size() == 2 &&
                            decision.grant->limits().pids == decision.grant->limits().memory_mb &&
                            decision.matched[0].substr(1) == decision.matched[1].substr(1);
      torn += is_whole ? 0 : 1;
      ++judged;
    }
  };
  std::vector<std::jthread> judges;
  for (int i = 0; i < 3; ++i) {
    judges.emplace_back(judge);
  }
  for (int version = 1; version <= 20; ++version) {
    // Every other one is broken.
    Write(path, version % 2 == 0 ? Version(version) : "version: 1\nrules: [");
    told.Until([&](const auto& status) {
      return version % 2 == 0 ? status.reloads == version / 2 : status.problem.has_value();
    });
  }
  judges.clear();
  CHECK(torn == 0);
  CHECK(judged > 100);
}

TEST_CASE("A candidate is asked and noted, and decides nothing") {
  const std::shared_ptr<const PolicyEngine> allows =
      test::Load("version: 1\nrules:\n  - {id: a, effect: allow, tools: [run]}\n");
  const std::shared_ptr<const PolicyEngine> denies =
      test::Load("version: 1\nrules:\n  - {id: d, effect: deny, tools: [run]}\n");
  const Decision open = test::DecideCall(ShadowEngine(allows, denies), nlohmann::json::object());
  CHECK(open.effect == Effect::kAllow);
  REQUIRE(open.shadow);
  CHECK(open.shadow->effect == Effect::kDeny);
  CHECK(open.shadow->rule_id == "d");
  CHECK(open.shadow->revision == denies->revision());
  const Decision shut = test::DecideCall(ShadowEngine(denies, allows), nlohmann::json::object());
  CHECK(shut.effect == Effect::kDeny);
  CHECK_FALSE(shut.grant);
  CHECK(ShadowEngine(denies, allows).MayEverAllow("run", {}) == denies->MayEverAllow("run", {}));
}

}  // namespace casemate::policies
