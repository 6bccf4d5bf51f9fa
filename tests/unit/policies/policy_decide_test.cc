#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/engine/yaml_policy.h"
#include "tests/unit/policies/fixtures.h"

namespace casemate::policies {

using test::DecideCall;
using test::Load;
using Json = nlohmann::json;

namespace {

std::unique_ptr<PolicyEngine> LoadRules(const std::vector<std::string>& rules) {
  std::string text = "version: 1\nrules:\n";
  for (const std::string& rule : rules) {
    text += "  - {" + rule + "}\n";
  }
  return Load(rules.empty() ? "version: 1\nrules: []\n" : text);
}

}  // namespace

TEST_CASE("Nothing is allowed by default") {
  const Decision decision = DecideCall(*LoadRules({}), {{"x", 1}});
  CHECK(decision.effect == Effect::kDeny);
  CHECK_FALSE(decision.grant);
  CHECK(decision.rule_id == "default-deny");
  CHECK(decision.matched.empty());
  CHECK_THAT(decision.reason, Catch::Contains("no rule allows tool `run` for principal `local`"));
  CHECK_THAT(decision.remedy, Catch::Contains("add a rule for tool `run`") &&
                                  Catch::Contains("policy.yaml") &&
                                  Catch::Contains("tools: [run]"));
  CHECK(decision.revision.size() == 64);
}

TEST_CASE("The rule that a remedy names does allow the call") {
  const std::string remedy = DecideCall(*LoadRules({}), Json::object()).remedy;
  const auto line = remedy.substr(remedy.find("- {"));
  auto engine = Load("version: 1\nrules:\n  " + line + "\n");
  CHECK(DecideCall(*engine, Json::object()).effect == Effect::kAllow);
}

TEST_CASE("Deny beats ask beats allow, and all matches are reported") {
  const std::string allow = "id: a, effect: allow, tools: [run]";
  const std::string ask = "id: b, effect: ask, tools: ['*']";
  // With a condition: without one the others would be unreachable.
  const std::string deny =
      "id: c, effect: deny, tools: [run], when: {path: args.x, exists: false}, reason: no, remedy: "
      "ask Bob";
  const Decision allowed = DecideCall(*LoadRules({allow}), Json::object());
  CHECK(allowed.effect == Effect::kAllow);
  REQUIRE(allowed.grant);
  CHECK(allowed.grant->decision_id() == allowed.decision_id);
  CHECK(allowed.grant->principal_id() == "local");
  CHECK(allowed.grant->tenant() == "local");

  const Decision asked = DecideCall(*LoadRules({allow, ask}), Json::object());
  CHECK(asked.effect == Effect::kAsk);
  CHECK_FALSE(asked.grant);
  CHECK(asked.rule_id == "b");
  REQUIRE(asked.asked);
  CHECK(asked.asked->limits == kUnstatedLimits);
  CHECK(asked.approval == ApprovalTerms{});
  CHECK_THAT(asked.remedy, Catch::Contains("`b`"));

  const Decision denied = DecideCall(*LoadRules({allow, deny, ask}), Json::object());
  CHECK(denied.effect == Effect::kDeny);
  CHECK_FALSE(denied.grant);
  CHECK(denied.matched == std::vector<std::string>{"a", "b", "c"});
  CHECK(denied.reason == "no");
  CHECK(denied.remedy == "ask Bob");
  CHECK_FALSE(
      DecideCall(*LoadRules({"id: c, effect: deny, tools: [run]"}), Json::object()).remedy.empty());
}

TEST_CASE("Several allows narrow each other") {
  auto engine = LoadRules(
      {"id: a, effect: allow, tools: [run], workspace: host_write, limits: {memory_mb: 900, cpus: "
       "0.5, pids: 7, wall_s: 5, output_kb: 9, disk_mb: 3}",
       "id: b, effect: allow, tools: [run], workspace: host_read, limits: {memory_mb: 800, cpus: "
       "2.5, pids: 70}"});
  const Decision decision = DecideCall(*engine, Json::object());
  REQUIRE(decision.grant);
  CHECK(decision.grant->limits() == Limits{800, 500, 7, 5'000, 9, 3});
  CHECK(decision.grant->workspace_access() == WorkspaceAccess::kHostRead);
}

TEST_CASE("A rule that limits disk I/O does so beside one that does not") {
  auto engine = LoadRules({"id: a, effect: allow, tools: [run], limits: {io_mb_s: 20}",
                           "id: b, effect: allow, tools: [run]"});
  const Decision decision = DecideCall(*engine, Json::object());
  REQUIRE(decision.grant);
  CHECK(decision.grant->limits().io_mb_s == 20);
}

TEST_CASE("What an allow rule leaves unstated is small and private") {
  const Decision decision =
      DecideCall(*LoadRules({"id: a, effect: allow, tools: [run]"}), Json::object());
  REQUIRE(decision.grant);
  CHECK(decision.grant->limits() == Limits{512, 1000, 128, 60'000, 64, 256});
  CHECK(decision.grant->workspace_access() == WorkspaceAccess::kPrivateOnly);
}

TEST_CASE("An undecidable condition never widens") {
  const std::string when = ", when: {path: args.network, eq: none}";
  const std::string allow = "id: a, effect: allow, tools: [run]";
  const std::string deny =
      "id: d, effect: deny, tools: [run], when: {path: args.network, eq: host}";
  const std::string ask = "id: q, effect: ask, tools: [run], when: {path: args.network, eq: host}";
  for (const Json& args : {Json::object(), Json{{"network", 7}}, Json{{"network", nullptr}}}) {
    CHECK(DecideCall(*LoadRules({allow + when}), args).effect == Effect::kDeny);
    CHECK(DecideCall(*LoadRules({allow, deny}), args).effect == Effect::kDeny);
    CHECK(DecideCall(*LoadRules({allow, ask}), args).effect == Effect::kAsk);
  }
  CHECK(DecideCall(*LoadRules({allow, deny, ask}), {{"network", "none"}}).effect == Effect::kAllow);
}

TEST_CASE("Principals select by id, role and tenant together") {
  auto engine = LoadRules(
      {"id: a, effect: allow, tools: [run], principals: {ids: [ann, bob], roles: [dev], tenants: "
       "[acme]}"});
  const auto effect = [&](Principal principal) {
    return DecideCall(*engine, Json::object(), Json::object(), "run", std::move(principal)).effect;
  };
  CHECK(effect({"ann", "acme", {"x", "dev"}}) == Effect::kAllow);
  CHECK(effect({"eve", "acme", {"dev"}}) == Effect::kDeny);
  CHECK(effect({"ann", "evil", {"dev"}}) == Effect::kDeny);
  CHECK(effect({"ann", "acme", {}}) == Effect::kDeny);
}

TEST_CASE("Every failure of the engine denies, with the reserved reason") {
  auto engine = LoadRules({"id: a, effect: allow, tools: ['*']"});
  const auto check = [&](const Decision& decision) {
    CHECK(decision.effect == Effect::kDeny);
    CHECK_FALSE(decision.grant);
    CHECK_THAT(decision.reason, Catch::StartsWith("policy_error:"));
    CHECK_FALSE(decision.decision_id.empty());
  };
  check(DecideCall(*engine, Json::array()));
  check(DecideCall(*engine, nullptr));
  check(DecideCall(*engine, Json::object(), "text"));
  check(DecideCall(*engine, Json::object(), Json::object(), ""));
  check(DecideCall(*engine, Json::object(), Json::object(), "run", {"", "t", {}}));
}

TEST_CASE("Arguments that are not UTF-8 do not disturb deciding or explaining") {
  auto engine = LoadRules({"id: a, effect: allow, tools: [run], when: {path: args.x, eq: y}"});
  const Decision decision = DecideCall(*engine, {{"x", "\xff\xfe"}}, {{"workspace", "/\xff\n"}},
                                       "run", {"\xff\n", "t", {}});
  CHECK(decision.effect == Effect::kDeny);
}

TEST_CASE("Decision ids are 16 random bytes") {
  auto engine = LoadRules({});
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    const Decision decision = DecideCall(*engine, Json::object());
    CHECK(decision.decision_id.size() == 32);
    ids.insert(decision.decision_id);
  }
  CHECK(ids.size() == 100);
}

TEST_CASE("The order of rules never matters") {
  // A pool of rules that overlap in every effect; random subsets in random orders must agree.
  const std::vector<std::string> pool = {
      "id: a1, effect: allow, tools: [run], limits: {memory_mb: 100, pids: 9}, reason: one",
      "id: a2, effect: allow, tools: ['*'], limits: {memory_mb: 300, pids: 3}, workspace: "
      "host_read",
      "id: a3, effect: allow, tools: [run], when: {path: args.n, lt: 5}, workspace: host_write",
      "id: a4, effect: allow, tools: [run], when: {path: args.s, prefix: x}",
      "id: q1, effect: ask, tools: [run], when: {path: args.n, gt: 7}, reason: many",
      "id: q2, effect: ask, tools: [other]",
      "id: d1, effect: deny, tools: [run], when: {path: args.s, eq: bad}, reason: bad",
      "id: d2, effect: deny, tools: ['*'], when: {all: [{path: args.n, exists: true}, {path: "
      "args.n, eq: 3}]}, remedy: try 4",
      "id: d3, effect: deny, tools: [run], principals: {roles: [guest]}"};
  const std::vector<Json> calls = {Json::object(),
                                   {{"n", 1}},
                                   {{"n", 3}, {"s", "x"}},
                                   {{"n", 9}, {"s", "xy"}},
                                   {{"n", "text"}, {"s", 4}},
                                   {{"n", 4}, {"s", "bad"}}};
  std::mt19937 random(20240601);  // NOLINT(cert-msc51-cpp): a fixed seed makes failures repeatable
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> rules = pool;
    std::ranges::shuffle(rules, random);
    rules.resize(1 + random() % pool.size());
    auto first = LoadRules(rules);
    std::ranges::shuffle(rules, random);
    auto second = LoadRules(rules);
    for (const Json& args : calls) {
      const Decision x = DecideCall(*first, args);
      const Decision y = DecideCall(*second, args);
      INFO(args.dump());
      CHECK(x.effect == y.effect);
      CHECK(x.matched == y.matched);
      CHECK(x.rule_id == y.rule_id);
      CHECK(x.reason == y.reason);
      REQUIRE(x.grant.has_value() == y.grant.has_value());
      CHECK(x.grant.has_value() == (x.effect == Effect::kAllow));
      if (x.grant) {
        CHECK(x.grant->limits() == y.grant->limits());
        CHECK(x.grant->workspace_access() == y.grant->workspace_access());
      }
    }
  }
}

TEST_CASE("MayEverAllow hides what can never run") {
  const std::string allow = "id: a, effect: allow, tools: [run], when: {path: args.n, eq: 1}";
  CHECK(LoadRules({allow})->MayEverAllow("run", {}));
  CHECK_FALSE(LoadRules({allow})->MayEverAllow("other", {}));
  CHECK_FALSE(LoadRules({})->MayEverAllow("run", {}));
  const std::string others = "id: d, effect: deny, tools: ['*'], principals: {ids: [eve]}";
  CHECK_FALSE(LoadRules({allow, others})->MayEverAllow("run", {.id = "eve"}));
  CHECK(LoadRules({"id: q, effect: ask, tools: [run]"})->MayEverAllow("run", {}));
  CHECK(LoadRules({allow, "id: d, effect: deny, tools: ['*'], when: {path: args.n, eq: 2}"})
            ->MayEverAllow("run", {}));
  CHECK(LoadRules({allow, "id: d, effect: deny, tools: ['*'], principals: {ids: [eve]}"})
            ->MayEverAllow("run", {}));
}

}  // namespace casemate::policies
