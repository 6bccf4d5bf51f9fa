// Of two policies, and of a policy and the trail: diff and simulate.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "policies/audit/record.h"
#include "policies/check/diff.h"
#include "policies/check/simulate.h"
#include "tests/unit/policies/fixtures.h"

namespace casemate::policies {

using Json = nlohmann::json;

namespace {

std::unique_ptr<YamlPolicy> Policy(const std::string& rules, const std::string& head = "") {
  auto policy = LoadYamlPolicy("version: 1\n" + head + "rules:\n" + rules, "policy.yaml");
  INFO((policy ? std::string() : Describe(policy.error())));
  REQUIRE(policy);
  return *std::move(policy);
}

constexpr const char* kAllow =
    "  - {id: go, effect: allow, tools: [run], limits: {memory_mb: 100, pids: 10}, match: [{tool: "
    "run}]}\n";

// A record as the trail writes it.
std::string Record(std::int64_t seq, const Json& args, const char* effect = "allow",
                   const Json& more = Json::object()) {
  Json payload = {{"tool", "run"},
                  {"principal", {{"id", "local"}, {"tenant", "local"}, {"roles", {"owner"}}}},
                  {"args", Recordable(args)},
                  {"context", Json::object()},
                  {"decision", {{"effect", effect}}}};
  payload.update(more);
  auto body = RecordBody(payload, std::string(effect) == "allow" ? "intent" : "refused", "i",
                         {seq, seq * 1000, FirstPrevHash()});
  REQUIRE(body);
  return *body;
}

Json Simulate(const YamlPolicy& policy, const std::vector<std::string>& records,
              ReplayRange range = {}) {
  Simulation simulation(policy, range);
  for (const std::string& record : records) {
    simulation.Add(record);
  }
  return simulation.Report();
}

}  // namespace

TEST_CASE("A diff of a policy with itself is empty") {
  const auto policy = Policy(kAllow);
  const Json diff = DiffPolicies(*policy, *policy, {});
  CHECK(diff["before"] == diff["after"]);
  for (const char* part : {"rules", "layers"}) {
    for (const char* kind : {"added", "removed", "changed"}) {
      CHECK(diff[part][kind].empty());
    }
  }
  CHECK(diff["calls"] == 1);
  CHECK((diff["flips"].empty() && diff["rights"].empty()));
}

TEST_CASE("A diff tells rules, what changed in them, and ceilings") {
  const auto before = Policy(std::string(kAllow) +
                             "  - {id: old, effect: deny, tools: [run], when: "
                             "{path: args.a, eq: x}}\n");
  const auto after = Policy(
      "  - {id: go, effect: allow, tools: [run], limits: {memory_mb: 200, pids: 5}, reason: more}\n"
      "  - {id: new, effect: ask, tools: [run], when: {path: args.a, eq: x}}\n",
      "sandbox: strict\n");
  const Json diff = DiffPolicies(*before, *after, {});
  CHECK(diff["rules"]["added"][0]["id"] == "new");
  CHECK(diff["rules"]["removed"][0]["id"] == "old");
  REQUIRE(diff["rules"]["changed"].size() == 1);
  std::vector<std::string> what;
  for (const Json& change : diff["rules"]["changed"][0]["changes"]) {
    what.push_back(change["what"]);
  }
  CHECK(what == std::vector<std::string>{"limits", "reason"});
  CHECK(diff["layers"]["changed"][0]["changes"][0]["what"] == "sandbox");
  // The example of `go`: {tool: run}. The deny by an undecidable condition became an ask.
  REQUIRE(diff["flips"].size() == 1);
  CHECK(diff["flips"][0]["before"] == Json{{"effect", "deny"}, {"rule", "old"}});
  CHECK(diff["flips"][0]["after"]["effect"] == "ask");
}

TEST_CASE("A diff tells which rights got wider and which narrower") {
  const auto before = Policy(kAllow);
  const auto after = Policy(
      "  - {id: go, effect: allow, tools: [run], workspace: host_read, limits: {memory_mb: 200, "
      "pids: 5, io_mb_s: 3}}\n",
      "sandbox: strict\n");
  const Json rights = DiffPolicies(*before, *after, {})["rights"];
  REQUIRE(rights.size() == 1);
  const auto names = [](const Json& list) {
    std::vector<std::string> found;
    for (const Json& change : list) {
      found.push_back(change["what"]);
    }
    return found;
  };
  CHECK(names(rights[0]["wider"]) == std::vector<std::string>{"memory_mb", "workspace"});
  CHECK(names(rights[0]["narrower"]) == std::vector<std::string>{"io_mb_s", "pids", "sandbox"});
  const Json back = DiffPolicies(*after, *before, {})["rights"];
  CHECK(names(back[0]["narrower"]) == std::vector<std::string>{"memory_mb", "workspace"});
}

TEST_CASE("A simulation groups the calls that would be decided otherwise") {
  const auto policy = Policy(
      "  - {id: go, effect: allow, tools: [run]}\n"
      "  - {id: no-rm, effect: deny, tools: [run], when: {path: args.command.0, eq: rm}}\n");
  const Json report = Simulate(
      *policy, {Record(1, {{"command", {"ls"}}}), Record(2, {{"command", {"rm"}}}),
                Record(3, {{"command", {"rm", "x"}}}), Record(4, {{"command", {"ls"}}}, "deny"),
                Record(5, {{"command", {"rm"}}}, "deny")});
  CHECK(report["calls"] == 5);
  CHECK(report["same"] == 2);
  CHECK(report["flipped"] == 3);
  REQUIRE(report["flips"].size() == 2);
  CHECK(report["flips"][0] == Json{{"from", "allow"},
                                   {"to", "deny"},
                                   {"rule", "no-rm"},
                                   {"count", 2},
                                   {"examples", {2, 3}},
                                   {"tools", {"run"}}});
  CHECK(report["flips"][1]["from"] == "deny");
  CHECK(report["flips"][1]["rule"] == "go");
}

TEST_CASE("A call is indeterminate when what decides it was not kept") {
  const Json huge = {{"command", {"ls", std::string(100'000, 'x')}}};
  REQUIRE(IsOmitted(Recordable(huge)));
  const auto by_args = Policy(
      "  - {id: go, effect: allow, tools: [run]}\n"
      "  - {id: no-rm, effect: deny, tools: [run], when: {path: args.command.0, eq: rm}}\n");
  const Json hidden = Simulate(*by_args, {Record(1, huge)});
  CHECK(hidden["indeterminate"] == 1);
  CHECK(hidden["flipped"] == 0);
  REQUIRE(hidden["hidden"].size() == 1);
  CHECK(hidden["hidden"][0]["paths"] == Json{"args.command.0"});
  // Absence cannot be told either.
  const auto by_absence =
      Policy("  - {id: go, effect: allow, tools: [run], when: {path: args.env, exists: false}}\n");
  CHECK(Simulate(*by_absence, {Record(1, huge)})["indeterminate"] == 1);
  // What no rule asks for does not matter, nor what cannot change the outcome.
  CHECK(Simulate(*Policy(kAllow), {Record(1, huge)})["same"] == 1);
  const auto decided = Policy(
      "  - id: go\n    effect: allow\n    tools: [run]\n    when:\n      any:\n"
      "        - {path: args.command.0, eq: ls}\n        - {path: tool, eq: run}\n"
      "  - id: no\n    effect: deny\n    tools: [run]\n    when:\n      all:\n"
      "        - {path: args.command.0, eq: rm}\n        - {path: tool, eq: walk}\n");
  CHECK(Simulate(*decided, {Record(1, huge)})["same"] == 1);
  const auto denied = Policy(
      "  - {id: go, effect: allow, tools: [run], when: {path: args.command.0, eq: ls}}\n"
      "  - {id: no, effect: deny, tools: [run], when: {path: tool, eq: run}}\n");
  const Json sure = Simulate(*denied, {Record(1, huge)});
  CHECK(sure["indeterminate"] == 0);
  CHECK(sure["flips"][0]["rule"] == "no");
}

TEST_CASE("History counts as recorded; without a record of it, what asks for it is indeterminate") {
  const auto policy = Policy(
      "  - {id: go, effect: allow, tools: [run]}\n"
      "  - {id: no, effect: deny, tools: [run], when: {path: history.read_secret, gt: 0}}\n");
  CHECK(Simulate(*policy, {Record(1, Json::object())})["indeterminate"] == 1);
  const Json clean = {{"history", NoHistory()}};
  CHECK(Simulate(*policy, {Record(1, Json::object(), "allow", clean)})["same"] == 1);
  const Json secret = {{"history", {{"read_secret", 2}}}};
  CHECK(Simulate(*policy, {Record(1, Json::object(), "allow", secret)})["flipped"] == 1);
}

TEST_CASE("A call that was approved counts as one that policy asked about") {
  const Json approved = {
      {"decision", {{"effect", "allow"}, {"approval", {{"id", "a"}, {"by", "ada"}}}}}};
  const std::string record = Record(1, Json::object(), "allow", approved);
  CHECK(Simulate(*Policy("  - {id: think, effect: ask, tools: [run]}\n"), {record})["same"] == 1);
  const Json report = Simulate(*Policy(kAllow), {record});
  CHECK(report["flips"][0]["from"] == "ask");
}

TEST_CASE("A layer about workspaces is indeterminate when the context was not kept") {
  const auto policy = Policy(kAllow, "applies: {workspaces: [/src/]}\n");
  const Json omitted = {{"context", {{"omitted", true}, {"bytes", 9}, {"sha256", "x"}}}};
  const Json report = Simulate(*policy, {Record(1, Json::object(), "allow", omitted)});
  CHECK(report["hidden"][0]["paths"] == Json{"context.workspace"});
}

TEST_CASE("A live call cannot hide its arguments by looking like a record") {
  const auto policy =
      Policy("  - {id: go, effect: allow, tools: [run], when: {path: args.omitted, eq: true}}\n");
  CHECK(test::DecideCall(*policy, {{"omitted", true}, {"sha256", "x"}}).effect == Effect::kAllow);
}

TEST_CASE("A simulation keeps to its range, and counts what is damaged") {
  const auto policy = Policy(kAllow);
  const std::vector<std::string> records = {Record(1, Json::object()), Record(2, Json::object()),
                                            Record(3, Json::object())};
  CHECK(Simulate(*policy, records, {.since_seq = 2})["calls"] == 2);
  CHECK(Simulate(*policy, records, {.since_ms = 3000})["calls"] == 1);
  const std::vector<std::string> odd = {"",
                                        "{",
                                        "[]",
                                        "{\"kind\": 3}",
                                        "{\"kind\": \"intent\"}",
                                        Record(1, Json::object()).substr(0, 40),
                                        R"({"kind":"server_start","seq":1,"time_ms":1})",
                                        R"({"kind":"outcome","seq":1,"time_ms":1})"};
  const Json report = Simulate(*policy, odd);
  CHECK(report["calls"] == 0);
  CHECK(report["unreadable"] == 6);
}

}  // namespace casemate::policies
