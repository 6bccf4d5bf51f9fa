#include "policies/engine/explain.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "policies/check/explain_text.h"
#include "tests/unit/policies/fixtures.h"

namespace casemate::policies {

using test::DecideCall;
using test::Load;
using Json = nlohmann::json;

namespace {

constexpr const char* kPolicy = R"(
version: 1
rules:
  - id: go
    effect: allow
    tools: [run]
    principals: {ids: [local, alice]}
    when:
      all:
        - {path: args.network, eq: none}
        - {path: args.n, lt: 5}
        - any: [{path: args.a, eq: x}, {path: principal.id, in: [alice, bob]}]
  - id: others
    effect: allow
    tools: [run]
    principals: {ids: [carol], roles: [owner]}
  - id: stop
    effect: deny
    tools: [run]
    when: {path: args.command.0, eq: rm}
    reason: no removing
  - {id: unrelated, effect: allow, tools: [profile_list]}
)";

Json Explain(const Json& args, Principal principal = {}) {
  const Json context = Json::object();
  return Load(kPolicy)->Explain({"run", std::move(principal), args, context, NoHistory()});
}

Json RuleOf(const Json& explanation, const std::string& id) {
  for (const Json& rule : explanation["layers"][0]["rules"]) {
    if (rule["id"] == id) {
      return rule;
    }
  }
  return {};
}

}  // namespace

TEST_CASE("An explanation shows every rule about the tool, its conditions and what they met") {
  const Json found = Explain({{"network", "host"}, {"n", "many"}, {"command", {"ls"}}});
  CHECK(found["version"] == 1);
  CHECK(found["decision"]["effect"] == "deny");
  CHECK(found["decision"]["rule"] == "default-deny");
  CHECK_FALSE(found["decision"].contains("decision_id"));
  CHECK(found["layers"][0]["says"] == "deny");
  CHECK(found["layers"][0]["by_default"] == true);
  CHECK(found["layers"][0]["rules"].size() == 3);

  const Json go = RuleOf(found, "go");
  CHECK(go["state"] == "not_met");
  CHECK(go["where"] == "policy.yaml:4:5");
  REQUIRE(go["conditions"].size() == 4);
  CHECK(go["conditions"][0]["truth"] == "false");
  CHECK(go["conditions"][0]["value"] == "\"host\"");
  CHECK(go["conditions"][1]["truth"] == "undecidable");
  CHECK_THAT(go["conditions"][1]["problem"].get<std::string>(), Catch::Contains("another type"));
  CHECK(go["conditions"][2]["problem"] == "the call has none");
  CHECK(RuleOf(found, "stop")["state"] == "not_met");

  const Json others = RuleOf(found, "others");
  CHECK(others["state"] == "not_covered");
  REQUIRE(others["selectors"].size() == 1);
  CHECK(others["selectors"][0]["selector"] == "principals.ids");

  REQUIRE(found["near_misses"].size() == 1);
  const Json unmet = found["near_misses"][0]["unmet"];
  REQUIRE(unmet.size() == 3);
  CHECK(unmet[0] == Json{{"condition", "args.network eq none"}, {"is", "\"host\""}});
  CHECK(unmet[2]["condition"] == "(args.a eq x or principal.id in […])");
  CHECK_THAT(found["line"]["text"].get<std::string>(), Catch::Contains("allow-run"));
}

TEST_CASE("An explanation names the rules in the way") {
  const Json found =
      Explain({{"network", "none"}, {"n", 1}, {"a", "x"}, {"command", {"rm", "-rf"}}});
  CHECK(found["decision"]["rule"] == "stop");
  REQUIRE(found["obstacles"].size() == 1);
  CHECK(found["obstacles"][0]["when"] == "args.command.0 eq rm");
  CHECK(found["near_misses"].empty());
  CHECK_FALSE(found.contains("line"));
  const std::string text = ExplainText(found);
  CHECK_THAT(text, Catch::StartsWith("deny by `stop`: no removing\n"));
  CHECK_THAT(text,
             Catch::Contains("would have to stop denying, which it does when args.command.0"));
  // A deny by what cannot be decided is one, and says so.
  const Json undecided = Explain({{"network", "none"}, {"n", 1}, {"a", "x"}});
  CHECK(RuleOf(undecided, "stop")["by_undecidable"] == true);
  CHECK_THAT(ExplainText(undecided), Catch::Contains("cannot be decided"));
}

