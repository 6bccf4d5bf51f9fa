// Layers: what extends what, who has a say, and that nothing below widens what stands above.
#include <map>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/engine/rule.h"
#include "tests/unit/policies/fixtures.h"

namespace casemate::policies {

namespace {

using Json = nlohmann::json;
using test::DecideCall;
using test::LoadError;
using Texts = std::map<std::string, std::string>;

Result<std::unique_ptr<YamlPolicy>> LoadTexts(const Texts& texts, const std::string& leaf) {
  PolicyOptions options;
  options.reader = [&](const std::string& name, const PolicyText& /*from*/) -> Result<PolicyText> {
    const auto found = texts.find(name);
    if (found == texts.end()) {
      return Error{ErrorCode::kNotFound, "no such policy", "", "", 0};
    }
    return PolicyText{found->second, name + ".yaml", name};
  };
  return LoadYamlPolicy(PolicyText{texts.at(leaf), leaf + ".yaml", leaf}, options);
}

std::unique_ptr<YamlPolicy> Loaded(const Texts& texts, const std::string& leaf) {
  auto policy = LoadTexts(texts, leaf);
  INFO((policy ? std::string() : Describe(policy.error())));
  REQUIRE(policy);
  return *std::move(policy);
}

std::string ErrorOf(const Texts& texts, const std::string& leaf) {
  auto policy = LoadTexts(texts, leaf);
  REQUIRE_FALSE(policy);
  return Describe(policy.error());
}

const std::string kOrg =
    "version: 1\nlayer: organisation\nrules:\n"
    "  - {id: org-run, effect: allow, tools: [run], when: {path: args.network, eq: none}, "
    "limits: {memory_mb: 4096, cpus: 4, pids: 512, wall_s: 600}, workspace: host_write}\n"
    "  - {id: org-jobs, effect: allow, tools: [job_status]}\n";

const Json kNone = {{"network", "none"}};

}  // namespace

TEST_CASE("A layer narrows what it extends, and has no say in what it does not speak of") {
  const auto policy = Loaded({{"org", kOrg},
                              {"team",
                               "version: 1\nlayer: tenant\nextends: org\nrules:\n"
                               "  - {id: team-run, effect: allow, tools: [run], when: {path: "
                               "args.command.0, eq: python3}, "
                               "limits: {memory_mb: 1024}}\n"}},
                             "team");
  const Decision python = DecideCall(*policy, {{"network", "none"}, {"command", {"python3"}}});
  REQUIRE(python.effect == Effect::kAllow);
  CHECK(python.matched == std::vector<std::string>{"org-run", "team-run"});
  CHECK(python.grant->limits().memory_mb == 1024);
  // What the lower layer does not state it does not narrow.
  CHECK(python.grant->limits().cpu_millis == 4000);
  CHECK(python.grant->workspace_access() == WorkspaceAccess::kHostWrite);

  const Decision shell = DecideCall(*policy, {{"network", "none"}, {"command", {"sh"}}});
  CHECK(shell.effect == Effect::kDeny);
  CHECK(shell.rule_id == "default-deny");
  CHECK_THAT(shell.remedy, Catch::Contains("team.yaml"));

  // The team's rule alone would allow it; the organisation does not.
  const Decision wide = DecideCall(*policy, {{"network", "host"}, {"command", {"python3"}}});
  CHECK(wide.effect == Effect::kDeny);
  CHECK_THAT(wide.remedy, Catch::Contains("org.yaml"));

  CHECK(DecideCall(*policy, Json::object(), Json::object(), "job_status").effect == Effect::kAllow);
  CHECK(policy->MayEverAllow("run", {}));
  CHECK(policy->MayEverAllow("job_status", {}));
  CHECK_FALSE(policy->MayEverAllow("job_cancel", {}));
}

TEST_CASE("Ceilings of a layer bound every call, and approval is as strict as the strictest") {
  const auto policy = Loaded(
      {{"org",
        "version: 1\nlimits: {memory_mb: 100}\nworkspace: host_read\nsandbox: strict\n"
        "approval: {by: second_person, expires_s: 60}\nrules:\n"
        "  - {id: a, effect: allow, tools: [run], limits: {memory_mb: 4096}, workspace: "
        "host_write}\n"
        "  - {id: q, effect: ask, tools: [run], when: {path: args.risky, eq: true}, approval: {by: "
        "client, expires_s: 600, remember: same_rule}}\n"}},
      "org");
  const Decision plain = DecideCall(*policy, {{"risky", false}});
  REQUIRE(plain.grant);
  CHECK(plain.grant->limits().memory_mb == 100);
  CHECK(plain.grant->workspace_access() == WorkspaceAccess::kHostRead);
  CHECK(plain.grant->strict_sandbox());
  const Decision asked = DecideCall(*policy, {{"risky", true}});
  REQUIRE(asked.effect == Effect::kAsk);
  CHECK_FALSE(asked.grant);
  CHECK(asked.approval == ApprovalTerms{Approver::kSecondPerson, 60'000, Remember::kSameRule});
  // Beside an allow, what the asking rule does not state is not narrowed.
  CHECK(asked.asked->limits.memory_mb == 100);
  CHECK(asked.asked->limits.cpu_millis == kUnstatedLimits.cpu_millis);
}

TEST_CASE("A layer is about the tenants and workspaces that it names, and about no others") {
  const Texts texts = {
      {"org", kOrg},
      {"acme",
       "version: 1\nlayer: tenant\nextends: org\napplies: {tenants: [acme]}\nrules:\n"
       "  - {id: acme-no, effect: deny, tools: [run], when: {path: args.command.0, eq: sh}}\n"},
      {"secret",
       "version: 1\nlayer: workspace\nextends: org\napplies: {workspaces: [/srv/secret/]}\nrules:\n"
       "  - {id: secret-no, effect: deny, tools: [run]}\n"},
      {"all", "version: 1\nextends: [acme, secret]\nrules: []\n"}};
  const auto policy = Loaded(texts, "all");
  CHECK(policy->layers().size() == 4);  // `org` once, though two extend it
  const Json shell = {{"network", "none"}, {"command", {"sh"}}};
  CHECK(DecideCall(*policy, shell).effect == Effect::kAllow);
  CHECK(DecideCall(*policy, shell, Json::object(), "run", {.id = "a", .tenant = "acme"}).rule_id ==
        "acme-no");
  CHECK(DecideCall(*policy, shell, {{"workspace", "/srv/secret"}}).rule_id == "secret-no");
  CHECK(DecideCall(*policy, shell, {{"workspace", "/srv/secret/x"}}).rule_id == "secret-no");
  CHECK(DecideCall(*policy, shell, {{"workspace", "/srv/secretary"}}).effect == Effect::kAllow);
  // It might be called for another workspace.
  CHECK(policy->MayEverAllow("run", {}));

  const auto only = Loaded({{"root",
                             "version: 1\napplies: {tenants: [acme]}\nrules:\n"
                             "  - {id: a, effect: allow, tools: [run]}\n"}},
                           "root");
  CHECK(DecideCall(*only, Json::object()).effect == Effect::kDeny);
  CHECK_THAT(DecideCall(*only, Json::object()).reason, Catch::Contains("tenant `local`"));
  CHECK_FALSE(only->MayEverAllow("run", {}));
}

TEST_CASE("Layers that cannot be put in order do not load") {
  CHECK_THAT(ErrorOf({{"a", "version: 1\nextends: b\nrules: []\n"},
                      {"b", "version: 1\nextends: a\nrules: []\n"}},
                     "a"),
             Catch::Contains("circle"));
  CHECK_THAT(ErrorOf({{"a", "version: 1\nextends: a\nrules: []\n"}}, "a"),
             Catch::Contains("circle"));
  CHECK_THAT(ErrorOf({{"a", "version: 1\nextends: gone\nrules: []\n"}}, "a"),
             Catch::Contains("a.yaml:2:10") && Catch::Contains("cannot extend `gone`"));
  CHECK_THAT(ErrorOf({{"org", "version: 1\nlayer: organisation\nextends: t\nrules: []\n"},
                      {"t", "version: 1\nlayer: tenant\nrules: []\n"}},
                     "org"),
             Catch::Contains("organisation, tenant, workspace"));
  CHECK_THAT(ErrorOf({{"org", kOrg},
                      {"t",
                       "version: 1\nextends: org\nrules:\n"
                       "  - {id: org-run, effect: deny, tools: [run]}\n"}},
                     "t"),
             Catch::Contains("duplicate rule id `org-run`") && Catch::Contains("org.yaml:4"));
  CHECK_THAT(LoadError("version: 1\nextends: x\nrules: []\n"), Catch::Contains("extended"));
  for (const char* text : {"extends: []", "extends: {}", "layer: galaxy", "applies: {}",
                           "applies: {workspaces: [src/]}", "applies: {workspaces: [/src]}",
                           "approval: {by: god}", "approval: {expires_s: 0}", "sandbox: lax"}) {
    INFO(text);
    CHECK_FALSE(LoadYamlPolicy(std::string("version: 1\n") + text + "\nrules: []\n", "p"));
  }
}

TEST_CASE("Rules that can never make a difference do not load") {
  const std::string head = "version: 1\nrules:\n";
  CHECK_THAT(LoadError(head + "  - {id: a, effect: allow, tools: [run]}\n"
                              "  - {id: d, effect: deny, tools: ['*']}\n"),
             Catch::Contains("rule `a` is unreachable") && Catch::Contains("`d` at policy.yaml:4"));
  CHECK_THAT(
      LoadError(head +
                "  - {id: a, effect: ask, tools: [run], principals: {roles: [dev]}}\n"
                "  - {id: d, effect: deny, tools: [run], principals: {roles: [dev, ops]}}\n"),
      Catch::Contains("unreachable"));
  // Not all that it covers: others than eve may.
  CHECK(LoadYamlPolicy(head + "  - {id: a, effect: allow, tools: [run]}\n"
                              "  - {id: d, effect: deny, tools: [run], principals: {ids: [eve]}}\n",
                       "p"));
  CHECK_THAT(
      LoadError(head + "  - {id: a, effect: allow, tools: [run], limits: {pids: 3}}\n"
                       "  - {id: b, effect: allow, tools: [run], limits: {pids: 3}, reason: x}\n"),
      Catch::Contains("`b` is unreachable") && Catch::Contains("says the same"));
  for (const char* parts :
       {"{path: args.n, eq: 1}, {path: args.n, eq: 2}",
        "{path: args.n, in: [1, 2]}, {path: args.n, in: [3, 4]}",
        "{path: args.n, eq: 1}, {path: args.n, not_in: [1, 2]}",
        "{path: args.n, exists: false}, {path: args.n, eq: 1}",
        "{path: args.m, eq: 1}, {all: [{path: args.n, eq: 1}, {path: args.n, eq: 2}]}"}) {
    INFO(parts);
    CHECK_THAT(LoadError(head + "  - {id: a, effect: allow, tools: [run], when: {all: [" + parts +
                         "]}}\n"),
               Catch::Contains("cannot both be true"));
  }
  const Texts texts = {
      {"org", kOrg},
      {"t", "version: 1\nextends: org\nrules:\n  - {id: x, effect: allow, tools: [job_cancel]}\n"}};
  CHECK_THAT(ErrorOf(texts, "t"), Catch::Contains("no layer above allows job_cancel"));
}

TEST_CASE("Rules name only tools that there are, and all errors are found at once") {
  const std::vector<std::string> known = {"run", "job_status"};
  std::vector<Error> problems;
  PolicyOptions options;
  options.known_tools = known;
  options.problems = &problems;
  const auto load = [&](const std::string& rules) {
    return LoadYamlPolicy(PolicyText{"version: 1\nrules:\n" + rules, "p.yaml", "p"}, options);
  };
  CHECK(load("  - {id: a, effect: allow, tools: [run, job_status]}\n"));
  CHECK(problems.empty());
  CHECK(load("  - {id: a, effect: allow, tools: ['*']}\n"));
  CHECK_FALSE(
      load("  - {id: a, effect: allow, tools: [runn]}\n"
           "  - {id: b, effect: alow, tools: [run]}\n"
           "  - {id: c, effect: allow, tools: [run], when: {path: history.reads, gt: 1}}\n"
           "  - {id: d, effect: allow, tools: [run]}\n"));
  REQUIRE(problems.size() == 3);
  CHECK_THAT(Describe(problems[0]),
             Catch::Contains("p.yaml:3:36") && Catch::Contains("did you mean `run`?"));
  CHECK_THAT(Describe(problems[1]), Catch::Contains("p.yaml:4") && Catch::Contains("`allow`"));
  CHECK_THAT(Describe(problems[2]), Catch::Contains("p.yaml:5") && Catch::Contains("read_secret"));
}

TEST_CASE("The revision is that of all layers together") {
  const std::string leaf = "version: 1\nextends: org\nrules: []\n";
  const auto before = Loaded({{"org", kOrg}, {"leaf", leaf}}, "leaf")->revision();
  const auto other = Loaded({{"org", kOrg + "# changed\n"}, {"leaf", leaf}}, "leaf")->revision();
  CHECK(before.size() == 64);
  CHECK(before != other);
  CHECK(Loaded({{"org", kOrg}, {"leaf", leaf}}, "leaf")->revision() == before);
}

}  // namespace casemate::policies
