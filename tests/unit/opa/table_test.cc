// One table of calls and what is decided about them (tests/policies-table), for one policy written
// in both languages: the engines must agree with it, and so with each other.
#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "policies/engine/combined_engine.h"
#include "policies/engine/policy_json.h"
#include "policies/engine/yaml_policy.h"
#include "tests/unit/opa/fixtures.h"

namespace casemate::policies {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

json ReadTable() {
  const auto text = ReadFile(CASEMATE_TEST_DATA "/table.json", 1U << 20);
  REQUIRE(text);
  auto table = ParseJson(*text);
  INFO((table ? "" : table.error().message));
  REQUIRE(table);
  return *std::move(table);
}

std::unique_ptr<PolicyEngine> LoadYaml() {
  const std::string path = CASEMATE_TEST_DATA "/policy.yaml";
  const auto text = ReadFile(path, 1U << 20);
  REQUIRE(text);
  auto engine = LoadYamlPolicy(*text, path);
  INFO((engine ? "" : Describe(engine.error())));
  REQUIRE(engine);
  return *std::move(engine);
}

Decision DecideRow(const PolicyEngine& engine, const json& input) {
  Principal principal;
  if (const auto given = input.find("principal"); given != input.end()) {
    principal = {.id = given->at("id"), .tenant = given->at("tenant"), .roles = given->at("roles")};
  }
  const json context = input.value("context", json::object());
  return engine.Decide({input.at("tool"), principal, input.at("args"), context, NoHistory()});
}

// A decision in the form of the table.
json Shown(Decision decision, bool prefixed = false) {
  std::vector<std::string> rules;
  for (const std::string& rule : decision.matched) {
    if (!prefixed || rule.find(':') == std::string::npos) {
      rules.push_back(rule);
    }
  }
  std::ranges::sort(rules);
  json shown = {{"effect", ToString(decision.effect)}, {"rules", rules}};
  if (decision.grant) {
    shown["limits"] = LimitsJson(decision.grant->limits());
    shown["workspace"] = ToString(decision.grant->workspace_access());
  }
  return shown;
}

TEST_CASE("Both languages decide as the table says", "[opa][table]") {
  Place place;
  const json table = ReadTable();
  REQUIRE(table.size() > 30);
  auto rego = place.Start({.bundle = CASEMATE_TEST_DATA "/bundle", .budget_ms = 1000});
  INFO((rego ? "" : Describe(rego.error())));
  REQUIRE(rego);
  auto yaml = LoadYaml();
  for (const json& row : table) {
    INFO(row.at("name").get<std::string>());
    CHECK(Shown(DecideRow(*yaml, row.at("input"))) == row.at("expect"));
    const Decision by_rego = DecideRow(**rego, row.at("input"));
    INFO(by_rego.reason);
    CHECK(Shown(by_rego) == row.at("expect"));
  }
  std::vector<CombinedEngine::Part> parts;
  parts.push_back({"yaml", std::move(yaml)});
  parts.push_back({"rego", *std::move(rego)});
  const CombinedEngine both(std::move(parts));
  for (const json& row : table) {
    INFO(row.at("name").get<std::string>());
    CHECK(Shown(DecideRow(both, row.at("input")), true) == row.at("expect"));
  }
}

TEST_CASE("The example of the documentation is served and decides", "[opa][example]") {
  Place place;
  auto rego = place.Start({.bundle = CASEMATE_TEST_EXAMPLE, .budget_ms = 1000});
  INFO((rego ? "" : Describe(rego.error())));
  REQUIRE(rego);
  const json project = {{"workspace", "/home/dev/projects/a"}};
  const Decision built = Ask(**rego, {{"network", "none"}, {"command", {"make"}}}, project);
  REQUIRE(built.grant);
  CHECK(built.grant->workspace_access() == WorkspaceAccess::kHostWrite);
  CHECK(built.grant->limits().memory_mb == 2048);
  const Decision asked = Ask(**rego, {{"network", "none"}, {"command", {"git", "push"}}}, project);
  CHECK(asked.effect == Effect::kAsk);
  CHECK(asked.approval->by == Approver::kOperator);
  CHECK(Ask(**rego, {{"network", "none"}}, {{"workspace", "/home/dev/.ssh"}}).rule_id == "no-keys");
  CHECK(Ask(**rego, json::object()).rule_id == "default-deny");
}

}  // namespace
}  // namespace casemate::policies