TEST_CASE("What is allowed has nothing to change") {
  const Json found = Explain({{"network", "none"}, {"n", 1}, {"a", "x"}, {"command", {"ls"}}});
  CHECK(found["decision"]["effect"] == "allow");
  CHECK((found["obstacles"].empty() && found["near_misses"].empty()));
  CHECK(ExplainText(found).find("What would have to change") == std::string::npos);
}

TEST_CASE("A caller sees no other principal's name, and no rule that is not about them") {
  const Json view = CallersView(Explain({{"network", "host"}, {"command", {"ls"}}}));
  const std::string all = DumpJson(view) + ExplainText(view);
  for (const char* name : {"alice", "bob", "carol"}) {
    INFO(name);
    CHECK(all.find(name) == std::string::npos);
  }
  CHECK(view["layers"][0]["rules"].size() == 2);
  // The whole has them: the check above can fail.
  CHECK_THAT(DumpJson(Explain({{"network", "host"}})), Catch::Contains("carol"));
}

TEST_CASE("Layers of other tenants are not shown to a caller") {
  auto policy = LoadYamlPolicy(
      "version: 1\napplies: {tenants: [acme]}\nrules: [{id: a, effect: allow, tools: [run]}]\n",
      "secret-tenant.yaml");
  REQUIRE(policy);
  const Json none = Json::object();
  const Json found = (*policy)->Explain({"run", {}, none, none, NoHistory()});
  CHECK(found["layers"][0]["about_call"] == false);
  CHECK(CallersView(found)["layers"].empty());
  CHECK_THAT(ExplainText(found), Catch::Contains("is not about this call"));
}

TEST_CASE("Values of the call are escaped and cut") {
  const std::string hostile = "\x1b[2J" + std::string(5000, 'x') + "\xff";
  const Json found = Explain({{"network", hostile}});
  const auto value = RuleOf(found, "go")["conditions"][0]["value"].get<std::string>();
  CHECK(value.size() < 200);
  CHECK(value.find('\x1b') == std::string::npos);
  CHECK(ExplainText(found).find('\x1b') == std::string::npos);
}

TEST_CASE("An engine without explanations of its own tells its decision") {
  class Refuser : public PolicyEngine {
   public:
    [[nodiscard]] Decision Decide(const PolicyInput& /*input*/) const override { return {}; }
    [[nodiscard]] bool MayEverAllow(const std::string& /*tool*/,
                                    const Principal& /*principal*/) const override {
      return false;
    }
    [[nodiscard]] std::string revision() const override { return "r"; }
  };
  const Json none = Json::object();
  const Json found = Refuser().Explain({"run", {}, none, none, NoHistory()});
  CHECK(found["decision"]["effect"] == "deny");
  CHECK_FALSE(found.contains("layers"));
  CHECK(CallersView(found) == found);
  CHECK_THAT(ExplainText(found), Catch::StartsWith("deny by"));
}

TEST_CASE("A condition that cannot be decided asks about what is allowed, and about nothing else") {
  const auto policy = Load(R"(
version: 1
rules:
  - {id: go, effect: allow, tools: [run], when: {path: args.a, eq: x}}
  - {id: think, effect: ask, tools: [run], when: {path: args.b, eq: y}}
)");
  CHECK(DecideCall(*policy, {{"a", "x"}, {"b", "z"}}).effect == Effect::kAllow);
  CHECK(DecideCall(*policy, {{"a", "x"}}).effect == Effect::kAsk);
  CHECK(DecideCall(*policy, {{"b", "y"}}).effect == Effect::kAsk);
  const Decision refused = DecideCall(*policy, Json::object());
  CHECK(refused.effect == Effect::kDeny);
  CHECK(refused.rule_id == "default-deny");
  CHECK_FALSE(refused.asked);
}

}  // namespace casemate::policies
