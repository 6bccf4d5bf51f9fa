#include <catch2/catch.hpp>

#include "policies/engine/yaml_policy.h"
#include "policies/source/shipped.h"
#include "tests/unit/policies/fixtures.h"

namespace casemate::policies {

using test::Load;
using test::LoadError;

namespace {

// A policy of one rule with `extra` lines.
std::string WithRule(const std::string& extra, const std::string& effect = "allow") {
  return "version: 1\nrules:\n  - id: r\n    effect: " + effect + "\n    tools: [run]\n" + extra;
}

}  // namespace

TEST_CASE("The shipped policy loads and its examples hold") {
  auto engine = LoadYamlPolicy(ShippedPolicies().front().text, "default");
  INFO((engine ? std::string() : Describe(engine.error())));
  REQUIRE(engine);
  CHECK((*engine)->revision().size() == 64);
}

TEST_CASE("The revision is the digest of the text") {
  CHECK(Load("version: 1\nrules: []\n")->revision() == Load("version: 1\nrules: []\n")->revision());
  CHECK(Load("version: 1\nrules: []\n")->revision() !=
        Load("version: 1\nrules: [] \n")->revision());
}

TEST_CASE("Unknown keys are errors with a place and the nearest name") {
  const std::string rule_key = LoadError(WithRule("    efect: deny\n"));
  CHECK_THAT(rule_key, Catch::StartsWith("policy.yaml:6:"));
  CHECK_THAT(rule_key, Catch::Contains("`efect`") && Catch::Contains("`effect`"));
  CHECK_THAT(LoadError("version: 1\nrule: []\nrules: []\n"),
             Catch::StartsWith("policy.yaml:2:") && Catch::Contains("`rules`"));
  CHECK_THAT(LoadError(WithRule("    limits: {memory: 5}\n")), Catch::Contains("memory"));
  CHECK_THAT(LoadError(WithRule("    principals: {role: [a]}\n")), Catch::Contains("`roles`"));
  CHECK_THAT(LoadError(WithRule("    match: [{tool: run, arg: {}}]\n")), Catch::Contains("`args`"));
  CHECK_THAT(LoadError(WithRule("    match: [{tool: run, principal: {name: x}}]\n")),
             Catch::Contains("name"));
}

TEST_CASE("The version is required and checked first") {
  CHECK_THAT(LoadError("rules: []\n"), Catch::Contains("`version`"));
  CHECK_THAT(LoadError("version: 2\nnew_key: 1\nrules: []\n"), Catch::Contains("version 1, got 2"));
  CHECK_FALSE(LoadYamlPolicy("version: '1'\nrules: []\n", "p"));
  CHECK_THAT(LoadError("version: 1\n"), Catch::Contains("`rules`"));
  CHECK_FALSE(LoadYamlPolicy("", "p"));
  CHECK_FALSE(LoadYamlPolicy("[]", "p"));
  CHECK_FALSE(LoadYamlPolicy("version: 1\nrules: {}\n", "p"));
  CHECK_FALSE(LoadYamlPolicy("version: 1\nrules: [7]\n", "p"));
  CHECK_FALSE(LoadYamlPolicy("version: [", "p"));
  CHECK_FALSE(LoadYamlPolicy(std::string((1 << 20) + 1, ' '), "p"));
}

TEST_CASE("Ids are required, well-formed and unique") {
  CHECK_THAT(LoadError("version: 1\nrules:\n  - {effect: deny, tools: [run]}\n"),
             Catch::Contains("`id`"));
  for (const char* id : {"''", "Upper", "'a b'", "'policy_error:x'", "default-deny"}) {
    CHECK_THAT(LoadError(std::string("version: 1\nrules:\n  - {id: ") + id +
                         ", effect: deny, tools: [run]}\n"),
               Catch::Contains("expected an id"));
  }
  const std::string twice = LoadError(
      "version: 1\nrules:\n  - {id: a, effect: deny, tools: [run]}\n"
      "  - {id: a, effect: allow, tools: [run]}\n");
  CHECK_THAT(twice, Catch::StartsWith("policy.yaml:4:") &&
                        Catch::Contains("duplicate rule id `a`") &&
                        Catch::Contains("policy.yaml:3:"));
}

TEST_CASE("Effects, tools and principals are checked") {
  CHECK_THAT(LoadError(WithRule("", "permit")), Catch::Contains("one of allow, ask, deny"));
  CHECK_THAT(LoadError(WithRule("", "alow")), Catch::Contains("did you mean `allow`?"));
  CHECK_THAT(LoadError("version: 1\nrules: [{id: a, tools: [run]}]\n"),
             Catch::Contains("`effect`"));
  CHECK_THAT(LoadError("version: 1\nrules: [{id: a, effect: deny}]\n"), Catch::Contains("`tools`"));
  for (const char* tools : {"run", "[]", "[Run]", "['run*']", "[run, run]", "['']",
                            "[abcdefghijklmnopqrstuvwxyz12345]"}) {
    CHECK_FALSE(LoadYamlPolicy(
        std::string("version: 1\nrules: [{id: a, effect: deny, tools: ") + tools + "}]\n", "p"));
  }
  for (const char* principals : {"{}", "[]", "{ids: []}", "{ids: local}", "null"}) {
    CHECK_FALSE(LoadYamlPolicy(WithRule(std::string("    principals: ") + principals + "\n"), "p"));
  }
}

TEST_CASE("Limits and workspace are checked and belong to allow rules") {
  for (const char* limits :
       {"{}", "7", "{pids: 0}", "{pids: -1}", "{pids: 1.5}", "{pids: 010}", "{pids: many}",
        "{cpus: 0}", "{cpus: 0.0001}", "{cpus: 1e9}", "{memory_mb: 99999999999}", "{wall_s: }",
        "{io_mb_s: 0}", "{io_mb_s: 0.5}", "{io_mb_s: 1048577}"}) {
    INFO(limits);
    CHECK_FALSE(LoadYamlPolicy(WithRule(std::string("    limits: ") + limits + "\n"), "p"));
  }
  CHECK(LoadYamlPolicy(WithRule("    limits: {cpus: 0.5}\n"), "p"));
  CHECK_THAT(LoadError(WithRule("    workspace: host\n")), Catch::Contains("host_read"));
  CHECK_THAT(LoadError(WithRule("    workspace: private\n", "deny")), Catch::Contains("allow"));
  CHECK_THAT(LoadError(WithRule("    sandbox: strict\n", "deny")), Catch::Contains("allow"));
  CHECK_THAT(LoadError(WithRule("    approval: {by: client}\n")), Catch::Contains("ask"));
  CHECK(LoadYamlPolicy(WithRule("    limits: {pids: 1}\n", "ask"), "p"));
}

TEST_CASE("Users cannot claim failures of the engine") {
  for (const char* key : {"reason", "remedy"}) {
    for (const char* text : {"'policy_error:x'", "' Policy_Error: x'"}) {
      CHECK_THAT(LoadError(WithRule(std::string("    ") + key + ": " + text + "\n")),
                 Catch::Contains("reserved"));
    }
    CHECK_FALSE(LoadYamlPolicy(WithRule(std::string("    ") + key + ": ''\n"), "p"));
    CHECK_FALSE(LoadYamlPolicy(
        WithRule(std::string("    ") + key + ": " + std::string(1001, 'x') + "\n"), "p"));
  }
}

TEST_CASE("A rule that fails its own examples does not load") {
  const std::string when = "    when: {path: args.network, eq: none}\n";
  CHECK(LoadYamlPolicy(WithRule(when + "    match: [{tool: run, args: {network: none}}]\n"), "p"));
  const std::string match =
      LoadError(WithRule(when + "    match: [{tool: run, args: {network: host}}]\n"));
  CHECK_THAT(match, Catch::StartsWith("policy.yaml:7:") && Catch::Contains("does not match"));
  CHECK_THAT(LoadError(WithRule(when + "    not_match: [{tool: run, args: {network: none}}]\n")),
             Catch::Contains("`not_match`"));
  CHECK_THAT(LoadError(WithRule(when + "    match: [{tool: other, args: {network: none}}]\n")),
             Catch::Contains("does not match"));
  // Without the argument an allow does not match, a deny does.
  CHECK(LoadYamlPolicy(WithRule(when + "    not_match: [{tool: run}]\n"), "p"));
  CHECK(LoadYamlPolicy(WithRule(when + "    match: [{tool: run}]\n", "deny"), "p"));
  for (const char* list :
       {"[]", "{}", "[{}]", "[{tool: run, args: 7}]", "[{tool: run, principal: x}]"}) {
    INFO(list);
    CHECK_FALSE(LoadYamlPolicy(WithRule(std::string("    match: ") + list + "\n"), "p"));
  }
}

}  // namespace casemate::policies
