// What a rule grants with containers: named, narrowed by layers and by other rules, never by
// default.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/engine/policy_json.h"
#include "tests/unit/policies/fixtures.h"

namespace casemate::policies {
namespace {

nlohmann::json GrantedBy(const std::string& rules) {
  const auto policy = test::Load("version: 1\n" + rules);
  const Decision decision = test::DecideCall(*policy, nlohmann::json::object());
  REQUIRE(decision.grant);
  return ContainerRightsJson(decision.grant->containers());
}

std::string ProblemOf(const std::string& rules) {
  return test::LoadError("version: 1\n" + rules);
}

std::string OneRule(const std::string& id, const std::string& more) {
  return "  - {id: " + id + ", effect: allow, tools: [run]" + more + "}\n";
}

}  // namespace

TEST_CASE("A rule that names no right with containers grants none") {
  CHECK(GrantedBy("rules:\n" + OneRule("a", "")).empty());
  CHECK(GrantedBy("rules:\n" + OneRule("a", ", containers: []")).empty());
}

TEST_CASE(
    "A rule grants exactly the rights that it names, and rules that meet grant what both do") {
  CHECK(GrantedBy("rules:\n" + OneRule("a", ", containers: [create, use]")) ==
        nlohmann::json({"use", "create"}));
  const std::string first = OneRule("a", ", containers: [create, use, network]");
  const std::string second = OneRule("b", ", containers: [use, ports, network]");
  CHECK(GrantedBy("rules:\n" + first + second) == nlohmann::json({"use", "network"}));
  CHECK(GrantedBy("rules:\n" + second + first) == nlohmann::json({"use", "network"}));
  // One that was written for the sandbox opens no container by accident.
  CHECK(GrantedBy("rules:\n" + first + OneRule("b", "")).empty());
}

TEST_CASE("A ceiling bounds the rights with containers of every rule") {
  CHECK(GrantedBy("containers: [use]\nrules:\n" + OneRule("a", ", containers: [create, use]")) ==
        nlohmann::json({"use"}));
  CHECK(
      GrantedBy("containers: []\nrules:\n" + OneRule("a", ", containers: [create, use]")).empty());
}

TEST_CASE("What is no right with containers keeps a policy from loading") {
  CHECK(ProblemOf("rules:\n" + OneRule("a", ", containers: [privileged]")).find("`privileged`") !=
        std::string::npos);
  CHECK(
      ProblemOf("rules:\n" + OneRule("a", ", containers: use")).find("expected a list of rights") !=
      std::string::npos);
  CHECK(ProblemOf("rules:\n  - {id: a, effect: deny, tools: [run], containers: [use]}\n")
            .find("`containers`") != std::string::npos);
}

TEST_CASE("Every right has its name, and a name stands for one right") {
  for (std::size_t i = 0; i < kContainerRightNames.size(); ++i) {
    const auto right = static_cast<ContainerRight>(i);
    CHECK(ContainerRightOf(ToString(right)) == right);
    ContainerRights only;
    only.Add(right);
    CHECK(only.Has(right));
    CHECK((only & ContainerRights::All()) == only);
    CHECK((only & ContainerRights()).none());
  }
  CHECK_FALSE(ContainerRightOf("all"));
}

}  // namespace casemate::policies
