#include "policies/opa/rego_decision.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/engine/rule.h"

namespace casemate::policies {
namespace {

using nlohmann::json;

std::string Reply(const json& decision) {
  return json({{"result", decision}}).dump();
}

const json kAllow = {{"effect", "allow"}, {"rules", {"r"}}};

TEST_CASE("A decision may say all that a rule may say", "[opa][decision]") {
  const auto read = ReadRegoDecision(
      Reply({{"effect", "ask"},
             {"rules", {"b", "a"}},
             {"reason", "why"},
             {"remedy", "how"},
             {"limits",
              {{"memory_mb", 1},
               {"cpus", 0.25},
               {"pids", 2},
               {"wall_s", 3},
               {"output_kb", 4},
               {"disk_mb", 5},
               {"io_mb_s", 6}}},
             {"workspace", "host_read"},
             {"sandbox", "strict"},
             {"containers", {"create", "use"}},
             {"approval", {{"by", "second_person"}, {"expires_s", 60}, {"remember", "same_rule"}}},
             {"marks", {"read_secret"}}}));
  INFO((read ? "" : Describe(read.error())));
  REQUIRE(read);
  CHECK(read->effect == Effect::kAsk);
  CHECK(read->rules == std::vector<std::string>{"b", "a"});
  CHECK(read->reason == "why");
  CHECK(read->remedy == "how");
  CHECK(read->rights.limits == Limits{1, 250, 2, 3000, 4, 5, 6});
  CHECK(read->rights.workspace == WorkspaceAccess::kHostRead);
  CHECK(read->rights.strict_sandbox);
  CHECK(read->rights.containers.Has(ContainerRight::kCreate));
  CHECK(read->rights.containers.Has(ContainerRight::kUse));
  CHECK_FALSE(read->rights.containers.Has(ContainerRight::kNetwork));
  CHECK(read->approval == ApprovalTerms{Approver::kSecondPerson, 60'000, Remember::kSameRule});
  CHECK(read->marks == std::vector<std::string>{"read_secret"});
}

TEST_CASE("What a decision leaves out is what a rule leaves out", "[opa][decision]") {
  const auto allow = ReadRegoDecision(Reply(kAllow));
  REQUIRE(allow);
  CHECK(allow->rights.limits == kUnstatedLimits);
  CHECK(allow->rights.workspace == WorkspaceAccess::kPrivateOnly);
  CHECK_FALSE(allow->rights.strict_sandbox);
  CHECK(allow->rights.containers.none());
  const auto deny =
      ReadRegoDecision(R"({"result":{"effect":"deny","rules":[]},"decision_id":"x"})");
  REQUIRE(deny);
  CHECK(deny->rules.empty());
}

TEST_CASE("An undefined decision is told from a wrong one", "[opa][decision]") {
  for (const char* body : {"{}", R"({"decision_id":"x"})"}) {
    const auto read = ReadRegoDecision(body);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kNotFound);
  }
}

TEST_CASE("Whatever is not exactly a decision is none", "[opa][decision]") {
  const auto with = [](const char* key, const json& value) {
    json changed = kAllow;
    changed[key] = value;
    return Reply(changed);
  };
  json asking = {{"effect", "ask"}, {"rules", {"r"}}};
  const auto ask_with = [&](const json& approval) {
    json changed = asking;
    changed["approval"] = approval;
    return Reply(changed);
  };
  const json many = std::vector<std::string>(1001, "r");
  // The reply, and the field that the error names.
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", "reply"},
      {"null", "reply"},
      {"[]", "reply"},
      {R"({"result":{"effect":"allow","rules":["r"]}} x)", "reply"},
      {R"({"result":{"effect":"allow","rules":["r"]})", "reply"},
      {R"({"result":{"effect":"deny","effect":"allow","rules":["r"]}})", "reply"},
      {R"({"result":{"effect":"allow","rules":["r"]},"extra":1})", "reply"},
      {"{\"result\":{\"effect\":\"allow\",\"rules\":[\"r\"],\"reason\":\"\xff\"}}", "reply"},
      {R"({"result":{"effect":"allow","rules":[[[[[[[[["r"]]]]]]]]]}})", "reply"},
      {std::string(kMaxDecisionBytes, ' ') + "{}", "reply"},
      {Reply(nullptr), "decision"},
      {Reply(true), "decision"},
      {Reply("allow"), "decision"},
      {Reply(json::array()), "decision"},
      {Reply(json::object()), "decision.effect"},
      {with("effect", "Allow"), "decision.effect"},
      {with("effect", "permit"), "decision.effect"},
      {with("effect", true), "decision.effect"},
      {with("effect", nullptr), "decision.effect"},
      {with("rules", nullptr), "decision.rules"},
      {with("rules", "r"), "decision.rules"},
      {with("rules", json::array()), "decision.rules"},
      {with("rules", {"r", "r"}), "decision.rules"},
      {with("rules", {1}), "decision.rules"},
      {with("rules", {""}), "decision.rules"},
      {with("rules", {"Upper"}), "decision.rules"},
      {with("rules", {"yaml:r"}), "decision.rules"},
      {with("rules", {"default-deny"}), "decision.rules"},
      {with("rules", {std::string(65, 'r')}), "decision.rules"},
      {with("rules", many), "decision.rules"},
      {with("network", "host"), "decision"},
      {with("mounts", json::array({"/"})), "decision"},
      {with("allow", true), "decision"},
      {with("reason", 1), "decision.reason"},
      {with("reason", std::string(1001, 'a')), "decision.reason"},
      {with("reason", "policy_error:opa_timeout"), "decision.reason"},
      {with("remedy", nullptr), "decision.remedy"},
      {with("limits", nullptr), "decision.limits"},
      {with("limits", 1), "decision.limits"},
      {with("limits", {{"memory_gb", 1}}), "decision.limits"},
      {with("limits", {{"memory_mb", 0}}), "decision.limits.memory_mb"},
      {with("limits", {{"memory_mb", -1}}), "decision.limits.memory_mb"},
      {with("limits", {{"memory_mb", 1.5}}), "decision.limits.memory_mb"},
      {with("limits", {{"memory_mb", "64"}}), "decision.limits.memory_mb"},
      {with("limits", {{"memory_mb", nullptr}}), "decision.limits.memory_mb"},
      {with("limits", {{"memory_mb", (1 << 24) + 1}}), "decision.limits.memory_mb"},
      {with("limits", {{"pids", 18446744073709551615ULL}}), "decision.limits.pids"},
      {with("limits", {{"cpus", 0}}), "decision.limits.cpus"},
      {with("limits", {{"cpus", 0.0001}}), "decision.limits.cpus"},
      {with("limits", {{"cpus", 1025}}), "decision.limits.cpus"},
      {R"({"result":{"effect":"allow","rules":["r"],"limits":{"cpus":1e999}}})", "reply"},
      {with("limits", {{"wall_s", 700000}}), "decision.limits.wall_s"},
      {with("limits", {{"io_mb_s", 0}}), "decision.limits.io_mb_s"},
      {with("workspace", "host"), "decision.workspace"},
      {with("workspace", true), "decision.workspace"},
      {with("sandbox", "best_effort"), "decision.sandbox"},
      {with("sandbox", false), "decision.sandbox"},
      {with("approval", json::object()), "decision.approval"},
      {ask_with("client"), "decision.approval"},
      {ask_with({{"by", "nobody"}}), "decision.approval.by"},
      {ask_with({{"expires_s", 0}}), "decision.approval.expires_s"},
      {ask_with({{"expires_s", 604801}}), "decision.approval.expires_s"},
      {ask_with({{"expires_s", 1.5}}), "decision.approval.expires_s"},
      {ask_with({{"remember", "always"}}), "decision.approval.remember"},
      {ask_with({{"unknown", 1}}), "decision.approval"},
      {with("marks", "read_secret"), "decision.marks"},
      {with("marks", {"with space"}), "decision.marks"},
      {with("marks", {1}), "decision.marks"},
      {Reply({{"effect", "deny"}, {"rules", {"r"}}, {"limits", {{"pids", 1}}}}), "decision.limits"},
      {Reply({{"effect", "deny"}, {"rules", {"r"}}, {"workspace", "private"}}),
       "decision.workspace"},
      {Reply({{"effect", "deny"}, {"rules", {"r"}}, {"sandbox", "strict"}}), "decision.sandbox"},
      {Reply({{"effect", "ask"}, {"rules", json::array()}}), "decision.rules"},
  };
  for (const auto& [body, field] : table) {
    INFO(body.substr(0, 200));
    const auto read = ReadRegoDecision(body);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kInvalidArgument);
    CHECK(read.error().field == field);
  }
}

TEST_CASE("Text of a policy cannot forge lines", "[opa][decision]") {
  json decision = kAllow;
  decision["reason"] = "a\x1b[31mb";
  const auto read = ReadRegoDecision(Reply(decision));
  REQUIRE(read);
  CHECK(read->reason.find('\x1b') == std::string::npos);
}

}  // namespace
}  // namespace casemate::policies
